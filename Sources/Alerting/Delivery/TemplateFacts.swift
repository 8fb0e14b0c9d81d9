// The facts of a delivery as templates look them up: a name is answered when a template asks for
// it. Nothing is copied into dictionaries, nothing is reflected. Foreign text is cleaned on its way
// out. The names are TemplateShape's.

/// One rendering: the facts, and what is needed to word them.
final class TemplateFacts: Sendable {
    let delivery: Delivery
    /// When this attempt began: what `ago` and `delay` count to.
    let now: Instant
    let wording: Wording
    let publicURL: String?
    private let offset: ZoneOffset
    /// What it says in a few words: of several items their number and the worst. Subject and text
    /// both ask for it.
    let title: String

    /// The template for trouble of the relay's own, whatever the delivery names.
    static let troubleTemplate = "trouble"

    init(delivery: Delivery, now: Instant, publicURL: String?, offset: @escaping ZoneOffset) {
        self.delivery = delivery
        self.now = now
        self.publicURL = publicURL
        self.offset = offset
        wording = Wording(language: delivery.language)
        title = wording.title(of: delivery)
    }

    /// The contact's wall time, as an instant that reads right in UTC.
    func wall(_ instant: Instant) -> Instant {
        isUTC ? instant : instant + .seconds(offset(delivery.timezone, instant))
    }

    /// Without a zone of the contact's, the text says that it is UTC.
    func localTime(_ instant: Instant) -> String {
        String { append(localTime: instant, to: &$0) }
    }

    private func append(localTime instant: Instant, to writer: inout ByteWriter) {
        wording.append(dateAndTime: wall(instant), to: &writer)
        if isUTC { writer.append(literal: " UTC") }
    }

    private var isUTC: Bool { delivery.timezone == "UTC" }

    func ago(_ instant: Instant) -> String { wording.ago(seconds: (now - instant).wholeSeconds) }

    /// The item that gives reason, title and template.
    static func lead(_ items: [Item]) -> Int? { items.indices.min { Item.leads(items, $0, $1) } }
}

// MARK: - Looking up

/// The message as its templates see it.
struct MessageView {
    let facts: TemplateFacts
    /// nil while it is being made.
    var subject: String?
    var text: String?

    /// nil: there is none, or it is not known.
    func member(_ name: TemplateName, of value: TemplateValue) -> TemplateValue? {
        switch value {
        case .message: member(name)
        case .item(let index): facts.delivery.items[index].member(name, at: index)
        case .incident(let index): incident(name, facts.delivery.items[index])
        case .device(let index): facts.delivery.items[index].device?.member(name)
        case .event(let index): facts.delivery.items[index].event?.member(name)
        case .position(let index): facts.delivery.items[index].position?.member(name)
        case .items, .text, .word, .time, .number, .flag, .loop, .index: nil
        }
    }

    private func member(_ name: TemplateName) -> TemplateValue? {
        switch name {
        case .items: .items
        case .severity: .word(.severity(facts.delivery.severity))
        case .reason: .word(.reason(facts.delivery.reason))
        case .subject: subject.map { .text($0) }
        case .text: text.map { .text($0) }
        case .delivery: .text(facts.delivery.id)
        case .contact: .foreign(facts.delivery.contact)
        case .rulesHash: .foreign(facts.delivery.rulesHash)
        default: nil
        }
    }

    @inline(__always)
    private func incident(_ name: TemplateName, _ item: Item) -> TemplateValue? {
        switch name {
        case .id: .foreign(item.incident.id)
        case .state: .word(.state(item.incident.state))
        case .opened: .time(item.incident.opened)
        case .count: .whole(item.incident.count)
        case .url: facts.publicURL.map { .text(item.incidentURL(public: $0)) }
        default: nil
        }
    }
}

extension Item {
    @inline(__always)
    fileprivate func member(_ name: TemplateName, at index: Int) -> TemplateValue? {
        switch name {
        case .device: device == nil ? nil : .device(index)
        case .event: event == nil ? nil : .event(index)
        case .position: position == nil ? nil : .position(index)
        case .incident: .incident(index)
        case .rule: .foreign(rule)
        case .source: .foreign(source)
        case .place: .foreign(place)
        case .held: .whole(held)
        default: nil
        }
    }
}

extension Item.DeviceFacts {
    fileprivate func member(_ name: TemplateName) -> TemplateValue? {
        switch name {
        case .name: .foreign(self.name)
        case .uniqueId: .foreign(uniqueId)
        case .group: .foreign(group)
        default: nil
        }
    }
}

