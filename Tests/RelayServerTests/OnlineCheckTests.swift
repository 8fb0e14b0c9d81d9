// `outcry check --online`: the names that rules take from a server, against a stand-in server.
import Alerting
import TestSupport
import Testing
import TrackerSimulator

@testable import RelayServer

@Suite("Names on the server", .timeLimit(.minutes(1)))
struct OnlineCheckTests {
    private func online(_ url: String, _ rules: String) async throws -> [String] {
        let folder = try DoctorSurroundings.configuration(url, listen: 1, rules: rules)
        let path = folder.configuration
        let read = try ConfigurationFile(path: path).checked()
        let book = try RuleLibrary(read).read().book
        let findings = await OnlineCheck(read, path: path).findings(for: book)
        withExtendedLifetime(folder) {}
        #expect(findings.allSatisfy { $0.severity == .warning && $0.file == path })
        return findings.map(\.message)
    }

    @Test("names that the server does not have are warnings; names that it has are none")
    func names() async throws {
        let all = """
            groups: { mine: { traccar: Couriers } }
            hours: { work: { mon-sun: "08:00-20:00", except: [closed] } }
            calendars: { closed: { traccar: Working hours } }

            """
        try await DoctorSurroundings.withServer { server in
            #expect(try await online(server.url, DoctorSurroundings.rules + all) == [])
            let wrong = (DoctorSurroundings.rules + all).replacing("Couriers", with: "Couriars")
                .replacing("traccar: Working hours", with: "traccar: Closed days")
                .replacing("traccar: Depot Nord", with: "traccar: Depo")
            let found = try await online(server.url, wrong)
            #expect(found.count == 3)
            for name in ["Couriars", "Closed days", "Depo"] {
                #expect(found.contains { $0.contains("'\(name)'") })
            }
        }
    }

    @Test("a server that cannot be asked is one warning; rules without such names ask nobody")
    func nobodyAsked() async throws {
        let port = try LoopbackSocket.freePort()
        let found = try await online("http://127.0.0.1:\(port)", DoctorSurroundings.rules)
        #expect(found.count == 1 && found[0].hasPrefix("source 'one' cannot be asked for names"))
        let none = DoctorSurroundings.rules.replacing(
            "traccar: Depot Nord", with: "center: [48.2, 16.3], radius: 80 m")
        #expect(try await online("http://127.0.0.1:\(port)", none) == [])
    }
}
