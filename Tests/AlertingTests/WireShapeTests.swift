// The shape that receivers rely on, to the byte: CONFIG.md, "What a notification is on the wire".
import Alerting
import Foundation
import TestSupport
import Testing

@Suite("A notification has one shape on the wire")
struct WireShapeTests {
    private func wire(_ delivery: Delivery, publicURL: String? = nil) -> String {
        String(
            decoding: delivery.wire(subject: "S", text: "T", publicURL: publicURL), as: UTF8.self)
    }

    /// The one item of `wire`, or all of them.
    private func items(_ text: String) -> String {
        guard let start = text.range(of: #""items":["#) else { return "" }
        return String(text[start.upperBound...].dropLast(3))
    }

    @Test("all that is known of one alarm")
    func whole() {
        var item = DeliveryFixture.item(held: 2)
        item.device?.group = "my-bikes"
        item.place = "depot"
        item.incident.count = 3
        let text = wire(
            DeliveryFixture.delivery([item]), publicURL: "https://alerts.example.org/")
        #expect(
            text == #"{"type":"incident.opened","timestamp":"2026-11-24T02:12:06.000Z","data":{"#
                + #""delivery":"d41d8c","contact":"owner","reason":"first","severity":"critical","#
                + #""subject":"S","text":"T","rules_hash":"0123456789abcdef","items":[{"#
                + #""incident":{"id":"8f1c","state":"open","opened":"2026-11-24T02:12:06.000Z","#
                + #""count":3,"url":"https://alerts.example.org/incidents/8f1c"},"#
                + #""rule":"theft-at-night","device":{"name":"Cargo 1","#
                + #""uniqueId":"860000000000001","group":"my-bikes"},"event":{"id":173,"#
                + #""type":"alarm","alarm":"vibration","time":"2026-11-24T02:12:05.000Z","#
                + #""received":"2026-11-24T02:12:06.000Z","late_seconds":1,"txn":"txn-7"},"#
                + #""position":{"latitude":48.2082,"longitude":16.3738,"speed_kmh":24.076,"#
                + #""valid":true,"time":"2026-11-24T02:12:05.000Z"},"place":"depot","held":2}]}}"#)
    }

    @Test("the same members as CONFIG.md's example, where everything is known")
    func example() throws {
        var item = DeliveryFixture.item()
        item.device?.group = "g"
        item.place = "depot"
        let text = wire(DeliveryFixture.delivery([item]), publicURL: "https://a.example")
        let root = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(
            Self.names(root) == [
                "type", "timestamp", "data", "data.delivery", "data.contact", "data.reason",
                "data.severity", "data.subject", "data.text", "data.rules_hash", "data.items",
                "data.items.incident", "data.items.incident.id", "data.items.incident.state",
                "data.items.incident.opened", "data.items.incident.count",
                "data.items.incident.url", "data.items.rule", "data.items.device",
                "data.items.device.name", "data.items.device.uniqueId", "data.items.device.group",
                "data.items.event", "data.items.event.id", "data.items.event.type",
                "data.items.event.alarm", "data.items.event.time", "data.items.event.received",
                "data.items.event.late_seconds", "data.items.event.txn", "data.items.position",
                "data.items.position.latitude", "data.items.position.longitude",
                "data.items.position.speed_kmh", "data.items.position.valid",
                "data.items.position.time", "data.items.place", "data.items.held",
            ])
    }

    @Test("the charge of the battery is there where the position tells it")
    func battery() {
        var item = DeliveryFixture.item()
        item.position?.battery = 18
        let text = wire(DeliveryFixture.delivery([item]))
        #expect(text.contains(#""speed_kmh":24.076,"battery_percent":18,"valid":true"#))
    }

    private static func names(_ value: Any, prefix: String = "") -> Set<String> {
        if let list = value as? [Any] {
            return list.reduce(into: []) { $0.formUnion(names($1, prefix: prefix)) }
        }
        guard let object = value as? [String: Any] else { return [] }
        return object.reduce(into: []) { all, member in
            all.insert(prefix + member.key)
            all.formUnion(names(member.value, prefix: "\(prefix)\(member.key)."))
        }
    }

    @Test("what is not known is left out, never null: an id of 0, a time, a position, a device")
    func unknown() {
        var event = DeliveryFixture.event()
        event.id = 0
        event.type = "deviceOffline"
        event.time = nil
        event.txn = nil
        var item = DeliveryFixture.item(event)
        item.device = nil
        item.position = nil
        #expect(
            items(wire(DeliveryFixture.delivery([item])))
                == #"{"incident":{"id":"8f1c","state":"open","opened":"2026-11-24T02:12:06.000Z","#
                + #""count":1},"rule":"theft-at-night","event":{"type":"deviceOffline","#
                + #""received":"2026-11-24T02:12:06.000Z"},"held":0}"#)
    }

    @Test("an event from the future is not late; a broken clock keeps its time and is marked")
    func clocks() {
        var event = DeliveryFixture.event(late: .seconds(-90))
        #expect(
            items(wire(DeliveryFixture.delivery([DeliveryFixture.item(event)])))
                .contains(#""late_seconds":0,"#))
        event.time = DeliveryFixture.night - .days(4_000)
        let text = items(wire(DeliveryFixture.delivery([DeliveryFixture.item(event)])))
        #expect(text.contains(#""time":"2015-12-12T02:12:05.000Z","#))
        #expect(text.contains(#""late_seconds":0,"clock_wrong":true,"#))
        event.time = DeliveryFixture.night - .minutes(42)
        event.received = DeliveryFixture.night + .milliseconds(999)
        #expect(
            items(wire(DeliveryFixture.delivery([DeliveryFixture.item(event)])))
                .contains(#""late_seconds":2520,"txn""#))
    }

    @Test(
        "the type says why",
        arguments: [
            (Reason.first, "incident.opened"), (.again, "incident.again"),
            (.repeat, "incident.repeated"), (.escalation, "incident.escalated"),
            (.cleared, "incident.cleared"), (.corrected, "incident.corrected"),
            (.digest, "digest"), (.drill, "drill"),
        ])
    func types(reason: Reason, type: String) {
        let text = wire(DeliveryFixture.delivery(reason: reason))
        #expect(text.hasPrefix(#"{"type":"\#(type)","#))
        #expect(text.contains(#""reason":"\#(reason.rawValue)","#))
    }

    @Test("several items are a list in order; trouble of the relay's own has none")
    func severalAndNone() throws {
        var second = DeliveryFixture.item()
        second.rule = "zz"
        let text = items(wire(DeliveryFixture.delivery([DeliveryFixture.item(), second])))
        let list = try #require(
            try JSONSerialization.jsonObject(with: Data("[\(text)]".utf8)) as? [[String: Any]])
        #expect(list.map { $0["rule"] as? String } == ["theft-at-night", "zz"])
        #expect(
            wire(DeliveryFixture.trouble())
                == #"{"type":"incident.opened","timestamp":"2026-11-24T02:12:06.000Z","data":{"#
                + #""delivery":"d41d8c","contact":"owner","reason":"first","severity":"critical","#
                + #""subject":"S","text":"T","rules_hash":"0123456789abcdef","items":[]}}"#)
    }

    @Test("a name of a megabyte is cut")
    func hugeName() {
        var item = DeliveryFixture.item()
        item.device?.name = String(repeating: "x", count: 1 << 20)
        #expect(wire(DeliveryFixture.delivery([item])).utf8.count < 10_000)
    }

    @Test("a name with quotes, breaks and controls stays one string")
    func hostileName() throws {
        var item = DeliveryFixture.item()
        item.device?.name = "\"},\r\n\u{0}{\\\u{202E}"
        let text = wire(DeliveryFixture.delivery([item]))
        let root = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        let data = root?["data"] as? [String: Any]
        let first = (data?["items"] as? [[String: Any]])?.first
        #expect((first?["device"] as? [String: Any])?["name"] as? String == item.device?.name)
    }
}
