// What a step of the engine is: plain data. Store writes it in one transaction, Memory applies it,
// explain and backtest read it; nobody but Engine makes one.

/// What one input does, as data: nothing has happened until Store has committed it.
package struct Step: Sendable {
    /// The inbox row that this step has dealt with; nil for timers.
    package var seq: Int64?
    package var now: Instant
    /// Where Memory has, it seems, the device that it is about: spares it a search.
    var slot: Int?
    /// In order.
    package var changes: [Change] = []
    /// To be enqueued, or (state `held`) kept until their `due`.
    package var deliveries: [Delivery] = []
    /// What an event was judged by, and what each rule said.
    package var judgement: Judgement?
    /// Judged again: earlier events that `while` had kept quiet, with what they give now. Of the
    /// judgements of the same `seq` these take the place rule by rule.
    package var rejudged: [Judgement] = []
    /// What rules said to what positions crossed, which is no event of the inbox: it is not stored.
    package var crossed: [Judgement] = []
    /// Events that Memory keeps for `Memory.keepsRecent`, by `seq` (not stored: Store reads them
    /// back from the inbox, docs/ARCHITECTURE.md).
    package var recent: [Recent] = []

    package init(seq: Int64?, now: Instant) {
        self.seq = seq
        self.now = now
    }
}

/// One change of Memory.
package enum Change: Sendable {
    /// The incident as it is now; a cleared one leaves Memory and stays in the database.
    case incident(Incident.Shared)
    /// `once_per` runs from this moment for the key; nil: it was ended early.
    case stamp(StampKey, Instant?)
    /// A device became known, or what the server says of it changed.
    case device(DeviceKey, deviceId: Int64, Device?, firstKnown: Instant)
    /// A report of the device that its memory keeps, in place of one of the same time and kind
    /// (`Report.time`, `Report.ofEvent`).
    case report(DeviceKey, Report)
    /// The reports of the device before this time are folded into the first one that is left.
    case folded(DeviceKey, before: Instant)
    /// The server's geofence of this id has this name: places are written by name, positions
    /// carry ids.
    case geofence(server: String, id: Int64, name: String)
    /// What has begun to wait since a moment (`once_per`, `clear_after`, digests, silences of
    /// sources) keeps its remainder.
    case clockSet(forward: Duration, since: Instant)
    /// A source is down; nil: it is up again.
    case source(String, SilentSource?)
    /// Held deliveries that were merged into another one, or are no longer due.
    case released([String], into: String?)
}

/// An event that is kept from its receipt for `Memory.keepsRecent`: for `lateness` it may be judged
/// again, and it may undo a match that is received after it (RULES.md, Two clocks).
package struct Recent: Sendable, Hashable {
    package var seq: Int64
    package var device: DeviceKey
    package var event: Event
    /// The device's attributes as they were known at its receipt: by these it is judged again
    /// (RULES.md, `while`). nil: nothing was known of the device but bare events.
    package var known: Attributes?
    /// Rules that it has matched already: those it does not match again.
    package var matched: [String]

    package init(
        seq: Int64, device: DeviceKey, event: Event, known: Attributes? = nil, matched: [String]
    ) {
        self.seq = seq
        self.device = device
        self.event = event
        self.known = known
        self.matched = matched
    }
}

/// What `once_per` counts apart.
package struct StampKey: Hashable, Comparable, Sendable {
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

    /// By rule first: of one device that nearly always decides.
    package static func < (left: StampKey, right: StampKey) -> Bool {
        if left.rule != right.rule { return left.rule < right.rule }
        if left.alarm != right.alarm { return left.alarm < right.alarm }
        if left.place != right.place { return left.place < right.place }
        guard let device = left.device else { return right.device != nil }
        return right.device.map { device < $0 } ?? false
    }
}

/// What an event was judged by and what came of it: explain and backtest read this, never
/// today's state (DESIGN 2). What the event's own body carries is not repeated here.
package struct Judgement: Sendable, Hashable {
    package var seq: Int64
    package var device: DeviceKey
    /// The report that place and speed were read from, where it is not the event's own position.
    package var fix: Report?
    /// The device's attributes as known, where the event did not carry them.
    package var attributes: Attributes?
    package var rulesHash: String
    /// For each rule that the event could match.
    package var verdicts: [Verdict] = []
}

extension Judgement {
    // By that of all members: one that sets them one by one ends with a copy of them all.
    package init(seq: Int64, device: DeviceKey, rulesHash: String) {
        self.init(
            seq: seq, device: device, fix: nil, attributes: nil, rulesHash: rulesHash, verdicts: [])
    }
}

/// What one rule said to one event.
package struct Verdict: Sendable, Hashable, Codable {
    package var rule: String
    package var result: Result
    /// Whether the event was a match of the rule, told or not.
    package var isMatch: Bool {
        switch result {
        case .told, .oncePer, .late, .acknowledged: true
        case .quiet, .unknown, .cleared: false
        }
    }
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
