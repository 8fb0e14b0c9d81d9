// Waiting for something to become true, without sleeping: a value behind a lock whose every change
// wakes those who wait for it. All waits of the end-to-end tests end in one of the two functions
// here, and both are bounded.

package import Foundation

/// A value that threads change and tests wait for.
package final class Watched<Value: Sendable>: @unchecked Sendable {
    // @unchecked because `value` is only touched while `condition` is locked.
    private let condition = NSCondition()
    private var value: Value

    package init(_ value: Value) { self.value = value }

    /// The value as it is now.
    package var current: Value { change { $0 } }

    /// Changes the value and wakes all who wait.
    @discardableResult
    package func change<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return try body(&value)
    }

    /// Waits until `isTrue` holds; false if it did not within the time.
    @discardableResult
    package func wait(_ limit: TimeInterval, until isTrue: (Value) throws -> Bool) rethrows -> Bool
    {
        let deadline = Date().addingTimeInterval(limit)
        condition.lock()
        defer { condition.unlock() }
        while try !isTrue(value) {
            if !condition.wait(until: deadline) { return try isTrue(value) }
        }
        return true
    }
}

/// Asks again and again until the answer is yes; false if it was not within the time. For what can
/// only be asked from outside: a command's output, a page.
package func eventually(
    _ limit: TimeInterval, _ isTrue: () throws -> Bool
) rethrows -> Bool {
    let deadline = Date().addingTimeInterval(limit)
    let pause = NSCondition()
    while try !isTrue() {
        if Date() >= deadline { return false }
        // Nobody signals it: it yields the processor to the process that is asked.
        pause.lock()
        _ = pause.wait(until: Date().addingTimeInterval(0.02))
        pause.unlock()
    }
    return true
}
