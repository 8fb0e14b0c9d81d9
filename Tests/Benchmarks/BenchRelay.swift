// The relay under measurement: the release binary on files of its own, what the kernel says of its
// processor time and memory, and whether it has done all that it took.

import Foundation
import Glibc
import TestSupport

/// A running relay with its files.
final class BenchRelay {
    /// What a measurement asks of its relay.
    struct Setup {
        var rules = BenchRules.none(count: 10)
        /// Where notifications go; nil: to a port that refuses, for rules that never tell.
        var sink: NotificationSink?
    }

    let process: RelayProcess
    /// From before its start until `/readyz` said 200.
    let startToReady: UInt64

    /// Starts it on a folder's files.
    init(_ folder: RelayFolder) throws {
        let start = nanoseconds()
        process = try RelayProcess(folder)
        let http = PlainHTTP(port: process.adminPort)
        while try http.get("/readyz").status != 200 {
            guard nanoseconds() - start < 60_000_000_000 else {
                throw BenchError("the relay is not ready within 60 s")
            }
        }
        startToReady = nanoseconds() - start
    }

    convenience init(_ setup: Setup, in parent: String) throws {
        try self.init(Self.folder(setup, in: parent))
    }

    /// Files for a relay: on the disk of the build, for that is where the database will be.
    static func folder(_ setup: Setup, in parent: String) throws -> RelayFolder {
        // Port 9 is `discard`: nobody listens there.
        let port = setup.sink?.port ?? 9
        return try RelayFolder(
            rules: setup.rules,
            channels: """
                http:
                  fleet-api: { url: "http://127.0.0.1:\(port)/alerts", timeout: 10s, at_once: 64 }
                """, in: parent)
    }

    func stop() throws {
        guard process.stop(within: 20) == .code(0) else {
            throw BenchError("the relay did not exit with 0:\n\(process.log.suffix(5))")
        }
    }

    func generator(connections: Int, devices: Int = 1_000) throws -> LoadGenerator {
        try LoadGenerator(
            port: process.webhookPort, path: RelayFolder.webhookPath,
            authorization: RelayFolder.webhookKey, connections: connections, devices: devices)
    }

    /// Waits until nothing waits any more, inside.
    func drained(seconds: Int = 120) throws {
        struct Readiness: Decodable { var inboxBacklog, outboxBacklog: Int }
        let http = PlainHTTP(port: process.adminPort)
        try wait(for: "the relay to do all that it took", seconds: seconds) {
            let body = Data(try http.get("/readyz").body)
            let backlog = try JSONDecoder().decode(Readiness.self, from: body)
            return backlog.inboxBacklog == 0 && backlog.outboxBacklog == 0
        }
    }

    /// Processor time so far, user and system, in seconds (proc(5), in ticks of 10 ms).
    func processorSeconds() throws -> Double {
        let text = try Self.read("/proc/\(process.pid)/stat")
        // The name may hold blanks; fields are counted behind its bracket.
        guard let end = text.lastIndex(of: ")") else { throw BenchError("no stat") }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
        else { throw BenchError("stat is not understood: \(text)") }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Resident memory in MB (10⁶ bytes).
    func residentMegabytes() throws -> Double {
        let text = try Self.read("/proc/\(process.pid)/status")
        for line in text.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.count > 1, let kibibytes = Double(words[1]) {
                return kibibytes * 1_024 / 1_000_000
            }
        }
        throw BenchError("no VmRSS")
    }

    private static func read(_ path: String) throws -> String {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw BenchError("cannot read \(path): has the relay ended?")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
