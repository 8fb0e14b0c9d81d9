// The flat structs of one payload item as the core's values: Traccar's Event, Position and Device
// (domain.md 1.1 to 1.4). Knots end here: `Position.speed` is a `Speed`, and of `deviceOverspeed`
// the attributes `speed` and `speedLimit` are km/h behind this file.
import Alerting
import CSimdjson

extension cj_item {
    /// The event with all that came with it; nil where the item is none.
    func event(server: String, source: String) -> Event? {
        guard let type = eventType else { return nil }
        var made = Event(server: server, source: source, type: type)
        describe(&made)
        return made
    }

    /// The type of the event; nil where the item is none.
    var eventType: String? { shape == CJ_EVENT ? event.type.words : nil }

    /// Gives an event of that type all that came with it.
    func describe(_ made: inout Event) {
        made.id = event.id.id ?? 0
        // Left out by forwarders, and known by the objects beside it. A 0 is an answer: none.
        made.deviceId =
            event.device_id.id ?? (has_device ? device.id.id : nil)
            ?? (has_position ? position.device_id.id : nil) ?? 0
        // `serverTime` was its name before Traccar 4.13.
        made.time = event.event_time.instant ?? event.server_time.instant
        made.positionId = event.position_id.id ?? (has_position ? position.id.id : nil) ?? 0
        made.geofenceId = event.geofence_id.id ?? geofence_id.id ?? 0
        made.maintenanceId = event.maintenance_id.id ?? maintenance_id.id ?? 0
        made.attributes = event.attributes.attributes(in: self)
        made.geofenceName = geofence_name.words
        if made.type == "deviceOverspeed" {
            for name in ["speed", "speedLimit"] {
                guard let knots = made.attributes.number(name) else { continue }
                made.attributes[name] = .number(Speed(knots: knots).kilometresPerHour)
            }
        }
        if has_device { made.device = readDevice(id: made.deviceId) }
        if has_position { made.position = readPosition(deviceId: made.deviceId) }
    }

    /// nil where nothing says which device it is for good: rules and incidents know it by
    /// `uniqueId`.
    func readDevice(id: Int64) -> Device? {
        guard let uniqueId = device.unique_id.words else { return nil }
        var made = Device(
            id: device.id.id ?? id, uniqueId: uniqueId, name: device.name.words ?? "")
        made.groupId = device.group_id.id ?? 0
        made.attributes = device.attributes.attributes(in: self)
        return made
    }

    /// nil where it names no place at all.
    func readPosition(deviceId: Int64) -> Position? {
        guard let latitude = position.latitude.finite, let longitude = position.longitude.finite
        else { return nil }
        var made = Position(coordinate: Coordinate(latitude: latitude, longitude: longitude))
        made.id = position.id.id ?? 0
        made.deviceId = position.device_id.id ?? deviceId
        made.speed = position.speed.finite.map(Speed.init(knots:))
        made.accuracy = position.accuracy.finite
        made.altitude = position.altitude.finite
        made.course = position.course.finite
        // A place that is not on the globe is no fix, whatever the tracker says.
        let isOnGlobe = abs(latitude) <= 90 && abs(longitude) <= 180
        made.valid = isOnGlobe && position.valid.flag ?? true
        made.deviceTime = position.device_time.instant
        made.fixTime = position.fix_time.instant
        made.serverTime = position.server_time.instant
        made.address = position.address.words
        made.geofences = readGeofences()
        made.attributes = position.attributes.attributes(in: self)
        return made
    }

    /// `geofenceIds` of the position: null means "in none" and a missing key "unknown". Servers
    /// before 5.8 keep the list with the device, where the geofence handler sets it as it handles
    /// the latest position: it is taken where the position lacks the key and the device has a
    /// list. It may lag by one position for what is handled before geofences (overspeed, motion).
    private func readGeofences() -> Position.Geofences {
        if let ids = position.geofence_ids.ids(in: self) { return .known(ids) }
        if position.geofence_ids.kind == CJ_NULL { return .known([]) }
        if position.geofence_ids.kind == CJ_MISSING, has_device,
            let ids = device.geofence_ids.ids(in: self)
        {
            return .known(ids)
        }
        return .unknown
    }
}
