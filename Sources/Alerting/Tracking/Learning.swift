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
    /// The device's reports, this event's included, oldest first.
    var past: [Report]
    /// What this event reported.
    var news: [Report] = []
    /// Events of the last seconds.
    var recent: [Recent]
    /// The stand-in of this device was told apart just now: what its events matched is open again.
    var rejudgesAll = false
    /// The `seq` of the event of which this is a fuller copy.
    var completed: Int64?
}

/// One event on its way through the rules.
struct Happening {
    let event: Event
    let seq: Int64
    let device: DeviceKey
    let deviceName: String
    let group: String?
    let kinds: EventKinds
    /// Its effective time.
    let time: Instant

    init(_ event: Event, seq: Int64, _ subject: Subject, _ kinds: EventKinds) {
        self.event = event
        self.seq = seq
        device = subject.key
        deviceName = subject.name
        group = subject.facts.device?.group
        self.kinds = kinds
        time = event.effectiveTime
    }

    /// What makes it unlike any other: events without an id of the server are each their own.
    var identity: String { event.id > 0 ? event.identity : "\(event.identity)|\(seq)" }
}

extension StepBuilder {
    /// Notes what is new, and says whom the event is about.
    mutating func learn(_ event: Event, _ memory: Memory) -> Subject {
        let slot = memory.slot(of: event)
        let known = slot.map { memory.devices[$0] }
        let standIn = memory.standIn(for: event)
        let key = self.key(of: event, known)
        let facts = Facts(event, past: known?.reports ?? [], device: known?.device)
        var subject = Subject(
            key: key, slot: slot, isBare: facts.device == nil,
            name: facts.device?.name ?? key.uniqueId, facts: facts, past: known?.reports ?? [],
            recent: known?.recent ?? [])
        let id = event.knownDeviceId
        if known == nil || known?.device != facts.device || standIn != nil
            || (id != 0 && known?.deviceId != id)
        {
            change(
                .device(
                    key, deviceId: id, facts.device,
                    firstKnown: min(known?.firstKnown ?? step.now, standIn?.firstKnown ?? step.now)))
        }
        if let standIn { adopt(standIn, by: &subject, memory) }
        if event.geofenceId != 0, let name = event.geofenceName,
            memory.geofence(named: name, server: event.server) != event.geofenceId
        {
            change(.geofence(server: event.server, id: event.geofenceId, name: name))
        }
        for report in [facts.spoken, facts.own].compactMap({ $0 }) { note(report, &subject) }
        return subject
    }

    private func key(of event: Event, _ known: DeviceMemory?) -> DeviceKey {
        if let device = event.device, !device.uniqueId.isEmpty {
            return DeviceKey(server: event.server, uniqueId: device.uniqueId)
        }
        return known?.key
            ?? .standIn(server: event.server, deviceId: event.knownDeviceId)
    }

    private mutating func note(_ report: Report, _ subject: inout Subject) {
        var report = report
        if let same = subject.past.last(where: { $0.isSame(as: report) }) { report.absorb(same) }
        subject.news.append(report)
        guard !subject.past.contains(report) else { return }
        subject.past.insert(report)
        change(.report(subject.key, report))
        guard subject.past.count > Limits.reportsPerDevice else { return }
        // Half at once, so that folding is paid for once in many reports.
        let count = Limits.reportsPerDevice / 2
        var base = subject.past[count]
        for old in subject.past[..<count].reversed() { base.absorb(old) }
        subject.past.removeFirst(count)
        subject.past[0] = base
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
        let own = subject.slot.map { memory.devices[$0].incidents } ?? [:]
        for report in standIn.reports { note(report, &subject) }
        for (stamp, moment) in standIn.stamps.sorted(by: { $0.key.rule < $1.key.rule }) {
            var moved = stamp
            moved.device = subject.key
            if memory.stamp(moved).map({ $0 < moment }) ?? true { setStamp(moved, moment) }
        }
        for (rule, incident) in standIn.incidents.sorted(by: { $0.key < $1.key })
        where own[rule] == nil {
            var moved = incident
            moved.device = subject.key
            moved.deviceName = subject.name
            put(moved)
        }
    }
}
