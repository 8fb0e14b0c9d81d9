// One message to one address of one contact by one channel. It holds facts, not text: it is
// rendered at each attempt, so that its age is true (docs/decisions/0003).

/// A configured way to reach somebody: `email`, `http:NAME` or `hook:NAME`.
package struct ChannelName: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    package var kind: Kind
    /// The channel's name in the configuration; empty for `email`.
    package var name: String

    package enum Kind: String, Sendable, CaseIterable, Codable { case email, http, hook }

    package static let email = ChannelName(kind: .email, name: "")
    package static func http(_ name: String) -> ChannelName { ChannelName(kind: .http, name: name) }
    package static func hook(_ name: String) -> ChannelName { ChannelName(kind: .hook, name: name) }

    package init(kind: Kind, name: String) {
        self.kind = kind
        self.name = name
    }

    /// By the name alone, which few kinds share: each delivery is looked up by it several times.
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// The inverse of `description`; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = Kind(rawValue: String(parts[0])) else { return nil }
        self.init(kind: kind, name: parts.count > 1 ? String(parts[1]) : "")
        guard (kind == .email) == name.isEmpty else { return nil }
    }

    package var description: String {
        guard !name.isEmpty else { return kind.rawValue }
        // Each delivery asks for it, and interpolation takes its time.
        let (kind, name) = (kind.rawValue, name)
        return String { writer in
            writer.append(kind)
            writer.append(UInt8(ascii: ":"))
            writer.append(name)
        }
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let channel = ChannelName(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no channel: \(text)"))
        }
        self = channel
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
    package static func < (left: ChannelName, right: ChannelName) -> Bool {
        left.description < right.description
    }
}

/// Why a message is sent (Alertmanager's word; RULES.md).
package enum Reason: String, Sendable, CaseIterable, Codable {
    case first, again, `repeat`, escalation, cleared, corrected, digest, drill
}

/// A message that is due: to whom, why, and the facts.
package struct Delivery: Hashable, Sendable {
    /// What one delivery says: the same over all its attempts.
    private struct Facts: Hashable, Sendable {
        var id: String
        var contact: String
        var channel: ChannelName
        var address: String
        var reason: Reason
        var severity: Severity
        var template: String
        var language: String
        var timezone: String
        var items: [Item]
        var trouble: Trouble?
        var rulesHash: String
        var created: Instant
    }
    /// Shared between the copies of a delivery. It goes through many hands (engine, writer,
    /// backlog, lane, renderer, notifier): each would count its dozen strings and lists.
    private final class Sheet: Sendable {
        let facts: Facts
        init(_ facts: Facts) { self.facts = facts }
    }
    private var sheet: Sheet
    /// Not before this (for `held`: when it is to be released).
    package var due: Instant
    package var state = State.queued
    package var attempts = 0

    package enum State: String, Sendable, CaseIterable, Codable {
        case queued, sending, sent, held, cancelled, dead
    }

    package init(
        id: String, contact: String, channel: ChannelName, address: String, reason: Reason,
        severity: Severity, template: String, language: String, timezone: String, items: [Item],
        rulesHash: String, created: Instant
    ) {
        sheet = Sheet(
            Facts(
                id: id, contact: contact, channel: channel, address: address, reason: reason,
                severity: severity, template: template, language: language, timezone: timezone,
                items: items, trouble: nil, rulesHash: rulesHash, created: created))
        due = created
    }

    package static func == (left: Delivery, right: Delivery) -> Bool {
        left.due == right.due && left.state == right.state && left.attempts == right.attempts
            && (left.sheet === right.sheet || left.sheet.facts == right.sheet.facts)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(sheet.facts)
        hasher.combine(due)
        hasher.combine(state)
        hasher.combine(attempts)
    }
}

// MARK: - What it says

extension Delivery {
    private var facts: Facts {
        get { sheet.facts }
        set { sheet = Sheet(newValue) }
    }

    /// Derived from contact, address, channel, reason, cause and repeat number. It is the
    /// `Message-ID`, the `webhook-id` and the hook's variable: the same over all attempts.
    package var id: String {
        get { sheet.facts.id }
        set { facts.id = newValue }
    }
    package var contact: String { sheet.facts.contact }
    package var channel: ChannelName {
        get { sheet.facts.channel }
        set { facts.channel = newValue }
    }
    /// The mail address; empty for `http:` and `hook:`.
    package var address: String { sheet.facts.address }
    package var reason: Reason {
        get { sheet.facts.reason }
        set { facts.reason = newValue }
    }
    package var severity: Severity {
        get { sheet.facts.severity }
        set { facts.severity = newValue }
    }
    package var template: String { sheet.facts.template }
    package var language: String { sheet.facts.language }
    /// IANA name of the contact's zone; `UTC` where none is set.
    package var timezone: String { sheet.facts.timezone }
    /// 1 to `Limits.itemsPerMessage`; empty only for trouble of the relay's own.
    package var items: [Item] {
        get { sheet.facts.items }
        set { facts.items = newValue }
    }
    /// Trouble of the relay's own, told to the operator: subject and text as they are.
    package var trouble: Trouble? {
        get { sheet.facts.trouble }
        set { facts.trouble = newValue }
    }
    package var rulesHash: String { sheet.facts.rulesHash }
    package var created: Instant {
        get { sheet.facts.created }
        set { facts.created = newValue }
    }
}

/// Something wrong with the relay itself, for the `operator`.
package struct Trouble: Hashable, Sendable, Codable {
    package var kind: Kind
    package var subject: String
    package var text: String

    package enum Kind: String, Sendable, Codable, CaseIterable {
        case deadDelivery = "dead-delivery"
        case poisonEvent = "poison-event"
        case badReload = "bad-reload"
        case reusedId = "reused-id"
    }

    package init(kind: Kind, subject: String, text: String) {
        self.kind = kind
        self.subject = subject
        self.text = text
    }
}
