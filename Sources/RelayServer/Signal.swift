// A condition that a thread of ours waits on: woken by work, or at an instant.

import Alerting
import Foundation

/// Wakes one waiting thread. A wake that comes before the wait is not lost.
final class Signal: @unchecked Sendable {
    // @unchecked because `raised` is only touched under `condition`.
    private let condition = NSCondition()
    private var raised = false

    func raise() {
        condition.lock()
        if !raised {
            raised = true
            condition.signal()
        }
        condition.unlock()
    }

    /// Returns when raised, or after `timeout`; nil waits for ever.
    func wait(timeout: Duration?) {
        condition.lock()
        defer { condition.unlock() }
        let limit = timeout.map {
            Date(timeIntervalSinceNow: Double(max(0, $0.wholeMilliseconds)) / 1_000)
        }
        while !raised {
            if let limit {
                if !condition.wait(until: limit) { break }
            } else {
                condition.wait()
            }
        }
        raised = false
    }
}
