// What the commands and `/metrics` show. Opened read-only beside a running relay or without one;
// every look is one short snapshot, so that a listing never keeps the log from starting over.
package import Alerting
import Foundation
import GRDB

/// One event as it came in, and what was made of it.
package struct ListedEvent: Sendable {
    package var seq: Int64
    package var received: Instant
    package var source: String
    package var road: Event.Road
    package var txn: String?
    package var type: String
    /// A fuller copy of an event that was stored before.
    package var isCopy: Bool
    /// nil: its body cannot be decoded.
    package var event: Event?
    /// As known now; empty where nobody knows.
    package var deviceName: String
    /// What it was judged by and what each rule said; nil: not stepped yet.
    package var judgement: Judgement?
    /// Why it was set aside.
    package var aside: String?
    /// It is on record only (`Arrival.isRecord`).
    package var isRecord: Bool { aside == Ledger.recordOnly }
}

/// One delivery with its history.
package struct ListedDelivery: Sendable {
    package var delivery: Delivery
    /// Oldest first; the last `Limits.attemptsKept`.
    package var attempts: [Attempt]
}

/// What a person asked of the running relay.
package struct ListedCommand: Sendable, Hashable {
    package var at: Instant
    package var command: Command
}

/// The read-only side of a database.
package struct Listing: Sendable {
    private let reading: DatabaseQueue
    private let decode: @Sendable (StoredBody) -> Event?

    init(reading: DatabaseQueue, decode: @escaping @Sendable (StoredBody) -> Event?) {
        self.reading = reading
        self.decode = decode
    }

    /// Opens an existing database; works while a relay runs on it, and without one.
    package init(path: String, decode: @escaping @Sendable (StoredBody) -> Event?) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            throw StoreError(
                .unusable, "\(path): there is no database; has the relay run with this 'data'?")
        }
        self.decode = decode
        reading = try DatabaseFile.opening(path) {
            let queue = try DatabaseFile.openForReading(path)
            let applied = try queue.read { db in
                guard try db.tableExists("grdb_migrations") else {
                    throw StoreError(.notADatabase, "\(path): is no database of outcry")
                }
                return try Schema.migrator.appliedIdentifiers(db)
            }
            let ours = Set(Schema.migrations.map(\.name))
            guard applied.isSubset(of: ours) else {
                throw StoreError(
                    .newerSchema, "\(path): a newer outcry wrote this database; use that one")
            }
            guard applied == ours else {
                throw StoreError(
                    .unusable,
                    "\(path): an earlier outcry wrote this database; it is brought up to date when "
                        + "the relay of this version starts (outcry run)")
            }
            return queue
        }
    }

    /// Newest first.
    package func deliveries(deadOnly: Bool = false, limit: Int) throws -> [ListedDelivery] {
        try reading.snapshot { snapshot in
            let rows = try snapshot.prepare(
                """
                SELECT \(Delivery.columns), \(Attempt.columns)
                FROM \(deadOnly ? Delivery.newestDead : Delivery.rows)
                ORDER BY outbox.n DESC LIMIT ?1
                """)
            rows.bind(1, limit)
            let history = try snapshot.prepare(
                """
                SELECT \(Attempt.columns) FROM attempt WHERE delivery = ?1 ORDER BY number
                """)
            return try rows.all { row in
                let delivery = try Delivery(row)
                history.bind(1, row.int(0))
                let before = try history.all { Attempt($0, from: 0) }
                let last = row.isNull(17) ? [] : [Attempt(row, from: 17)]
                return ListedDelivery(delivery: delivery, attempts: before + last)
            }
        }
    }

    /// Latest match first.
    package func incidents(openOnly: Bool, limit: Int) throws -> [Incident] {
        try reading.snapshot {
            try $0.incidents(
                "\(openOnly ? Snapshot.open : Snapshot.all) ORDER BY last_match DESC LIMIT ?1"
            ) { $0.bind(1, limit) }
        }
    }

    /// Those whose id begins so: one for a whole id, at most `limit`.
    package func incidents(idPrefix: String, limit: Int = 10) throws -> [Incident] {
        try reading.snapshot {
            try $0.incidents(
                """
                \(Snapshot.all) WHERE incident.id >= ?1
                  AND substr(incident.id, 1, length(?1)) = ?1 ORDER BY incident.id LIMIT ?2
                """
            ) {
                $0.bind(1, idPrefix)
                $0.bind(2, limit)
            }
        }
    }

    /// What came in, newest first.
    /// - Parameter device: a name or uniqueId; nil: all.
    package func events(device: String? = nil, last: Int) throws -> [ListedEvent] {
        try reading.snapshot { snapshot in
            if let device, try !snapshot.knows(device) { return [] }
            let filter =
                device == nil
                ? "SELECT seq FROM inbox WHERE kind < 2 ORDER BY seq DESC LIMIT ?2"
                : Snapshot.newestOfDevice
            let rows = try snapshot.prepare(
                """
                SELECT \(Snapshot.bodyColumns), inbox.type, device.name, reason,
                  \(Judgement.columns)
                FROM inbox LEFT JOIN server ON server.id = inbox.server
                  LEFT JOIN judgement ON judgement.seq = inbox.seq
                  LEFT JOIN device ON device.id = judgement.device
                  LEFT JOIN aside ON aside.seq = inbox.seq
                WHERE inbox.seq IN (\(filter)) ORDER BY inbox.seq DESC
                """)
            rows.bind(1, device)
            rows.bind(2, last)
            return try rows.all { row in
                let event = Snapshot.event(row, decode)
                return ListedEvent(
                    seq: row.int(0), received: row.instant(1), source: row.text(4),
                    road: Event.Road(rawValue: row.text(5)) ?? .webhook, txn: row.optionalText(6),
                    type: row.text(8), isCopy: row.int(2) == InboxKind.copy.rawValue, event: event,
                    deviceName: row.optionalText(9) ?? event?.device?.name ?? "",
                    judgement: Judgement(row, from: 11), aside: row.optionalText(10))
            }
        }
    }

    package func hasIncidents(ofRule rule: String) throws -> Bool {
        try reading.snapshot { snapshot in
            let find = try snapshot.prepare("SELECT 1 FROM incident WHERE rule = ?1 LIMIT 1")
            find.bind(1, rule)
            return try find.first { _ in true } ?? false
        }
    }

    /// What people asked for at these moments, oldest first.
    package func commands(during moments: ClosedRange<Instant>) throws -> [ListedCommand] {
        try reading.snapshot { try $0.commands(during: moments) }
    }

    /// What there is of everything; reads indexes, and rows of a few bytes.
    package func counts() throws -> StoreCounts { try reading.snapshot { try $0.counts() } }

    /// Times in which nothing could be stored.
    package func gaps() throws -> [Gap] { try reading.snapshot { try $0.gaps() } }
}

