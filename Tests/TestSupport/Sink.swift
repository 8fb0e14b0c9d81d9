// Servers for tests, as processes of their own: Python scripts beside this file that take what
// comes and say so in JSON lines. A sink is started on port 0, tells its port in its first line,
// and is stopped by its process, never by a name. Waiting is on its lines, not on time.
import Foundation
import Synchronization

/// A running script that tells what it received.
package final class Sink: Sendable {
    /// What a sink can fail with; a test shows it.
    package enum Failure: Error { case didNotStart(String), notEnough(Int, of: Int) }

    package let port: Int
    private let program: RunningProgram
    private let lines: SinkLines

    /// - Parameters:
    ///   - script: `smtp_sink.py` or `http_sink.py`; their heads say what they can do.
    ///   - port: to come back where an earlier one was.
    package init(
        _ script: String, port: Int = 0, _ arguments: [String] = []
    ) async throws {
        let path = Python.scripts.appending(path: script).path
        let lines = SinkLines()
        program = try RunningProgram(
            Python.path, [path, "--port", "\(port)"] + arguments, onOutput: { lines.add($0) })
        self.lines = lines
        let first = try await lines.wait(for: 1, within: .seconds(20)) { _ in true }
        guard let started = try? JSONDecoder().decode(Started.self, from: first[0]) else {
            // The line was something else, which the error shows.
            throw Failure.didNotStart(String(decoding: first[0], as: UTF8.self))
        }
        self.port = started.port
    }

    private struct Started: Decodable { var port: Int }
    private struct Kind: Decodable { var kind: String? }

    /// Everything of a kind so far.
    package func all<Line: Decodable>(_ kind: String, as: Line.Type) throws -> [Line] {
        try lines.all.filter { Self.is($0, kind) }.map {
            try JSONDecoder().decode(Line.self, from: $0)
        }
    }

    /// Waits until `count` of a kind have come, and gives all of them.
    package func wait<Line: Decodable>(
        for count: Int, _ kind: String, as: Line.Type, within limit: Duration = .seconds(20)
    ) async throws -> [Line] {
        try await lines.wait(for: count, within: limit) { Self.is($0, kind) }.map {
            try JSONDecoder().decode(Line.self, from: $0)
        }
    }

    /// Ends the process and waits for its end: the port is free then.
    package func stop() {
        program.send(SIGTERM)
        if program.exit(within: 10) == nil { program.send(SIGKILL) }
    }

    private static func `is`(_ line: Data, _ kind: String) -> Bool {
        // A line that is no JSON is of no kind.
        (try? JSONDecoder().decode(Kind.self, from: line))?.kind == kind
    }
}

/// What `smtp_sink.py` took.
package struct SinkMail: Decodable, Sendable {
    package var connection: Int
    package var encrypted: Bool
    package var login: String?
    package var sender: String
    package var recipients: [String]
    /// As it came, with CRLF line ends, dots undoubled.
    package var data: String
}

/// A connection that `smtp_sink.py` saw the end of.
package struct SinkConnection: Decodable, Sendable {
    package var connection: Int
    /// The verbs, in order.
    package var commands: [String]
}

/// What `http_sink.py` got.
package struct SinkRequest: Decodable, Sendable {
    package var connection: Int
    package var method: String
    package var path: String
    /// By names in lower case.
    package var headers: [String: String]
    package var body: String
}

extension Sink {
    /// Waits for mails. See `wait(for:_:as:within:)`.
    package func mails(_ count: Int, within limit: Duration = .seconds(20)) async throws
        -> [SinkMail]
    { try await wait(for: count, "mail", as: SinkMail.self, within: limit) }

    package func requests(_ count: Int, within limit: Duration = .seconds(20)) async throws
        -> [SinkRequest]
    { try await wait(for: count, "request", as: SinkRequest.self, within: limit) }

    package func closed(_ count: Int, within limit: Duration = .seconds(20)) async throws
        -> [SinkConnection]
    { try await wait(for: count, "closed", as: SinkConnection.self, within: limit) }
}

/// The lines of a process, and who waits for more.
private final class SinkLines: Sendable {
    private struct State {
        var lines: [Data] = []
        var ended = false
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var next = 0
    }
    private let state = Mutex(State())

    var all: [Data] { state.withLock { $0.lines } }

    /// - Parameter line: nil: it was the last one.
    func add(_ line: String?) {
        let waiting = state.withLock { state in
            if let line { state.lines.append(Data(line.utf8)) } else { state.ended = true }
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait(
        for count: Int, within limit: Duration, _ matches: @Sendable (Data) -> Bool
    ) async throws -> [Data] {
        let end = ContinuousClock.now + limit
        while true {
            let (lines, seen, ended) = state.withLock {
                ($0.lines.filter(matches), $0.lines.count, $0.ended)
            }
            if lines.count >= count { return lines }
            guard ContinuousClock.now < end, !ended else {
                throw Sink.Failure.notEnough(lines.count, of: count)
            }
            await more(than: seen, until: end)
        }
    }

    private func more(than seen: Int, until end: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            let ticket = state.withLock { state in
                state.next += 1
                return state.next
            }
            group.addTask { await self.nextLine(than: seen, until: end, ticket) }
            group.addTask { [self] in
                // Cancelled when the line has come: then there is nobody left to wake.
                try? await Task.sleep(until: end, clock: .continuous)
                let late = state.withLock { $0.waiting.removeValue(forKey: ticket) }
                late?.resume()
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func nextLine(
        than seen: Int, until end: ContinuousClock.Instant, _ ticket: Int
    ) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                // Past the end nobody comes to wake it any more.
                let isThere =
                    state.lines.count > seen || state.ended || ContinuousClock.now >= end
                if !isThere { state.waiting[ticket] = continuation }
                return isThere
            }
            if isThere { continuation.resume() }
        }
    }
}
