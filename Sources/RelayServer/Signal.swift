// A condition that a thread of ours waits on: woken by work, or after a time. The time runs on the
// monotonic clock: a wall clock that is set back must not make a thread sleep on.

import Alerting
import Foundation
import Glibc

/// Wakes one waiting thread. A wake that comes before the wait is not lost.
/// @unchecked: the flags are touched under `mutex` only; C's two need fixed addresses.
final class Signal: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var raised = false
    private var nudged = false

    /// No wait is longer: after a sleep of the machine, in which the monotonic clock stands still,
    /// or a jump of the wall, which it does not see, what is due is noticed so soon.
    static let longest = Duration.seconds(10)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func raise() {
        pthread_mutex_lock(mutex)
        let isNew = !raised && !nudged
        raised = true
        pthread_mutex_unlock(mutex)
        // Not under the lock, which the woken thread would only wait for.
        if isNew { pthread_cond_signal(condition) }
    }

    /// Ends a wait without being raised.
    func nudge() {
        pthread_mutex_lock(mutex)
        let isNew = !raised && !nudged
        nudged = true
        pthread_mutex_unlock(mutex)
        if isNew { pthread_cond_signal(condition) }
    }

    /// Returns when raised or nudged, or after `timeout`; whether it was raised.
    @discardableResult
    func wait(timeout: Duration) -> Bool {
        let wait = min(max(timeout, .zero), Self.longest).wholeMilliseconds
        var limit = timespec()
        clock_gettime(CLOCK_MONOTONIC, &limit)
        limit.tv_sec += Int(wait / 1_000)
        limit.tv_nsec += Int(wait % 1_000) * 1_000_000
        if limit.tv_nsec >= 1_000_000_000 {
            limit.tv_sec += 1
            limit.tv_nsec -= 1_000_000_000
        }
        pthread_mutex_lock(mutex)
        defer {
            raised = false
            nudged = false
            pthread_mutex_unlock(mutex)
        }
        while !raised, !nudged {
            if pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT { break }
        }
        return raised
    }
}
