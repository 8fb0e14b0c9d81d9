// The built program itself, started on a folder's files: what an administrator would run. It can be
// stopped as systemd would (SIGTERM), killed at any moment (SIGKILL) and started again on the same
// database.

package import Foundation
import Glibc

/// The root of the project, from where this file was compiled.
package let projectRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

/// The binary under test: `OUTCRY_BINARY`, else the debug build.
package var outcryBinary: String {
    ProcessInfo.processInfo.environment["OUTCRY_BINARY"] ?? projectRoot + "/.build/debug/outcry"
}

/// A running relay.
package final class RelayProcess: Sendable {
    package let folder: RelayFolder
    package let webhookPort: Int
    package let adminPort: Int
    private let program: RunningProgram

    /// Starts it and waits until it listens.
    /// - Throws: `HarnessError` with what it wrote, if it does not.
    package init(_ folder: RelayFolder, environment: [String: String] = [:]) throws {
        self.folder = folder
        program = try RunningProgram(
            outcryBinary, ["run", "--config", folder.configuration], environment: environment)
        let line = program.line(within: 30) { LogLine($0)?.message == "listening" }
        guard let log = line.flatMap(LogLine.init), let webhook = log.port("webhook"),
            let admin = log.port("admin")
        else {
            program.send(SIGKILL)
            throw HarnessError(
                "the relay does not listen:\n" + program.errors.joined(separator: "\n"))
        }
        (webhookPort, adminPort) = (webhook, admin)
    }

    package var pid: pid_t { program.pid }
    package var isRunning: Bool { program.isRunning }
    /// All that it has written: its log.
    package var log: [String] { program.errors + program.output }

    /// kill -9, and waits until it is gone.
    package func kill() {
        program.send(SIGKILL)
        _ = program.exit(within: 10)
    }

    /// SIGTERM; how it ended within ten seconds, nil if it did not.
    @discardableResult
    package func stop(within limit: TimeInterval = 10) -> RunningProgram.Exit? {
        program.send(SIGTERM)
        let exit = program.exit(within: limit)
        if exit == nil { kill() }
        return exit
    }

    /// Waits for a line of the log.
    package func logged(within limit: TimeInterval, _ part: String) -> Bool {
        program.line(within: limit) { $0.contains(part) } != nil
    }

    // MARK: - What one asks of it

    /// Posts one event as the tracker's server would; the answer's status.
    package func post(_ body: String, headers: [String: String] = [:]) throws -> Int {
        let http = PlainHTTP(port: webhookPort)
        return try http.send(
            "POST", RelayFolder.webhookPath,
            headers: ["Authorization": RelayFolder.webhookKey].merging(headers) { $1 },
            body: Array(body.utf8)
        ).status
    }

    package func adminPage(_ path: String, headers: [String: String] = [:]) throws -> PlainMessage {
        try PlainHTTP(port: adminPort).get(path, headers: headers)
    }

    /// The value of a metric, summed over its labels.
    package func metric(_ name: String) throws -> Double {
        try adminPage("/metrics").text.split(separator: "\n")
            .filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
            .reduce(0, +)
    }

    /// Runs `outcry WORDS… --config` of this folder.
    package func outcry(_ words: String...) throws -> Finished {
        try finish(outcryBinary, words + ["--config", folder.configuration])
    }
}

/// One line of the JSON log.
package struct LogLine: Sendable {
    package var fields: [String: String]

    package init?(_ line: String) {
        // A line that is no JSON object is no log line: the caller sees that by nil.
        guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)),
            let members = object as? [String: Any]
        else { return nil }
        fields = members.mapValues { "\($0)" }
    }

    package var message: String { fields["message"] ?? "" }

    /// The port of an address such as `127.0.0.1:8642`.
    package func port(_ name: String) -> Int? {
        fields[name]?.split(separator: ":").last.flatMap { Int($0) }
    }
}
