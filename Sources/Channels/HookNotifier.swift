// A program of the operator's own: started with an argument list, never through a shell, with an
// environment that holds nothing of ours but what CONFIG.md lists, and the JSON on stdin.
//
// It runs in a session of its own, so that one signal reaches whatever it started; what it leaves
// behind is killed, also after a good end. stdin is a file that has no name any more, not a pipe:
// a hook may read all of it, some or nothing, and no write of ours can fail or block
// (swift-subprocess issue 367: with a pipe, a hook that does not read kills the whole process).
package import Alerting
import Foundation
import Subprocess
import Synchronization
import SystemPackage

/// Runs one program for each message.
package struct HookNotifier: Notifier {
    private let program: Executable
    private let arguments: [String]
    private let timeout: Duration
    private let grace: Duration

    /// - Parameter grace: from SIGTERM to SIGKILL.
    /// - Throws: `SettingsError`: no program.
    package init(
        _ settings: HookSettings, grace: Duration = .seconds(Limits.hookGraceSeconds)
    ) throws {
        try settings.check()
        let name = settings.run[0]
        program = name.contains("/") ? .path(FilePath(name)) : .name(name)
        arguments = Array(settings.run.dropFirst())
        timeout = settings.timeout
        self.grace = grace
    }

    package func notify(_ message: Message) async -> Outcome {
        guard let input = UnnamedFile(message.json) else {
            return failed("no temporary file for the hook's stdin")
        }
        defer { input.close() }
        let attempt = HookAttempt()
        let status = await runInTime(HookEnvironment(message).lines, input.descriptor, attempt)
        attempt.killGroup()
        return outcome(status, attempt)
    }

    private func outcome(_ status: TerminationStatus?, _ attempt: HookAttempt) -> Outcome {
        if Task.isCancelled { return .retry(after: nil, blames: .message, note: "cancelled") }
        if attempt.isOverTime { return failed(attempt.note("stopped after \(timeout)")) }
        switch status {
        case nil where attempt.hasBegun: return failed(attempt.note("it is not known how it ended"))
        case nil: return failed("the program cannot be started")
        case .exited(0): return .delivered(note: attempt.note("exit 0"))
        // EX_TEMPFAIL of sysexits.h
        case .exited(75): return failed(attempt.note("exit 75"))
        case .exited(let code): return .rejected(note: attempt.note("exit \(code)"))
        case .signaled(let signal):
            return .rejected(note: attempt.note("ended by signal \(signal)"))
        }
    }

    private func failed(_ note: String) -> Outcome {
        .retry(after: nil, blames: .channel, note: note)
    }

    private enum Race: Sendable {
        case ended(TerminationStatus?)
        case timeIsUp
        case clockStopped
    }

    /// nil: it was not started, or stopped.
    private func runInTime(
        _ environment: [String], _ input: FileDescriptor, _ attempt: HookAttempt
    ) async -> TerminationStatus? {
        await withTaskGroup(of: Race.self) { group in
            group.addTask { .ended(await run(environment, input, attempt)) }
            group.addTask {
                do { try await Task.sleep(for: timeout) } catch { return .clockStopped }
                return .timeIsUp
            }
            var status: TerminationStatus?
            for await race in group {
                switch race {
                case .ended(let ended): status = ended
                case .timeIsUp: attempt.isOver()
                case .clockStopped: continue
                }
                // Stops the clock, or the hook: by its group, in the steps given to `run`.
                group.cancelAll()
            }
            return status
        }
    }

    private func run(
        _ environment: [String], _ input: FileDescriptor, _ attempt: HookAttempt
    ) async -> TerminationStatus? {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: grace)
        ]  // and then, by the library, SIGKILL to the same group
        do {
            return try await Subprocess.run(
                program, arguments: Arguments(arguments),
                environment: .custom(environment.map { Array($0.utf8) + [0] }),
                workingDirectory: "/", platformOptions: options,
                input: .fileDescriptor(input, closeAfterSpawningProcess: false),
                output: .sequence, error: .combinedWithOutput
            ) { execution in
                attempt.began(execution.processIdentifier.value)
                for try await chunk in execution.standardOutput {
                    chunk.withUnsafeBytes { attempt.add($0) }
                }
            }.terminationStatus
        } catch {
            // Not started, or its output could not be read: `attempt` knows which.
            return nil
        }
    }
}

/// What is learnt of a hook while it runs.
private final class HookAttempt: Sendable {
    private struct State {
        var processGroup: pid_t?
        var output: [UInt8] = []
        var isCut = false
        var isOverTime = false
    }
    private let state = Mutex(State())

    func began(_ process: pid_t) { state.withLock { $0.processGroup = process } }
    var hasBegun: Bool { state.withLock { $0.processGroup != nil } }
    func isOver() { state.withLock { $0.isOverTime = true } }
    var isOverTime: Bool { state.withLock { $0.isOverTime } }

    /// Keeps the beginning; the rest is read and dropped, so that the hook never blocks.
    func add(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            let room = Limits.hookOutputBytes - state.output.count
            state.output.append(contentsOf: bytes.prefix(room))
            state.isCut = state.isCut || bytes.count > room
        }
    }

    /// The first line says how it ended; what the hook wrote follows.
    func note(_ end: String) -> String {
        let (bytes, isCut) = state.withLock { ($0.output, $0.isCut) }
        let output = PlainText.lines(String(decoding: bytes, as: UTF8.self))
        let cut = isCut ? " (output cut)" : ""
        return output.isEmpty ? end : "\(end)\(cut)\n\(output)"
    }

    /// Kills what the hook left in its group. The group's number is not given to a new process
    /// as long as anything of the group lives.
    func killGroup() {
        guard let group = state.withLock({ $0.processGroup }), group > 1 else { return }
        kill(-group, SIGKILL)
    }
}

/// A file without a name, closed at exec, at its beginning.
private struct UnnamedFile {
    let descriptor: FileDescriptor

    /// nil: no space, or no descriptor left.
    init?(_ bytes: [UInt8]) {
        // The six X are mkstemp's own.
        let template = FileManager.default.temporaryDirectory.path + "/outcry-XXXXXX"
        var path = Array(template.utf8CString)
        let number = mkstemp(&path)
        guard number >= 0 else { return nil }
        unlink(path)
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        descriptor = FileDescriptor(rawValue: number)
        do {
            try descriptor.writeAll(bytes)
            try descriptor.seek(offset: 0, from: .start)
        } catch {
            close()
            return nil
        }
    }

    func close() {
        // Nothing is lost: the file has no name, and its bytes are the message's.
        try? descriptor.close()
    }
}
