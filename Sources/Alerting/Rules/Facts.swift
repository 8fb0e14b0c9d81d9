// What is known at one event: what its conditions are judged by. Built for each event, so it holds
// references to what is there and copies nothing.

/// Everything that `while` may look at, but hours and places themselves.
struct Facts {
    /// The event's effective time: later reports are not looked at.
    var time: Instant
    var server: String
    /// What the event's own position says; it goes first.
    var own: Report?
    /// What the event says by its own type.
    var spoken: Report?
    /// The device's other reports, oldest first.
    var past: [Report]
    /// As known at receipt; nil: only bare events so far.
    var device: Device?
    var eventAttributes: Attributes
    /// nil: the event has no position.
    var positionAttributes: Attributes?

    init(_ event: Event, past: [Report], device: Device?) {
        time = event.effectiveTime
        server = event.server
        own = event.position.map { Report($0, at: event.timeOfPosition) }
        spoken = Report(saidBy: event, at: time)
        self.past = past
        self.device = event.device.known(before: device)
        eventAttributes = event.attributes
        positionAttributes = event.position?.attributes
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

extension Device? {
    /// What is known of a device after it was described again. A description without attributes
    /// (a payload that somebody trimmed) takes none away.
    func known(before: Device?) -> Device? {
        guard var now = self else { return before }
        if now.attributes.isEmpty, let before { now.attributes = before.attributes }
        if now.group == nil, let before, before.groupId == now.groupId { now.group = before.group }
        return now
    }
}
