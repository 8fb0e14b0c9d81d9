// What a step changed, written in the same transaction as the cursor: incidents, stamps, devices,
// reports and the judgement. Each is a row under its own key, so that a step costs in its changes.
//
// It mirrors Memory.apply, so that what is read back at start is what Memory was: reports are one
// row per device, time and kind, and go when the engine folds them; a device keeps what it was
// said to be when a bare event says nothing of it.
import Alerting

struct MemoryStatements {
    let findDevice, addDevice, device, describe: Prepared
    let report, fold, geofence: Prepared
    let stamp, unstamp, matched, incident, judgement, judged: Prepared

    init(_ connection: OpaquePointer, _ fault: Fault?) throws {
        func make(_ sql: String) throws -> Prepared {
            try Prepared(connection, sql, fault: fault)
        }
        findDevice = try make("SELECT id FROM device WHERE server = ?1 AND unique_id = ?2")
        addDevice = try make(
            "INSERT INTO device (server, unique_id, device_id) VALUES (?1, ?2, 0)")
        // What the server did not say of a device does not undo what it said before.
        device = try make(
            """
            UPDATE device SET device_id = CASE ?2 WHEN 0 THEN device_id ELSE ?2 END,
              first_known = min(coalesce(first_known, ?3), ?3) WHERE id = ?1
            """)
        describe = try make(
            """
            UPDATE device SET name = ?2, group_id = ?3, group_name = ?4, attributes = ?5
            WHERE id = ?1
            """)
        report = try make(
            """
            INSERT OR REPLACE INTO report (device, time, of_event, latitude, longitude, accuracy,
              geofences, speed, battery, stands_since, flags, device_time, folded)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
            """)
        fold = try make("DELETE FROM report WHERE device = ?1 AND time < ?2")
        geofence = try make(
            "INSERT OR REPLACE INTO geofence (server, id, name) VALUES (?1, ?2, ?3)")
        stamp = try make(
            """
            INSERT OR REPLACE INTO stamp (device, rule, alarm, place, at)
            VALUES (?1, ?2, ?3, ?4, ?5)
            """
        )
        unstamp = try make(
            "DELETE FROM stamp WHERE device = ?1 AND rule = ?2 AND alarm = ?3 AND place = ?4")
        // What a further match changes: nothing of the index, which stays as it is.
        matched = try make(
            """
            UPDATE incident SET severity = ?3, device_name = ?5, last_match = ?8, cleared = ?9,
              count = ?10, held = ?11, told = ?12, told_before = ?13, members = ?14,
              pending = ?15, due = ?16
            WHERE id = ?1 AND device = ?4 AND state = ?6 AND opened = ?7
            """)
        incident = try make(
            """
            INSERT INTO incident (id, rule, severity, device, device_name, state, opened,
              last_match, cleared, count, held, told, told_before, members, pending, due)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
            ON CONFLICT (id) DO UPDATE SET severity = ?3, device = ?4, device_name = ?5,
              state = ?6, opened = ?7, last_match = ?8, cleared = ?9, count = ?10, held = ?11,
              told = ?12, told_before = ?13, members = ?14, pending = ?15, due = ?16
            """)
        judgement = try make(
            """
            INSERT OR REPLACE INTO judgement (seq, device, rules, fix, attributes, verdicts)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """)
        judged = try make("SELECT fix, attributes, verdicts FROM judgement WHERE seq = ?1")
    }
}

extension Ledger {
    /// One of several steps, by its place: it is large, and not copied.
    func commit(_ steps: [Step], _ index: Int) throws {
        let seq = steps[index].seq
        for delivery in steps[index].deliveries { try enqueue(delivery, seq: seq ?? 0) }
        for change in steps[index].changes { try write(change) }
        if let judgement = steps[index].judgement { try write(judgement) }
        for judgement in steps[index].rejudged { try rewrite(judgement) }
        if let seq { marks.cursor = max(marks.cursor, seq) }
        marks.stepped = max(marks.stepped, steps[index].now)
        marks.latest = max(marks.latest, steps[index].now)
    }

