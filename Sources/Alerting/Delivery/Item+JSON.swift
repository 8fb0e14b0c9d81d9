// The two written forms of a message's facts. Stored: what the outbox keeps, key for key what
// Codable would write, so that JSONDecoder reads it back. Wire: CONFIG.md's one shape for single,
// merged and digest messages, where what is not known is left out. Both are written by hand because
// each delivery passes here twice.
import Foundation

// MARK: - Stored

extension Item {
    /// The stored form of a delivery's items: a list, in order.
    package static func write(stored items: [Item], to writer: inout ByteWriter) {
        var json = JSONWriter(taking: &writer)
        json.list(of: items) { json, item in item.write(stored: &json) }
        json.end(in: &writer)
    }

    /// The inverse.
    /// - Throws: DecodingError, where the bytes are not what was written or JSONEncoder writes.
    package static func items(stored bytes: [UInt8]) throws -> [Item] {
        try JSONDecoder().decode([Item].self, from: Data(bytes))
    }

    private func write(stored writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("incident")
            writer.object { writer in
                writer.member("id", incident.id)
                writer.member("state", incident.state.rawValue)
                writer.member(known: "opened", milliseconds: incident.opened)
                writer.member("count", Int64(incident.count))
            }
            writer.member("rule", rule)
            if let device {
                writer.name("device")
                device.write(stored: &writer)
            }
            writer.member(known: "source", source)
            if let event {
                writer.name("event")
                event.write(stored: &writer)
            }
            if let position {
                writer.name("position")
                position.write(stored: &writer)
            }
            writer.member(known: "place", place)
            writer.member("held", Int64(held))
            writer.member("reason", reason.rawValue)
            writer.member("severity", severity.rawValue)
            writer.member("template", template)
        }
    }
}

extension Item.DeviceFacts {
    fileprivate func write(stored writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("uniqueId", uniqueId)
            writer.member(known: "group", group)
        }
    }
}

extension Item.EventFacts {
    fileprivate func write(stored writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("type", type)
            writer.member(known: "alarm", alarm)
            writer.member(known: "time", milliseconds: time)
            writer.member(known: "received", milliseconds: received)
            writer.member("clockWrong", clockWrong)
            writer.member("lateMilliseconds", lateMilliseconds)
            writer.member(known: "txn", txn)
        }
    }
}

extension Item.PositionFacts {
    fileprivate func write(stored writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("latitude", latitude)
            writer.member("longitude", longitude)
            if let speed { writer.member("speed", speed.kilometresPerHour) }
            if let battery { writer.member("battery", battery) }
            writer.member("valid", valid)
            writer.member(known: "time", milliseconds: time)
            writer.member(known: "address", address)
        }
    }
}

extension Trouble {
    /// The stored form: what JSONDecoder reads as a `Trouble`.
    package var stored: [UInt8] {
        var writer = JSONWriter(capacity: 96 + subject.utf8.count + text.utf8.count)
        writer.object { writer in
            writer.member("kind", kind.rawValue)
            writer.member("subject", subject)
            writer.member("text", text)
        }
        return writer.bytes
    }

    /// - Throws: DecodingError, where the bytes are not what `stored` or JSONEncoder wrote.
    package init(stored bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(Trouble.self, from: Data(bytes))
    }
}

// MARK: - On the wire

extension Reason {
    /// `type` of a message on the wire (CONFIG.md).
    package var wireType: StaticString {
        switch self {
        case .first: "incident.opened"
        case .again: "incident.again"
        case .repeat: "incident.repeated"
        case .escalation: "incident.escalated"
        case .cleared: "incident.cleared"
        case .corrected: "incident.corrected"
        case .digest: "digest"
        case .drill: "drill"
        }
    }
}

