// What an event teaches: which device it is about, what the server says of that device, where it
// was and what it did. It becomes changes of Memory whether or not any rule cares.

/// Whom an event is about, and what is known of it now that the event is here.
struct Subject {
    var key: DeviceKey
    /// Its place in Memory; nil: this event is the first of it.
    var slot: Int?
    /// Only bare events so far: it stands for itself.
    var isBare: Bool
    var name: String
    /// What the event itself is judged by.
    var facts: Facts
    /// What this event reported that was not known.
    var news: [Report] = []
    /// Events of the last seconds.
    var recent: [Recent]
    /// The stand-in of this device was told apart just now: what its events matched is open again.
    var rejudgesAll = false
    /// The `seq` of the event of which this is a fuller copy.
    var completed: Int64?

    /// The device's reports, this event's included, oldest first.
    func past(_ memory: Memory) -> [Report] {
        var all = memory.reports(slot)
        for report in news { all.insert(report) }
        return all
    }
}

/// One event on its way through the rules: made only where something comes of it.
final class Happening {
    let event: Event
    let seq: Int64
    let device: DeviceKey
    let deviceName: String
    let group: String?
    let kinds: EventKinds
    /// Its effective time.
    let time: Instant

    init(
        _ event: Event, seq: Int64, _ subject: borrowing Subject, _ kinds: EventKinds,
        _ memory: borrowing Memory
    ) {
        self.event = event
        self.seq = seq
        device = subject.key
        deviceName = subject.name
        group = event.device?.group ?? subject.slot.flatMap { memory.devices[$0].device?.group }
        self.kinds = kinds
        time = event.effectiveTime
    }

    /// What makes it unlike any other: events without an id of the server are each their own.
    private(set) lazy var identity = event.id > 0 ? event.identity : "\(event.identity)|\(seq)"
    /// Its part of the ids of all incidents that it opens.
    private(set) lazy var digest = DerivedId.digest(
        "event", device.server, device.uniqueId, identity)
    /// What items of messages say of it.
    private(set) lazy var occurrence = Item.Occurrence.Shared(
        Item.Occurrence(
            of: device, named: deviceName, group: group, Item.EventFacts(event),
            event.position.map { Item.PositionFacts($0) }))
}

extension Memory {
    func reports(_ slot: Int?) -> [Report] { slot.map { devices[$0].reports } ?? [] }

    func device(_ slot: Int?) -> Device? { slot.flatMap { devices[$0].device } }

    // Apart, since most ask for one of them, and a device is large.
    func name(_ slot: Int?) -> String? { slot.flatMap { devices[$0].device?.name } }
    func attributes(_ slot: Int?) -> Attributes? { slot.flatMap { devices[$0].device?.attributes } }
}

extension StepBuilder {
    /// Notes what is new, and says whom the event is about.
    mutating func learn(_ event: Event, _ memory: Memory) -> Subject {
        let slot = memory.slot(of: event)
        step.slot = slot
        let key = key(of: event, slot, memory)
        let attributes = memory.attributes(slot)
        // A payload without a name takes none away.
        let said = event.device?.name ?? ""
        let known = said.isEmpty ? memory.name(slot) ?? "" : said
        let name = known.isEmpty ? key.uniqueId : known
        var subject = Subject(
            key: key, slot: slot, isBare: event.device == nil && attributes == nil, name: name,
            facts: Facts(event, past: memory.reports(slot), known: attributes),
            recent: slot.map { memory.devices[$0].recent } ?? [])
        let standIn = memory.standIn(for: event, at: slot)
        if standIn != nil || isNews(event, slot, memory) {
            let known = memory.device(slot)
            var first = min(step.now, standIn?.firstKnown ?? step.now)
            if let slot { first = min(first, memory.devices[slot].firstKnown) }
            let device = event.device.map { $0.after(known) } ?? known
            change(.device(key, deviceId: event.knownDeviceId, device, firstKnown: first))
        }
        if let standIn { adopt(standIn, by: &subject, memory) }
        if event.geofenceId != 0, let name = event.geofenceName,
            memory.geofence(named: name, server: event.server) != event.geofenceId
        {
            change(.geofence(server: event.server, id: event.geofenceId, name: name))
        }
        if let report = subject.facts.spoken { note(report, &subject, memory) }
        if let report = subject.facts.own { note(report, &subject, memory) }
        fold(subject, memory)
        return consume subject
    }

