// What the engine remembers: by device (what is known of it, its open incidents, when `once_per`
// began, the events of the last seconds) and by contact (what is held for a digest). A value that
// only `apply` changes, by a Step that is on disk or about to be; it costs in the step's changes,
// not in its own size. At start it is read back (MemoryRecord), not recomputed.

package struct Memory: Sendable {
    /// Never removed or reordered, so that a slot is good as long as the process.
    private(set) var devices: [DeviceMemory] = []
    private var slots: [DeviceKey: Int] = [:]
    private var slotsOfIds: [ServerId: Int] = [:]
    /// Where each open or acknowledged incident is, by its id.
    private var placesOfIncidents: [String: IncidentPlace] = [:]
    /// Stamps that do not count devices apart.
    private var sharedStamps: [StampKey: Instant] = [:]
    /// Deliveries that are gathered for a digest, by whom they are for.
    private(set) var held: [Destination: Held] = [:]
    private var geofences: [ServerName: Int64] = [:]
    private var geofenceNames: [ServerId: String] = [:]
    private var timers = TimerHeap()
    private var timersChanged = false
    /// The events that are kept, in the order of their receipt.
    private var recents = RecentQueue()

    private struct IncidentPlace {
        var slot: Int
        var rule: String
    }
    private struct ServerId: Hashable {
        var server: String
        var id: Int64
    }
    private struct ServerName: Hashable {
        var server: String
        var name: String
    }

    /// What waits for one contact on one way, until one moment.
    struct Held: Sendable {
        var due: Instant
        var deliveries: [Delivery]
    }

    package init() {}

    /// Open and acknowledged incidents.
    package var openIncidents: Int { placesOfIncidents.count }

    /// When something is due next; nil: nothing waits.
    package var nextDue: Instant? { timers.first }
}

/// One device's part of the memory.
struct DeviceMemory: Sendable {
    var key: DeviceKey
    var deviceId: Int64
    /// As the server last described it; nil: only bare events so far.
    var device: Device?
    var firstKnown: Instant
    /// Oldest first (`Report.inOrder`), at most `Limits.reportsPerDevice`.
    var reports: [Report] = []
    /// Events of the last `lateness`, in the order of their receipt.
    var recent: [Recent] = []
    /// Open and acknowledged ones, by rule.
    var incidents: [String: Incident] = [:]
    var stamps: [StampKey: Instant] = [:]

    var isStandIn: Bool { key == .standIn(server: key.server, deviceId: deviceId) }
}

// MARK: - Asking

extension Memory {
    /// The device that an event is about, if it is known.
    func slot(of event: Event) -> Int? {
        let id = ServerId(server: event.server, id: event.knownDeviceId)
        guard let device = event.device, !device.uniqueId.isEmpty else { return slotsOfIds[id] }
        if let slot = slotsOfIds[id], devices[slot].key.uniqueId == device.uniqueId { return slot }
        return slots[DeviceKey(server: event.server, uniqueId: device.uniqueId)]
    }

    /// The stand-in that bare events with this event's deviceId went to, if the event now says
    /// which device that is.
    func standIn(for event: Event, at known: Int?) -> DeviceMemory? {
        // The usual case: the id is the device's own.
        if let known, devices[known].deviceId == event.knownDeviceId { return nil }
        guard let device = event.device, !device.uniqueId.isEmpty, event.knownDeviceId != 0,
            let slot = slotsOfIds[ServerId(server: event.server, id: event.knownDeviceId)],
            devices[slot].isStandIn, devices[slot].key.uniqueId != device.uniqueId
        else { return nil }
        return devices[slot]
    }

    func slot(of key: DeviceKey) -> Int? { slots[key] }

    func stamp(_ key: StampKey) -> Instant? {
        guard let device = key.device else { return sharedStamps[key] }
        return slots[device].flatMap { devices[$0].stamps[key] }
    }

