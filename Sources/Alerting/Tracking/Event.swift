// What happened: Traccar's Event with the objects that came with it (model/Event.java and
// forward/EventData.java; domain.md 1.1 and 3.1).

/// One event of one device, as a source understood it.
package struct Event: Hashable, Sendable {
    /// The name space of its ids: the source's `url`.
    package var server: String
    /// The name of the source in the configuration.
    package var source: String
    /// 0: not known (the server could not store it; every such event is its own).
    package var id: Int64 = 0
    package var deviceId: Int64 = 0
    /// Traccar's spelling: `geofenceExit`, `alarm`, …; unknown types pass.
    package var type: String
    /// The tracker's clock (for status events the server's); nil where the payload had none.
    package var time: Instant?
    /// When this relay had it on disk; set by Store, never goes back.
    package var received: Instant = .distantPast
    package var positionId: Int64 = 0
    package var geofenceId: Int64 = 0
    package var maintenanceId: Int64 = 0
    package var attributes = Attributes()
    package var position: Position?
    package var device: Device?
    /// The name of the geofence that the payload carried.
    package var geofenceName: String?
    /// `X-PowTxn`, quoted in support queries (BikeTrax).
    package var txn: String?
    package var road: Road = .webhook
    /// What its position crossed (places and bounds of the rule files), as the engine found.
    package var crossings: [Crossing] = []

    package enum Road: String, Sendable, CaseIterable, Codable {
        case webhook
        case socket
        case catchUp = "catch-up"
    }

    package init(server: String, source: String, type: String) {
        self.server = server
        self.source = source
        self.type = type
    }

    /// Whether it is a report without a happening: a source gave no type.
    package var isReport: Bool { type.isEmpty }

    /// The kind of an `alarm`; exactly one in an event (AlarmEventHandler.java).
    package var alarm: String? { type == "alarm" ? attributes.text("alarm") : nil }

    /// Whether its clock is broken: more than a year old or a day ahead (RULES.md, Two clocks).
    package var clockIsWrong: Bool {
        guard let time else { return false }
        return time < received.shifted(seconds: -Limits.clockBehindSeconds)
            || time > received.shifted(seconds: Limits.clockAheadSeconds)
    }

    /// When it counts as having happened: its own time, or its receipt if that is earlier, or if
    /// its clock is broken (RULES.md, Two clocks).
    package var effectiveTime: Instant {
        guard let time, !clockIsWrong else { return received }
        return min(time, received)
    }

    /// How old it was when it was received; 0 where nothing says.
    package var lateness: Duration { .milliseconds(lateMilliseconds) }
    package var lateMilliseconds: Int64 { received.milliseconds - effectiveTime.milliseconds }

    /// Whether a server makes events of this type only where `event.status.enable` is set (off
    /// since Traccar 6.14).
    package static func isOfStatus(_ type: String) -> Bool {
        type == "deviceOnline" || type == "deviceOffline" || type == "deviceUnknown"
    }

    /// What makes two copies the same event (DESIGN, deduplication 1). The body is never part of
    /// it: copies differ in `attributes.message`.
    package var identity: String {
        // By bytes: each event asks for it once or twice, and interpolation costs it 3 µs. Of
        // names, since a closure over an event copies all of it.
        let (server, id, deviceId, type, time) = (server, id, deviceId, type, time)
        let more =
            id > 0 ? nil : (attributes.text("alarm"), [geofenceId, maintenanceId, positionId])
        return String(capacity: server.utf8.count + type.utf8.count + 64) { writer in
            writer.append(server)
            writer.append(field: max(0, id))
            writer.append(field: deviceId)
            writer.append(field: type)
            if let time {
                writer.append(field: time.milliseconds)
            } else {
                writer.append(field: "")
            }
            guard let (alarm, numbers) = more else { return }
            writer.append(field: alarm ?? "")
            for number in numbers { writer.append(field: number) }
        }
    }
}

extension Event {
    /// The server's number of its device, from wherever it stands.
    var knownDeviceId: Int64 { deviceId != 0 ? deviceId : device?.id ?? 0 }
}

extension ByteWriter {
    fileprivate mutating func append(field text: String) {
        append(UInt8(ascii: "|"))
        append(text)
    }
    fileprivate mutating func append(field number: Int64) {
        append(UInt8(ascii: "|"))
        append(decimal: number)
    }
}