extension Item.EventFacts {
    fileprivate func member(_ name: TemplateName) -> TemplateValue? {
        switch name {
        case .id: id == 0 ? nil : .number(.whole(id))
        case .type: .word(.eventType(type))
        case .alarm: alarm.map { .word(.alarm($0)) }
        case .time: time.map { .time($0) }
        case .received: .time(received)
        case .lateSeconds: lateSeconds.map { .number(.whole($0)) }
        case .clockWrong: clockWrong ? .flag(true) : nil
        case .txn: .foreign(txn)
        default: nil
        }
    }
}

extension Item.PositionFacts {
    fileprivate func member(_ name: TemplateName) -> TemplateValue? {
        switch name {
        case .latitude: .number(.real(latitude))
        case .longitude: .number(.real(longitude))
        case .speedKmh: speedKmh.map { .number(.real($0)) }
        case .batteryPercent: battery.map { .number(.real($0)) }
        case .valid: .flag(valid)
        case .time: time.map { .time($0) }
        default: nil
        }
    }
}

// MARK: - Filters

extension MessageView {
    /// nil: the value has no such filter, or the filter finds nothing.
    func filtered(_ value: TemplateValue, by filter: TemplateFilter) -> TemplateValue? {
        switch value {
        case .message: message(by: filter)
        case .items: items(by: filter)
        case .item(let index): item(index, by: filter)
        case .event(let index):
            switch filter {
            case .what, .when, .age, .ago: item(index, by: filter)
            default: nil
            }
        case .position(let index):
            switch filter {
            case .where, .mapLink: item(index, by: filter)
            default: nil
            }
        case .text(let text): Self.text(text, by: filter)
        case .word(let word): filter == .words ? word.words(facts.wording) : nil
        case .time(let instant): time(instant, by: filter)
        case .number(let number): self.number(number, by: filter)
        case .loop(let loop):
            switch filter {
            case .first: .flag(loop.index == 0)
            case .last: .flag(loop.isLast)
            case .index: .index(loop.index)
            case .even: .flag(loop.index % 2 == 0)
            case .odd: .flag(loop.index % 2 == 1)
            default: nil
            }
        case .index(let index):
            switch filter {
            case .plusone: .index(index + 1)
            case .even: .flag(index % 2 == 0)
            case .odd: .flag(index % 2 == 1)
            default: nil
            }
        case .incident, .device, .flag: nil
        }
    }

    private func message(by filter: TemplateFilter) -> TemplateValue? {
        switch filter {
        case .title: .text(facts.title)
        // A message that was held on purpose is due later than it was made.
        case .delay:
            facts.wording.late(seconds: (facts.now - facts.delivery.due).wholeSeconds)
                .map { .text($0) }
        default: nil
        }
    }

    private func items(by filter: TemplateFilter) -> TemplateValue? {
        let count = facts.delivery.items.count
        return switch filter {
        case .first: count == 0 ? nil : .item(0)
        case .last: count == 0 ? nil : .item(count - 1)
        case .lead: TemplateFacts.lead(facts.delivery.items).map { .item($0) }
        case .count: .whole(count)
        case .several: .flag(count > 1)
        case .empty: .flag(count == 0)
        default: nil
        }
    }

    private func item(_ index: Int, by filter: TemplateFilter) -> TemplateValue? {
        if filter == .ended {
            let reason = facts.delivery.items[index].reason
            return .flag(reason == .cleared || reason == .corrected)
        }
        return facts.words(filter, ofItem: index).map { .text($0) }
    }

    private static func text(_ text: String, by filter: TemplateFilter) -> TemplateValue? {
        switch filter {
        case .uppercased: .text(text.uppercased())
        case .lowercased: .text(text.lowercased())
        case .oneLine: .text(CleanText.line(text))
        case .entities: .text(entities(text))
        default: nil
        }
    }