extension Delivery {
    /// The body for HTTP and for a hook's stdin, in CONFIG.md's shape. `timestamp` is when the
    /// message became due to exist, so that all attempts carry the same (Standard Webhooks: the
    /// time of the event, not of the delivery).
    package func wire(subject: String, text: String, publicURL: String?) -> [UInt8] {
        var writer = JSONWriter(capacity: 512 + text.utf8.count * 2 + items.count * 768)
        writer.object { writer in
            writer.member("type", reason.wireType.description)
            writer.member(known: "timestamp", rfc3339: created)
            writer.name("data")
            writer.object { writer in
                writer.member("delivery", id)
                writer.member("contact", contact)
                writer.member("reason", reason.rawValue)
                writer.member("severity", severity.rawValue)
                writer.member("subject", subject)
                writer.member("text", text)
                writer.member("rules_hash", rulesHash)
                writer.name("items")
                writer.list(of: items) { writer, item in
                    item.write(wire: &writer, publicURL: publicURL)
                }
            }
        }
        return writer.bytes
    }
}

extension JSONWriter {
    /// Foreign text goes out as it is, but a body of 200 items must not grow with a name of a
    /// megabyte.
    fileprivate mutating func member(foreign name: StaticString, _ text: String?) {
        if let text { member(name, CleanText.cut(text, bytes: Limits.wireFactBytes)) }
    }
}

extension Item.DeviceFacts {
    fileprivate func write(wire writer: inout JSONWriter) {
        writer.object { writer in
            writer.member(foreign: "name", name)
            writer.member(foreign: "uniqueId", uniqueId)
            writer.member(foreign: "group", group)
        }
    }
}

extension Item {
    /// Where a person sees the incident. The id is letters and digits: nothing to escape.
    package func incidentURL(public url: String) -> String {
        "\(url.hasSuffix("/") ? String(url.dropLast()) : url)/incidents/\(incident.id)"
    }

    fileprivate func write(wire writer: inout JSONWriter, publicURL: String?) {
        writer.object { writer in
            writer.name("incident")
            writer.object { writer in
                writer.member("id", incident.id)
                writer.member("state", incident.state.rawValue)
                writer.member(known: "opened", rfc3339: incident.opened)
                writer.member("count", Int64(incident.count))
                writer.member(known: "url", publicURL.map(incidentURL(public:)))
            }
            writer.member("rule", rule)
            if let device {
                writer.name("device")
                device.write(wire: &writer)
            }
            writer.member(foreign: "source", source)
            if let event {
                writer.name("event")
                event.write(wire: &writer)
            }
            if let position {
                writer.name("position")
                position.write(wire: &writer)
            }
            writer.member(foreign: "place", place)
            writer.member("held", Int64(held))
        }
    }
}

extension Item.EventFacts {
    /// Whole seconds of age at receipt; nil where the event has no time (CONFIG.md).
    package var lateSeconds: Int64? { time == nil ? nil : max(0, lateMilliseconds) / 1_000 }

    fileprivate func write(wire writer: inout JSONWriter) {
        writer.object { writer in
            if id != 0 { writer.member("id", id) }
            writer.member(foreign: "type", type)
            writer.member(foreign: "alarm", alarm)
            writer.member(known: "time", rfc3339: time)
            writer.member(known: "received", rfc3339: received)
            if let lateSeconds { writer.member("late_seconds", lateSeconds) }
            if clockWrong { writer.member("clock_wrong", true) }
            writer.member(foreign: "txn", txn)
        }
    }
}

extension Item.PositionFacts {
    /// Without the noise that 1.852 adds to knots: 24.076, not 24.076000000000004. A micro-km/h is
    /// far below what any tracker measures.
    package var speedKmh: Double? {
        speed.map { ($0.kilometresPerHour * 1e6).rounded() / 1e6 }
    }

    fileprivate func write(wire writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("latitude", latitude)
            writer.member("longitude", longitude)
            if let speedKmh { writer.member("speed_kmh", speedKmh) }
            if let battery { writer.member("battery_percent", battery) }
            writer.member("valid", valid)
            writer.member(known: "time", rfc3339: time)
        }
    }
}