extension Attempt {
    fileprivate static let columns = "at, duration, result, note"

    fileprivate init(_ row: Prepared, from column: Int32) {
        self.init(
            at: row.instant(column), duration: .milliseconds(row.int(column + 1)),
            result: Result(rawValue: row.text(column + 2)) ?? .retry, note: row.text(column + 3))
    }
}

extension Snapshot {
    /// Both parts are read from their ends at once, newest first, until there are enough. There is
    /// no index by device: at a million events this takes 3 ms for a device that has enough of them
    /// (0.2 s, or 3 s from a cold disk, for one that has not), and an index would cost 6 µs and ten
    /// times the log for each event that is judged.
    static let newestOfDevice = """
        SELECT seq FROM inbox WHERE seq > (SELECT cursor FROM progress) AND kind < 2
          AND device IN (SELECT device_id FROM device WHERE name = ?1 OR unique_id = ?1)
        UNION ALL
        SELECT seq FROM judgement
          WHERE device IN (SELECT id FROM device WHERE name = ?1 OR unique_id = ?1)
        ORDER BY seq DESC LIMIT ?2
        """

    func knows(_ device: String) throws -> Bool {
        let find = try prepare("SELECT 1 FROM device WHERE name = ?1 OR unique_id = ?1")
        find.bind(1, device)
        return try find.first { _ in true } ?? false
    }

    func counts() throws -> StoreCounts {
        func count(_ sql: String) throws -> Int {
            try prepare(sql).first { Int($0.int(0)) } ?? 0
        }
        var counts = StoreCounts()
        counts.backlog = try count(
            """
            SELECT count(*) FROM inbox WHERE seq > (SELECT cursor FROM progress)
              AND NOT EXISTS (SELECT 1 FROM aside WHERE aside.seq = inbox.seq)
            """)
        counts.held = try count(
            "SELECT count(*) FROM \(Delivery.bare(.held))")
        counts.dead = try count(
            "SELECT count(*) FROM \(Delivery.bare(.dead))")
        counts.openIncidents = try count(
            "SELECT count(*) FROM incident INDEXED BY incident_open WHERE state < 2")
        // Not by GROUP BY, which would sort all of what a channel that is down has not tried.
        let tried = try prepare("SELECT count(*) FROM \(Delivery.bare(.queued)) AND channel = ?1")
        let untried = try prepare("SELECT count(*) FROM untried WHERE channel = ?1")
        for channel in try queuedChannels() {
            counts.queued[channel] = try [tried, untried].reduce(0) { count, statement in
                statement.bind(1, channel.description)
                return try count + (statement.first { Int($0.int(0)) } ?? 0)
            }
        }
        return counts
    }

    /// There is no index of commands: inputs stand in the order of their receipt, and those of the
    /// time that is asked for are read (0.1 s for 200,000).
    func commands(during moments: ClosedRange<Instant>) throws -> [ListedCommand] {
        let rows = try prepare(
            "SELECT received, body FROM inbox WHERE kind = ?1 AND seq BETWEEN ?2 AND ?3")
        rows.bind(1, InboxKind.command.rawValue)
        rows.bind(2, try firstSeq(receivedFrom: moments.lowerBound))
        rows.bind(3, try firstSeq(receivedFrom: moments.upperBound + .milliseconds(1)) - 1)
        return try rows.all { row in
            // Written by this program; one of another version's is none that can be shown.
            (try? JSONDecoder().decode(Command.self, from: Data(row.bytes(1))))
                .map { ListedCommand(at: row.instant(0), command: $0) }
        }.compactMap { $0 }
    }

    func gaps() throws -> [Gap] {
        try prepare("SELECT source, began, ended FROM gap ORDER BY began").all {
            Gap(source: $0.text(0), from: $0.instant(1), to: $0.instant(2))
        }
    }
}
