// Reading back: what Memory is made of at start, and inputs and deliveries that are in memory no
// more. Memory is read, not recomputed: 10 000 devices with 16 reports each take well under the
// 200 ms from start to ready, since the keys are in the order in which they are read.
import Alerting
import Foundation

extension Snapshot {
    /// - Parameter from: events received before this are not judged again.
    func recall(recentFrom from: Instant, _ decode: (StoredBody) -> Event?) throws -> Recalled {
        var recalled = Recalled()
        (recalled.cursor, recalled.latest) = try progress()
        let keys = try devices(into: &recalled.memory)
        recalled.memory.incidents = try incidents(Self.open)
        recalled.memory.stamps = try prepare("SELECT device, rule, alarm, place, at FROM stamp")
            .all {
                let device = $0.int(0)
                let key = StampKey(
                    rule: $0.text(1), device: device == 0 ? nil : keys[device],
                    alarm: $0.text(2), place: $0.text(3))
                return .init(key: key, moment: $0.instant(4))
            }
        recalled.memory.held = try prepare(
            "SELECT \(Delivery.columns) FROM \(Delivery.rows(.held)) ORDER BY due, delivery.n"
        ).all { try Delivery($0) }
        recalled.memory.geofences = try prepare("SELECT server, id, name FROM geofence").all {
            .init(server: $0.text(0), id: $0.int(1), name: $0.text(2))
        }
        let silent = try prepare("SELECT name, since, fired FROM silent_source").all {
            (
                $0.text(0),
                SilentSource(
                    since: $0.instant(1),
                    fired: TextRows.read($0.text(2)).compactMap { $0[field: 0] })
            )
        }
        recalled.memory.silentSources = Dictionary(silent, uniquingKeysWith: { $1 })
        try recent(from, through: recalled.cursor, decode, into: &recalled.memory)
        return recalled
    }

    /// The cursor, and the greatest moment that was ever stamped or stepped.
    func progress() throws -> (cursor: Int64, latest: Instant) {
        let stepped = try prepare("SELECT cursor, now FROM progress").first {
            (cursor: $0.int(0), latest: $0.instant(1))
        }
        let stamped = try prepare("SELECT received FROM inbox ORDER BY seq DESC LIMIT 1")
            .first { $0.instant(0) }
        return (
            stepped?.cursor ?? 0, max(stepped?.latest ?? .distantPast, stamped ?? .distantPast)
        )
    }

    private func devices(into memory: inout MemoryRecord) throws -> [Int64: DeviceKey] {
        var keys: [Int64: DeviceKey] = [:]
        var places: [Int64: Int] = [:]
        try prepare(
            """
            SELECT id, server, unique_id, device_id, first_known, name, group_id, group_name,
              attributes FROM device ORDER BY id
            """
        ).each { row in
            let key = DeviceKey(server: row.text(1), uniqueId: row.text(2))
            keys[row.int(0)] = key
            guard let firstKnown = row.optionalInstant(4) else { return true }
            var device: Device?
            if let name = row.optionalText(5) {
                var known = Device(id: row.int(3), uniqueId: key.uniqueId, name: name)
                known.groupId = row.int(6)
                known.group = row.optionalText(7)
                known.attributes = Attributes(stored: row.text(8))
                device = known
            }
            places[row.int(0)] = memory.devices.count
            memory.devices.append(
                .init(
                    key: key, deviceId: row.int(3), device: device, firstKnown: firstKnown,
                    reports: []))
            return true
        }
        try prepare(
            "SELECT device, \(Report.columns) FROM report ORDER BY device, time, of_event"
        ).each { row in
            guard let place = places[row.int(0)] else { return true }
            if memory.devices[place].reports.isEmpty {
                memory.devices[place].reports.reserveCapacity(Limits.reportsPerDevice)
            }
            memory.devices[place].reports.append(Report(row, from: 1))
            return true
        }
        return keys
    }

