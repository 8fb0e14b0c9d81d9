// What the stand-in's REST side is: the world, who is logged in, and how each request is answered
// (api/resource/*.java). A value: `answer` has no side effects but on itself.

import Foundation

/// The world with its sessions.
package struct ServerState: Sendable {
    package var world: World
    package var faults = Faults()
    /// By cookie; in memory only, so that a restart forgets them.
    var sessions: [String: Session] = [:]
    /// Tokens that `POST /api/session/token` gave out.
    var tokens: Set<String> = []
    var random: SeededRandom

    struct Session: Sendable {
        var origin: String?
    }

    package init(_ world: World, seed: UInt64) {
        self.world = world
        random = SeededRandom(seed: seed)
    }

    package mutating func answer(_ request: Request, now: Moment) -> Answer {
        if faults.isDown { return .text("Service Unavailable", status: 503) }
        var answer = route(request, now: now)
        if faults.truncates, answer.status == 200, answer.body.first == UInt8(ascii: "[") {
            answer.body.removeLast(answer.body.count - answer.body.count / 2)
        }
        return answer
    }

    private mutating func route(_ request: Request, now: Moment) -> Answer {
        switch request.path.first {
        case "oauth" where world.dialect == .biketrax: return identity(request)
        case "admin" where world.dialect == .biketrax: return admin(request, now: now)
        case "api": break
        default: return .notFound
        }
        let path = Array(request.path.dropFirst())
        switch path {
        case ["session"], ["session", "token"]: return session(request, path)
        case ["server"] where request.method == "GET": return json(ServerInfo())
        case ["health"]: return .text("OK")
        // Refused before the servlet can say why (traccar#5188).
        case ["socket"]: return .text("Service Unavailable", status: 503)
        default: break
        }
        if let refusal = refusal(request) { return refusal }
        switch (request.method, path) {
        case ("GET", ["devices"]): return devices(request)
        case ("GET", ["geofences"]): return json(world.geofences)
        case ("GET", ["groups"]): return json(world.groups)
        case ("GET", ["calendars"]): return json(world.calendars)
        case ("GET", ["notifications"]): return notifications(request)
        case ("GET", ["positions"]): return positions(request)
        case ("GET", ["reports", "events"]): return eventsReport(request)
        case ("GET", ["reports", "trips"]): return tripsReport(request)
        default: break
        }
        guard path.count == 2, let id = Int64(path[1]) else { return .notFound }
        switch (request.method, path[0]) {
        case ("GET", "events"): return world.event(id).map { json($0) } ?? .notFound
        case ("GET", "devices"): return world.device(id).map { json($0) } ?? .notFound
        case ("PUT", "devices"): return putDevice(id, request)
        default: return .notFound
        }
    }

    func json(_ value: some JSONWritable) -> Answer { .json(JSONText.of(value, world.dialect)) }

    // MARK: - Lists

    private func devices(_ request: Request) -> Answer {
        guard let ids = request.ids("id") else { return .notFound }
        let uniqueIds = request.values("uniqueId")
        guard !ids.isEmpty || !uniqueIds.isEmpty else { return json(world.devices) }
        let found =
            ids.map { world.device($0) } + uniqueIds.map { world.device(uniqueId: $0) }
        // One that is not the account's own spoils the answer (PermissionsService).
        guard found.allSatisfy({ $0 != nil }) else { return .denied("Device") }
        return json(found.compactMap { $0 })
    }

    private func notifications(_ request: Request) -> Answer {
        guard let text = request.value("deviceId") else { return json(world.notifications) }
        guard let id = Int64(text) else { return .notFound }
        guard world.device(id) != nil else { return .denied("Device") }
        return json(world.notifications.filter { $0.devices.contains(id) })
    }

    private func positions(_ request: Request) -> Answer {
        guard let ids = request.ids("id") else { return .notFound }
        if !ids.isEmpty {
            if world.account.disableReports { return .denied("Reports") }
            let found = ids.compactMap { world.position($0) }
            return found.count == ids.count ? json(found) : .noEntity
        }
        guard let text = request.value("deviceId") else { return json(world.latestPositions) }
        guard let device = Int64(text) else { return .notFound }
        guard world.device(device) != nil else { return .denied("Device") }
        guard request.value("from") != nil || request.value("to") != nil else {
            return json(world.latestPosition(device).map { [$0] } ?? [])
        }
        if world.account.disableReports { return .denied("Reports") }
        guard let (from, to) = request.period else { return .notFound }
        return json(world.positions(of: device, from, to))
    }

    /// Takes what `Device` can keep: aiobiketrax says by it that a bike is stolen.
    private mutating func putDevice(_ id: Int64, _ request: Request) -> Answer {
        guard world.device(id) != nil else { return .denied("Device") }
        guard
            let body = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
        else { return .trace(400, "com.fasterxml.jackson.core.JsonParseException") }
        world.change(id) { device in
            if let name = body["name"] as? String { device.name = name }
            if let disabled = body["disabled"] as? Bool { device.disabled = disabled }
            for (name, value) in body["attributes"] as? [String: Any] ?? [:] {
                if let flag = value as? Bool, ["guarded", "stolen", "gpsDisabled"].contains(name) {
                    device.attributes[name] = .flag(flag)
                }
            }
        }
        return world.device(id).map { json($0) } ?? .notFound
    }
}

/// The server's own record: public, for its version (model/Server.java).
private struct ServerInfo: JSONWritable {
    func write(to text: inout JSONText) {
        let isOld = text.dialect == .biketrax
        text.object { text in
            text.member("id", 1)
            text.member("attributes", [:] as Properties)
            text.member("registration", false)
            text.member("readonly", false)
            text.member("deviceReadonly", false)
            text.member("map", String?.none)
            text.member("bingKey", String?.none)
            text.member("mapUrl", String?.none)
            text.member("latitude", 0.0)
            text.member("longitude", 0.0)
            text.member("zoom", 0)
            if isOld { text.member("twelveHourFormat", false) }
            text.member("forceSettings", false)
            text.member("coordinateFormat", String?.none)
            text.member("limitCommands", false)
            text.member("disableReports", false)
            text.member("poiLayer", String?.none)
            text.member("openIdEnabled", false)
            text.member("openIdForce", false)
            text.member("version", text.dialect.version)
        }
    }
}

extension Request {
    /// Numbers of a repeatable parameter; nil where one is none, which is a 404 (Jersey).
    func ids(_ name: String) -> [Int64]? {
        let texts = values(name)
        let numbers = texts.compactMap { Int64($0) }
        return numbers.count == texts.count ? numbers : nil
    }

    /// `from` and `to`; nil where one is missing or has no zone.
    var period: (Moment, Moment)? {
        guard let from = value("from").flatMap({ Moment(parameter: $0) }),
            let to = value("to").flatMap({ Moment(parameter: $0) })
        else { return nil }
        return (from, to)
    }
}

extension Answer {
    static func denied(_ what: String) -> Answer {
        trace(400, "java.lang.SecurityException: \(what) access denied")
    }
    static let noEntity = trace(
        400,
        "java.lang.NullPointerException: Cannot invoke "
            + "\"org.traccar.model.Position.getDeviceId()\" because \"position\" is null")
}
