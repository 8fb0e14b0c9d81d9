// What came in, in one order. An arrival is stored once: its identity (DESIGN, deduplication 1) is
// a unique index over columns, and the insert itself finds the copy; `has` says how much of the
// event is known by then (Event.Fullness). Most arrivals cost that one insert: whether an id was
// used before by another event is asked only of those that were used before the last few thousand.
import Alerting
import Foundation

struct InboxStatements {
    let add, copy, twin, otherWithId, widen, number: Prepared
    let findServer, addServer, greatestId: Prepared
    let gap, record: Prepared

    init(_ connection: OpaquePointer, _ fault: Fault?) throws {
        func make(_ sql: String) throws -> Prepared {
            try Prepared(connection, sql, fault: fault)
        }
        let columns = """
            INSERT INTO inbox (seq, received, kind, copy_of, server, source, road, id, device,
              type, time, extra, has, txn, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
            """
        add = try make(
            columns
                + " ON CONFLICT (server, id, device, type, time, extra) WHERE kind = 0 DO NOTHING")
        copy = try make(columns)
        twin = try make(
            """
            SELECT seq, has,
              EXISTS (SELECT 1 FROM aside WHERE aside.seq = inbox.seq AND reason = ?7), txn
            FROM inbox WHERE kind = 0 AND server = ?1 AND id = ?2 AND device = ?3
              AND type = ?4 AND time = ?5 AND extra = ?6
            """)
        otherWithId = try make(
            "SELECT 1 FROM inbox WHERE kind = 0 AND server = ?1 AND id = ?2 AND seq <> ?3 LIMIT 1")
        widen = try make("UPDATE inbox SET has = ?2 WHERE seq = ?1")
        number = try make("UPDATE inbox SET txn = ?2 WHERE seq = ?1")
        findServer = try make("SELECT id FROM server WHERE url = ?1")
        addServer = try make("INSERT INTO server (url) VALUES (?1)")
        greatestId = try make(
            "SELECT id FROM inbox WHERE kind = 0 AND server = ?1 ORDER BY id DESC LIMIT 1")
        record = try make("INSERT INTO aside (seq, at, reason) VALUES (?1, ?2, ?3)")
        gap = try make(
            """
            INSERT INTO gap (source, began, ended) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET ended = max(ended, excluded.ended)
            """)
    }
}

enum InboxKind: Int64 { case event, copy, command, trouble }

extension Event {
    /// The last part of the identity of an event whose id is not known.
    fileprivate var extra: String {
        "\(attributes.text("alarm") ?? "")|\(geofenceId)|\(maintenanceId)|\(positionId)"
    }

    /// Its identity but for the server, as five parameters.
    func bindIdentity(to statement: Prepared, from index: Int32) {
        Self.bind(
            id: id, deviceId: deviceId, type: type, time: time, extra: id > 0 ? "" : extra,
            to: statement, from: index)
    }
    /// The same of its parts, for who would have to copy it.
    fileprivate static func bind(
        id: Int64, deviceId: Int64, type: String, time: Instant?, extra: String,
        to statement: Prepared, from index: Int32
    ) {
        statement.bind(index, max(0, id))
        statement.bind(index + 1, deviceId)
        statement.bind(index + 2, type)
        // NULLs would all be different from each other.
        statement.bind(index + 3, time?.milliseconds ?? Int64.min)
        statement.bind(index + 4, extra)
    }
}

extension Ledger {
    func accept(_ arrivals: [Arrival]) throws -> [Acceptance] {
        let now = stamp()
        var acceptances: [Acceptance] = []
        acceptances.reserveCapacity(arrivals.count)
        for index in arrivals.indices { acceptances.append(try accept(arrivals, index, now)) }
        return acceptances
    }