    /// The stamps of a rule that a person's clearing on this device ends.
    func stamps(ofRule rule: String, device: DeviceKey?) -> [StampKey] {
        let own = device.flatMap { slots[$0] }.map { Array(devices[$0].stamps.keys) } ?? []
        return (own + sharedStamps.keys).filter { $0.rule == rule }
            .sorted { ($0.alarm, $0.place) < ($1.alarm, $1.place) }
    }

    /// An open or acknowledged incident.
    package func incident(id: String) -> Incident? {
        guard let place = placesOfIncidents[id] else { return nil }
        return devices[place.slot].incidents[place.rule]
    }

    /// All open and acknowledged incidents for which `isWanted` holds, in a fixed order.
    package func incidents(where isWanted: (Incident) -> Bool) -> [Incident] {
        devices.flatMap { $0.incidents.values.filter(isWanted) }
            .sorted { ($0.rule, $0.deviceName, $0.id) < ($1.rule, $1.deviceName, $1.id) }
    }

    /// What is due at `now`: incidents whose own timer has run out, and digests.
    func due(at now: Instant) -> (incidents: [Incident], digests: [Destination]) {
        var incidents: [Incident] = []
        var digests: [Destination] = []
        for timer in timers.due(at: now) {
            switch timer {
            case .incident(let id):
                if let incident = incident(id: id), let due = incident.due, due <= now {
                    incidents.append(incident)
                }
            case .digest(let way):
                if let held = held[way], held.due <= now { digests.append(way) }
            }
        }
        // One timer may stand in the heap twice, where it was moved to an earlier moment.
        var seen: Set<String> = []
        incidents = incidents.filter { seen.insert($0.id).inserted }
            .sorted { ($0.rule, $0.deviceName, $0.id) < ($1.rule, $1.deviceName, $1.id) }
        return (incidents, Set(digests).sorted())
    }

    /// The id of a geofence on the server, by its name, as far as events have told it.
    func geofence(named name: String, server: String) -> Int64? {
        geofences[ServerName(server: server, name: name)]
    }

    func nameOfGeofence(_ id: Int64, server: String) -> String? {
        id == 0 ? nil : geofenceNames[ServerId(server: server, id: id)]
    }
}

// MARK: - Applying

extension Memory {
    /// Makes a step's changes. Applying one twice does no harm.
    package mutating func apply(_ step: Step) {
        for change in step.changes { apply(change) }
        for delivery in step.deliveries where delivery.state == .held { hold(delivery) }
        for recent in step.recent { keep(recent) }
        forget(before: step.now)
        guard timersChanged else { return }
        timersChanged = false
        // Exclusive access: the closure reads what `timers` is not.
        var heap = timers
        timers = TimerHeap()
        heap.settle { due(of: $0) }
        timers = heap
    }

    private mutating func apply(_ change: Change) {
        switch change {
        case .incident(let incident): put(incident)
        case .stamp(let key, let moment):
            if let device = key.device, let slot = slots[device] {
                devices[slot].stamps[key] = moment
            } else if key.device == nil {
                sharedStamps[key] = moment
            }
        case .device(let key, let deviceId, let device, let firstKnown):
            meet(key, deviceId: deviceId, device, firstKnown: firstKnown)
        case .report(let key, let report):
            if let slot = slots[key] { devices[slot].reports.insert(report) }
        case .folded(let key, let moment):
            if let slot = slots[key] { devices[slot].reports.removeAll { $0.time < moment } }
        case .geofence(let server, let id, let name):
            geofences[ServerName(server: server, name: name)] = id
            geofenceNames[ServerId(server: server, id: id)] = name
        case .released(let ids, _): release(Set(ids))
        }
    }

