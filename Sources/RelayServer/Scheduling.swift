// How the system shares its processors out to the relay's threads.

import Foundation
import Glibc

/// The process's scheduling policy.
package enum Scheduling {
    /// SCHED_BATCH of <linux/sched.h>, which Glibc's module does not show.
    private static let batch: Int32 = 3

    /// Lets a thread of ours that wakes wait until the one that runs is through with its turn (some
    /// milliseconds at most), instead of taking its place at once: SCHED_BATCH of sched(7). Under
    /// load each hand-over from thread to thread was such an interruption
    /// (docs/decisions/0022). Where a processor is free it changes nothing.
    ///
    /// For the threads that there are; those that they start inherit it, and so do hooks.
    package static func finishTurns() {
        let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
        // A refusal (some sandboxes) leaves things as they were.
        for thread in threads ?? [] {
            // Whatever an administrator has chosen stays.
            guard let id = pid_t(thread), sched_getscheduler(id) == SCHED_OTHER else { continue }
            var parameters = sched_param()
            _ = sched_setscheduler(id, batch, &parameters)
        }
    }
}
