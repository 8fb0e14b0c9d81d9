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
