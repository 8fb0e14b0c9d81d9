// The life of "the same trouble": one open incident per rule and device, which later matches join
// (RULES.md, *What a rule does* 2). A value; Engine decides its changes, Store keeps them.

/// One incident of one rule on one device.
package struct Incident: Hashable, Sendable {
    /// Derived from rule, device and the first event: a replayed step gives the same.
    package var id: String
    package var rule: String
    package var severity: Severity
    /// nil: of no device (trouble of the relay's own).
    package var device: DeviceKey?
    package var deviceName: String
    package var state = State.open
    package var opened: Instant
    /// When the last match was received; `clear_after` runs from it.
    package var lastMatch: Instant
    package var cleared: Instant?
    package var count: Int
    /// Matches that were not told since the last message.
    package var held = 0
    /// Whom it told since it last opened: `again` and the end go to them.
    package var told: [Told] = []
    /// Whom it told before it was acknowledged and opened again: the end goes to them too.
    package var toldBefore: [Told] = []
    /// Each member of the rule's `when` that matched and is not yet undone by its opposite.
    package var openMembers: [Member] = []
    /// What an incident that has told nobody will say when its quiet ends: its last match.
    package var pending: Item? {
        get { pendingItem.first }
        set { pendingItem = newValue.map { [$0] } ?? [] }
    }
    /// A list of one or none: an item is large, and incidents are copied at each match.
    private var pendingItem: [Item] = []
    /// When a timer of its own is due: `clear_after`, or the expiry of one untouched for 30 d.
    package var due: Instant?

    package enum State: String, Sendable, Codable { case open, acknowledged, cleared }

    /// By reference, for the hands that it goes through (step, writer, memory): each would count
    /// its dozen strings and lists.
    package final class Shared: Sendable {
        package let value: Incident
        package init(_ value: consuming Incident) { self.value = value }
    }

    /// A contact and the channel by which it was told.
    package struct Told: Hashable, Sendable, Codable {
        package var contact: String
        package var channel: ChannelName
        package var address: String
        package var template: String

        package init(contact: String, channel: ChannelName, address: String, template: String) {
            self.contact = contact
            self.channel = channel
            self.address = address
            self.template = template
        }
    }

    /// What matched: an event type or alarm kind, and for a crossing the rule file's place.
    package struct Member: Hashable, Sendable, Codable {
        package var kind: String
        package var place: String?
        /// The latest effective time at which it matched: an opposite undoes it only from the
        /// instant after this on.
        package var at: Instant

        package init(kind: String, place: String? = nil, at: Instant) {
            self.kind = kind
            self.place = place
            self.at = at
        }
    }
}

extension Incident {
    // By that of all members: one that sets them one by one ends with a copy of them all.
    package init(
        id: String, rule: String, severity: Severity, device: DeviceKey?, deviceName: String,
        opened: Instant, count: Int = 1
    ) {
        self.init(
            id: id, rule: rule, severity: severity, device: device, deviceName: deviceName,
            opened: opened, lastMatch: opened, count: count)
    }
}
