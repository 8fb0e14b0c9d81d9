// The values that a template prints: each prints as it stands on the wire, and takes the filters
// that make it readable in the contact's language and zone.
import Mustache

/// A text. Not a plain String, whose filters are swift-mustache's and cannot be added to.
struct TextView: MustacheCustomRenderable, MustacheTransformable {
    let renderText: String
    /// A section over an empty text is not shown.
    var isNull: Bool { renderText.isEmpty }

    init(_ text: String) { renderText = text }

    /// Foreign text, made harmless; nil where nothing is left of it.
    init?(foreign text: String?) {
        guard let text, !text.isEmpty else { return nil }
        renderText = CleanText.line(text)
        if renderText.isEmpty { return nil }
    }

    func transform(_ name: String) -> Any? {
        switch name {
        case "uppercased": TextView(renderText.uppercased())
        case "lowercased": TextView(renderText.lowercased())
        case "oneLine": TextView(CleanText.line(renderText))
        case "entities": TextView(entities)
        default: nil
        }
    }

    /// `&`, `<` and `>` as entities: what Slack and its like ask for in a text.
    private var entities: String {
        var text = String.UnicodeScalarView()
        for scalar in renderText.unicodeScalars {
            switch scalar {
            case "&": text.append(contentsOf: "&amp;".unicodeScalars)
            case "<": text.append(contentsOf: "&lt;".unicodeScalars)
            case ">": text.append(contentsOf: "&gt;".unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
    }
}

/// A word of the wire (`critical`, `vibration`) that `words` turns into the contact's language.
struct WordView: MustacheCustomRenderable, MustacheTransformable {
    let facts: TemplateFacts
    let word: Word

    enum Word: Sendable {
        case reason(Reason)
        case severity(Severity)
        case state(Incident.State)
        case eventType(String)
        case alarm(String)
    }

    var renderText: String {
        switch word {
        case .reason(let reason): reason.rawValue
        case .severity(let severity): severity.rawValue
        case .state(let state): state.rawValue
        case .eventType(let type): CleanText.line(type)
        case .alarm(let kind): CleanText.line(kind)
        }
    }
    var isNull: Bool { false }

    func transform(_ name: String) -> Any? {
        guard name == "words" else { return nil }
        let wording = facts.wording
        return switch word {
        case .reason(let reason): TextView(wording.reason(reason))
        case .severity(let severity): TextView(wording.severity(severity))
        case .state(let state): TextView(wording.state(state))
        case .eventType(let type): TextView(foreign: wording.eventType(type))
        case .alarm(let kind): TextView(foreign: wording.alarm(kind))
        }
    }
}

/// A time: RFC 3339 in UTC as on the wire; its filters read it in the contact's zone.
struct TimeView: MustacheCustomRenderable, MustacheTransformable {
    let facts: TemplateFacts
    let instant: Instant

    var renderText: String { instant.rfc3339 }
    var isNull: Bool { false }

    func transform(_ name: String) -> Any? {
        switch name {
        case "localTime": TextView(facts.localTime(instant))
        case "localDate": TextView(facts.wording.date(facts.wall(instant)))
        case "localClock": TextView(facts.wording.clock(facts.wall(instant)))
        case "ago": TextView(facts.ago(instant))
        default: nil
        }
    }
}

/// A number, as JSON writes it. `{{#held}}` is not shown for 0.
struct NumberView: MustacheCustomRenderable, MustacheTransformable {
    let facts: TemplateFacts
    let value: Value

    enum Value: Sendable {
        case whole(Int64)
        case real(Double)
    }

    init(facts: TemplateFacts, _ value: Int) { self.init(facts: facts, Int64(value)) }
    init(facts: TemplateFacts, _ value: Int64) {
        self.facts = facts
        self.value = .whole(value)
    }
    init(facts: TemplateFacts, _ value: Double) {
        self.facts = facts
        self.value = .real(value)
    }

    private var real: Double {
        switch value {
        case .whole(let number): Double(number)
        case .real(let number): number
        }
    }

    var renderText: String {
        switch value {
        case .whole(let number): return String(number)
        case .real(let number):
            var writer = JSONWriter(capacity: 24)
            writer.value(number)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }
    var isNull: Bool { real == 0 }

    func transform(_ name: String) -> Any? {
        switch name {
        case "speed": return TextView(facts.wording.speed(real))
        case "distance": return TextView(facts.wording.distance(metres: real))
        case "span":
            return Int64(exactly: real.rounded())
                .map { TextView(facts.wording.span(seconds: $0)) }
        case "plusone":
            switch value {
            case .whole(let number): return NumberView(facts: facts, number &+ 1)
            case .real(let number): return NumberView(facts: facts, number + 1)
            }
        default: return nil
        }
    }
}
