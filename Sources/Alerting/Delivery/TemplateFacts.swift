// The facts of a delivery as swift-mustache looks them up: each view is a reference and an index,
// and a name is answered when a template asks for it. Nothing is copied into dictionaries, nothing
// is reflected. Foreign text is cleaned on its way out. The names are TemplateShape's.
import Mustache

/// One rendering: the facts, and what is needed to word them. A class, so that a view of it fits
/// into an `Any` without a box.
final class TemplateFacts: Sendable {
    let delivery: Delivery
    /// When this attempt began: what `ago` and `delay` count to.
    let now: Instant
    let wording: Wording
    let publicURL: String?
    private let offset: ZoneOffset

    /// The template for trouble of the relay's own, whatever the delivery names.
    static let troubleTemplate = "trouble"

    init(delivery: Delivery, now: Instant, publicURL: String?, offset: @escaping ZoneOffset) {
        self.delivery = delivery
        self.now = now
        self.publicURL = publicURL
        self.offset = offset
        wording = Wording(language: delivery.language)
    }

    /// The contact's wall time, as an instant that reads right in UTC.
    func wall(_ instant: Instant) -> Instant {
        instant + .seconds(offset(delivery.timezone, instant))
    }

    /// Without a zone of the contact's, the text says that it is UTC.
    func localTime(_ instant: Instant) -> String {
        wording.dateAndTime(wall(instant)) + (delivery.timezone == "UTC" ? " UTC" : "")
    }

    func ago(_ instant: Instant) -> String { wording.ago(seconds: (now - instant).wholeSeconds) }

    /// The item that gives type, reason and severity: the highest severity, then the first rule.
    static func lead(_ items: [Item]) -> Int? {
        items.indices.min {
            (items[$1].severity, items[$0].rule) < (items[$0].severity, items[$1].rule)
        }
    }
}

// MARK: - The message

struct MessageView: MustacheParent, MustacheTransformable {
    let facts: TemplateFacts
    /// nil while it is being made.
    var subject: String?
    var text: String?

    func child(named name: String) -> Any? {
        let delivery = facts.delivery
        switch name {
        case "items": return ItemsView(facts: facts)
        case "severity": return WordView(facts: facts, word: .severity(delivery.severity))
        case "reason": return WordView(facts: facts, word: .reason(delivery.reason))
        case "subject": return subject.map(TextView.init)
        case "text": return text.map(TextView.init)
        case "delivery": return TextView(delivery.id)
        case "contact": return TextView(foreign: delivery.contact)
        case "rules_hash": return TextView(foreign: delivery.rulesHash)
        default: return nil
        }
    }

    func transform(_ name: String) -> Any? {
        switch name {
        case "title": return TextView(facts.title)
        // A message that was held on purpose is due later than it was made.
        case "delay":
            return facts.wording.late(seconds: (facts.now - facts.delivery.due).wholeSeconds)
                .map(TextView.init)
        default: return nil
        }
    }
}

struct ItemsView: MustacheSequence, MustacheTransformable {
    let facts: TemplateFacts
    private var items: [Item] { facts.delivery.items }

    func makeIterator() -> AnyIterator<ItemView> {
        var next = 0
        return AnyIterator {
            guard next < facts.delivery.items.count else { return nil }
            defer { next += 1 }
            return ItemView(facts: facts, index: next)
        }
    }

    func transform(_ name: String) -> Any? {
        switch name {
        case "first": return items.isEmpty ? nil : ItemView(facts: facts, index: 0)
        case "last": return items.isEmpty ? nil : ItemView(facts: facts, index: items.count - 1)
        case "lead":
            return TemplateFacts.lead(items).map { ItemView(facts: facts, index: $0) }
        case "count": return NumberView(facts: facts, items.count)
        case "several": return items.count > 1
        case "empty": return items.isEmpty
        default: return nil
        }
    }
}

// MARK: - One item

struct ItemView: MustacheParent, MustacheTransformable {
    let facts: TemplateFacts
    let index: Int
    private var item: Item { facts.delivery.items[index] }

    func child(named name: String) -> Any? {
        let item = item
        switch name {
        case "device": return item.device.map { _ in DeviceView(facts: facts, index: index) }
        case "event": return item.event.map { _ in EventView(facts: facts, index: index) }
        case "position":
            return item.position.map { _ in PositionView(facts: facts, index: index) }
        case "incident": return IncidentView(facts: facts, index: index)
        case "rule": return TextView(foreign: item.rule)
        case "place": return TextView(foreign: item.place)
        case "held": return NumberView(facts: facts, item.held)
        default: return nil
        }
    }

    func transform(_ name: String) -> Any? {
        let item = item
        switch name {
        case "ended": return item.reason == .cleared || item.reason == .corrected
        default: return words(name, of: item).map(TextView.init)
        }
    }
}