    private func key(of event: Event, _ slot: Int?, _ memory: Memory) -> DeviceKey {
        if let slot { return memory.devices[slot].key }
        if let device = event.device, !device.uniqueId.isEmpty {
            return DeviceKey(server: event.server, uniqueId: device.uniqueId)
        }
        return .standIn(server: event.server, deviceId: event.knownDeviceId)
    }

    /// Whether an event says something new of its device.
    private func isNews(_ event: Event, _ slot: Int?, _ memory: Memory) -> Bool {
        guard let slot else { return true }
        let id = event.knownDeviceId
        if id != 0, memory.devices[slot].deviceId != id { return true }
        guard let device = event.device else { return false }
        return memory.device(slot).map { !$0.covers(device) } ?? true
    }

    private mutating func note(_ report: Report, _ subject: inout Subject, _ memory: Memory) {
        var report = report
        guard let known = subject.slot.flatMap({ memory.devices[$0].reports.copy(of: report) })
        else {
            // Mostly it is where it was: then the list is one, for sixteen reports of a million.
            let last = subject.slot.flatMap { memory.devices[$0].reports.last?.geofences }
            if let last, last == report.geofences { report.geofences = last }
            subject.news.append(report)
            return change(.report(subject.key, report))
        }
        // Of a copy of one whose own time does not count, the first receipt stays.
        report.time = known.time
        report.join(known)
        guard report != known else { return }
        subject.news.append(report)
        change(.report(subject.key, report))
    }

    /// Keeps a device's reports in bounds: many of them at once, so that folding is paid for once
    /// in many reports. Those of the last seconds stay: between them one may still come (twice the
    /// lateness, since a tracker's clock and ours are not one).
    private mutating func fold(_ subject: Subject, _ memory: Memory) {
        guard let slot = subject.slot,
            memory.devices[slot].reports.count + subject.news.count >= Limits.reportsPerDevice
        else { return }
        let half = Limits.reportsPerDevice / 2
        let most = Limits.recentReportsPerDevice + half
        let recent = step.now - lateness - lateness
        let reports = memory.devices[slot].reports
        // News may be many: those of a stand-in.
        guard reports.count > half, reports[half].time < recent || reports.count > most else {
            return
        }
        let past = subject.past(memory)
        // The last of the old ones tells where the device came from.
        var count = max(past.count(where: { $0.time < recent }) - 1, past.count - most)
        count = min(count, past.count - half)
        guard past.count >= Limits.reportsPerDevice, count >= half else { return }
        let older = Array(past[..<count])
        var base = past[count]
        for old in older.reversed() { base.absorb(old) }
        var kept = base.folded ?? .init()
        kept.sides = index.boundaries.sides(of: older, in: base)
        base.folded = kept
        change(.report(subject.key, base))
        change(.folded(subject.key, before: base.time))
    }

    /// A device that was known by bare events only has shown who it is: what its stand-in was told
    /// and is waiting for becomes the device's own. An incident stays behind (and expires) only
    /// where the device has one of the same rule already.
    private mutating func adopt(
        _ standIn: DeviceMemory, by subject: inout Subject, _ memory: Memory
    ) {
        subject.rejudgesAll = true
        subject.recent = standIn.recent + subject.recent
        for report in standIn.reports { note(report, &subject, memory) }
        subject.facts.past = subject.past(memory)
        for stamp in standIn.stamps.keys {
            guard let moment = standIn.stamps[stamp] else { continue }
            var moved = stamp
            moved.device = subject.key
            if memory.stamp(moved).map({ $0 < moment }) ?? true { setStamp(moved, moment) }
        }
        let own = subject.slot.map { memory.devices[$0].incidents } ?? SortedTable()
        for incident in standIn.incidents.values.map(\.incident.value)
        where !own.contains(incident.rule) {
            var moved = incident
            moved.device = subject.key
            moved.deviceName = subject.name
            put(moved)
        }
    }
}

extension [Report] {
    /// What is known of the same report, or of another one of its moment.
    func copy(of report: Report) -> Report? {
        if let same = same(as: report) { return same }
        guard let own = report.deviceTime else { return nil }
        return last { $0.deviceTime == own && $0.ofEvent == report.ofEvent }
    }

    /// The report whose place `report` would take.
    func same(as report: Report) -> Report? {
        var index = count
        while index > 0, !Report.inOrder(self[index - 1], report) {
            index -= 1
            if self[index].isSame(as: report) { return self[index] }
        }
        return nil
    }
}