    private func write(_ change: Change) throws {
        switch change {
        case .incident(let incident): try write(incident)
        case .stamp(let key, let at): try write(key, at)
        case .device(let key, let deviceId, let device, let firstKnown):
            try write(key, deviceId, device, firstKnown)
        case .report(let key, let report): try write(key, report)
        case .folded(let key, let moment): try fold(key, before: moment)
        case .geofence(let server, let id, let name):
            try write(server: server, geofence: id, name: name)
        case .source(let name, let silence): try write(source: name, silence)
        case .clockSet(let duration, let start): try shift(by: duration, begunSince: start)
        case .released(let ids, let into): try release(ids, into: into)
        }
    }

    private func write(_ incident: Incident.Shared) throws {
        if incident.value.count > 1, try write(incident, by: memory.matched) > 0 { return }
        _ = try write(incident, by: memory.incident)
    }

    /// - Returns: how many rows there were to be written.
    private func write(_ incident: Incident.Shared, by statement: Prepared) throws -> Int {
        statement.bind(1, incident.value.id)
        statement.bind(2, incident.value.rule)
        statement.bind(3, incident.value.severity.rawValue)
        statement.bind(4, try incident.value.device.map { try device($0) } ?? 0)
        statement.bind(5, incident.value.deviceName)
        statement.bind(6, incident.value.state.column)
        statement.bind(7, incident.value.opened)
        statement.bind(8, incident.value.lastMatch)
        statement.bind(9, incident.value.cleared?.milliseconds)
        statement.bind(10, incident.value.count)
        statement.bind(11, incident.value.held)
        statement.bind(12, incident.value.told, Incident.Told.write)
        statement.bind(13, incident.value.toldBefore, Incident.Told.write)
        statement.bind(14, incident.value.openMembers, Incident.Member.write)
        statement.bind(15, incident.value.pending.map { [$0] }, Item.write(stored:to:))
        statement.bind(16, incident.value.due?.milliseconds)
        try statement.run()
        return statement.changes
    }

    private func write(_ key: StampKey, _ at: Instant?) throws {
        let statement = at == nil ? memory.unstamp : memory.stamp
        statement.bind(1, try key.device.map { try device($0) } ?? 0)
        statement.bind(2, key.rule)
        statement.bind(3, key.alarm)
        statement.bind(4, key.place)
        if let at { statement.bind(5, at) }
        try statement.run()
    }

    private func write(
        _ key: DeviceKey, _ deviceId: Int64, _ known: Device?, _ firstKnown: Instant
    ) throws {
        let id = try device(key)
        memory.device.bind(1, id)
        memory.device.bind(2, deviceId)
        memory.device.bind(3, firstKnown)
        try memory.device.run()
        guard let known else { return }
        memory.describe.bind(1, id)
        memory.describe.bind(2, known.name)
        memory.describe.bind(3, known.groupId)
        memory.describe.bind(4, known.group)
        memory.describe.bind(5, known.attributes) { $0.write(to: &$1) }
        try memory.describe.run()
    }

    private func write(_ key: DeviceKey, _ report: Report) throws {
        memory.report.bind(1, try device(key))
        report.bind(to: memory.report, from: 2)
        try memory.report.run()
    }

    private func fold(_ key: DeviceKey, before moment: Instant) throws {
        memory.fold.bind(1, try device(key))
        memory.fold.bind(2, moment)
        try memory.fold.run()
    }

    private func write(server: String, geofence id: Int64, name: String) throws {
        memory.geofence.bind(1, server)
        memory.geofence.bind(2, id)
        memory.geofence.bind(3, name)
        try memory.geofence.run()
    }

