// What is known of a device, report by report: conditions look back at the newest report that is
// not later than the event and has what they ask for (RULES.md, `while`). A position is one
// report; an event that says something by its type (`deviceMoving`, `ignitionOff`) is another.

/// What one position, or one event, said of a device.
package struct Report: Hashable, Sendable {
    /// Effective time: conditions use the newest report not later than the event.
    package var time: Instant
    /// An event's own word, not a position: at one time the position counts.
    package var ofEvent = false
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
    /// Of a report that older ones were folded into, and that says the device stands: since when
    /// it was known to stand.
    package var standsSince: Instant?
    /// The tracker's own time, where that is not when it counts as made (a clock that is ahead, or
    /// broken): its copies are known by it.
    package var deviceTime: Instant?
    /// Of a report that older ones were folded into: what of them `Crossing` still needs.
    package var folded: Folded? {
        get { foldedOnes.first }
        set { foldedOnes = newValue.map { [$0] } ?? [] }
    }
    /// A list of one or none: reports are copied at each step, and few have it.
    private var foldedOnes: [Folded] = []

    package init(time: Instant) { self.time = time }

    /// Where the device was before a report that does not say so itself.
    package struct Folded: Hashable, Sendable {
        /// The last usable fix, where the report has none.
        package var fix: Coordinate?
        /// Metres; of that fix.
        package var accuracy: Double?
        /// Whether it was beyond a boundary, by the boundary's key, where neither fix nor value of
        /// the report decides.
        package var sides: [String: Bool]

        package init(fix: Coordinate? = nil, accuracy: Double? = nil, sides: [String: Bool] = [:]) {
            self.fix = fix
            self.accuracy = accuracy
            self.sides = sides
        }
    }
}

extension Report {
    /// What a position says.
    /// - Parameter time: when it counts as made (`Event.timeOfPosition`).
    package init(_ position: borrowing Position, at time: Instant) {
        self.init(time: time)
        if let own = position.time, own != time { deviceTime = own }
        // A scenario may say values without a place: not a number, and nothing is said of it.
        if position.hasFix, !position.coordinate.latitude.isNaN {
            fix = position.coordinate
            if let metres = position.accuracy, metres > 0 { accuracy = metres }
        } else {
            unusableFix = !position.hasFix
        }
        switch position.geofences {
        case .unknown: break
        case .known(let ids):
            geofencesKnown = true
            geofences = ids
        }
        speed = position.speed
        // One pass, lengths first: a look-up by name for each would cost more than the matching.
        for entry in position.attributes.entries {
            switch entry.name.utf8.count {
            case 5 where entry.name == "armed": armed = entry.value.flag
            case 6 where entry.name == "motion": moving = entry.value.flag
            case 8 where entry.name == "ignition": ignition = entry.value.flag
            case 12 where entry.name == "batteryLevel": battery = entry.value.number
            default: break
            }
        }
    }

    /// What the event says by its type alone; nil for most types.
    package init?(saidBy event: borrowing Event, at time: Instant) {
        var (moving, ignition): (Bool?, Bool?)
        switch event.type {
        case "deviceMoving": moving = true
        case "deviceStopped": moving = false
        case "ignitionOn": ignition = true
        case "ignitionOff": ignition = false
        default: return nil
        }
        self.init(time: time)
        ofEvent = true
        self.moving = moving
        self.ignition = ignition
    }

    /// Whether it has what a place asks for, be it usable or not.
    package var saysPlace: Bool { fix != nil || unusableFix || geofencesKnown }

    /// The order of reports: by time; at one time the position after (newer than) the event.
    package static func inOrder(_ left: Report, _ right: Report) -> Bool {
        left.time != right.time ? left.time < right.time : left.ofEvent && !right.ofEvent
    }

    /// Whether `other` takes this one's place in a device's memory.
    package func isSame(as other: Report) -> Bool {
        time == other.time && ofEvent == other.ofEvent
    }

