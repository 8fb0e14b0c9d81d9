// What is known of a server beside its events: devices with their groups, geofences by name, and
// the last positions by their ids. Events of the socket and of reports come bare; they are
// completed from here. Fetched at connect, kept current from the socket and by refresh.
//
// It says what is new, so that the engine is told of changes and not of each of the thousand
// `devices` messages that repeat what is known. Positions are kept by id and in a bounded number:
// an event names one that came a moment ago or is about to come; what is older is asked for.
package import Alerting

/// One server's directory. A value; its owner serialises access.
package struct Directory: Sendable {
    private var devices: [Int64: Device] = [:]
    private var statuses: [Int64: ServerDevice.Status] = [:]
    private var groups: [Int64: ServerGroup] = [:]
    private var geofences: [Int64: String] = [:]
    private var positions: [Int64: Position] = [:]
    /// Ids in the order in which they came: a ring, so that the oldest goes first.
    private var ring: [Int64] = []
    private var oldest = 0
    private let bound: Int

    package init(positionsInMemory: Int = Limits.positionsInMemory) {
        bound = max(1, positionsInMemory)
    }

    package var deviceIds: [Int64] { devices.keys.sorted() }
    package var deviceCount: Int { devices.count }
    /// How often a device was seen to change between online and offline.
    package private(set) var statusChanges = 0
    /// A device came into a group, or left one, since this was last set to false.
    package var membersChanged = false

    // MARK: - What the server says

    /// All devices, as a list gave them.
    /// - Returns: those that are new or changed.
    package mutating func replace(devices list: [ServerDevice]) -> [Device] {
        let changed = list.compactMap { note($0) }
        if devices.count > list.count {
            let listed = Set(list.map(\.device.id))
            devices = devices.filter { listed.contains($0.key) }
            statuses = statuses.filter { listed.contains($0.key) }
        }
        return changed
    }

    /// One device, as the socket or a list gave it.
    /// - Returns: what is known of it now; nil: nothing that was not known.
    package mutating func note(_ seen: ServerDevice) -> Device? {
        var device = seen.device
        guard device.id != 0 else { return nil }
        if let before = statuses.updateValue(seen.status, forKey: device.id),
            before != seen.status
        {
            statusChanges += 1
        }
        device.group = groups[device.groupId]?.name ?? device.group
        let known = devices[device.id]
        if let known, known == device { return nil }
        if known?.groupId != device.groupId { membersChanged = true }
        devices[device.id] = device
        return device
    }

    /// - Returns: devices whose group has another name now.
    package mutating func replace(groups list: [ServerGroup]) -> [Device] {
        let new = Dictionary(list.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        guard new != groups else { return [] }
        groups = new
        return devices.values.filter { $0.group != groups[$0.groupId]?.name }
            .sorted { $0.id < $1.id }
            .map { device in
                var device = device
                device.group = groups[device.groupId]?.name
                devices[device.id] = device
                return device
            }
    }

    /// - Returns: those that are new or have another name now, by id.
    package mutating func replace(geofences list: [ServerGeofence]) -> [ServerGeofence] {
        let changed = list.filter { geofences[$0.id] != $0.name }.sorted { $0.id < $1.id }
        geofences = Dictionary(list.map { ($0.id, $0.name) }, uniquingKeysWith: { $1 })
        return changed
    }

    /// - Returns: false: it came before.
    package mutating func note(_ position: Position) -> Bool {
        guard position.id != 0 else { return true }
        guard positions.updateValue(position, forKey: position.id) == nil else { return false }
        if ring.count < bound {
            ring.append(position.id)
        } else {
            positions[ring[oldest]] = nil
            ring[oldest] = position.id
            oldest = (oldest + 1) % bound
        }
        return true
    }

    // MARK: - Asking

    package func device(_ id: Int64) -> Device? { devices[id] }
    package func position(_ id: Int64) -> Position? { id == 0 ? nil : positions[id] }

    /// The names of a device's group and of the groups around it, the nearest first.
    package func groups(of device: Device) -> [String] {
        var names: [String] = []
        var id = device.groupId
        // The server forbids circles; a depth that nobody has ends one all the same.
        while let group = groups[id], names.count < 32 {
            names.append(group.name)
            id = group.parent
        }
        return names
    }

    /// What rule files may refer to. Walks all devices: for now and then.
    package func names(calendars: [ServerCalendar]) -> ServerNames {
        var names = ServerNames()
        for group in groups.values { names.groups[group.name] = [] }
        if !groups.isEmpty {
            for device in devices.values {
                for group in groups(of: device) {
                    names.groups[group, default: []].append(device.uniqueId)
                }
            }
            for group in names.groups.keys { names.groups[group]?.sort() }
        }
        for calendar in calendars { names.calendars[calendar.name] = calendar.text }
        for (id, name) in geofences {
            names.geofences.insert(name)
            names.geofences.insert(String(id))
        }
        return names
    }

    package func devices(named name: String) -> [Int64] {
        devices.values.filter { $0.name == name || $0.uniqueId == name }.map(\.id).sorted()
    }

    /// The event with what is known of its device, its geofence and its position.
    package func complete(_ arrival: Arrival) -> Arrival {
        let event = arrival.event
        return arrival.completed(
            device: devices[event.deviceId], position: position(event.positionId),
            geofence: event.geofenceId == 0 ? nil : geofences[event.geofenceId])
    }
}