    private func write(source name: String, _ silence: SilentSource?) throws {
        guard let silence else {
            let remove = try prepare("DELETE FROM silent_source WHERE name = ?1")
            remove.bind(1, name)
            return try remove.run()
        }
        let note = try prepare("INSERT OR REPLACE INTO silent_source VALUES (?1, ?2, ?3)")
        note.bind(1, name)
        note.bind(2, silence.since)
        note.bind(3, silence.fired) { rules, fired in for rule in rules { fired.row(rule) } }
        try note.run()
    }

    /// The same as in Memory: what began to wait since then is due later by so much.
    private func shift(by duration: Duration, begunSince start: Instant) throws {
        for sql in [
            "UPDATE stamp SET at = at + ?1 WHERE at >= ?2",
            """
            UPDATE incident SET last_match = last_match + ?1, due = due + ?1
            WHERE state < 2 AND last_match >= ?2
            """,
            """
            UPDATE \(Delivery.unsent) SET due = due + ?1
            \(Delivery.condition(.held))
              AND (SELECT created FROM outbox WHERE outbox.n = delivery.n) >= ?2
            """,
            "UPDATE silent_source SET since = since + ?1 WHERE since >= ?2",
            // The deadline of what waits to be delivered, for the next run.
            """
            UPDATE outbox SET created = created + ?1 WHERE created >= ?2
              AND n IN (SELECT n FROM \(Delivery.bare(.queued))
                UNION ALL SELECT n FROM \(Delivery.bare(.held))
                UNION ALL SELECT n FROM untried)
            """,
        ] {
            let statement = try prepare(sql)
            statement.bind(1, duration.wholeMilliseconds)
            statement.bind(2, start)
            try statement.run()
        }
    }

    /// What an event was judged by and what rules said stays, but for what is said anew: after a
    /// crash it is known again by these.
    private func rewrite(_ judgement: Judgement) throws {
        var joined = judgement
        memory.judged.bind(1, judgement.seq)
        _ = try memory.judged.first { row in
            joined.fix = joined.fix ?? row.optionalText(0).flatMap(Report.init(stored:))
            joined.attributes =
                joined.attributes ?? row.optionalText(1).map(Attributes.init(stored:))
            let new = Set(judgement.verdicts.map(\.rule))
            joined.verdicts.insert(
                contentsOf: Verdict.read(row.text(2)).filter { !new.contains($0.rule) }, at: 0)
        }
        try write(joined)
    }

    private func write(_ judgement: Judgement) throws {
        let statement = memory.judgement
        statement.bind(1, judgement.seq)
        statement.bind(2, try device(judgement.device))
        statement.bind(3, judgement.rulesHash)
        statement.bind(4, judgement.fix) { $0.write(to: &$1) }
        statement.bind(5, judgement.attributes) { $0.write(to: &$1) }
        statement.bind(6, judgement.verdicts, Verdict.write)
        try statement.run()
    }
}

extension Incident.State {
    /// As in `incident.state`, whose partial index is over what is not cleared.
    var column: Int64 {
        switch self {
        case .open: 0
        case .acknowledged: 1
        case .cleared: 2
        }
    }

    init(column: Int64) {
        switch column {
        case 0: self = .open
        case 1: self = .acknowledged
        default: self = .cleared
        }
    }
}

extension Judgement {
    /// From `judgement` and `device`.
    static let columns = """
        judgement.seq, device.server, device.unique_id, rules, fix, judgement.attributes, verdicts
        """

    /// nil where there is none: the columns of an outer join.
    init?(_ row: Prepared, from column: Int32) {
        guard !row.isNull(column) else { return nil }
        self.init(
            seq: row.int(column),
            device: DeviceKey(server: row.text(column + 1), uniqueId: row.text(column + 2)),
            rulesHash: row.text(column + 3))
        fix = row.optionalText(column + 4).flatMap(Report.init(stored:))
        attributes = row.optionalText(column + 5).map(Attributes.init(stored:))
        verdicts = Verdict.read(row.text(column + 6))
    }
}