    /// One of several arrivals, by its place: it is large, and not copied.
    private func accept(_ arrivals: [Arrival], _ index: Int, _ now: Instant) throws -> Acceptance {
        let server = try server(arrivals[index].event.server)
        let id = max(0, arrivals[index].event.id)
        let seq = marks.seq + 1
        bind(inbox.add, arrivals, index, server.id, seq, now, copyOf: nil)
        try inbox.add.run(15, blob: arrivals[index].body)
        guard inbox.add.changes == 1 else {
            return try acceptCopy(arrivals, index, server.id, now)
        }
        if arrivals[index].isRecord {
            try recordOnly(nextSeq(), now)
        } else {
            store(arrivals[index].event, seq: nextSeq(), now)
        }
        guard id > 0, server.noteUse(of: id) else { return .stored(seq: seq) }
        inbox.otherWithId.bind(1, server.id)
        inbox.otherWithId.bind(2, id)
        inbox.otherWithId.bind(3, seq)
        let isUsed = try inbox.otherWithId.first { _ in true } ?? false
        return isUsed ? .reusedId(seq: seq) : .stored(seq: seq)
    }

    /// Of events that are on record and not judged (`Arrival.isRecord`).
    static let recordOnly = "recorded only: of before the source's first connection"

    /// The pump passes it by, as what was set aside: it never comes into the tail.
    private func recordOnly(_ seq: Int64, _ now: Instant) throws {
        inbox.record.bind(1, seq)
        inbox.record.bind(2, now)
        inbox.record.bind(3, Self.recordOnly)
        try inbox.record.run()
        if marks.cursor == seq - 1 { marks.cursor = seq }
    }

    /// A copy is kept only where it brings something that no copy before it had. One of an event
    /// that was only recorded is the event itself: another road brought it.
    private func acceptCopy(
        _ arrivals: [Arrival], _ index: Int, _ server: Int64, _ now: Instant
    ) throws -> Acceptance {
        let event = arrivals[index].event
        inbox.twin.bind(1, server)
        event.bindIdentity(to: inbox.twin, from: 2)
        inbox.twin.bind(7, Self.recordOnly)
        guard
            let twin = try inbox.twin.first({
                (
                    seq: $0.int(0), has: Event.Fullness(bits: $0.int(1)),
                    isRecord: $0.int(2) == 1, hasNumber: !$0.isNull(3)
                )
            })
        else {
            throw StoreError(.failed, "an event that is stored cannot be found")
        }
        if twin.isRecord, !arrivals[index].isRecord {
            for table in ["inbox", "aside"] {
                let remove = try prepare("DELETE FROM \(table) WHERE seq = ?1")
                remove.bind(1, twin.seq)
                try remove.run()
            }
            return try accept(arrivals, index, now)
        }
        // The webhook's own number, where another road was faster.
        if !twin.hasNumber, let txn = event.txn {
            inbox.number.bind(1, twin.seq)
            inbox.number.bind(2, txn)
            try inbox.number.run()
        }
        let known = twin.has.joined(fullness(of: arrivals, index))
        guard known != twin.has else {
            outcome.duplicates += 1
            return .duplicate
        }
        inbox.widen.bind(1, twin.seq)
        inbox.widen.bind(2, known.bits)
        try inbox.widen.run()
        let seq = nextSeq()
        bind(inbox.copy, arrivals, index, server, seq, now, copyOf: twin.seq)
        try inbox.copy.run(15, blob: arrivals[index].body)
        store(event, seq: seq, now, isCopy: true)
        return .fuller(seq: seq)
    }

    private func bind(
        _ statement: Prepared, _ arrivals: [Arrival], _ index: Int, _ server: Int64, _ seq: Int64,
        _ now: Instant, copyOf: Int64?
    ) {
        statement.bind(1, seq)
        statement.bind(2, now)
        statement.bind(3, copyOf == nil ? InboxKind.event.rawValue : InboxKind.copy.rawValue)
        statement.bind(4, copyOf)
        statement.bind(5, server)
        statement.bind(6, arrivals[index].event.source)
        statement.bind(7, arrivals[index].event.road.rawValue)
        let id = arrivals[index].event.id
        Event.bind(
            id: id, deviceId: arrivals[index].event.deviceId, type: arrivals[index].event.type,
            time: arrivals[index].event.time, extra: id > 0 ? "" : arrivals[index].event.extra,
            to: statement, from: 8)
        statement.bind(13, fullness(of: arrivals, index).bits)
        statement.bind(14, arrivals[index].event.txn)
    }

