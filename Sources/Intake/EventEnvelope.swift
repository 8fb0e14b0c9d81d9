// A bare event of the socket or of a report becomes what a webhook would have sent: an envelope
// with the device, the position and the geofence's name, as far as they are known. The envelope is
// also the body that is stored, so that an event that is stepped anew after a crash is judged by
// what was known when it came and not by today's state.
package import Alerting

extension Arrival {
    /// With what the event lacks and the caller knows; what it has itself stays.
    package func completed(device: Device?, position: Position?, geofence: String?) -> Arrival {
        let position = event.position == nil ? position : nil
        let device = event.device == nil ? device : nil
        let geofence = event.geofenceName == nil && event.geofenceId != 0 ? geofence : nil
        guard device != nil || position != nil || geofence != nil else { return self }
        var whole = self
        whole.event.device = event.device ?? device
        whole.event.position = event.position ?? position
        whole.event.geofenceName = event.geofenceName ?? geofence
        // A body that is an envelope already would need to be opened: the roads that end here
        // bring bare events only.
        guard event.device == nil, event.position == nil, event.geofenceName == nil else {
            return whole
        }
        var parts = JSONWriter(capacity: 768)
        parts.object { parts in
            if let device { parts.member("device", device) }
            if let position { parts.member("position", position) }
            if let geofence {
                parts.name("geofence")
                parts.object { parts in
                    parts.member("id", event.geofenceId)
                    parts.member("name", geofence)
                }
            }
        }
        // {"event":BODY,"device":…}
        whole.body = Array("{\"event\":".utf8) + body + [UInt8(ascii: ",")]
        whole.body += parts.bytes.dropFirst()
        return whole
    }
}

extension Arrival {
    /// Whether it is an event alone, in its body too: an envelope with nothing beside the event
    /// cannot be put into another one.
    var isBare: Bool {
        guard event.isBare else { return false }
        let envelope = Array("{\"event\":".utf8) + body + [UInt8(ascii: "}")]
        let read = TraccarPayload.event(
            body: envelope, server: event.server, source: event.source, road: event.road,
            received: event.received)
        return read?.identity == event.identity
    }
}

extension Event {
    /// It came without its device, its position and its geofence.
    package var isBare: Bool { device == nil && position == nil && geofenceName == nil }
}

extension JSONWriter {
    /// A device as Traccar writes it (model/Device.java), as far as we keep it.
    fileprivate mutating func member(_ name: StaticString, _ device: Device) {
        self.name(name)
        object { json in
            json.member("id", device.id)
            json.member("uniqueId", device.uniqueId)
            json.member("name", device.name)
            json.member("groupId", device.groupId)
            json.member("attributes", device.attributes)
        }
    }

    /// A position as Traccar writes it (model/Position.java): TraccarPayload reads back the same.
    fileprivate mutating func member(_ name: StaticString, _ position: Position) {
        self.name(name)
        object { json in
            json.member("id", position.id)
            json.member("deviceId", position.deviceId)
            json.member(known: "deviceTime", rfc3339: position.deviceTime)
            json.member(known: "fixTime", rfc3339: position.fixTime)
            json.member(known: "serverTime", rfc3339: position.serverTime)
            json.member("valid", position.valid)
            json.member("latitude", position.coordinate.latitude)
            json.member("longitude", position.coordinate.longitude)
            if let metres = position.altitude { json.member("altitude", metres) }
            if let speed = position.speed { json.member("speed", speed.knots) }
            if let degrees = position.course { json.member("course", degrees) }
            if let metres = position.accuracy { json.member("accuracy", metres) }
            json.member(known: "address", position.address)
            switch position.geofences {
            case .unknown: break
            case .known(let ids):
                json.name("geofenceIds")
                json.list(of: ids) { $0.value($1) }
            }
            json.member("attributes", position.attributes)
        }
    }

    private mutating func member(_ name: StaticString, _ attributes: Attributes) {
        self.name(name)
        object { json in
            for entry in attributes.entries {
                json.name(ofAttribute: entry.name)
                switch entry.value {
                case .text(let text): json.value(text)
                case .number(let number): json.value(number)
                case .flag(let flag): json.value(flag)
                case .null: json.value(raw: "null")
                case .nested(let text): json.value(raw: text)
                }
            }
        }
    }
}

extension Speed {
    /// As Traccar writes it; `Speed(knots:)` gives the very same speed again, so that nothing is
    /// judged otherwise when it is read back.
    var knots: Double {
        let near = kilometresPerHour / 1.852
        let exact = [near, near.nextUp, near.nextDown].first { Speed(knots: $0) == self }
        return exact ?? near
    }
}
