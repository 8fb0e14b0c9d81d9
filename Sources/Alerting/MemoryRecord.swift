// What Store has kept of the engine's memory, as it reads it back at start: plain lists in any
// order. What Memory derives (timers, look-ups) is not in it.

package struct MemoryRecord: Sendable {
    package var devices: [KnownDevice] = []
    /// Open and acknowledged ones.
    package var incidents: [Incident] = []
    package var stamps: [Stamp] = []
    /// Deliveries in state `held`.
    package var held: [Delivery] = []
    package var geofences: [KnownGeofence] = []
    /// Those that were down, without a moment at which something is due: that is worked out when
    /// the source is heard of again.
    package var silentSources: [String: SilentSource] = [:]
    /// All events received in the last `Memory.keepsRecent` before the last one that was stepped,
    /// with the device and the rules of their judgements: those that may be judged again, and those
    /// by which a match that comes late is over already.
    package var recent: [Recent] = []
    /// The rules that had something to say of them, whether they matched or not, by `Recent.seq`.
    package var asked: [Int64: [String]] = [:]

    package struct KnownDevice: Sendable, Hashable {
        package var key: DeviceKey
        /// 0: not known.
        package var deviceId: Int64
        package var device: Device?
        package var firstKnown: Instant
        package var reports: [Report]

        package init(
            key: DeviceKey, deviceId: Int64, device: Device?, firstKnown: Instant,
            reports: [Report]
        ) {
            self.key = key
            self.deviceId = deviceId
            self.device = device
            self.firstKnown = firstKnown
            self.reports = reports
        }
    }

    package struct Stamp: Sendable, Hashable {
        package var key: StampKey
        package var moment: Instant

        package init(key: StampKey, moment: Instant) {
            self.key = key
            self.moment = moment
        }
    }

    package struct KnownGeofence: Sendable, Hashable {
        package var server: String
        package var id: Int64
        package var name: String

        package init(server: String, id: Int64, name: String) {
            self.server = server
            self.id = id
            self.name = name
        }
    }

    package init() {}
}

extension Memory {
    /// The memory that a record is of.
    package init(_ record: MemoryRecord) {
        self.init()
        var step = Step(seq: nil, now: .distantPast)
        for known in record.devices {
            step.changes.append(
                .device(
                    known.key, deviceId: known.deviceId, known.device,
                    firstKnown: known.firstKnown))
            step.changes += known.reports.map { .report(known.key, $0) }
        }
        step.changes += record.geofences.map {
            .geofence(server: $0.server, id: $0.id, name: $0.name)
        }
        step.changes += record.silentSources.map { .source($0.key, $0.value) }
        step.changes += record.incidents.map { .incident(Incident.Shared($0)) }
        // After the devices and incidents: a stamp is kept with the device that it is of.
        step.changes += record.stamps.map { .stamp($0.key, $0.moment) }
        step.deliveries = record.held
        step.recent = record.recent.sorted { $0.seq < $1.seq }
        apply(step)
    }
}

extension Engine {
    /// The memory that a record is of, for going on by these rules. What the positions of the last
    /// events crossed does not stand in it: it is found again in the reports of their devices. Of a
    /// crossing that came without an event only what it did is known: it is not judged again.
    package mutating func memory(of record: MemoryRecord) -> Memory {
        rules.forgetDevices()
        var memory = Memory(record)
        guard !rules.index.boundaries.isEmpty else { return memory }
        var step = Step(seq: nil, now: .distantPast)
        for var recent in record.recent where recent.event.position != nil {
            // Of many the oldest have gone already.
            guard let slot = memory.slot(of: recent.device),
                memory.devices[slot].recent.contains(where: { $0.seq == recent.seq })
            else { continue }
            let asked = record.asked[recent.seq] ?? []
            recent.event.crossings = crossings(of: recent, slot, memory)
                .filter { wasOwn($0, of: recent, slot, asked, memory) }
            if !recent.event.crossings.isEmpty { step.recent.append(recent) }
        }
        memory.apply(step)
        return memory
    }

    private func crossings(of recent: Recent, _ slot: Int, _ memory: Memory) -> [Crossing] {
        let all = memory.reports(slot)
        // Where older reports are folded into it, it is not known what lay before it.
        guard let own = Facts(recent.event, past: all, known: nil).own,
            let report = all.copy(of: own), report.time == recent.event.effectiveTime,
            report.folded == nil
        else { return [] }
        let before = all.filter { !$0.isSame(as: report) }
        return rules.index.boundaries.crossings([report], old: before, all: all)
            .filter { $0.report.isSame(as: report) }.flatMap(\.crossings)
    }

    /// Whether a crossing was the event's when it was stepped, and not another one's of the same
    /// report, or nobody's: then each rule that listens to it had something to say of the event.
    private mutating func wasOwn(
        _ crossing: Crossing, of recent: Recent, _ slot: Int, _ asked: [String], _ memory: Memory
    ) -> Bool {
        let device = memory.devices[slot]
        let kinds = EventKinds(isEvent: false, crossings: rules.index.kinds.kinds([crossing]))
        let facts = Facts(recent.event, past: device.reports, known: recent.known)
        let answers = rules.find(
            kinds, slot: slot, name: device.device?.name ?? device.key.uniqueId,
            uniqueId: device.key.uniqueId, facts, memory)
        return answers.list.allSatisfy { asked.contains(rules.index.ids[Int($0.rule)]) }
    }
}
