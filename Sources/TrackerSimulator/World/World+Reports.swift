// What the server makes of what its trackers say: positions, and the events that follow from them
// in Traccar's order (ProcessingHandler.java). Its trip logic (distance and duration) is left out:
// a report says itself whether its device moves.

extension World {
    /// What arrives at the server.
    package enum Action: Sendable {
        case report(Report)
        /// The connection to a tracker came up, went down, or fell silent.
        case status(Int64, Status)
        /// The owner arms or disarms (BikeTrax' admin API; no message tells anybody).
        case guarding(Int64, Bool)
        /// A tracker answers a command.
        case commandResult(Int64, String)
        /// So many events from here on cannot be stored: they get id 0.
        case unsaved(Int)
    }

    /// One report of a tracker.
    package struct Report: Hashable, Sendable {
        package var device: Int64
        /// How old it is when it arrives: buffered uploads are hours old.
        package var age: Duration = .zero
        package var place: Place
        /// km/h; the wire has knots.
        package var speed = 0.0
        package var course = 0.0
        package var ignition: Bool?
        package var motion = false
        package var alarms: [String] = []
        package var battery = 90
        package var charge = false
        /// False: it repeats the last place, with the time of that fix.
        package var hasFix = true

        package init(_ device: Int64, at place: Place) {
            self.device = device
            self.place = place
        }
    }

    /// What changed, in the order in which listeners hear of it.
    package enum Change: Sendable {
        /// With what goes out beside it by webhook: the device as it was before the report, which
        /// is why its `positionId` lags behind the event's there.
        case event(Event, Position?, Device)
        case device(Device)
        /// Never one that is older than the last.
        case position(Position)
    }

    /// - Parameter now: the server's clock.
    package mutating func take(_ action: Action, now: Moment) -> [Change] {
        switch action {
        case .report(let report): return take(report, now)
        case .status(let id, let status): return set(status, of: id, now)
        case .guarding(let id, let isGuarded):
            change(id) { device in
                device.attributes["guarded"] = .flag(isGuarded)
                device.attributes["alarm"] = .flag(false)
            }
            return []
        case .commandResult(let id, let result):
            guard let device = device(id) else { return [] }
            var event = Event(id: 0, deviceId: id, type: "commandResult", eventTime: now)
            event.attributes["result"] = .text(result)
            event.positionId = device.positionId
            return [.event(keep(event, now), latestPosition(id), device)]
        case .unsaved(let count):
            unsaved += count
            return []
        }
    }

    /// A last position from before anybody listened, and no events.
    package mutating func park(_ id: Int64, at place: Place, _ moment: Moment) {
        guard let before = tracked[id] else { return }
        var report = Report(id, at: place)
        report.ignition = false
        let position = position(of: report, before, moment)
        keep(position)
        tracked[id]?.last = position
        show(position, moment)
    }

    /// The device's own members that follow its last position.
    private mutating func show(_ position: Position, _ now: Moment) {
        change(position.deviceId) { device in
            device.lastUpdate = now
            device.positionId = position.id
            device.geofenceIds = position.geofenceIds
        }
    }

    private mutating func set(_ status: Status, of id: Int64, _ now: Moment) -> [Change] {
        guard var device = device(id), device.status != status else { return [] }
        device.status = status
        if status == .online { device.lastUpdate = now }
        tracked[id]?.device = device
        guard makesStatusEvents else { return [.device(device)] }
        let type =
            switch status {
            case .online: "deviceOnline"
            case .offline: "deviceOffline"
            case .unknown: "deviceUnknown"
            }
        // The server's clock, and never a position (maintainer in traccar#3446).
        let event = keep(Event(id: 0, deviceId: id, type: type, eventTime: now), now)
        return [.event(event, nil, device), .device(device)]
    }

