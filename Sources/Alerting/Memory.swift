// What the engine remembers: by device (what is known of it, its open incidents, when `once_per`
// began, the events of the last seconds) and by contact (what is held for a digest). A value that
// only `apply` changes, by a Step that is on disk or about to be; it costs in the step's changes,
// not in its own size. At start it is read back (MemoryRecord), not recomputed.

package struct Memory: Sendable {
    /// Never removed or reordered, so that a slot is good as long as the process.
    private(set) var devices: [DeviceMemory] = []
    private var slots: [DeviceKey: Int] = [:]
    /// The slot that was asked for last: a step's changes are nearly all of one device.
    private var lastSlot = 0
    private var slotsOfIds: [ServerId: Int] = [:]
    /// Where each open or acknowledged incident is, by its id.
    private var placesOfIncidents: [String: IncidentPlace] = [:]
    /// Stamps that do not count devices apart.
    private var sharedStamps: [StampKey: Instant] = [:]
    /// Deliveries that are gathered for a digest, by whom they are for.
    private(set) var held: [Destination: Held] = [:]
    private var geofences: [ServerName: Int64] = [:]
    private var geofenceNames: [ServerId: String] = [:]
    /// Sources that are down, by name.
    private(set) var sources: [String: SilentSource] = [:]
    private var timers = TimerHeap()
    private var timersChanged = false
    /// The events that are kept, in the order of their receipt.
    private var recents = RecentQueue()

    private struct IncidentPlace {
        var slot: Int
        var rule: String
        /// The moment for which its timer is in the heap.
        var timer = Instant.distantFuture

        /// The slot where it was before, and whether its timer is due earlier than the heap knows.
        mutating func update(_ newSlot: Int, due: Instant?) -> (old: Int, isEarlier: Bool) {
            let old = slot
            slot = newSlot
            guard let due, due < timer else { return (old, false) }
            timer = due
            return (old, true)
        }
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
        /// The moment for which its timer is in the heap.
        var timer = Instant.distantFuture
    }

    package init() {}

    /// Open and acknowledged incidents.
    package var openIncidents: Int { placesOfIncidents.count }

    /// When something is due next; nil: nothing waits.
    package var nextDue: Instant? {
        // As a rule there is no source that is down.
        guard !sources.isEmpty else { return timers.first }
        return [timers.first, sources.values.compactMap(\.due).min()].compactMap { $0 }.min()
    }
}

/// One device's part of the memory.
struct DeviceMemory: Sendable {
    var key: DeviceKey
    var deviceId: Int64
    /// As the server last described it; nil: only bare events so far.
    var device: Device?
    var firstKnown: Instant
    /// Oldest first (`Report.inOrder`), as many as `Learning` leaves of them.
    var reports: [Report] = []
    /// Events of the last `lateness`, in the order of their receipt.
    var recent: [Recent] = []
    /// Open and acknowledged ones, by rule.
    var incidents = SortedTable<String, Incident>()
    var stamps = SortedTable<StampKey, Instant>()

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

    func slot(of key: DeviceKey) -> Int? {
        if lastSlot < devices.count, devices[lastSlot].key == key { return lastSlot }
        return slots[key]
    }

    /// - Parameter slot: of the stamp's device, where the asker knows it.
    func stamp(_ key: StampKey, slot: Int? = nil) -> Instant? {
        guard let device = key.device else { return sharedStamps[key] }
        return (slot ?? self.slot(of: device)).flatMap { devices[$0].stamps[key] }
    }

