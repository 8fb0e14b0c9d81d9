// What is known at one event: what its conditions are judged by. Built for each event, so it holds
// references to what is there and copies nothing; a class, because it is handed on at every turn.

/// Everything that `while` may look at, but hours and places themselves.
final class Facts {
    /// The event's effective time: later reports are not looked at.
    let time: Instant
    let server: String
    /// What the event's own position says; it goes first.
    let own: Report?
    /// What the event says by its own type.
    let spoken: Report?
    /// The device's other reports, oldest first.
    var past: [Report]
    /// Of the device as known at receipt; nil: only bare events so far.
    let deviceAttributes: Attributes?
    /// nil: it is no event, but something that positions show.
    let eventAttributes: Attributes?
    /// nil: the event has no position, or not all of it is known.
    let positionAttributes: Attributes?
    /// Its position is an earlier one, of which only a report is left: what else it said was known
    /// when it came.
    let isOfExcerpt: Bool

    /// - Parameters:
    ///   - past: the device's reports in Memory, or more than those.
    ///   - known: the device's attributes before this event; nil: only bare events so far.
    init(_ event: borrowing Event, past: [Report], known: Attributes?) {
        time = event.effectiveTime
        server = event.server
        let timeOfPosition = event.timeOfPosition
        own = event.position.map { Report($0, at: timeOfPosition) }
        spoken = Report(saidBy: event, at: time)
        self.past = past
        // A description without attributes (a payload that somebody trimmed) takes none away.
        if let attributes = event.device?.attributes, !attributes.isEmpty || known == nil {
            deviceAttributes = attributes
        } else {
            deviceAttributes = known
        }
        eventAttributes = event.isReport ? nil : event.attributes
        isOfExcerpt = event.position?.isExcerpt ?? false
        positionAttributes = event.position.flatMap { $0.isExcerpt ? nil : $0.attributes }
    }

    /// The newest report, not later than the event, for which `hasIt` holds: its own position
    /// first. `isOwn`: no report that is still to come could take its place.
    @inline(__always)
    func newest(_ hasIt: (Report) -> Bool) -> (report: Report, isOwn: Bool)? {
        if let own, hasIt(own) { return (own, true) }
        var index = past.count
        while index > 0 {
            index -= 1
            if past[index].time <= time, hasIt(past[index]) { return (past[index], false) }
        }
        return nil
    }

    /// As `newest`, but the newer of the position's attribute and what an event said; at one time
    /// the position.
    @inline(__always)
    func newestWord(_ hasIt: (Report) -> Bool) -> (report: Report, isOwn: Bool)? {
        var best: Report?
        if let spoken, hasIt(spoken) { best = spoken }
        if let own, hasIt(own), best.map({ Report.inOrder($0, own) }) ?? true { best = own }
        var index = past.count
        while index > 0 {
            index -= 1
            guard past[index].time <= time, hasIt(past[index]) else { continue }
            if best.map({ Report.inOrder($0, past[index]) }) ?? true { best = past[index] }
            break
        }
        guard let best else { return nil }
        return (best, !best.ofEvent && best.time >= time)
    }

    /// Since when the device is known to stand without a break; nil: it is not known to.
    func standsSince() -> Instant? {
        guard let now = newestWord({ $0.moving != nil })?.report, now.moving == false else {
            return nil
        }
        var since = now.standsSince ?? now.time
        for report in past.reversed()
        where report.time <= now.time && report.time <= time && report.moving != nil {
            guard report.moving == false else { break }
            since = min(since, report.standsSince ?? report.time)
        }
        return since
    }
}

extension Device {
    /// What is known of it after it was described before as `old`.
    func after(_ old: Device?) -> Device {
        guard let old else { return self }
        var now = self
        if now.name.isEmpty { now.name = old.name }
        if now.attributes.isEmpty { now.attributes = old.attributes }
        if now.group == nil, old.groupId == now.groupId { now.group = old.group }
        return now
    }

    /// Whether a newer description says nothing that this one does not.
    func covers(_ new: Device) -> Bool {
        id == new.id && uniqueId == new.uniqueId && groupId == new.groupId
            && (new.name.isEmpty || new.name == name)
            && (new.group == nil || new.group == group)
            && (new.attributes.isEmpty || new.attributes == attributes)
    }
}
