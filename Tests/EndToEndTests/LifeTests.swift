// Starting, stopping and owning: what an administrator and systemd see of the program's life.

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("start and stop")
    struct LifeTests {
        @Test("SIGTERM lets what is being sent end, and exits 0; it is not sent again")
        func drains() throws {
            let sink = try HTTPSink()
            sink.answer(.hold)
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm, channels: EndToEnd.fleet(sink))
            let relay = try RelayProcess(folder)
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20) { $0.count == 1 })
            kill(relay.pid, SIGTERM)
            sink.answer(.status(200))
            #expect(relay.stop() == .code(0))

            let again = try RelayProcess(folder)
            defer { again.stop() }
            #expect(try again.post(EventBody(id: 2).json) == 200)
            #expect(sink.wait(20, taken: 2))
            #expect(try sink.requests.map { try $0.notice().eventIds } == [[1], [2]])
        }

        @Test("SIGTERM ends it within ten seconds, also when a receiver never answers")
        func doesNotHang() throws {
            let sink = try HTTPSink()
            sink.answer(.hold)
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm,
                channels: EndToEnd.fleet(sink).replacing("timeout: 5s", with: "timeout: 60s"))
            let relay = try RelayProcess(folder)
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20) { $0.count == 1 })
            #expect(relay.stop(within: 10) == .code(0))

            // What had no answer is still owed, under the same id.
            sink.answer(.status(200))
            let again = try RelayProcess(folder)
            defer { again.stop() }
            #expect(sink.wait(30, taken: 1))
            #expect(Set(sink.requests.map(\.webhookID)).count == 1)
        }

        @Test("events that wait at a stop are told after the next start")
        func waitsOverStop() throws {
            let sink = try HTTPSink()
            sink.down()
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm, channels: EndToEnd.fleet(sink))
            let relay = try RelayProcess(folder)
            for id in 1...3 { #expect(try relay.post(EventBody(id: Int64(id)).json) == 200) }
            #expect(relay.stop() == .code(0))
            try sink.up()
            let again = try RelayProcess(folder)
            defer { again.stop() }
            #expect(sink.wait(60, different: 3))
        }

        @Test("a second relay on the same database is refused, and the first works on")
        func oneOwner() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            let second = try finish(
                outcryBinary, ["run", "--config", relay.folder.configuration], within: 20)
            #expect(second.exit == .code(78))
            #expect(second.errors.contains("outcry.db"))
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20, taken: 1))
        }

        @Test("database and token are for their owner only")
        func modes() throws {
            let relay = try EndToEnd.relay(to: HTTPSink())
            defer { relay.stop() }
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(relay.folder.mode("outcry.db") == 0o600)
            #expect(relay.folder.mode("outcry.token") == 0o600)
            // What SQLite keeps beside it holds the same.
            #expect(relay.folder.mode("outcry.db-wal") ?? 0o600 == 0o600)
            #expect(relay.folder.mode("outcry.db-shm") ?? 0o600 == 0o600)
        }

        @Test("an edited rule file is in force at once, a bad edit is not")
        func watches() throws {
            let sink = try HTTPSink()
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm, channels: EndToEnd.fleet(sink),
                more: "operator: fleet")
            try folder.write(
                "outcry.yaml",
                folder.read("outcry.yaml").replacing(
                    "rules_watch: false", with: "rules_watch: true"))
            let relay = try RelayProcess(folder)
            defer { relay.stop() }
            try folder.write(
                "rules/rules.yaml",
                EndToEnd.everyAlarm.replacing("id: every-alarm", with: "id: renamed"))
            #expect(relay.logged(within: 20, "rules read anew"))
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20, taken: 1))
            #expect(try sink.requests[0].notice().rules == ["renamed"])

            try folder.write("rules/rules.yaml", "version: 1\nrules: [{ id: renamed, wen: 1 }]\n")
            #expect(sink.wait(20, taken: 2), "the operator is told")
            #expect(try relay.post(EventBody(id: 2).json) == 200)
            #expect(sink.wait(20, taken: 3))
            #expect(try sink.requests[2].notice().rules == ["renamed"])
        }
    }
}
