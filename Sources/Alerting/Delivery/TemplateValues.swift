// What a template works with: the things that a name or a filter stands for. A value is an index
// into the facts or something small, so that looking it up copies nothing; MessageView answers
// what its members and filters are, by the names of TemplateShape.

/// One thing in `data`, or made of it by a filter.
enum TemplateValue: Equatable {
    case message
    case items
    /// One of the items, and the parts of it, by its index.
    case item(Int), incident(Int), device(Int), event(Int), position(Int)
    case text(String)
    /// A word of the wire (`critical`, `vibration`) that `words` turns into the contact's language.
    case word(Word)
    /// Prints as RFC 3339 in UTC, as on the wire; its filters read it in the contact's zone.
    case time(Instant)
    case number(Number)
    case flag(Bool)
    /// Where in `{{#items}}` we are.
    case loop(Loop)
    case index(Int)

    enum Word: Equatable {
        case reason(Reason)
        case severity(Severity)
        case state(Incident.State)
        case eventType(String)
        case alarm(String)
    }

    enum Number: Equatable {
        case whole(Int64)
        case real(Double)

        var real: Double {
            switch self {
            case .whole(let number): Double(number)
            case .real(let number): number
            }
        }
        var next: Number {
            switch self {
            case .whole(let number): .whole(number &+ 1)
            case .real(let number): .real(number + 1)
            }
        }
    }

    struct Loop: Equatable {
        var index: Int
        var isLast: Bool
    }

    static func whole(_ number: Int) -> TemplateValue { .number(.whole(Int64(number))) }

    /// Foreign text, made harmless; nil where nothing is left of it.
    static func foreign(_ text: String?) -> TemplateValue? {
        guard let text, !text.isEmpty else { return nil }
        let clean = CleanText.line(text)
        return clean.isEmpty ? nil : .text(clean)
    }

    /// Whether a section over it is not shown: an empty text, and the number 0 (`{{#held}}`).
    var isNull: Bool {
        switch self {
        case .text(let text): text.isEmpty
        case .number(let number): number.real == 0
        case .message, .items, .item, .incident, .device, .event, .position, .word, .time, .flag,
            .loop, .index:
            false
        }
    }

    /// As `{{…}}` prints it, before it is escaped. What is no value by itself prints nothing.
    var printed: String {
        switch self {
        case .text(let text): return text
        case .word(let word): return word.printed
        case .time(let instant): return instant.rfc3339
        case .number(.whole(let number)): return String(number)
        case .number(.real(let number)):
            var writer = JSONWriter(capacity: 24)
            writer.value(number)
            return writer.text
        case .flag(let flag): return flag ? "true" : "false"
        case .index(let index): return String(index)
        case .message, .items, .item, .incident, .device, .event, .position, .loop: return ""
        }
    }
}

extension TemplateValue.Word {
    fileprivate var printed: String {
        switch self {
        case .reason(let reason): reason.rawValue
        case .severity(let severity): severity.rawValue
        case .state(let state): state.rawValue
        case .eventType(let type): CleanText.line(type)
        case .alarm(let kind): CleanText.line(kind)
        }
    }

    func words(_ wording: Wording) -> TemplateValue? {
        switch self {
        case .reason(let reason): .text(wording.reason(reason))
        case .severity(let severity): .text(wording.severity(severity))
        case .state(let state): .text(wording.state(state))
        case .eventType(let type): .foreign(wording.eventType(type))
        case .alarm(let kind): .foreign(wording.alarm(kind))
        }
    }
}

/// The names of members that a template may say (TemplateShape).
enum TemplateName: String, CaseIterable {
    case items, severity, reason, subject, text, delivery, contact
    case rulesHash = "rules_hash"
    case incident, rule, device, source, event, position, place, held
    case id, state, opened, count, url
    case name, uniqueId, group
    case type, alarm, time, received, txn
    case lateSeconds = "late_seconds"
    case clockWrong = "clock_wrong"
    case latitude, longitude, valid
    case speedKmh = "speed_kmh"
    case batteryPercent = "battery_percent"
}

/// The names of filters that a template may say (TemplateShape).
enum TemplateFilter: String, CaseIterable {
    case title, delay
    case first, last, lead, count, several, empty
    case who, headline, what, when, `where`, why, mapLink, link, age, ago, ended
    case uppercased, lowercased, oneLine, entities, words
    case localTime, localDate, localClock
    case speed, distance, span, plusone
    case index, even, odd
}
