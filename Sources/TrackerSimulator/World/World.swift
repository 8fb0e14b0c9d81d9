// The simulated server's memory as a value: its objects and everything that ever happened. It has
// no clock and no chance of its own: `take` (World+Reports.swift) is told what arrives and when.

/// A tracker server's state.
package struct World: Sendable {
    package let dialect: Dialect
    package var account = Account()
    package var geofences: [Geofence] = []
    package var groups: [Group] = []
    package var calendars: [Calendar] = []
    package var notifications: [Notification] = []
    /// Whether connection changes make events (`event.status.enable`).
    package var makesStatusEvents: Bool
    /// A longer period asked of a report is refused (`report.periodLimit`); nil: none is.
    package var reportLimit: Duration?

    /// One device and what the server keeps about it.
    struct Tracked: Sendable {
        var device: Device
        /// The newest by fix time, and so the one that everybody sees.
        var last: Position?
        var totalDistance = 0.0
        /// Places in `positions` and `events`.
        var positions: [Int64] = []
        var events: [Int] = []
    }
    var tracked: [Int64: Tracked] = [:]
    private(set) var order: [Int64] = []
    var positions: [Int64: Position] = [:]
    /// The ids of those, oldest first from `oldest` on: the history is cleaned as it grows.
    private var history: [Int64] = []
    private var oldest = 0
    private static let historyLimit = 200_000
    /// Everything that ever happened, in the order in which it came to be known.
    var made: [MadeEvent] = []
    var madeById: [Int64: Int] = [:]
    var nextPosition: Int64
    var nextEvent: Int64 = 1_001
    /// So many events to come cannot be stored.
    var unsaved = 0

    /// An event as the simulator remembers it.
    package struct MadeEvent: Sendable {
        package var event: Event
        package var uniqueId: String
        /// When the server made it; the event's own time may be much older.
        package var made: Moment
        /// Whether a report can bring it again: not with id 0.
        package var isStored: Bool { event.id != 0 }
    }

    package init(_ dialect: Dialect) {
        self.dialect = dialect
        makesStatusEvents = dialect.makesStatusEvents
        // BikeTrax is beyond 2^31 (a position of its wiki: 2167102178).
        nextPosition = dialect == .biketrax ? 2_167_102_179 : 1
    }

    // MARK: - What is there

    package mutating func add(_ device: Device) {
        if tracked[device.id] == nil { order.append(device.id) }
        tracked[device.id] = Tracked(device: device)
    }

    /// Makes it another tracker's record or changes it: no message tells anybody (edits of a name
    /// or a fence are not pushed).
    package mutating func change(_ id: Int64, _ body: (inout Device) -> Void) {
        if var device = tracked[id]?.device {
            body(&device)
            tracked[id]?.device = device
        }
    }

    /// In the order in which they were added.
    package var devices: [Device] { order.compactMap { tracked[$0]?.device } }
    package func device(_ id: Int64) -> Device? { tracked[id]?.device }
    package func device(uniqueId: String) -> Device? {
        devices.first { $0.uniqueId == uniqueId }
    }

    /// The last position of each device that has one.
    package var latestPositions: [Position] { order.compactMap { tracked[$0]?.last } }
    package func latestPosition(_ device: Int64) -> Position? { tracked[device]?.last }
    package func position(_ id: Int64) -> Position? { positions[id] }

    /// A device's track by fix time, both ends included.
    package func positions(of device: Int64, _ from: Moment, _ to: Moment) -> [Position] {
        (tracked[device]?.positions ?? []).compactMap { positions[$0] }
            .filter { (from...max(from, to)).contains($0.fixTime) }
            .sorted { $0.fixTime < $1.fixTime }
    }

    mutating func keep(_ position: Position) {
        positions[position.id] = position
        tracked[position.deviceId]?.positions.append(position.id)
        history.append(position.id)
        if history.count - oldest > Self.historyLimit {
            deletePosition(history[oldest])
            oldest += 1
        }
        if oldest > Self.historyLimit {
            history.removeFirst(oldest)
            oldest = 0
        }
    }

    /// Forgets a position, as a server does whose history is cleaned.
    package mutating func deletePosition(_ id: Int64) {
        if let device = positions.removeValue(forKey: id)?.deviceId {
            tracked[device]?.positions.removeAll { $0 == id }
        }
    }

    // MARK: - What happened

    /// Every event that was ever made, with those that could not be stored.
    package var events: [MadeEvent] { made }
    package func event(_ id: Int64) -> Event? { madeById[id].map { made[$0].event } }

    /// The report of events: by event time, both ends included; device by device, sorted in each
    /// (EventsReportProvider.java).
    package func report(
        devices: [Int64], types: Set<String>, alarms: Set<String> = [], _ from: Moment, _ to: Moment
    ) -> [Event] {
        let takesAll = types.isEmpty || types.contains("allEvents")
        return devices.flatMap { device -> [Event] in
            (tracked[device]?.events ?? []).map { made[$0].event }
                .filter { event in
                    event.eventTime >= from && event.eventTime <= to
                        && (takesAll || types.contains(event.type))
                        && (alarms.isEmpty || event.alarm.map(alarms.contains) ?? true)
                        && (event.geofenceId == 0
                            || geofences.contains { $0.id == event.geofenceId })
                }
                .sorted { $0.eventTime < $1.eventTime }
        }
    }

    // MARK: - Who is told

    /// The copies of an event that go out over the socket: one for each `web` notification that
    /// matches, each with a message of its own; none when it is older than 15 minutes
    /// (NotificationManager.java, NotificatorWeb.java).
    package func pushed(_ event: Event, now: Moment) -> [Event] {
        guard now - event.eventTime <= .ofMinutes(15) else { return [] }
        return notifications.filter { matches($0, event) }.map { notification in
            var copy = event
            let name = device(event.deviceId)?.name ?? "?"
            let what = event.alarm.map { "alarm: \($0)" } ?? event.type
            let suffix = notification.description.map { " (\($0))" } ?? ""
            copy.attributes["message"] = .text(
                "\(name) \(what) at \(event.eventTime.text)\(suffix)")
            return copy
        }
    }

    private func matches(_ notification: Notification, _ event: Event) -> Bool {
        guard notification.type == event.type,
            notification.notificators.split(separator: ",").contains("web"),
            notification.always || notification.devices.contains(event.deviceId)
        else { return false }
        guard let alarm = event.alarm else { return true }
        return (notification.alarms ?? "").split(separator: ",").contains { $0 == alarm }
    }

    /// Whether the account's webhook is called for it: whatever its age.
    package func isPosted(_ event: Event) -> Bool {
        guard let webhook = account.webhook else { return false }
        if !account.isBusiness, event.type != "alarm" { return false }
        return webhook.types?.contains(event.type) ?? true
    }
}

extension World.Event {
    /// The kind of an `alarm`.
    package var alarm: String? {
        if type == "alarm", case .text(let kind) = attributes["alarm"] { kind } else { nil }
    }
}
