// Bytes in, values out: the lists of the REST API, and the two objects that describe an account and
// the server. What does not parse, or is no list where one is due, is refused: an answer that was
// cut off must never pass for an empty one (domain.md 4). Single elements that lack what they are
// known by are left out.
package import Alerting
import CSimdjson
import Foundation

/// Reads the answers of one source's server. Each call has buffers of its own, so it may be used
/// from anywhere.
package struct TraccarLists: Sendable {
    private let server: String
    private let source: String

    /// - Parameters:
    ///   - server: the source's `url`, the name space of the ids.
    ///   - source: its name.
    package init(server: String, source: String) {
        self.server = server
        self.source = source
    }

    package typealias Refusal = TraccarPayload.Refusal

    /// `/api/devices`.
    package func devices(_ bytes: [UInt8]) throws(Refusal) -> [ServerDevice] {
        try list(bytes, CJ_DEVICES) { $0.serverDevice() }
    }

    /// `/api/positions`.
    package func positions(_ bytes: [UInt8]) throws(Refusal) -> [Position] {
        try list(bytes, CJ_POSITIONS) { $0.readPosition(deviceId: 0) }
    }

    /// `/api/reports/events`; `road` is `.catchUp`.
    package func events(_ bytes: [UInt8]) throws(Refusal) -> [Arrival] {
        try list(bytes, CJ_EVENTS) { $0.arrival(server: server, source: source, road: .catchUp) }
    }

    /// `/api/events/{id}`, which is one object; `road` is `.catchUp`.
    package func event(_ bytes: [UInt8]) throws(Refusal) -> Arrival {
        let found = try object(bytes, CJ_EVENTS) {
            $0.arrival(server: server, source: source, road: .catchUp)
        }
        guard let found else { throw Refusal(description: "not an event") }
        return found
    }

    /// `/api/geofences`.
    package func geofences(_ bytes: [UInt8]) throws(Refusal) -> [ServerGeofence] {
        try list(bytes, CJ_THINGS) { item in
            guard let id = item.thing.id.id, let name = item.thing.name.words else { return nil }
            return ServerGeofence(
                id: id, name: name, area: item.thing.area.words ?? "",
                attributes: item.thing.attributes.attributes(in: item))
        }
    }

    /// `/api/groups`.
    package func groups(_ bytes: [UInt8]) throws(Refusal) -> [ServerGroup] {
        try list(bytes, CJ_THINGS) { item in
            guard let id = item.thing.id.id, let name = item.thing.name.words else { return nil }
            return ServerGroup(id: id, name: name, parent: item.thing.group_id.id ?? 0)
        }
    }

    /// `/api/calendars`.
    package func calendars(_ bytes: [UInt8]) throws(Refusal) -> [ServerCalendar] {
        try list(bytes, CJ_THINGS) { item in
            guard let id = item.thing.id.id, let name = item.thing.name.words else { return nil }
            let decoded = item.thing.data.words.flatMap {
                Data(base64Encoded: $0, options: .ignoreUnknownCharacters)
            }
            return ServerCalendar(
                id: id, name: name,
                text: decoded.flatMap { $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self) })
        }
    }

    /// `/api/notifications`.
    package func notifications(_ bytes: [UInt8]) throws(Refusal) -> [ServerNotification] {
        try list(bytes, CJ_THINGS) { item in
            guard let id = item.thing.id.id, let type = item.thing.type.words else { return nil }
            var made = ServerNotification(id: id, type: type)
            made.always = item.thing.always.flag ?? false
            made.notificators = Self.parts(item.thing.notificators.words)
            // The notificators of servers up to 4.0 are flags.
            if item.thing.web.flag == true { made.notificators.append("web") }
            let attributes = item.thing.attributes.attributes(in: item)
            made.alarms = Self.parts(attributes.text("alarms"))
            made.geofences = Self.parts(attributes.text("geofenceIds")).compactMap { Int64($0) }
            made.calendar = item.thing.calendar_id.id ?? 0
            return made
        }
    }

    /// `/api/server`.
    package func info(_ bytes: [UInt8]) throws(Refusal) -> ServerInfo {
        try object(bytes, CJ_THINGS) { ServerInfo(version: $0.thing.version.words) }
    }

    /// What a login answers.
    package func account(_ bytes: [UInt8]) throws(Refusal) -> ServerAccount {
        let found = try object(bytes, CJ_THINGS) { item -> ServerAccount? in
            guard let id = item.thing.id.id else { return nil }
            var made = ServerAccount(id: id)
            made.expires = item.thing.expiration_time.instant
            made.reportsDisabled = item.thing.disable_reports.flag ?? false
            let attributes = item.thing.attributes.attributes(in: item)
            made.webhookURL = attributes.text("webhookUrl")
            made.webhookTypes = attributes.text("webhookTypes").map { Self.parts($0) }
            made.webhookKey = item.thing.webhook_key.words.map { WebhookKey($0) }
            made.webhooksDisabled = attributes.flag("disableWebhooks") ?? false
            return made
        }
        guard let found else { throw Refusal(description: "not an account") }
        return found
    }

    // MARK: - Walking

    /// Of a list written with commas.
    private static func parts(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    private func list<Value>(
        _ bytes: [UInt8], _ sort: cj_sort, _ made: (borrowing cj_item) -> Value?
    ) throws(Refusal) -> [Value] {
        let json = try parsed(bytes)
        guard cj_is_list(json.reader) else { throw Refusal(description: "not a list") }
        var values: [Value] = []
        try json.forEach(sort) { item in
            if let value = made(item) { values.append(value) }
        }
        return values
    }

    private func object<Value>(
        _ bytes: [UInt8], _ sort: cj_sort, _ made: (borrowing cj_item) -> Value
    ) throws(Refusal) -> Value {
        let json = try parsed(bytes)
        var value: Value?
        if !cj_is_list(json.reader) { try json.forEach(sort) { value = made($0) } }
        guard let value else { throw Refusal(description: "not an object") }
        return value
    }

    private func parsed(_ bytes: [UInt8]) throws(Refusal) -> TraccarJSON {
        let json = TraccarJSON(depth: Limits.jsonDepth + 1)
        let buffer = bytes.span
        try buffer.withUnsafeBytes { bytes throws(Refusal) in try json.parse(bytes) }
        return json
    }
}

extension TraccarJSON {
    /// Every element of the list that the reader stands before, or the one object.
    func forEach(
        _ sort: cj_sort, _ body: (borrowing cj_item) -> Void
    ) throws(TraccarPayload.Refusal) {
        var item = cj_item()
        var isObject = true
        while cj_next_of(reader, sort, sort == CJ_EVENTS, &item, &isObject) {
            guard isObject else {
                throw TraccarPayload.Refusal(description: "a list of something else")
            }
            body(item)
        }
    }
}

extension cj_item {
    /// nil where it is no event.
    func arrival(server: String, source: String, road: Event.Road) -> Arrival? {
        guard var event = event(server: server, source: source) else { return nil }
        event.road = road
        return Arrival(event: event, body: Array(body.buffer))
    }

    func serverDevice() -> ServerDevice? {
        guard let id = device.id.id, let read = readDevice(id: id) else { return nil }
        var made = ServerDevice(read)
        made.status = device.status.words.flatMap(ServerDevice.Status.init) ?? .unknown
        made.lastUpdate = device.last_update.instant
        made.positionId = device.position_id.id ?? 0
        made.disabled = device.disabled.flag ?? false
        return made
    }
}