    private mutating func take(_ report: Report, _ now: Moment) -> [Change] {
        guard let before = tracked[report.device] else { return [] }
        var changes = set(.online, of: report.device, now)
        let position = position(of: report, before, now)
        keep(position)
        // A late one makes no events and is shown to nobody (BasePositionEventHandler.java).
        guard before.last.map({ position.fixTime >= $0.fixTime }) ?? true else { return changes }

        let told = device(report.device) ?? before.device
        for event in events(of: report, position, before) {
            changes.append(.event(keep(event, now), position, told))
        }
        show(position, now)
        change(report.device) { device in
            if case .flag(true) = device.attributes["guarded"], !report.alarms.isEmpty {
                device.attributes["alarm"] = .flag(true)
                device.attributes["lastAlarm"] = .whole(position.deviceTime.milliseconds)
            }
        }
        tracked[report.device]?.last = position
        if let after = device(report.device) { changes.append(.device(after)) }
        changes.append(.position(position))
        return changes
    }

    private mutating func position(
        of report: Report, _ before: Tracked, _ now: Moment
    ) -> Position {
        let deviceTime = now - report.age
        let place = report.hasFix ? report.place : before.last?.place ?? report.place
        let distance = before.last.map { $0.place.distance(to: place) } ?? 0
        let total = before.totalDistance + distance
        tracked[report.device]?.totalDistance = total
        var attributes: Properties = [
            "batteryLevel": .whole(Int64(report.battery)), "charge": .flag(report.charge),
            "distance": .number(distance), "totalDistance": .number(total),
            "motion": .flag(report.motion),
        ]
        if let ignition = report.ignition { attributes["ignition"] = .flag(ignition) }
        if case .flag(let isGuarded) = before.device.attributes["guarded"] {
            attributes["armed"] = .flag(isGuarded)
        }
        if !report.alarms.isEmpty {
            // A list since 6.5 (Position.addAlarm).
            attributes["alarm"] = .text(report.alarms.joined(separator: ","))
        }
        nextPosition += 1
        return Position(
            id: nextPosition - 1, deviceId: report.device, serverTime: now, deviceTime: deviceTime,
            fixTime: report.hasFix ? deviceTime : before.last?.fixTime ?? deviceTime,
            valid: true, place: place, speed: report.speed / 1.852, course: report.course,
            attributes: attributes,
            geofenceIds: geofences.filter { $0.holds(place) }.map(\.id))
    }

    /// Motion, geofences, alarms, ignition: in this order.
    private func events(of report: Report, _ position: Position, _ before: Tracked) -> [Event] {
        let last = before.last
        func event(_ type: String, fence: Int64 = 0, _ attributes: Properties = [:]) -> Event {
            Event(
                id: 0, deviceId: position.deviceId, type: type, eventTime: position.deviceTime,
                positionId: position.id, geofenceId: fence, attributes: attributes)
        }
        var events: [Event] = []
        if (last?.attributes["motion"] ?? .flag(false)) != .flag(report.motion) {
            events.append(event(report.motion ? "deviceMoving" : "deviceStopped"))
        }
        let (old, new) = (last?.geofenceIds ?? [], position.geofenceIds)
        if last != nil {
            events += old.filter { !new.contains($0) }.map { event("geofenceExit", fence: $0) }
            events += new.filter { !old.contains($0) }.map { event("geofenceEnter", fence: $0) }
        }
        var known: [Substring] = []
        if case .text(let alarms) = last?.attributes["alarm"] {
            known = alarms.split(separator: ",")
        }
        // A kind that the position before had is ignored (event.ignoreDuplicateAlerts).
        for alarm in report.alarms where !known.contains(Substring(alarm)) {
            events.append(event("alarm", ["alarm": .text(alarm)]))
        }
        if case .flag(let ignition) = last?.attributes["ignition"], let now = report.ignition,
            now != ignition
        {
            events.append(event(now ? "ignitionOn" : "ignitionOff"))
        }
        return events
    }

    /// Gives it its id and remembers it.
    private mutating func keep(_ event: Event, _ now: Moment) -> Event {
        var event = event
        if unsaved > 0 {
            unsaved -= 1
        } else {
            event.id = nextEvent
            // Ids are one row of numbers over all accounts: one account sees gaps.
            nextEvent += 1 + nextEvent % 3
            madeById[event.id] = made.count
            tracked[event.deviceId]?.events.append(made.count)
        }
        let uniqueId = device(event.deviceId)?.uniqueId ?? ""
        made.append(MadeEvent(event: event, uniqueId: uniqueId, made: now))
        return event
    }
}
