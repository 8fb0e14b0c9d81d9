// The end-to-end tests: the built binary, real sockets, real files, real signals. One after the
// other, because each starts processes and two cores are few; on a thread of their own, because
// they block, and the threads of Swift's pool belong to the other tests.

import Dispatch
import TestSupport
import Testing

/// All end-to-end tests are in extensions of this suite.
@Suite("the built relay", .serialized, .onOwnThread)
enum EndToEnd {
    /// The simplest rules: each alarm of each device is told to one HTTP channel, never held back.
    static let everyAlarm = """
        version: 1
        contacts:
          fleet: { http: fleet-api }
        rules:
          - id: every-alarm
            severity: critical
            devices: all
            when: { alarm: any }
            once_per: none
            notify: [{ to: fleet }]

        """

    /// The lines below `channels:` for that one.
    static func fleet(_ sink: HTTPSink, _ more: String = "") -> String {
        "http:\n  fleet-api: { url: \"\(sink.url)\", timeout: 5s\(more) }"
    }

    /// A relay with these rules and a sink as its only channel.
    static func relay(to sink: HTTPSink) throws -> RelayProcess {
        try RelayProcess(RelayFolder(rules: everyAlarm, channels: fleet(sink)))
    }
}

/// Runs a test's body on a thread that may block.
struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try await function() }
    }

    private final class BlockingExecutor: TaskExecutor {
        static let shared = BlockingExecutor()
        private let queue = DispatchQueue(label: "end to end")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }
}

extension Trait where Self == OwnThread {
    static var onOwnThread: OwnThread { OwnThread() }
}