    /// Stepped events received from a moment on, each with what a fuller copy brought, with the
    /// device and the matches of their judgements.
    private func recent(
        _ from: Instant, through cursor: Int64, _ decode: (StoredBody) -> Event?,
        into memory: inout MemoryRecord
    ) throws {
        let rows = try prepare(
            """
            SELECT \(Self.bodyColumns), coalesce(inbox.copy_of, inbox.seq), device.server,
              device.unique_id, verdicts, judgement.attributes
            FROM inbox LEFT JOIN server ON server.id = inbox.server
              LEFT JOIN judgement ON judgement.seq = inbox.seq
              LEFT JOIN device ON device.id = judgement.device
            WHERE inbox.seq >= ?1 AND inbox.seq <= ?2 AND kind < 2
            ORDER BY inbox.seq DESC LIMIT ?3
            """)
        rows.bind(1, try firstSeq(receivedFrom: from))
        rows.bind(2, cursor)
        rows.bind(3, Limits.recentEvents)
        var recent: [Recent] = []
        var copies: [Int64: [Event]] = [:]
        // Newest first: a copy comes before its event.
        try rows.each { row in
            guard var event = Self.event(row, decode) else { return true }
            let seq = row.int(8)
            guard seq == row.int(0) else {
                copies[seq, default: []].append(event)
                return true
            }
            // What was known at its receipt: by the event itself, else as it was judged by.
            let own = event.device.flatMap { $0.attributes.isEmpty ? nil : $0.attributes }
            let known = own ?? row.optionalText(12).map(Attributes.init(stored:))
            for copy in (copies[seq] ?? []).reversed() { event.fill(from: copy) }
            guard !row.isNull(9) else { return true }
            let verdicts = Verdict.read(row.text(11))
            memory.asked[seq] = verdicts.map(\.rule)
            recent.append(
                Recent(
                    seq: seq, device: DeviceKey(server: row.text(9), uniqueId: row.text(10)),
                    event: event, known: known,
                    matched: verdicts.filter(\.isMatch).map(\.rule)))
            return true
        }
        memory.recent = recent.reversed()
    }

    /// When the first input was received that is not stepped yet.
    func firstWaiting() throws -> Instant? {
        try prepare(
            """
            SELECT received FROM inbox WHERE seq > (SELECT cursor FROM progress)
            ORDER BY seq LIMIT 1
            """
        ).first { $0.instant(0) }
    }

