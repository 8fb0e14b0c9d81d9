// `outcry check --online`: the names that rules take from a server, against a stand-in server.
import Alerting
import TestSupport
import Testing
import TrackerSimulator

@testable import RelayServer

@Suite("Names on the server", .timeLimit(.minutes(1)))
struct OnlineCheckTests {
    /// `file:line:column: message`, the files by their last names.
    private func online(
        _ url: String, _ files: [String: String], session: Bool = true
    ) async throws -> [String] {
        let folder = try DoctorSurroundings.configuration(url, listen: 1)
        for (name, text) in files { try folder.write("rules/\(name)", text) }
        if !session {
            let text = try String(contentsOfFile: folder.configuration, encoding: .utf8)
            try folder.write(
                "outcry.yaml",
                text.split(separator: "\n").filter { !$0.contains("session:") }
                    .joined(separator: "\n"))
        }
        let read = try ConfigurationFile(path: folder.configuration).checked()
        let findings = await OnlineCheck(read).findings(for: try RuleLibrary(read).read())
        withExtendedLifetime(folder) {}
        return findings.map { finding in
            #expect(finding.severity == .warning)
            if !finding.source.isEmpty {
                #expect(finding.source.contains("traccar:") && finding.text.contains("^"))
            }
            let file = finding.file.split(separator: "/").last ?? ""
            return "\(file):\(finding.line):\(finding.column): \(finding.message)"
        }
    }

    static let more = """
        version: 1
        groups:
          mine: { traccar: Couriers }
          # Named a second time.
          yours:
            traccar: "Couriers"
        hours: { work: { mon-sun: "08:00-20:00", except: [closed] } }
        calendars: { closed: { traccar: Working hours } }
        places:
          depot-too: { traccar: Depot Nord }

        """

    @Test("names that the server does not have are warnings where they stand; others are none")
    func names() async throws {
        try await DoctorSurroundings.withServer { server in
            let right = ["a.yaml": DoctorSurroundings.rules, "b.yaml": Self.more]
            let none = try await online(server.url, right)
            #expect(none == [])
            let wrong = right.mapValues {
                $0.replacing("Couriers", with: "Couriars")
                    .replacing("traccar: Working hours", with: "traccar: Closed days")
                    .replacing("depot: { traccar: Depot Nord", with: "depot: { traccar: Depo")
            }
            let found = try await online(server.url, wrong)
            let geofence = "the server shows no geofence 'Depo'"
            let group =
                "the server shows no group 'Couriars': rules about it cover none of its devices"
            let calendar = "the server shows no calendar 'Closed days': it is taken as an empty one"
            #expect(
                found == [
                    "a.yaml:3:29: place 'depot': \(geofence)", "b.yaml:3:20: \(group)",
                    "b.yaml:6:14: \(group)", "b.yaml:8:33: \(calendar)",
                ])
        }
    }

    @Test("a server that cannot be asked is one warning at its source")
    func nobodyAnswers() async throws {
        let port = try LoopbackSocket.freePort()
        let found = try await online("http://127.0.0.1:\(port)", ["b.yaml": Self.more])
        #expect(found.count == 1)
        let wanted = "outcry.yaml:6:3: source 'one' cannot be asked for names: no connection"
        #expect(found.first?.hasPrefix(wanted) == true, "\(found)")
        #expect(
            try await online("http://127.0.0.1:\(port)", [:], session: false) == [
                "outcry.yaml:5:1: no source has a session: names on the server are not checked"
            ])
    }

    @Test("rules that take no name from a server ask nobody")
    func nobodyAsked() async throws {
        let port = try LoopbackSocket.freePort()
        let none = DoctorSurroundings.rules.replacing(
            "traccar: Depot Nord", with: "center: [48.2, 16.3], radius: 80 m")
        #expect(try await online("http://127.0.0.1:\(port)", ["a.yaml": none]) == [])
    }
}