    private func fullness(of arrivals: [Arrival], _ index: Int) -> Event.Fullness {
        Event.Fullness(
            device: arrivals[index].event.device?.attributes.entries.count,
            deviceName: arrivals[index].event.device?.name,
            position: arrivals[index].event.position?.attributes.entries.count,
            knowsGeofences: arrivals[index].event.position.map { $0.geofences != .unknown }
                ?? false,
            geofenceName: arrivals[index].event.geofenceName,
            attributes: arrivals[index].event.attributes)
    }

    private func store(
        _ event: consuming Event, seq: Int64, _ now: Instant, isCopy: Bool = false
    ) {
        event.received = now
        let stored = StoredInput(
            seq: seq, received: now, input: isCopy ? .copy(consume event) : .event(consume event))
        outcome.inputs.append(stored)
    }

    // MARK: Commands and trouble

    /// - Parameter moment: when it counts as received; nil: now.
    func store(_ command: Command, at moment: Instant? = nil) throws {
        let json = try JSONEncoder().encode(command)
        try store(.command, .command(command), json, extra: "", at: moment)
    }

    /// - Parameter cause: what it is about; part of the derived ids of what the operator is sent.
    func store(_ trouble: Trouble, cause: String) throws {
        try store(
            .trouble, .trouble(trouble, cause: cause), JSONEncoder().encode(trouble), extra: cause)
    }

    private func store(
        _ kind: InboxKind, _ input: Input, _ json: Data, extra: String, at moment: Instant? = nil
    ) throws {
        let seq = nextSeq()
        let now = moment ?? stamp()
        let statement = inbox.copy
        statement.bind(1, seq)
        statement.bind(2, now)
        statement.bind(3, kind.rawValue)
        statement.bindNull(4)
        for column: Int32 in [5, 8, 9, 13] { statement.bind(column, 0) }
        for column: Int32 in [6, 7, 10] { statement.bind(column, "") }
        statement.bind(11, Int64.min)
        statement.bind(12, extra)
        statement.bindNull(14)
        try statement.run(15, blob: [UInt8](json))
        outcome.inputs.append(StoredInput(seq: seq, received: now, input: input))
    }

    func store(_ gap: Gap) throws {
        inbox.gap.bind(1, gap.source)
        inbox.gap.bind(2, gap.from)
        inbox.gap.bind(3, gap.to)
        try inbox.gap.run()
    }

    // MARK: Poison

    /// Takes an input out of the engine's way. The cursor passes it at once where it is next.
    func setAside(_ seq: Int64, reason: String, _ trouble: Trouble?) throws {
        let add = try prepare("INSERT OR IGNORE INTO aside (seq, at, reason) VALUES (?1, ?2, ?3)")
        add.bind(1, seq)
        add.bind(2, stamp())
        add.bind(3, reason)
        try add.run()
        if let trouble, add.changes == 1 { try store(trouble, cause: "input \(seq)") }
        let before = try prepare(
            """
            SELECT 1 FROM inbox WHERE seq > ?1 AND seq < ?2
              AND seq NOT IN (SELECT seq FROM aside) LIMIT 1
            """)
        before.bind(1, marks.cursor)
        before.bind(2, seq)
        if seq > marks.cursor, try before.first({ _ in true }) == nil { marks.cursor = seq }
        outcome.aside.append(seq)
    }

    func beginRun() throws -> Bool {
        let wasClean = try prepare("SELECT running = 0 FROM progress").first { $0.int(0) == 1 }
        try prepare("UPDATE progress SET running = 1").run()
        return wasClean ?? true
    }

    func endRun() throws {
        try prepare("UPDATE progress SET running = 0, start_seq = 0, starts = 0").run()
    }

    func countStart(_ seq: Int64) throws -> Int {
        let count = try prepare(
            """
            UPDATE progress SET starts = CASE start_seq WHEN ?1 THEN starts + 1 ELSE 1 END,
              start_seq = ?1
            """)
        count.bind(1, seq)
        try count.run()
        return try Int(prepare("SELECT starts FROM progress").first { $0.int(0) } ?? 1)
    }
}
