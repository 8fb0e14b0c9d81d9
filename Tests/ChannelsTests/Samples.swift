// Messages and settings that the tests of all channels use.
import Alerting
import Foundation
import TestSupport

@testable import Channels

enum Sample {
    static let opened = Instant(milliseconds: 1_795_532_400_000)  // 2026-11-24T15:00:00Z

    static func item(
        _ incident: String = "inc1", rule: String = "theft-at-night", device: String = "Cargo 1"
    ) -> Item {
        var event = Event(server: "https://demo.example", source: "demo", type: "alarm")
        event.id = 173
        event.received = opened
        event.time = opened
        var facts = Item.EventFacts(event)
        facts.alarm = "vibration"
        return Item(
            incident: .init(id: incident, state: .open, opened: opened, count: 1), rule: rule,
            device: .init(name: device, uniqueId: "356", group: nil), event: facts,
            position: nil, place: nil, held: 0, reason: .first, severity: .critical,
            template: "alarm")
    }

    static func message(
        id: String = "0f3a", to address: String = "", channel: ChannelName = .email,
        subject: String = "Cargo 1: vibration", text: String = "Cargo 1 was shaken.",
        html: String? = nil, json: String = #"{"type":"incident.opened"}"#,
        items: [Item] = [item()], now: Instant = opened
    ) -> Message {
        let delivery = Delivery(
            id: id, contact: "fleet", channel: channel, address: address, reason: .first,
            severity: .critical, template: "alarm", language: "en", timezone: "UTC", items: items,
            rulesHash: "r1", created: opened)
        return Message(
            delivery: delivery, subject: subject, text: text, html: html, json: Array(json.utf8),
            now: now)
    }
}

extension Outcome {
    var note: String {
        switch self {
        case .delivered(let note), .retry(_, _, let note), .rejected(let note): note
        }
    }
    var isDelivered: Bool { if case .delivered = self { true } else { false } }
    var isRejected: Bool { if case .rejected = self { true } else { false } }
    /// Whom a retry blames; nil for other outcomes.
    var blames: Blame? { if case .retry(_, let blames, _) = self { blames } else { nil } }
    var after: Duration? { if case .retry(let after, _, _) = self { after } else { nil } }
}
