// A process started by a test: the built binary, a Python sink, openssl. Its output is read as it
// comes, line by line, by threads of its own, so that a full pipe never stops it and a test can
// wait for a line. Not Foundation's Process: that wants a run loop, and a kill -9 at a moment of
// our choosing wants a plain pid.

package import Foundation
import Glibc

/// What went wrong in the harness itself, not in what is tested.
package struct HarnessError: Error, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

/// A running (or ended) child process.
package final class RunningProgram: Sendable {
    /// How it ended.
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    fileprivate struct State: Sendable {
        var output: [String] = []
        var errors: [String] = []
        var openPipes = 2
        var exit: Exit?
    }

    package let pid: pid_t
    private let state = Watched(State())

    /// - Parameters:
    ///   - environment: added to a minimal one (PATH, HOME); nothing is inherited.
    ///   - onOutput: called with each line of standard output as it comes, and nil at its end.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        input: String? = nil, onOutput: @escaping @Sendable (String?) -> Void = { _ in }
    ) throws {
        var all = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": NSTemporaryDirectory()]
        // A crash must end the process at once, not wait for a backtrace.
        all["SWIFT_BACKTRACE"] = "enable=no"
        all.merge(environment) { $1 }
        let started = try spawn(executable, arguments, all)
        pid = started.pid
        RunningProgram.feed(started.input, input ?? "")
        let state = state
        readLines(started.output) { line in
            state.change { $0.take(line, \.output) }
            onOutput(line)
        }
        readLines(started.errors) { line in state.change { $0.take(line, \.errors) } }
        Thread.detachNewThread { [pid] in
            // First only looked at, then reaped under the lock: until then the pid is its own, so
            // that `send` never signals a stranger.
            var ended = siginfo_t()
            while waitid(P_PID, id_t(pid), &ended, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            state.change { state in
                var status: Int32 = 0
                waitpid(pid, &status, 0)
                let signal = status & 0x7f
                state.exit = signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
            }
        }
    }

    deinit { send(SIGKILL) }

    /// Standard output's lines so far.
    package var output: [String] { state.current.output }
    /// Standard error's lines so far.
    package var errors: [String] { state.current.errors }
    package var isRunning: Bool { state.current.exit == nil }

    /// Sends a signal; nothing where it has ended.
    package func send(_ signal: Int32) {
        state.change { if $0.exit == nil { kill(pid, signal) } }
    }

    /// Waits for its end, and for all that it wrote; nil if it still runs after the time.
    package func exit(within limit: TimeInterval) -> Exit? {
        state.wait(limit) { $0.exit != nil }
        state.wait(2) { $0.openPipes == 0 }
        return state.current.exit
    }

    /// The first line of standard error (or output) that fits; nil if it ended or none came.
    package func line(
        within limit: TimeInterval, ofOutput: Bool = false, _ fits: @Sendable (String) -> Bool
    ) -> String? {
        let lines: (State) -> [String] = { ofOutput ? $0.output : $0.errors }
        state.wait(limit) { state in
            lines(state).contains(where: fits) || (state.exit != nil && state.openPipes == 0)
        }
        return lines(state.current).first(where: fits)
    }

    private static func feed(_ descriptor: Int32, _ text: String) {
        // Small inputs only: they fit into the pipe, so that nobody has to be waited for.
        let bytes = Array(text.utf8.prefix(60_000))
        if !bytes.isEmpty { _ = write(descriptor, bytes, bytes.count) }
        close(descriptor)
    }
}

extension RunningProgram.State {
    /// A line, or nil at the end of the stream.
    fileprivate mutating func take(
        _ line: String?, _ stream: WritableKeyPath<RunningProgram.State, [String]>
    ) {
        if let line { self[keyPath: stream].append(line) } else { openPipes -= 1 }
    }
}

/// What a command said that ran to its end.
package struct Finished: Sendable {
    /// nil: it had to be killed.
    package var exit: RunningProgram.Exit?
    package var output: String
    package var errors: String
}

/// Runs a command to its end, at most `limit` seconds.
package func finish(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    input: String? = nil, within limit: TimeInterval = 30
) throws -> Finished {
    let child = try RunningProgram(
        executable, arguments, environment: environment, input: input)
    let exit = child.exit(within: limit)
    if exit == nil {
        child.send(SIGKILL)
        _ = child.exit(within: 5)
    }
    return Finished(
        exit: exit, output: child.output.joined(separator: "\n"),
        errors: child.errors.joined(separator: "\n"))
}

// MARK: - Plain POSIX

/// Held while pipes are made and inherited: Glibc's `pipe2` is not visible to Swift, and a second
/// child that inherits the first one's pipe would keep it open.
private let spawning = NSLock()

private struct Pipe {
    var read: Int32
    var write: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw HarnessError("no pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (read, write) = (ends[0], ends[1])
    }
}

private struct Started {
    var pid: pid_t
    /// Our ends of its standard input, output and error.
    var input, output, errors: Int32
}

private func spawn(
    _ executable: String, _ arguments: [String], _ environment: [String: String]
) throws -> Started {
    spawning.lock()
    defer { spawning.unlock() }
    let (input, output, errors) = (try Pipe(), try Pipe(), try Pipe())
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let inherited = [input.read, output.write, errors.write]
    for (target, source) in inherited.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    defer { for descriptor in inherited { close(descriptor) } }
    // A process group of its own: an interrupt at the terminal is the test's to pass on.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let result = withStrings([executable] + arguments) { argv in
        withStrings(environment.map { "\($0)=\($1)" }) { envp in
            posix_spawnp(&pid, executable, &actions, &attributes, argv, envp)
        }
    }
    guard result == 0 else {
        throw HarnessError("cannot start \(executable): \(String(cString: strerror(result)))")
    }
    return Started(pid: pid, input: input.write, output: output.read, errors: errors.read)
}

private func withStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let copies = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return body(copies)
}

/// Reads a descriptor to its end on a thread of its own; nil says that it has ended.
private func readLines(_ descriptor: Int32, _ line: @escaping @Sendable (String?) -> Void) {
    Thread.detachNewThread {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest.append(contentsOf: buffer[0..<count])
            while let end = rest.firstIndex(of: 10) {
                line(String(decoding: rest[0..<end], as: UTF8.self))
                rest.removeSubrange(0...end)
            }
        }
        if !rest.isEmpty { line(String(decoding: rest, as: UTF8.self)) }
        line(nil)
        close(descriptor)
    }
}
