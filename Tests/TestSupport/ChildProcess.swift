// Foundation's Process, made fit for tests that are tasks: it can be started and waited for on any
// thread, and what it starts can be sent signals.
package import Foundation
import Synchronization

/// A process that can be waited for on any thread: Foundation's `waitUntilExit` needs the run loop
/// of the thread that started it, and a task is not on that one any more after an `await`.
package final class ChildProcess: Sendable {
    private let process: Mutex<Process>
    private let ended = DispatchSemaphore(value: 0)

    package init(
        _ program: String, _ arguments: [String], output: Pipe, errors: Pipe? = nil
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        if let errors { process.standardError = errors }
        process.terminationHandler = { [ended] _ in ended.signal() }
        // A child inherits the mask of the thread it is started on, and the threads of tasks block
        // every signal: without this it would never see a SIGTERM.
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
        self.process = Mutex(process)
    }

    package var pid: Int32 { process.withLock { $0.processIdentifier } }

    /// Asks it to end, and waits for that.
    package func stop() {
        send(SIGTERM)
        wait()
    }

    package func send(_ signal: Int32) {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, signal) } }
    }

    /// Waits for its end. The status, or the signal that ended it.
    @discardableResult
    package func wait() -> Int32 {
        ended.wait()
        ended.signal()  // for whoever waits next
        return process.withLock { $0.terminationStatus }
    }
}
