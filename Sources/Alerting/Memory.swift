// What the engine remembers: by device (what is known of it, its open incidents, when `once_per`
// began, the events of the last seconds) and by contact (what is held for a digest). A value that
// only `apply` changes, by a Step that is on disk or about to be; it costs in the step's changes,
// not in its own size. At start it is read back (MemoryRecord), not recomputed.

package struct Memory: Sendable {
    /// Never removed or reordered, so that a slot is good as long as the process.
    private(set) var devices: [DeviceMemory] = []
    private var slots: [DeviceKey: Int] = [:]
    /// Where a device is looked for first: a step's changes are nearly all of one.
    private var lastSlot = 0
    private var slotsOfIds = ServerIds<Int>()
    /// Open and acknowledged incidents.
    package private(set) var openIncidents = 0
    /// Where they are.
    private var slotsWithIncidents: Set<Int> = []
    /// Stamps that do not count devices apart.
    private var sharedStamps: [StampKey: Instant] = [:]
    /// Deliveries that are gathered for a digest, by whom they are for.
    private(set) var held: [Destination: Held] = [:]
    private var geofences: [ServerName: Int64] = [:]
    private var geofenceNames = ServerIds<String>()
    /// Sources that are down, by name.
    private(set) var sources: [String: SilentSource] = [:]
    private var timers = TimerHeap()
    private var timersChanged = false
    /// The events that are kept, in the order of their receipt.
    private var recents = RecentQueue()

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
    /// Events of the last `keepsRecent`, in the order of their receipt.
    var recent: [Recent] = []
    /// Open and acknowledged ones, by rule.
    var incidents = SortedTable<String, OpenIncident>()
    var stamps = SortedTable<StampKey, Instant>()

    struct OpenIncident: Sendable {
        var incident: Incident.Shared
        /// The moment for which its timer is in the heap.
        var timer: Instant
    }

    var isStandIn: Bool { key == .standIn(server: key.server, deviceId: deviceId) }
}

// MARK: - Asking

extension Memory {
    /// The device that an event is about, if it is known.
    func slot(of event: Event) -> Int? {
        let known = slotsOfIds[event.knownDeviceId, event.server]
        guard let device = event.device, !device.uniqueId.isEmpty else { return known }
        if let known, devices[known].key.uniqueId == device.uniqueId { return known }
        return slots[DeviceKey(server: event.server, uniqueId: device.uniqueId)]
    }

