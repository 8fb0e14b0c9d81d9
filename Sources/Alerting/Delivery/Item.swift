// What a message says of one incident: facts, which are worded when it is sent.

/// The facts of one incident in a message: one element of `items` in CONFIG.md.
package struct Item: Hashable, Sendable {
    package var incident: IncidentFacts
    package var rule: String
    /// What happened, to what and where. Shared: one event may be in many items, and each item goes
    /// through many hands.
    var occurrence: Occurrence.Shared
    /// The rule file's name of the event's place, else the server's.
    package var place: String?
    /// Matches held back since the last message.
    package var held: Int
    /// Why this item is in the message; a merged message has the reason of the highest severity.
    package var reason: Reason
    package var severity: Severity
    /// The rule's template for this item.
    package var template: String

    /// What an incident is about, as far as it is known.
    struct Occurrence: Hashable, Sendable, Codable {
        var device: DeviceFacts?
        /// In place of a device: the source that is down.
        var source: String?
        var event: EventFacts?
        var position: PositionFacts?

        final class Shared: Hashable, Sendable {
            let value: Occurrence
            init(_ value: Occurrence) { self.value = value }

            static func == (left: Shared, right: Shared) -> Bool {
                left === right || left.value == right.value
            }
            func hash(into hasher: inout Hasher) { hasher.combine(value) }
        }
    }

    package struct IncidentFacts: Hashable, Sendable, Codable {
        package var id: String
        package var state: Incident.State
        package var opened: Instant
        package var count: Int
        package init(id: String, state: Incident.State, opened: Instant, count: Int) {
            self.id = id
            self.state = state
            self.opened = opened
            self.count = count
        }
        init(_ incident: borrowing Incident) {
            self.init(
                id: incident.id, state: incident.state, opened: incident.opened,
                count: incident.count)
        }
    }
    package struct DeviceFacts: Hashable, Sendable, Codable {
        package var name: String
        package var uniqueId: String
        package var group: String?
        package init(name: String, uniqueId: String, group: String?) {
            self.name = name
            self.uniqueId = uniqueId
            self.group = group
        }
    }
    package struct EventFacts: Hashable, Sendable, Codable {
        package var id: Int64
        package var type: String
        package var alarm: String?
        /// nil: the event has no time.
        package var time: Instant?
        package var received: Instant
        package var clockWrong: Bool
        /// Milliseconds between its effective time and its receipt; 0 or more.
        package var lateMilliseconds: Int64
        package var txn: String?
        package init(_ event: borrowing Event) {
            id = event.id
            type = event.type
            alarm = event.alarm
            time = event.time
            received = event.received
            clockWrong = event.clockIsWrong
            lateMilliseconds = max(0, event.lateMilliseconds)
            txn = event.txn
        }
    }
    package struct PositionFacts: Hashable, Sendable, Codable {
        package var latitude: Double
        package var longitude: Double
        package var speed: Speed?
        /// Per cent.
        package var battery: Double?
        package var valid: Bool
        package var time: Instant?
        package var address: String?
        package init(_ position: borrowing Position) {
            latitude = position.coordinate.latitude
            longitude = position.coordinate.longitude
            speed = position.speed
            battery = position.attributes["batteryLevel"]?.number
            valid = position.hasFix
            time = position.fixTime ?? position.time
            address = position.address
        }
    }
}

extension Item {
    package init(
        incident: IncidentFacts, rule: String, device: DeviceFacts?, source: String? = nil,
        event: EventFacts?, position: PositionFacts?, place: String?, held: Int, reason: Reason,
        severity: Severity, template: String
    ) {
        self.init(
            incident: incident, rule: rule,
            occurrence: Occurrence.Shared(
                Occurrence(device: device, source: source, event: event, position: position)),
            place: place, held: held, reason: reason, severity: severity, template: template)
    }
}

// MARK: - What happened

extension Item.Occurrence {
    /// - Parameter key: nil: it is about the relay itself.
    init(
        of key: DeviceKey?, named name: String, group: String? = nil,
        _ event: Item.EventFacts? = nil, _ position: Item.PositionFacts? = nil
    ) {
        let source = key.flatMap { $0.isSource ? $0.uniqueId : nil }
        let device = key.flatMap {
            $0.isSource
                ? nil : Item.DeviceFacts(name: name, uniqueId: $0.uniqueId, group: group)
        }
        self.init(device: device, source: source, event: event, position: position)
    }
}

extension Item {
    package var device: DeviceFacts? {
        get { occurrence.value.device }
        set { change { $0.device = newValue } }
    }
    package var source: String? {
        get { occurrence.value.source }
        set { change { $0.source = newValue } }
    }
    package var event: EventFacts? {
        get { occurrence.value.event }
        set { change { $0.event = newValue } }
    }
    package var position: PositionFacts? {
        get { occurrence.value.position }
        set { change { $0.position = newValue } }
    }

    /// Of this item alone.
    private mutating func change(_ change: (inout Occurrence) -> Void) {
        var changed = occurrence.value
        change(&changed)
        occurrence = Occurrence.Shared(changed)
    }
}

// MARK: - Of several

extension Item {
    /// The order of items: the first one gives the message its reason, its title and its template.
    /// What began goes before what ended (a message says `cleared` only where it says nothing
    /// else), then the severity decides, then the rule. By places, for items are large.
    static func leads(_ items: [Item], _ left: Int, _ right: Int) -> Bool {
        let leftEnds = items[left].reason == .cleared
        let rightEnds = items[right].reason == .cleared
        if leftEnds != rightEnds { return rightEnds }
        if items[left].severity != items[right].severity {
            return items[left].severity > items[right].severity
        }
        if items[left].rule != items[right].rule { return items[left].rule < items[right].rule }
        return items[left].incident.id < items[right].incident.id
    }
}

// MARK: - Stored

/// One object: what happened is among its members, which are those of the stored form (the wire's
/// are written in Item+JSON).
extension Item: Codable {
    private enum CodingKeys: CodingKey {
        case incident, rule, place, held, reason, severity, template
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            incident: try values.decode(IncidentFacts.self, forKey: .incident),
            rule: try values.decode(String.self, forKey: .rule),
            occurrence: Occurrence.Shared(try Occurrence(from: decoder)),
            place: try values.decodeIfPresent(String.self, forKey: .place),
            held: try values.decode(Int.self, forKey: .held),
            reason: try values.decode(Reason.self, forKey: .reason),
            severity: try values.decode(Severity.self, forKey: .severity),
            template: try values.decode(String.self, forKey: .template))
    }

    package func encode(to encoder: any Encoder) throws {
        try occurrence.value.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(incident, forKey: .incident)
        try values.encode(rule, forKey: .rule)
        try values.encodeIfPresent(place, forKey: .place)
        try values.encode(held, forKey: .held)
        try values.encode(reason, forKey: .reason)
        try values.encode(severity, forKey: .severity)
        try values.encode(template, forKey: .template)
    }
}
