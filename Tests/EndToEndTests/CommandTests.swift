// What people do at the running relay, by the program's own commands: look, acknowledge, clear,
// send again. The reading ones must work on a relay that is down, too.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("commands")
    struct CommandTests {
        /// One incident per device: later alarms join it.
        static let joined = EndToEnd.everyAlarm.replacing("once_per: none", with: "once_per: 1h")

        @Test("an incident is listed, shown, acknowledged, opened again and cleared")
        func incidents() throws {
            let sink = try HTTPSink()
            let relay = try RelayProcess(
                RelayFolder(rules: Self.joined, channels: EndToEnd.fleet(sink)))
            defer { relay.stop() }
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20, taken: 1))
            let incident = try #require(try sink.taken.first?.notice().data.items?.first?.incident)

            try expect(relay, "list", shows: [incident.id, "every-alarm", "open"])
            let shown = try relay.outcry("incidents", "show", incident.id)
            #expect(shown.exit == .code(0))
            for part in [incident.id, "every-alarm", "Cargo 1"] {
                #expect(shown.output.contains(part), "\(part)")
            }

            // By its rule; then by its device; both reach the same incident.
            let ack = try relay.outcry("incidents", "ack", "every-alarm", "--by", "anna")
            #expect(ack.exit == .code(0))
            try expect(relay, "list", shows: [incident.id, "acknowledged"])
            #expect(try relay.outcry("incidents", "clear", "Cargo 1").exit == .code(0))
            #expect(
                try eventually(10) {
                    let list = try relay.outcry("incidents", "list").output
                    return !list.contains(incident.id) || list.contains("cleared")
                })
            let record = try relay.outcry("incidents", "show", incident.id).output
                .split(separator: "\n").suffix(2)
            #expect(record.first?.hasPrefix("ack       20") == true, "\(record)")
            #expect(record.first?.hasSuffix(" by anna") == true)
            #expect(record.last?.hasPrefix("clear     20") == true)

            // A person's clearing ends once_per early: the next alarm is a new incident.
            #expect(try relay.post(EventBody(id: 2).json) == 200)
            #expect(sink.wait(20, taken: 2))
            let next = try #require(try sink.taken.last?.notice())
            #expect(next.data.reason == "first")
            #expect(next.data.items?.first?.incident.id != incident.id)
            let nextID = try #require(next.data.items?.first?.incident.id)
            #expect(try relay.outcry("incidents", "ack", nextID).exit == .code(0))
            try expect(relay, "list", shows: [nextID, "acknowledged"])
        }

        private func expect(
            _ relay: RelayProcess, _ command: String, shows parts: [String]
        ) throws {
            var last = ""
            let shown = try eventually(10) {
                last = try relay.outcry("incidents", command).output
                return last.split(separator: "\n").contains { line in
                    parts.allSatisfy(line.contains)
                }
            }
            #expect(shown, "no line with \(parts) in:\n\(last)")
        }

        @Test("a rejected message is dead, said to the operator, and sent again under its id")
        func deadAndRetried() throws {
            let (sink, operators) = (try HTTPSink(), try HTTPSink())
            sink.answer(.status(400))
            let rules = EndToEnd.everyAlarm.replacing(
                "rules:\n", with: "  workshop: { http: ops }\nrules:\n")
            let channels =
                EndToEnd.fleet(sink) + "\n  ops: { url: \"\(operators.url)\", timeout: 5s }"
            let relay = try RelayProcess(
                RelayFolder(rules: rules, channels: channels, more: "operator: workshop"))
            defer { relay.stop() }
            #expect(try relay.outcry("deliveries", "--dead").exit == .code(0))
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20) { $0.contains { $0.status == 400 } })
            let id = try #require(sink.requests.first).webhookID

            #expect(
                try eventually(10) {
                    try relay.outcry("deliveries", "--dead").output.contains(id)
                })
            #expect(operators.wait(20, taken: 1))
            let said = try #require(try operators.taken.first?.notice())
            #expect(said.data.contact == "workshop")
            #expect(said.data.text.contains(id))

            sink.answer(.status(200))
            #expect(try relay.outcry("deliveries", "retry", id).exit == .code(0))
            #expect(sink.wait(20, taken: 1))
            #expect(sink.taken.first?.webhookID == id)
            #expect(
                try eventually(10) {
                    try !relay.outcry("deliveries", "--dead").output.contains(id)
                })
        }

        @Test("all dead messages are sent again at once")
        func retryAll() throws {
            let sink = try HTTPSink()
            sink.answer(.status(410))
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            for id in 1...3 {
                #expect(try relay.post(EventBody(ofOwnDevice: Int64(id)).json) == 200)
            }
            let ids = { Set(sink.requests.map(\.webhookID)) }
            #expect(sink.wait(20) { $0.count { $0.status == 410 } == 3 })
            #expect(
                try eventually(10) {
                    let dead = try relay.outcry("deliveries", "--dead").output
                    return ids().allSatisfy(dead.contains)
                })
            sink.answer(.status(200))
            #expect(try relay.outcry("deliveries", "retry", "--all-dead").exit == .code(0))
            #expect(sink.wait(20, different: 3))
            #expect(ids().count == 3)
        }

        @Test("events are listed with their road, their X-PowTxn and the rules that fired")
        func events() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            #expect(try relay.post(EventBody(id: 1).json, headers: ["X-PowTxn": "txn-1"]) == 200)
            var other = EventBody(ofOwnDevice: 2)
            other.type = "deviceOnline"
            other.alarm = nil
            #expect(try relay.post(other.json) == 200)
            #expect(sink.wait(20, taken: 1))
            #expect(
                try eventually(10) {
                    try relay.outcry("events", "--device", "Cargo 1").output.split(separator: "\n")
                        .contains { line in
                            ["webhook", "txn-1", "every-alarm"].allSatisfy(line.contains)
                        }
                })
            let last = try relay.outcry("events", "--last", "1")
            #expect(last.output.contains("deviceOnline") && !last.output.contains("txn-1"))
        }

        @Test("events names a device that was never seen whole by its number, and says how late")
        func bareEvents() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            let time = Date(timeIntervalSinceNow: -3 * 86_400 - 600).ISO8601Format()
            let bare = """
                {"id":9,"deviceId":44,"type":"alarm","attributes":{"alarm":"tow"},
                "eventTime":"\(time)"}
                """
            #expect(try relay.post(bare) == 200)
            #expect(
                try eventually(10) {
                    let line = try relay.outcry("events").output
                    return ["  #44  ", "alarm tow", "  3 days  "].allSatisfy(line.contains)
                })
        }

        @Test("reading commands work when the relay is down; the others say that it is")
        func whenDown() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20, taken: 1))
            #expect(relay.stop() == .code(0))
            #expect(try relay.outcry("events", "--last", "5").output.contains("vibration"))
            #expect(try relay.outcry("incidents", "list").output.contains("every-alarm"))
            #expect(try relay.outcry("deliveries").exit == .code(0))
            let refused = try relay.outcry("incidents", "ack", "every-alarm")
            #expect(refused.exit == .code(1))
            #expect(!refused.errors.isEmpty)
        }

        @Test("check and test judge rule files by their exit codes")
        func check() throws {
            let folder = try RelayFolder(rules: EndToEnd.everyAlarm)
            let rules = folder.path + "/rules"
            #expect(try finish(outcryBinary, ["check", rules]).exit == .code(0))
            // A contact that nobody uses is allowed, and surely not meant.
            try folder.write(
                "rules/rules.yaml",
                EndToEnd.everyAlarm.replacing(
                    "rules:\n", with: "  nobody: { http: fleet-api }\nrules:\n"))
            #expect(try finish(outcryBinary, ["check", rules]).exit == .code(0))
            #expect(try finish(outcryBinary, ["check", "--strict", rules]).exit == .code(1))
            try folder.write(
                "rules/rules.yaml", EndToEnd.everyAlarm.replacing("critical", with: "criticl"))
            let bad = try finish(outcryBinary, ["check", rules])
            #expect(bad.exit == .code(1))
            #expect((bad.output + bad.errors).contains("rules.yaml:6:15: error: "))
            // The configuration's own errors come whether its rules can be read or not.
            try folder.write("bad.yaml", "data: a.db\nrules: none\nretenton: 3d\n")
            let both = try finish(outcryBinary, ["check", "--config", folder.path + "/bad.yaml"])
            #expect(both.output.contains("bad.yaml:3:1: error: 'retenton' is no key"))
            #expect(both.output.contains("bad.yaml:2:8: error: cannot read the rule file"))
            let json = try finish(outcryBinary, ["check", "--format", "json", rules])
            #expect(json.exit == .code(1))
            #expect(throws: Never.self, "not JSON: \(json.output)") {
                _ = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
            }
            let shipped = projectRoot + "/rules"
            if FileManager.default.fileExists(atPath: shipped) {
                #expect(try finish(outcryBinary, ["test", shipped], within: 60).exit == .code(0))
            }
        }
    }
}