    /// The stand-in that bare events with this event's deviceId went to, if the event now says
    /// which device that is.
    func standIn(for event: Event, at known: Int?) -> DeviceMemory? {
        // The usual case: the id is the device's own.
        if let known, devices[known].deviceId == event.knownDeviceId { return nil }
        guard let device = event.device, !device.uniqueId.isEmpty, event.knownDeviceId != 0,
            let slot = slotsOfIds[event.knownDeviceId, event.server],
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

    /// All open and acknowledged incidents for which `isWanted` holds, in a fixed order. Walks all
    /// of them: for what people ask, and digests.
    package func incidents(where isWanted: (Incident) -> Bool) -> [Incident] {
        slotsWithIncidents.flatMap {
            devices[$0].incidents.values.map(\.incident.value).filter(isWanted)
        }
        .sorted { ($0.rule, $0.deviceName, $0.id) < ($1.rule, $1.deviceName, $1.id) }
    }

    /// What is due at `now`: incidents whose own timer has run out, and digests.
    func due(at now: Instant) -> (incidents: [Incident], digests: [Destination]) {
        var incidents: [Incident] = []
        var digests: [Destination] = []
        for timer in timers.due(at: now) {
            switch timer {
            case .incident(let slot, let rule):
                if let open = devices[slot].incidents[rule], let due = open.incident.value.due,
                    due <= now
                {
                    incidents.append(open.incident.value)
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
        id == 0 ? nil : geofenceNames[id, server]
    }
}

// MARK: - Applying

extension Memory {
    /// Makes a step's changes. Applying one twice does no harm, but for a clock that was set.
    package mutating func apply(_ step: Step) {
        if let slot = step.slot { lastSlot = slot }
        for change in step.changes { apply(change) }
        for delivery in step.deliveries where delivery.state == .held { hold(delivery) }
        for recent in step.recent { keep(recent) }
        forget(before: step.now)
        guard timersChanged else { return }
        timersChanged = false
        // Exclusive access: the closure reads what `timers` is not.
        var heap = timers
        timers = TimerHeap()
        heap.settle(live: openIncidents + held.count) { dueAgain($0, entry: $1) }
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
                    devices[slot].stamps[key] = moment
                } else if let slot = slot(of: device) {
                    devices[slot].stamps[key] = nil
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
            geofenceNames[id, server] = name
        case .source(let name, let silence): sources[name] = silence
        case .clockSet(let duration, let start): shift(by: duration, begunSince: start)
        case .released(let ids, _): release(Set(ids))
        }
    }

    private mutating func put(_ shared: Incident.Shared) {
        timersChanged = true
        let rule = shared.value.rule
        let slot = meet(
            shared.value.device ?? Self.nobody, deviceId: 0, nil, firstKnown: shared.value.opened)
        let known = devices[slot].incidents[rule]
        let isKnown = known.map { $0.incident.value.id == shared.value.id } ?? false
        if shared.value.state == .cleared {
            // By now the rule may have another one.
            if isKnown { remove(rule, from: slot) }
            return
        }
        if known == nil { openIncidents += 1 }
        var timer = isKnown ? known?.timer ?? .distantFuture : .distantFuture
        if let due = shared.value.due, due < timer {
            timer = due
            timers.add(.incident(slot: slot, rule: rule), due: due)
        }
        if devices[slot].incidents.isEmpty { slotsWithIncidents.insert(slot) }
        devices[slot].incidents[rule] = .init(incident: shared, timer: timer)
    }

    private mutating func remove(_ rule: String, from slot: Int) {
        devices[slot].incidents[rule] = nil
        if devices[slot].incidents.isEmpty { slotsWithIncidents.remove(slot) }
        openIncidents -= 1
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
        if let other = slotsOfIds[deviceId, key.server] {
            if other == slot { return slot }
            // A stand-in never takes an id back from the device that it stood in for.
            guard !devices[slot].isStandIn else { return slot }
            devices[other].recent = []
            // Those that the device has not are its own now (StepBuilder.adopt).
            if devices[other].isStandIn {
                for rule in devices[other].incidents.keys
                where !devices[slot].incidents.contains(rule) {
                    remove(rule, from: other)
                }
            }
        }
        slotsOfIds[deviceId, key.server] = slot
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
            held[way] = left.map(\.due).min().map {
                Held(due: $0, deliveries: left, timer: waiting.timer)
            }
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
                devices[slot].stamps[key] = moment + duration
            }
            for var incident in devices[slot].incidents.values.map(\.incident.value)
            where incident.lastMatch >= start {
                incident.lastMatch = incident.lastMatch + duration
                incident.due = incident.due.map { $0 + duration }
                devices[slot].incidents[incident.rule]?.incident = Incident.Shared(incident)
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

    /// The longest `lateness` that there may be; Engine looks at the receipt itself.
    package static let keepsRecent = Duration.seconds(60)

    /// When a timer is due by now, of which the heap has an entry; nil: the owner is gone, or
    /// another entry stands for it.
    private mutating func dueAgain(_ timer: TimerHeap.Timer, entry: Instant) -> Instant? {
        switch timer {
        case .incident(let slot, let rule):
            guard let open = devices[slot].incidents[rule], open.timer == entry,
                let due = open.incident.value.due
            else { return nil }
            if due != entry { devices[slot].incidents[rule]?.timer = due }
            return due
        case .digest(let way):
            guard let held = held[way], held.timer == entry else { return nil }
            if held.due != entry { self.held[way]?.timer = held.due }
            return held.due
        }
    }
}