    /// The stamps of a rule that a person's clearing on this device ends.
    func stamps(ofRule rule: String, device: DeviceKey?) -> [StampKey] {
        let own = device.flatMap { slot(of: $0) }.map { devices[$0].stamps.keys } ?? []
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

    /// Sources of which a rule is due, in a fixed order.
    func sourcesDue(at now: Instant) -> [String] {
        sources.filter { $0.value.due.map { $0 <= now } ?? false }.keys.sorted()
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
    /// Makes a step's changes. Applying one twice does no harm, but for a clock that was set.
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
        heap.settle(live: placesOfIncidents.count + held.count) { dueAgain($0, entry: $1) }
        timers = heap
    }

    private mutating func apply(_ change: Change) {
        switch change {
        case .incident(let incident): put(incident)
        case .stamp(let key, let moment):
            if let device = key.device {
                if let moment {
                    // A source is known by what is kept of it only.
                    let slot =
                        slot(of: device) ?? meet(device, deviceId: 0, nil, firstKnown: moment)
                    devices[slot].stamps.updateValue(moment, forKey: key)
                } else if let slot = slot(of: device) {
                    devices[slot].stamps.removeValue(forKey: key)
                }
            } else {
                sharedStamps[key] = moment
            }
        case .device(let key, let deviceId, let device, let firstKnown):
            meet(key, deviceId: deviceId, device, firstKnown: firstKnown)
        case .report(let key, let report):
            if let slot = slot(of: key) { devices[slot].reports.insert(report) }
        case .folded(let key, let moment):
            if let slot = slot(of: key) { devices[slot].reports.removeAll { $0.time < moment } }
        case .geofence(let server, let id, let name):
            geofences[ServerName(server: server, name: name)] = id
            geofenceNames[ServerId(server: server, id: id)] = name
        case .source(let name, let silence): sources[name] = silence
        case .clockSet(let duration, let start): shift(by: duration, begunSince: start)
        case .released(let ids, _): release(Set(ids))
        }
    }

    private mutating func put(_ incident: Incident) {
        timersChanged = true
        let slot = meet(
            incident.device ?? Self.nobody, deviceId: 0, nil, firstKnown: incident.opened)
        guard incident.state != .cleared else {
            leave(placesOfIncidents.removeValue(forKey: incident.id)?.slot, incident)
            return leave(slot, incident)
        }
        devices[slot].incidents.updateValue(incident, forKey: incident.rule)
        let (old, isEarlier) = placesOfIncidents[
            incident.id, default: IncidentPlace(slot: slot, rule: incident.rule)
        ].update(slot, due: incident.due)
        if isEarlier, let due = incident.due { timers.add(.incident(incident.id), due: due) }
        // It may have moved here from the stand-in of its device.
        if old != slot { leave(old, incident) }
    }

    /// Takes an incident out of a device that has it no longer.
    private mutating func leave(_ slot: Int?, _ incident: Incident) {
        guard let slot, devices[slot].incidents[incident.rule]?.id == incident.id else { return }
        devices[slot].incidents.removeValue(forKey: incident.rule)
    }

    /// Where incidents of no device are.
    private static let nobody = DeviceKey(server: "", uniqueId: "")

    @discardableResult
    private mutating func meet(
        _ key: DeviceKey, deviceId: Int64, _ device: Device?, firstKnown: Instant
    ) -> Int {
        let slot: Int
        if let known = self.slot(of: key) {
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
        lastSlot = slot
        guard deviceId != 0 else { return slot }
        let id = ServerId(server: key.server, id: deviceId)
        if let other = slotsOfIds[id] {
            if other == slot { return slot }
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
        if waiting.due < waiting.timer {
            waiting.timer = waiting.due
            timers.add(.digest(way), due: waiting.due)
        }
        held[way] = waiting
    }

    private mutating func release(_ ids: Set<String>) {
        timersChanged = true
        for (way, waiting) in held where waiting.deliveries.contains(where: { ids.contains($0.id) })
        {
            let left = waiting.deliveries.filter { !ids.contains($0.id) }
            held[way] =
                left.isEmpty
                ? nil : Held(due: waiting.due, deliveries: left, timer: waiting.timer)
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

    /// What began to wait at `start` or later is due later by so much.
    private mutating func shift(by duration: Duration, begunSince start: Instant) {
        for slot in devices.indices {
            for key in devices[slot].stamps.keys {
                guard let moment = devices[slot].stamps[key], moment >= start else { continue }
                devices[slot].stamps.updateValue(moment + duration, forKey: key)
            }
            for var incident in devices[slot].incidents.values where incident.lastMatch >= start {
                incident.lastMatch = incident.lastMatch + duration
                incident.due = incident.due.map { $0 + duration }
                devices[slot].incidents.updateValue(incident, forKey: incident.rule)
            }
        }
        for (key, moment) in sharedStamps where moment >= start {
            sharedStamps[key] = moment + duration
        }
        for way in held.keys {
            guard var waiting = held[way] else { continue }
            for index in waiting.deliveries.indices
            where waiting.deliveries[index].created >= start {
                waiting.deliveries[index].due = waiting.deliveries[index].due + duration
            }
            waiting.due = waiting.deliveries.map(\.due).min() ?? waiting.due
            held[way] = waiting
        }
        for name in sources.keys {
            guard var silence = sources[name], silence.since >= start else { continue }
            silence.since = silence.since + duration
            silence.due = silence.due.map { $0 + duration }
            silence.ended = silence.ended.map { $0 + duration }
            sources[name] = silence
        }
        // Entries of the heap are looked at again when they come up.
        timersChanged = true
    }

    /// At least as long as any `lateness`; Engine looks at the receipt itself.
    private static let keepsRecent = Duration.seconds(60)

    /// When a timer is due by now, of which the heap has an entry; nil: the owner is gone, or
    /// another entry stands for it.
    private mutating func dueAgain(_ timer: TimerHeap.Timer, entry: Instant) -> Instant? {
        switch timer {
        case .incident(let id):
            guard let place = placesOfIncidents[id], place.timer == entry,
                let due = devices[place.slot].incidents[place.rule]?.due
            else { return nil }
            if due != entry { placesOfIncidents[id]?.timer = due }
            return due
        case .digest(let way):
            guard let held = held[way], held.timer == entry else { return nil }
            if held.due != entry { self.held[way]?.timer = held.due }
            return held.due
        }
    }
}