    /// `&`, `<` and `>` as entities: what Slack and its like ask for in a text.
    private static func entities(_ plain: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in plain.unicodeScalars {
            switch scalar {
            case "&": text.append(contentsOf: "&amp;".unicodeScalars)
            case "<": text.append(contentsOf: "&lt;".unicodeScalars)
            case ">": text.append(contentsOf: "&gt;".unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
    }

    private func time(_ instant: Instant, by filter: TemplateFilter) -> TemplateValue? {
        switch filter {
        case .localTime: .text(facts.localTime(instant))
        case .localDate: .text(facts.wording.date(facts.wall(instant)))
        case .localClock: .text(facts.wording.clock(facts.wall(instant)))
        case .ago: .text(facts.ago(instant))
        default: nil
        }
    }

    private func number(
        _ number: TemplateValue.Number, by filter: TemplateFilter
    ) -> TemplateValue? {
        switch filter {
        case .speed: .text(facts.wording.speed(number.real))
        case .distance: .text(facts.wording.distance(metres: number.real))
        case .span:
            Int64(exactly: number.real.rounded()).map { .text(facts.wording.span(seconds: $0)) }
        case .plusone: .number(number.next)
        default: nil
        }
    }
}

// MARK: - Words of an item

extension TemplateFacts {
    /// `theft-at-night (first message)`.
    @inline(__always)
    private func why(_ item: Item) -> String {
        let (rule, reason) = (item.rule, wording.reason(item.reason))
        return String { writer in
            writer.append(rule)
            writer.append(literal: " (")
            writer.append(reason)
            writer.append(literal: ")")
        }
    }

    /// By its place, and of its parts each filter takes what it needs: an item is large.
    fileprivate func words(_ filter: TemplateFilter, ofItem index: Int) -> String? {
        let items = delivery.items
        return switch filter {
        case .title: items.count == 1 ? title : wording.title(items[index])
        case .who: items[index].who
        case .what: items[index].what(wording)
        case .headline: wording.headline(items[index], what: items[index].what(wording))
        case .where: items[index].whereabouts(wording)
        case .why: CleanText.line(why(items[index]))
        case .link: publicURL.map(items[index].incidentURL(public:))
        case .mapLink: items[index].position.flatMap(Wording.mapLink)
        case .when: items[index].event.map { when($0) }
        case .age: items[index].event.flatMap { age($0) }
        case .ago: items[index].event.map { ago($0.time ?? $0.received) }
        default: nil
        }
    }
}

extension Item {
    /// The device's name; of a source its own, and where there is neither the rule stands for it.
    @inline(__always) var who: String {
        guard let device else { return source.map { CleanText.line($0) } ?? rule }
        let name = CleanText.trimmed(CleanText.line(device.name))
        return name.isEmpty ? CleanText.line(device.uniqueId) : name
    }

    @inline(__always)
    func what(_ wording: Wording) -> String {
        guard let event else { return rule }
        return CleanText.line(
            wording.what(event, place: place.map { CleanText.line($0) }, position))
    }

    @inline(__always)
    func whereabouts(_ wording: Wording) -> String {
        wording.whereabouts(position, address: position?.address.map { CleanText.line($0) })
    }
}

extension Wording {
    /// `Cargo 1: vibration alarm`.
    @inline(__always)
    func title(_ item: Item) -> String {
        let who = item.who
        let headline = headline(item, what: item.what(self))
        return String(capacity: who.utf8.count + headline.utf8.count + 2) { writer in
            writer.append(who)
            writer.append(literal: ": ")
            writer.append(headline)
        }
    }

    fileprivate func title(of delivery: Delivery) -> String {
        let items = delivery.items
        guard let lead = TemplateFacts.lead(items) else { return delivery.trouble?.subject ?? "" }
        let title = title(items[lead])
        guard items.count > 1 else { return title }
        return "\(items.count) \(pick("messages", "Meldungen")): \(title)"
    }
}

extension TemplateFacts {
    /// When it happened, in the contact's time, and how late it was; says when the tracker's clock
    /// cannot be trusted.
    func when(_ event: Item.EventFacts) -> String {
        if let time = event.time, !event.clockWrong {
            return String { writer in
                append(localTime: time, to: &writer)
                guard let age = age(event) else { return }
                writer.append(literal: " (")
                writer.append(age)
                writer.append(literal: ")")
            }
        }
        let received = localTime(event.received)
        if event.clockWrong {
            return wording.pick(
                "not known, the tracker's clock is wrong; received \(received)",
                "nicht bekannt, die Uhr des Trackers geht falsch; empfangen \(received)")
        }
        return wording.pick(
            "not known; received \(received)", "nicht bekannt; empfangen \(received)")
    }

    /// How old it was when it was received, from a minute on (CONFIG.md, `late_seconds`).
    func age(_ event: Item.EventFacts) -> String? {
        event.lateSeconds.flatMap { wording.late(seconds: $0) }
    }
}
