// The whole decision. `step` is pure: no clock, no I/O, no await; `now` is the input's own.

/// What the engine is given, in this order: events as they were received, commands, timers.
package enum Input: Sendable {
    case event(Event)
    /// A fuller copy of an event already stepped: an event that `while` kept quiet is judged again.
    case copy(Event)
    case command(Command)
    /// A delivery was given up: the operator hears of it.
    case trouble(Trouble, cause: String)
    /// Everything that is due at `now`.
    case timers
}

/// What a person asks of the running relay.
package struct Command: Hashable, Sendable, Codable {
    package enum Action: String, Sendable, Codable { case acknowledge, clear }
    package var action: Action
    /// An incident's id, a rule's id or a device (name or uniqueId): all open incidents of it.
    package var target: String
    package var by: String

    package init(action: Action, target: String, by: String) {
        self.action = action
        self.target = target
        self.by = by
    }
}

/// What one input does, as data: nothing has happened until Store has committed it.
package struct Step: Sendable {
    /// The inbox row that this step has dealt with; nil for timers.
    package var seq: Int64?
    package var now: Instant
    /// In order.
    package var changes: [Change] = []
    /// To be enqueued, or (state `held`) kept until their `due`.
    package var deliveries: [Delivery] = []
    /// What an event was judged by, and what each rule said.
    package var judgement: Judgement?

    package init(seq: Int64?, now: Instant) {
        self.seq = seq
        self.now = now
    }
}

/// One change of Memory.
package enum Change: Sendable {
    /// The incident as it is now; a cleared one leaves Memory and stays in the database.
    case incident(Incident)
    /// `once_per` runs from this moment for the key; nil: it was ended early.
    case stamp(StampKey, Instant?)
    /// A device became known, or what the server says of it changed.
    case device(DeviceKey, deviceId: Int64, Device?, firstKnown: Instant)
    /// A report of the device that its memory keeps.
    case report(DeviceKey, Report)
    /// Held deliveries that were merged into another one, or are no longer due.
    case released([String], into: String?)
}

/// What `once_per` counts apart.
package struct StampKey: Hashable, Sendable {
    package var rule: String
    package var device: DeviceKey?
    /// Empty where the rule does not count kinds or places apart.
    package var alarm: String
    package var place: String

    package init(rule: String, device: DeviceKey?, alarm: String = "", place: String = "") {
        self.rule = rule
        self.device = device
        self.alarm = alarm
        self.place = place
    }
}

/// What an event was judged by and what came of it: explain and backtest read this, never
/// today's state (DESIGN 2). What the event's own body carries is not repeated here.
package struct Judgement: Sendable, Hashable {
    package var seq: Int64
    package var device: DeviceKey
    /// The report that place and speed were read from, where it is not the event's own position.
    package var fix: Report?
    /// The device's attributes as known, where the event did not carry the device.
    package var attributes: Attributes?
    package var rulesHash: String
    /// For each rule that the event could match.
    package var verdicts: [Verdict]

    package init(seq: Int64, device: DeviceKey, rulesHash: String) {
        self.seq = seq
        self.device = device
        self.rulesHash = rulesHash
        verdicts = []
    }
}

/// What one rule said to one event.
package struct Verdict: Sendable, Hashable, Codable {
    package var rule: String
    package var result: Result
    /// Of `quiet` and `unknown`: the condition that decided, in the file's words.
    package var leaf: String?
    package var incident: String?

    package enum Result: String, Sendable, Codable, CaseIterable {
        /// Told: `first` or `again`.
        case told
        /// Matched, counted, not told.
        case oncePer = "once_per"
        case late
        case acknowledged
        /// `while` was false.
        case quiet
        /// `while` was unknown and the rule stays quiet then.
        case unknown
        /// It ended an incident of this rule.
        case cleared
    }

    package init(rule: String, result: Result, leaf: String? = nil, incident: String? = nil) {
        self.rule = rule
        self.result = result
        self.leaf = leaf
        self.incident = incident
    }
}

/// What one position, or one event, said of a device: what conditions look back at.
package struct Report: Hashable, Sendable, Codable {
    /// Effective time: conditions use the newest report not later than the event.
    package var time: Instant
    package var fix: Coordinate?
    /// Metres; nil: not known.
    package var accuracy: Double?
    /// The report gave a place that may not be used: invalid, or older than the report.
    package var unusableFix = false
    package var geofences: [Int64]?
    package var geofencesKnown = false
    package var speed: Speed?
    /// Per cent.
    package var battery: Double?
    package var ignition: Bool?
    package var moving: Bool?
    package var armed: Bool?

    package init(time: Instant) { self.time = time }
}
