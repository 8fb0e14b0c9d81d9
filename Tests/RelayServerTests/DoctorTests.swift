// What `outcry doctor` and `outcry check --online` say of a relay's surroundings, against a stand-in
// server, real receivers and real files; and that they say nothing that is nobody's business.
import Alerting
import Foundation
import Intake
import Synchronization
import TestSupport
import Testing
import TrackerSimulator

@testable import RelayServer

@Suite("The doctor", .timeLimit(.minutes(2)))
struct DoctorTests {
    private func look(_ folder: Folder) async -> (isWell: Bool, lines: [Doctor.Line]) {
        let lines = Mutex<[Doctor.Line]>([])
        let doctor = Doctor(path: folder.configuration) { line in
            lines.withLock { $0.append(line) }
        }
        let isWell = await doctor.run()
        return (isWell, lines.withLock { $0 })
    }

    @Test(
        "where all is well there is one line each, all ok",
        arguments: [Dialect.biketrax, .traccar6])
    func well(_ dialect: Dialect) async throws {
        let rules = DoctorSurroundings.rules.replacing(", jamming", with: "")
        try await DoctorSurroundings.withServer(dialect) { server in
            let relay = try DoctorSurroundings.listener()
            let folder = try DoctorSurroundings.configuration(
                server.url, listen: relay.port, rules: rules)
            let (isWell, lines) = await look(folder)
            #expect(isWell)
            #expect(lines.allSatisfy { $0.verdict == .ok }, "\(lines)")
            #expect(
                lines.map(\.subject) == [
                    "configuration", "rules", "disk", "source one, server", "source one, clock",
                    "source one, login", "source one, devices", "source one, notifications",
                    "source one, socket", "source one, webhook", "channel hook:bell",
                ])
            let text = lines.map(\.description).joined(separator: "\n")
            #expect(!text.contains(World.Account().token))
            #expect(text.contains("ok    source one, clock: this machine's and the server's agree"))
            #expect(text.contains("ok    source one, devices: the account sees 3"))
        }
    }

    @Test("what is wrong is told with what to do, and the rest is looked at all the same")
    func unwell() async throws {
        try await DoctorSurroundings.withServer(.traccar6) { world in
            world.account.disableReports = true
            world.notifications.removeAll { $0.type == "geofenceExit" }
            for index in world.notifications.indices {
                let alarms = world.notifications[index].alarms
                world.notifications[index].alarms = alarms?.replacing("jamming,", with: "")
            }
        } _: { server in
            let relay = try DoctorSurroundings.listener()
            relay.answer(.status(404))
            let folder = try DoctorSurroundings.configuration(
                server.url, listen: relay.port, hook: "/no/such")
            let (isWell, lines) = await look(folder)
            #expect(!isWell)
            let told = lines.filter { $0.verdict != .ok }.map(\.description)
            func says(_ words: String...) -> Bool {
                told.contains { line in words.allSatisfy { line.contains($0) } }
            }
            #expect(says("FAIL  source one, account: it may not ask for reports"))
            #expect(says("warn  source one, notifications:", "alarm jamming"))
            #expect(says("warn  source one, notifications:", "geofenceExit"))
            #expect(says("FAIL  source one, webhook:", "something else answers (404)"))
            #expect(says("FAIL  channel hook:bell: there is no program /no/such"))
            #expect(told.count == 5, "\(told)")
        }
    }

    @Test("a login that is refused, a server that is not there: one line, not one for each page")
    func refused() async throws {
        let relay = try DoctorSurroundings.listener()
        try await DoctorSurroundings.withServer { server in
            let folder = try DoctorSurroundings.configuration(
                server.url, listen: relay.port, session: #"{ token: "wr0ng" }"#)
            let (isWell, lines) = await look(folder)
            #expect(!isWell)
            let problems = lines.filter { $0.verdict == .problem }.map(\.description)
            #expect(problems.count == 1)
            #expect(problems[0].contains("source one, login: the server refuses the token"))
            #expect(!"\(lines)".contains("wr0ng"))
        }
        let port = try LoopbackSocket.freePort()
        let folder = try DoctorSurroundings.configuration(
            "http://127.0.0.1:\(port)", listen: relay.port)
        let lines = await look(folder).lines
        #expect(
            lines.filter { $0.verdict == .problem }.map(\.subject) == ["source one, server"])
        #expect(!lines.contains { $0.subject == "source one, login" })
    }

    @Test("BikeTrax: the account's own webhook is compared with ours, and its query not shown")
    func webhook() async throws {
        let relay = try DoctorSurroundings.listener()
        try await DoctorSurroundings.withServer { world in
            world.account.webhook = World.Webhook(
                url: "http://127.0.0.1:\(relay.port)/hooks/two?key=s3cret", key: "psk-s3cret",
                types: ["deviceOnline", "geofenceExit"])
        } _: { server in
            let folder = try DoctorSurroundings.configuration(server.url, listen: 1)
            let (isWell, lines) = await look(folder)
            #expect(!isWell)
            let told = lines.filter { $0.subject.hasSuffix("webhook") }.map(\.words)
            #expect(
                told == [
                    "the account's webhookUrl has another path than /hooks/one",
                    "authorization is none, so anybody may post, though the account has a "
                        + "webhookPsk: ask for its value",
                    "the account's webhookTypes leaves out alarm",
                    "the relay answers at the address that the account posts to, seen from here",
                ])
            #expect(!"\(lines)".contains("s3cret"))
            #expect(relay.requests.map(\.message.start) == ["GET /hooks/two HTTP/1.1"])
        }
    }

    @Test(
        "BikeTrax: the account's webhookPsk is compared with authorization, and neither is shown",
        arguments: [
            ("Bearer s3cret", true), (" Bearer s3cret ", true), ("s3cret", false),
            ("bearer s3cret", false), ("Bearer s3cret0", false), (nil, true), ("", true),
        ])
    func webhookKey(_ key: String?, _ isWell: Bool) async throws {
        setenv("OUTCRY_TEST_PSK_DOCTOR", "Bearer s3cret", 1)
        let relay = try DoctorSurroundings.listener()
        try await DoctorSurroundings.withServer { world in
            world.account.webhook = World.Webhook(
                url: "http://127.0.0.1:\(relay.port)/hooks/one", key: key)
        } _: { server in
            let folder = try DoctorSurroundings.configuration(
                server.url, listen: 1, authorization: #""${env:OUTCRY_TEST_PSK_DOCTOR}""#,
                rules: DoctorSurroundings.rules.replacing(", jamming", with: ""))
            let found = await look(folder)
            #expect(found.isWell == isWell)
            let told = found.lines.filter { $0.verdict != .ok }.map(\.description)
            let differ =
                "FAIL  source one, webhook: the account's webhookPsk and authorization differ, so "
                + "what it posts is refused (401): make them the same, word for word"
            #expect(told == (isWell ? [] : [differ]))
            #expect(!"\(found.lines)".contains("s3cret"))
        }
    }

    @Test("a configuration that cannot be used, rules with an error, a folder that is missing")
    func files() async throws {
        let missing = await look(try Folder())
        #expect(!missing.isWell && missing.lines.map(\.subject) == ["configuration"])
        let broken = try DoctorSurroundings.configuration(
            "http://127.0.0.1:1", listen: 1, rules: "version: 1\nrules: 5\n")
        let lines = await look(broken).lines
        #expect(lines.contains { $0.verdict == .problem && $0.subject == "rules" })
        #expect(lines.contains { $0.subject == "source one, server" }, "the rest is looked at")

        unsetenv("OUTCRY_TEST_UNSET")
        let unset = try DoctorSurroundings.configuration(
            "http://127.0.0.1:1", listen: 1, session: #"{ token: "${env:OUTCRY_TEST_UNSET}" }"#)
        let found = await look(unset)
        #expect(!found.isWell && "\(found.lines)".contains("OUTCRY_TEST_UNSET"))

        #expect(Doctor.disk(below: broken.path + "/outcry.db").map(\.subject) == ["disk"])
        let gone = Doctor.disk(below: "/nowhere/outcry.db")
        #expect(gone.map(\.verdict) == [.problem] && gone[0].words.contains("is missing"))
    }

    @Test("clocks are compared within what a Date header can say")
    func clocks() throws {
        let noon = try #require(Instant(rfc3339: "2026-11-24T12:00:00Z"))
        #expect(HTTPDate.instant("Tue, 24 Nov 2026 12:00:00 GMT") == noon)
        for text in ["", "24 Nov 2026", "Tue, 24 Foo 2026 12:00:00 GMT", "Tue, 4 Nov 26 1:0:0 GMT"]
        {
            #expect(HTTPDate.instant(text) == nil)
        }
        func compare(_ ours: Instant) -> (Doctor.Line.Verdict, String)? {
            let answer = FetchAnswer(
                status: 200, headers: [("date", "Tue, 24 Nov 2026 12:00:00 GMT")])
            return SourceDoctor.clock(answer, between: ours, and: ours + .milliseconds(50))
                .map { ($0.verdict, $0.words) }
        }
        #expect(compare(noon + .milliseconds(900))?.0 == .ok)
        #expect(compare(noon - .seconds(3))?.0 == .ok)
        let ahead = compare(noon + .seconds(31))
        #expect(ahead?.0 == .warning && ahead?.1.contains("30 s ahead of the server's") == true)
        let behind = compare(noon - .seconds(120))
        #expect(behind?.0 == .problem && behind?.1.contains("119 s behind the server's") == true)
        #expect(SourceDoctor.clock(FetchAnswer(status: 200), between: noon, and: noon) == nil)
    }
}
