// A thread of ours that runs tasks between two other pieces of its work. What tasks do on it needs
// no hop to the pool and wakes no second thread, and what a round of them leaves behind can be
// handed on in one piece: measured, the pool took a fifth of the courier's processor time.

import Synchronization

/// Runs jobs where `runWaiting` is called, in the order in which they came.
final class TaskThread: TaskExecutor {
    private struct Jobs {
        var waiting: [UnownedJob] = []
        /// The thread sleeps, or is about to: whoever brings a job wakes it.
        var asleep = false
    }
    private let jobs = Mutex(Jobs())
    private let wake: @Sendable () -> Void

    /// - Parameter wake: ends the thread's sleep; called from any thread.
    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wasAsleep = jobs.withLock { jobs in
            jobs.waiting.append(job)
            defer { jobs.asleep = false }
            return jobs.asleep
        }
        if wasAsleep { wake() }
    }

    /// What waits now, and not what that brings: the thread has other things to do in between.
    func runWaiting() {
        let round = jobs.withLock { jobs in
            defer { jobs.waiting = [] }
            jobs.asleep = false
            return jobs.waiting
        }
        for job in round { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Whether the thread may sleep; from then on a job wakes it.
    func mayRest() -> Bool {
        jobs.withLock { jobs in
            jobs.asleep = jobs.waiting.isEmpty
            return jobs.asleep
        }
    }
}
