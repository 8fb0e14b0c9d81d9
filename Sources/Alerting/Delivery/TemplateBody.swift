// The `json` part of a template is written by hand, commas and all: whether it gives JSON is tried
// at check time with deliveries that differ in what is known of them, and seen again at each
// rendering.
import Foundation

/// The body that a template makes.
enum TemplateBody {
    static func findings(
        of template: CompiledTemplate, at place: TemplatePath
    ) -> [TemplateFinding] {
        let broken = samples.first { sample in
            let facts = TemplateFacts(
                delivery: sample.delivery, now: sample.delivery.created,
                publicURL: "https://alerts.example.org", offset: { _, _ in 0 })
            return !isJSON(template.render(MessageView(facts: facts, subject: "s", text: "t")))
        }
        guard let broken else { return [] }
        return [
            TemplateFinding(
                path: place.path, line: 1, column: 1,
                message: "this gives no JSON for \(broken.name); quotes and commas are yours to "
                    + "write ('{{^last()}},{{/last()}}' between items)", isStructural: false)
        ]
    }

    /// Foundation's parser forgives a comma before a closing bracket, which is what a template gets
    /// wrong first.
    static func isJSON(_ text: String) -> Bool {
        guard !hasTrailingComma(text) else { return false }
        do {
            _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            return true
        } catch {
            return false
        }
    }

    private static func hasTrailingComma(_ text: String) -> Bool {
        var inString = false
        var isEscaped = false
        var afterComma = false
        for byte in text.utf8 {
            if inString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
                continue
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                if afterComma { return true }
            default: break
            }
            afterComma = byte == UInt8(ascii: ",")
        }
        return false
    }

    // MARK: - Samples

    private static let samples: [(name: String, delivery: Delivery)] = {
        var event = Event(server: "", source: "", type: "alarm")
        event.id = 1
        event.attributes = ["alarm": .text("vibration")]
        event.time = Instant(seconds: 1_700_000_000)
        event.received = Instant(seconds: 1_700_000_600)
        event.txn = "t"
        var position = Position(coordinate: Coordinate(latitude: 48.2, longitude: 16.4))
        position.speed = Speed(kilometresPerHour: 12.5)
        position.fixTime = event.time
        position.attributes["batteryLevel"] = .number(18)
        var whole = bare
        whole.device = .init(name: "Cargo \"1\"\n", uniqueId: "1", group: "g")
        whole.event = .init(event)
        whole.position = .init(position)
        whole.place = "depot"
        whole.held = 2
        return [
            ("one item", delivery([whole])), ("several items", delivery([whole, whole, whole])),
            ("an item of which little is known", delivery([bare])),
            ("trouble of the relay's own, which has no items", delivery([])),
        ]
    }()

    private static let bare = Item(
        incident: .init(
            id: "1", state: .open, opened: Instant(seconds: 1_700_000_600), count: 1),
        rule: "r", device: nil, event: nil, position: nil, place: nil, held: 0, reason: .first,
        severity: .warning, template: "alarm")

    private static func delivery(_ items: [Item]) -> Delivery {
        Delivery(
            id: "1", contact: "owner", channel: .http("sample"), address: "", reason: .first,
            severity: .warning, template: "alarm", language: "en", timezone: "UTC", items: items,
            rulesHash: "0", created: Instant(seconds: 1_700_000_600))
    }
}