    /// The first inbox row received at `instant` or later, or one behind the last. `received`
    /// never falls with `seq`, so that no index on it is needed: a search by halves.
    func firstSeq(receivedFrom instant: Instant) throws -> Int64 {
        // Asked for in one SELECT, min and max would read the whole table.
        let ends = try prepare(
            "SELECT (SELECT min(seq) FROM inbox), (SELECT max(seq) FROM inbox)"
        ).first {
            $0.isNull(0) ? nil : (low: $0.int(0), high: $0.int(1) + 1)
        }
        guard var (low, high) = ends ?? nil else { return 1 }
        let probe = try prepare(
            "SELECT seq, received FROM inbox WHERE seq >= ?1 ORDER BY seq LIMIT 1")
        while low < high {
            let middle = low + (high - low) / 2
            probe.bind(1, middle)
            guard let row = try probe.first({ (seq: $0.int(0), received: $0.instant(1)) }) else {
                high = middle
                continue
            }
            if row.received < instant { low = row.seq + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Inputs

    /// The columns that `event` reads, from 0 on.
    static let bodyColumns = """
        inbox.seq, inbox.received, inbox.kind, server.url, inbox.source, inbox.road, inbox.txn,
        body
        """

    static func event(_ row: Prepared, _ decode: (StoredBody) -> Event?) -> Event? {
        let stored = StoredBody(
            seq: row.int(0), received: row.instant(1), server: row.text(3), source: row.text(4),
            road: Event.Road(rawValue: row.text(5)) ?? .webhook, txn: row.optionalText(6),
            bytes: row.bytes(7))
        guard var event = decode(stored) else { return nil }
        event.received = stored.received
        event.server = stored.server
        event.source = stored.source
        event.road = stored.road
        event.txn = stored.txn
        return event
    }

    /// - Returns: the inputs; which rows could not be decoded; the last row that was looked at.
    func inputs(
        after seq: Int64, limit: Int, _ decode: (StoredBody) -> Event?
    ) throws -> (inputs: [StoredInput], undecodable: [Int64], last: Int64?) {
        let rows = try prepare(
            """
            SELECT \(Self.bodyColumns), extra
            FROM inbox LEFT JOIN server ON server.id = inbox.server
            WHERE inbox.seq > ?1 AND NOT EXISTS (SELECT 1 FROM aside WHERE aside.seq = inbox.seq)
            ORDER BY inbox.seq LIMIT ?2
            """)
        rows.bind(1, seq)
        rows.bind(2, limit)
        var inputs: [StoredInput] = []
        var undecodable: [Int64] = []
        var last: Int64?
        try rows.each { row in
            last = row.int(0)
            if let input = Self.input(row, decode) {
                inputs.append(
                    StoredInput(seq: row.int(0), received: row.instant(1), input: input))
            } else {
                undecodable.append(row.int(0))
            }
            return true
        }
        return (inputs, undecodable, last)
    }

    private static func input(_ row: Prepared, _ decode: (StoredBody) -> Event?) -> Input? {
        switch InboxKind(rawValue: row.int(2)) {
        case .event: return event(row, decode).map { .event($0) }
        case .copy: return event(row, decode).map { .copy($0) }
        // nil is said to the caller, who sets the row aside.
        case .command:
            return (try? JSONDecoder().decode(Command.self, from: Data(row.bytes(7))))
                .map { .command($0) }
        case .trouble:
            return (try? JSONDecoder().decode(Trouble.self, from: Data(row.bytes(7))))
                .map { .trouble($0, cause: row.text(8)) }
        case nil: return nil
        }
    }

    // MARK: Queues

    /// Skips from channel to channel in the index, however long the queues are; of what was not
    /// tried yet each row is read.
    func queuedChannels() throws -> [ChannelName] {
        let next = try prepare(
            """
            SELECT channel FROM \(Delivery.bare(.queued)) AND channel > ?1
            ORDER BY channel LIMIT 1
            """)
        var names = Set(try prepare("SELECT DISTINCT channel FROM untried").all { $0.text(0) })
        var last = ""
        while true {
            next.bind(1, last)
            guard let name = try next.first({ $0.text(0) }) else { break }
            last = name
            names.insert(name)
        }
        return names.sorted().compactMap(ChannelName.init)
    }

    func queued(
        _ channel: ChannelName, from key: Backlog.Key, limit: Int
    ) throws -> [Backlog.Entry] {
        let entries = try [
            "\(Delivery.rows(.queued)) AND channel = ?1"
                + " AND (due, delivery.n) >= (?2, ?3) ORDER BY due, delivery.n",
            // Their `due` does not fall with their number.
            "\(Delivery.untried) WHERE channel = ?1"
                + " AND (due, untried.n) >= (?2, ?3) ORDER BY untried.n",
        ].flatMap { source in
            let rows = try prepare("SELECT \(Delivery.columns) FROM \(source) LIMIT ?4")
            rows.bind(1, channel.description)
            rows.bind(2, key.due)
            rows.bind(3, key.n)
            rows.bind(4, limit)
            return try rows.all { row in
                (key: Backlog.Key(due: row.instant(4), n: row.int(0)), delivery: try Delivery(row))
            }
        }
        return Array(entries.sorted { $0.key < $1.key }.prefix(limit))
    }

    /// What waits for another attempt, oldest first.
    func retrying() throws -> [Delivery] {
        try prepare(
            """
            SELECT \(Delivery.columns) FROM \(Delivery.rows(.queued)) AND attempts > 0
            ORDER BY delivery.n
            """
        ).all { try Delivery($0) }
    }

    // MARK: Incidents

    /// Open and acknowledged ones, by their own index: the cleared ones of a year are not read.
    static let open =
        "INDEXED BY incident_open LEFT JOIN device ON device.id = incident.device "
        + "WHERE state < 2"
    /// All.
    static let all = "LEFT JOIN device ON device.id = incident.device"

    /// - Parameter rest: what follows `FROM incident`, begun with `open` or `all`.
    func incidents(_ rest: String, bind: (Prepared) -> Void = { _ in }) throws -> [Incident] {
        let rows = try prepare(
            """
            SELECT incident.id, rule, severity, device.server, device.unique_id, device_name, state,
              opened, last_match, cleared, count, held, told, told_before, members, pending, due
            FROM incident \(rest)
            """)
        bind(rows)
        return try rows.all { row in
            var incident = Incident(
                id: row.text(0), rule: row.text(1),
                severity: Severity(rawValue: row.text(2)) ?? .warning,
                device: row.isNull(3)
                    ? nil : DeviceKey(server: row.text(3), uniqueId: row.text(4)),
                deviceName: row.text(5), opened: row.instant(7))
            incident.state = Incident.State(column: row.int(6))
            incident.lastMatch = row.instant(8)
            incident.cleared = row.optionalInstant(9)
            incident.count = Int(row.int(10))
            incident.held = Int(row.int(11))
            incident.told = Incident.Told.read(row.text(12))
            incident.toldBefore = Incident.Told.read(row.text(13))
            incident.openMembers = Incident.Member.read(row.text(14))
            if !row.isNull(15) { incident.pending = try Item.items(stored: row.bytes(15)).first }
            incident.due = row.optionalInstant(16)
            return incident
        }
    }
}