    private mutating func put(_ incident: Incident) {
        timersChanged = true
        if incident.state != .cleared, let place = placesOfIncidents[incident.id],
            devices[place.slot].key == incident.device
        {
            devices[place.slot].incidents[incident.rule] = incident
            if let due = incident.due { timers.add(.incident(incident.id), due: due) }
            return
        }
        // It may have moved here from the stand-in of its device.
        if let old = placesOfIncidents[incident.id]?.slot, devices[old].key != incident.device,
            devices[old].incidents[incident.rule]?.id == incident.id
        {
            devices[old].incidents[incident.rule] = nil
        }
        let key = incident.device ?? Self.nobody
        let slot = meet(key, deviceId: 0, nil, firstKnown: incident.opened)
        guard incident.state != .cleared else {
            placesOfIncidents[incident.id] = nil
            if devices[slot].incidents[incident.rule]?.id == incident.id {
                devices[slot].incidents[incident.rule] = nil
            }
            return
        }
        devices[slot].incidents[incident.rule] = incident
        placesOfIncidents[incident.id] = IncidentPlace(slot: slot, rule: incident.rule)
        if let due = incident.due { timers.add(.incident(incident.id), due: due) }
    }

    /// Where incidents of no device are.
    private static let nobody = DeviceKey(server: "", uniqueId: "")

    @discardableResult
    private mutating func meet(
        _ key: DeviceKey, deviceId: Int64, _ device: Device?, firstKnown: Instant
    ) -> Int {
        let slot: Int
        if let known = slots[key] {
            slot = known
            if let device { devices[slot].device = device }
            if deviceId != 0 { devices[slot].deviceId = deviceId }
            devices[slot].firstKnown = min(devices[slot].firstKnown, firstKnown)
        } else {
            slot = devices.count
            devices.append(
                DeviceMemory(key: key, deviceId: deviceId, device: device, firstKnown: firstKnown))
            slots[key] = slot
        }
        guard deviceId != 0 else { return slot }
        let id = ServerId(server: key.server, id: deviceId)
        if let other = slotsOfIds[id], other != slot {
            // A stand-in never takes an id back from the device that it stood in for.
            guard !devices[slot].isStandIn else { return slot }
            devices[other].recent = []
        }
        slotsOfIds[id] = slot
        return slot
    }

    private mutating func hold(_ delivery: Delivery) {
        timersChanged = true
        let way = Destination(delivery)
        var waiting = held[way] ?? Held(due: delivery.due, deliveries: [])
        guard !waiting.deliveries.contains(where: { $0.id == delivery.id }) else { return }
        waiting.deliveries.append(delivery)
        waiting.due = min(waiting.due, delivery.due)
        held[way] = waiting
        timers.add(.digest(way), due: waiting.due)
    }

    private mutating func release(_ ids: Set<String>) {
        timersChanged = true
        for (way, waiting) in held where waiting.deliveries.contains(where: { ids.contains($0.id) })
        {
            let left = waiting.deliveries.filter { !ids.contains($0.id) }
            held[way] = left.isEmpty ? nil : Held(due: waiting.due, deliveries: left)
        }
    }

    private mutating func keep(_ recent: Recent) {
        let slot = meet(
            recent.device, deviceId: recent.event.knownDeviceId, nil,
            firstKnown: recent.event.received)
        if let index = devices[slot].recent.firstIndex(where: { $0.seq == recent.seq }) {
            devices[slot].recent[index] = recent
            return
        }
        devices[slot].recent.append(recent)
        if devices[slot].recent.count > Limits.recentEventsPerDevice {
            devices[slot].recent.removeFirst()
        }
        recents.add(slot: slot, seq: recent.seq, received: recent.event.received)
    }

    private mutating func forget(before now: Instant) {
        while let old = recents.removeFirst(
            before: now - Self.keepsRecent, atMost: Limits.recentEvents)
        {
            if devices[old.slot].recent.first?.seq == old.seq {
                devices[old.slot].recent.removeFirst()
            } else {
                devices[old.slot].recent.removeAll { $0.seq == old.seq }
            }
        }
    }

    /// At least as long as any `lateness`; Engine looks at the receipt itself.
    private static let keepsRecent = Duration.seconds(60)

    private func due(of timer: TimerHeap.Timer) -> Instant? {
        switch timer {
        case .incident(let id): incident(id: id)?.due
        case .digest(let way): held[way]?.due
        }
    }
}

extension Event {
    /// The server's number of its device, from wherever it stands.
    var knownDeviceId: Int64 { deviceId != 0 ? deviceId : device?.id ?? 0 }
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
