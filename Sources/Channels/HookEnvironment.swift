// A hook's environment: three variables that programs need, and the message's. Nothing of the
// relay's own environment is in it, where tokens and passwords stand.
import Alerting
import Foundation

/// `NAME=value` lines: those of CONFIG.md and `OUTCRY_CLOCK_WRONG` (0008). What is not known is
/// left out.
struct HookEnvironment {
    /// Where programs without a slash are looked for.
    static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private(set) var lines = [
        "PATH=\(path)",
        "LANG=C.UTF-8",
        "HOME=/",
    ]

    init(_ message: Message) {
        let delivery = message.delivery
        let item = delivery.items.first
        add("DELIVERY", delivery.id)
        add("REASON", delivery.reason.rawValue)
        add("SEVERITY", "\(delivery.severity)")
        add("INCIDENT", item?.incident.id)
        var rules: [String] = []
        for item in delivery.items where !rules.contains(item.rule) { rules.append(item.rule) }
        add("RULES", rules.isEmpty ? nil : rules.joined(separator: " "))
        add("DEVICE", item?.device?.name)
        add("UNIQUE_ID", item?.device?.uniqueId)
        add("EVENT", item?.event?.type)
        // 0: not known (CONFIG.md).
        add("EVENT_ID", item?.event.flatMap { $0.id == 0 ? nil : "\($0.id)" })
        add("ALARM", item?.event?.alarm)
        add("TIME", item?.event?.time?.rfc3339)
        // As in the JSON, so that no script takes a time for true that cannot be.
        if item?.event?.clockWrong == true { add("CLOCK_WRONG", "true") }
        add("LATITUDE", item?.position.map { Self.degrees($0.latitude) })
        add("LONGITUDE", item?.position.map { Self.degrees($0.longitude) })
        add("SUBJECT", message.subject)
        append("TEXT", PlainText.lines(message.text))
    }

    private mutating func add(_ name: String, _ value: String?) {
        guard let value else { return }
        append(name, PlainText.line(value))
    }

    /// Cut at a character: half of one is no text any more.
    private mutating func append(_ name: String, _ value: String) {
        let value = PlainText.prefix(value, bytes: Limits.hookVariableBytes)
        lines.append("OUTCRY_\(name)=\(value)")
    }

    /// Never with an exponent, which few shells can read.
    private static func degrees(_ value: Double) -> String {
        let text = "\(value)"
        return text.contains("e") ? String(format: "%.7f", value) : text
    }
}