    /// Takes over what an older report knows and this one does not say, so that the older one can
    /// be dropped and nothing known gets lost.
    package mutating func absorb(_ older: Report) {
        if moving == nil || (moving == false && older.moving == false) {
            if older.moving == false { standsSince = older.standsSince ?? older.time }
            moving = older.moving
        }
        if speed == nil, older.unusableFix == unusableFix || !saysPlace { speed = older.speed }
        if !saysPlace {
            fix = older.fix
            accuracy = older.accuracy
            unusableFix = older.unusableFix
            geofences = older.geofences
            geofencesKnown = older.geofencesKnown
        }
        battery = battery ?? older.battery
        ignition = ignition ?? older.ignition
        armed = armed ?? older.armed
        folded = folded ?? older.folded
        guard fix == nil, folded?.fix == nil, let last = older.lastFix else { return }
        var kept = folded ?? Folded()
        (kept.fix, kept.accuracy) = last
        folded = kept
    }

    /// Its fix, else the last one of those that were folded into it; the accuracy in metres.
    var lastFix: (point: Coordinate, accuracy: Double?)? {
        if let fix { return (fix, accuracy) }
        guard let folded, let fix = folded.fix else { return nil }
        return (fix, folded.accuracy)
    }

    /// Takes in another report of the same moment: a tracker's receiver and its state in two
    /// packets, or one report by two roads. Whichever came first, the better fix stays.
    mutating func join(_ known: Report) {
        let own = self
        absorb(known)
        folded = own.folded ?? known.folded
        let isBetter =
            known.fix != nil
            && (own.fix == nil || known.accuracy ?? 0 < own.accuracy ?? 0)
        guard isBetter else { return }
        fix = known.fix
        accuracy = known.accuracy
        if own.unusableFix { speed = known.speed }
        unusableFix = false
        guard known.geofencesKnown else { return }
        geofences = known.geofences
        geofencesKnown = true
    }
}

extension Position {
    /// The position that a report was of, as far as the report tells; nil: it was none.
    init?(_ report: Report) {
        guard let fix = report.fix else { return nil }
        self.init(coordinate: fix)
        isExcerpt = true
        accuracy = report.accuracy
        speed = report.speed
        deviceTime = report.time
        fixTime = report.time
        if report.geofencesKnown { geofences = .known(report.geofences ?? []) }
        if let battery = report.battery { attributes["batteryLevel"] = .number(battery) }
        for (name, flag) in [
            ("ignition", report.ignition), ("motion", report.moving), ("armed", report.armed),
        ] {
            if let flag { attributes[name] = .flag(flag) }
        }
    }
}

extension Attribute {
    /// A flag, also where a re-encoder made it text (domain.md 1.0).
    var flag: Bool? {
        switch self {
        case .flag(let value): value
        case .text("true"): true
        case .text("false"): false
        case .text, .number, .null, .nested: nil
        }
    }

    /// A number, also where a re-encoder made it text.
    var number: Double? {
        switch self {
        case .number(let value): value
        case .text(let text): Double(text).flatMap { $0.isFinite ? $0 : nil }
        case .flag, .null, .nested: nil
        }
    }
}

extension Event {
    /// When a moment of this event's own objects counts: not after its receipt, and at its receipt
    /// where the clock that wrote it is broken (RULES.md, Two clocks).
    package func effective(_ moment: Instant?) -> Instant? {
        guard let moment else { return nil }
        guard moment >= received.shifted(seconds: -Limits.clockBehindSeconds),
            moment <= received.shifted(seconds: Limits.clockAheadSeconds)
        else { return received }
        return min(moment, received)
    }

    /// When its position counts as made.
    package var timeOfPosition: Instant { effective(position?.time) ?? effectiveTime }
}

extension [Report] {
    /// Puts a report where it belongs, in place of one that it is the same as.
    mutating func insert(_ report: Report) {
        // Most come in order, so look from the end.
        var index = count
        while index > 0, Report.inOrder(report, self[index - 1]) { index -= 1 }
        if index > 0, self[index - 1].isSame(as: report) {
            self[index - 1] = report
        } else {
            self.insert(report, at: index)
        }
    }
}