extension ItemView {
    private func words(_ filter: String, of item: Item) -> String? {
        switch filter {
        case "title": facts.title(item)
        case "who": item.who
        case "what": item.what(facts.wording)
        case "headline": facts.wording.headline(item, what: item.what(facts.wording))
        case "where": item.whereabouts(facts.wording)
        case "why": CleanText.line("\(item.rule) (\(facts.wording.reason(item.reason)))")
        case "link": facts.publicURL.map(item.incidentURL(public:))
        case "mapLink": item.position.flatMap(Wording.mapLink)
        case "when": item.event.map { facts.when($0) }
        case "age": item.event.flatMap { facts.age($0) }
        case "ago": item.event.map { facts.ago($0.time ?? $0.received) }
        default: nil
        }
    }
}

extension Item {
    /// The device's name; where there is none (trouble of a source) the rule stands for it.
    var who: String {
        guard let device else { return rule }
        let name = CleanText.trimmed(CleanText.line(device.name))
        return name.isEmpty ? CleanText.line(device.uniqueId) : name
    }

    func what(_ wording: Wording) -> String {
        guard let event else { return rule }
        return CleanText.line(
            wording.what(
                event, place: place.map { CleanText.line($0) }, speed: position?.speedKmh))
    }

    func whereabouts(_ wording: Wording) -> String {
        wording.whereabouts(position, address: position?.address.map { CleanText.line($0) })
    }
}

extension TemplateFacts {
    /// `Cargo 1: vibration alarm`.
    func title(_ item: Item) -> String {
        "\(item.who): \(wording.headline(item, what: item.what(wording)))"
    }

    /// Of several items their number and the title of the worst.
    var title: String {
        let items = delivery.items
        guard let lead = Self.lead(items) else { return delivery.trouble?.subject ?? "" }
        guard items.count > 1 else { return title(items[lead]) }
        return "\(items.count) \(wording.pick("messages", "Meldungen")): \(title(items[lead]))"
    }

    /// When it happened, in the contact's time, and how late it was; says when the tracker's clock
    /// cannot be trusted.
    func when(_ event: Item.EventFacts) -> String {
        if let time = event.time, !event.clockWrong {
            return localTime(time) + (age(event).map { " (\($0))" } ?? "")
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

private struct DeviceView: MustacheParent {
    let facts: TemplateFacts
    let index: Int

    func child(named name: String) -> Any? {
        guard let device = facts.delivery.items[index].device else { return nil }
        switch name {
        case "name": return TextView(foreign: device.name)
        case "uniqueId": return TextView(foreign: device.uniqueId)
        case "group": return TextView(foreign: device.group)
        default: return nil
        }
    }
}

private struct IncidentView: MustacheParent {
    let facts: TemplateFacts
    let index: Int

    func child(named name: String) -> Any? {
        let item = facts.delivery.items[index]
        switch name {
        case "id": return TextView(foreign: item.incident.id)
        case "state": return WordView(facts: facts, word: .state(item.incident.state))
        case "opened": return TimeView(facts: facts, instant: item.incident.opened)
        case "count": return NumberView(facts: facts, item.incident.count)
        case "url": return facts.publicURL.map { TextView(item.incidentURL(public: $0)) }
        default: return nil
        }
    }
}

private struct EventView: MustacheParent, MustacheTransformable {
    let facts: TemplateFacts
    let index: Int

    func child(named name: String) -> Any? {
        guard let event = facts.delivery.items[index].event else { return nil }
        switch name {
        case "id": return event.id == 0 ? nil : NumberView(facts: facts, event.id)
        case "type": return WordView(facts: facts, word: .eventType(event.type))
        case "alarm": return event.alarm.map { WordView(facts: facts, word: .alarm($0)) }
        case "time": return event.time.map { TimeView(facts: facts, instant: $0) }
        case "received": return TimeView(facts: facts, instant: event.received)
        case "late_seconds": return event.lateSeconds.map { NumberView(facts: facts, $0) }
        case "clock_wrong": return event.clockWrong ? true : nil
        case "txn": return TextView(foreign: event.txn)
        default: return nil
        }
    }

    func transform(_ name: String) -> Any? {
        switch name {
        case "what", "when", "age", "ago":
            return ItemView(facts: facts, index: index).transform(name)
        default: return nil
        }
    }
}

private struct PositionView: MustacheParent, MustacheTransformable {
    let facts: TemplateFacts
    let index: Int

    func child(named name: String) -> Any? {
        guard let position = facts.delivery.items[index].position else { return nil }
        switch name {
        case "latitude": return NumberView(facts: facts, position.latitude)
        case "longitude": return NumberView(facts: facts, position.longitude)
        case "speed_kmh": return position.speedKmh.map { NumberView(facts: facts, $0) }
        case "valid": return position.valid
        case "time": return position.time.map { TimeView(facts: facts, instant: $0) }
        default: return nil
        }
    }

    func transform(_ name: String) -> Any? {
        switch name {
        case "where", "mapLink": return ItemView(facts: facts, index: index).transform(name)
        default: return nil
        }
    }
}
