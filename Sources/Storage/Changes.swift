// What a step changed, written in the same transaction as the cursor: incidents, stamps, devices,
// reports and the judgement. Each is a row under its own key, so that a step costs in its changes.
//
// Reports fold as Memory's do: one row per device and time, a later one of the same time replaces
// it, and beyond `Limits.reportsPerDevice` the oldest by time goes.
import Alerting

struct MemoryStatements {
    let findDevice, addDevice, device: Prepared
    let report, dropReports: Prepared
    let stamp, unstamp, incident, judgement: Prepared

    init(_ connection: OpaquePointer, _ fault: Fault?) throws {
        func make(_ sql: String) throws -> Prepared {
            try Prepared(connection, sql, fault: fault)
        }
        findDevice = try make("SELECT id FROM device WHERE server = ?1 AND unique_id = ?2")
        addDevice = try make(
            "INSERT INTO device (server, unique_id, device_id) VALUES (?1, ?2, 0)")
        device = try make(
            """
            UPDATE device SET device_id = ?2, first_known = ?3, name = ?4, group_id = ?5,
              group_name = ?6, attributes = ?7 WHERE id = ?1
            """)
        report = try make(
            """
            INSERT OR REPLACE INTO report (device, time, latitude, longitude, accuracy, geofences,
              speed, battery, flags) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            """)
        dropReports = try make(
            """
            DELETE FROM report WHERE device = ?1 AND time < (SELECT time FROM report
              WHERE device = ?1 ORDER BY time DESC LIMIT 1 OFFSET \(Limits.reportsPerDevice - 1))
            """)
        stamp = try make(
            "INSERT OR REPLACE INTO stamp (device, rule, alarm, place, at) VALUES (?1, ?2, ?3, ?4, ?5)"
        )
        unstamp = try make(
            "DELETE FROM stamp WHERE device = ?1 AND rule = ?2 AND alarm = ?3 AND place = ?4")
        incident = try make(
            """
            INSERT INTO incident (id, rule, severity, device, device_name, state, opened,
              last_match, cleared, count, held, told, members, due)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            ON CONFLICT (id) DO UPDATE SET severity = ?3, device_name = ?5, state = ?6, opened = ?7,
              last_match = ?8, cleared = ?9, count = ?10, held = ?11, told = ?12, members = ?13,
              due = ?14
            """)
        judgement = try make(
            """
            INSERT OR REPLACE INTO judgement (seq, device, quiet, rules, fix, attributes, verdicts)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            """)
    }
}

extension Ledger {
    func commit(_ step: Step) throws {
        for delivery in step.deliveries { try enqueue(delivery, seq: step.seq ?? 0) }
        for change in step.changes { try write(change) }
        if let judgement = step.judgement { try write(judgement) }
        if let seq = step.seq { marks.cursor = max(marks.cursor, seq) }
        marks.stepped = max(marks.stepped, step.now)
        marks.latest = max(marks.latest, step.now)
    }

    private func write(_ change: Change) throws {
        switch change {
        case .incident(let incident): try write(incident)
        case .stamp(let key, let at): try write(key, at)
        case .device(let key, let deviceId, let device, let firstKnown):
            try write(key, deviceId, device, firstKnown)
        case .report(let key, let report): try write(key, report)
        case .released(let ids, let into): try release(ids, into: into)
        }
    }

    private func write(_ incident: Incident) throws {
        let statement = memory.incident
        statement.bind(1, incident.id)
        statement.bind(2, incident.rule)
        statement.bind(3, incident.severity.rawValue)
        statement.bind(4, try incident.device.map { try device($0) } ?? 0)
        statement.bind(5, incident.deviceName)
        statement.bind(6, incident.state.column)
        statement.bind(7, incident.opened)
        statement.bind(8, incident.lastMatch)
        statement.bind(9, incident.cleared?.milliseconds)
        statement.bind(10, incident.count)
        statement.bind(11, incident.held)
        statement.bind(12, text: Incident.Told.stored(incident.told))
        statement.bind(13, text: Incident.Member.stored(incident.openMembers))
        statement.bind(14, incident.due?.milliseconds)
        try statement.run()
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
        let statement = memory.device
        statement.bind(1, try device(key))
        statement.bind(2, deviceId)
        statement.bind(3, firstKnown)
        statement.bind(4, known?.name)
        statement.bind(5, known?.groupId ?? 0)
        statement.bind(6, known?.group)
        statement.bind(7, text: known?.attributes.stored ?? [])
        try statement.run()
    }

    private func write(_ key: DeviceKey, _ report: Report) throws {
        let id = try device(key)
        memory.report.bind(1, id)
        report.bind(to: memory.report, from: 2)
        try memory.report.run()
        memory.dropReports.bind(1, id)
        try memory.dropReports.run()
    }

    private func write(_ judgement: Judgement) throws {
        let statement = memory.judgement
        let quiet = judgement.verdicts.contains { $0.result == .quiet || $0.result == .unknown }
        statement.bind(1, judgement.seq)
        statement.bind(2, try device(judgement.device))
        statement.bind(3, quiet ? 1 : 0)
        statement.bind(4, judgement.rulesHash)
        if let fix = judgement.fix {
            statement.bind(5, text: fix.stored)
        } else {
            statement.bindNull(5)
        }
        if let known = judgement.attributes {
            statement.bind(6, text: known.stored)
        } else {
            statement.bindNull(6)
        }
        statement.bind(7, text: Verdict.stored(judgement.verdicts))
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
