// The pen of the one writer: its prepared statements, and what it knows without asking SQLite
// (the next seq, which row is which device). Used by the writer's thread only. Each function
// writes inside the transaction that the writer has begun; what must not be seen before COMMIT is
// noted in `outcome`, and what is known is forgotten when the transaction is rolled back.
import Alerting
import GRDBSQLite

/// What a transaction makes visible once it is on disk.
struct Outcome {
    var inputs: [StoredInput] = []
    var queued: [(key: Backlog.Key, delivery: Delivery)] = []
    var requeued: [Backlog.Move] = []
    /// Deliveries that left the queue.
    var settled: [String] = []
    /// Deliveries came into the queue that are not listed here: it is to be read anew.
    var reload = false
    var aside: [Int64] = []
    var cursor: Int64 = 0
    var duplicates = 0
}

final class Ledger {
    let connection: OpaquePointer
    let clock: @Sendable () -> Instant
    let leapt: @Sendable () -> Duration
    let inbox: InboxStatements
    let memory: MemoryStatements
    let outbox: OutboxStatements
    private let begin, commit, rollback, progress: Prepared
    private let fault: Fault?

    /// When this run began.
    private var began = Instant.distantPast
    /// What the clock said when the transaction began: one reading for all of it, so that the clock
    /// is not set forward behind `noteClock`.
    private var now = Instant.distantPast
    var outcome = Outcome()
    /// What stands on disk; `next` and `cursor` run ahead inside a transaction.
    private var saved = Marks()
    var marks = Marks()
    private var servers: [String: ServerRow] = [:]
    private var devices: [DeviceKey: Int64] = [:]
    /// Its id is 0 where there is none. No optional: to compare one copies both texts.
    private var lastDevice = noDevice
    private static let noDevice = (key: DeviceKey(server: "", uniqueId: ""), id: Int64(0))
    /// Deliveries that were not tried yet, by their ids: the last few thousand.
    private var untried: [String: Untried] = [:]

    struct Marks {
        var seq: Int64 = 0
        var cursor: Int64 = 0
        /// The greatest `outbox.n`.
        var outbox: Int64 = 0
        /// The greatest `untried.due`.
        var untried = Instant.distantPast
        /// The greatest moment stamped or stepped.
        var latest = Instant.distantPast
        /// The part of it that `progress` holds.
        var stepped = Instant.distantPast
        /// The part of `Ledger.leapt` that stands in the inbox.
        var leapt = Duration.zero
    }
    /// A server, and which of its event ids are known to be used.
    final class ServerRow {
        let id: Int64
        /// Above it, none was used but those in `used`.
        private var floor: Int64
        private var used: Set<Int64> = []

        init(id: Int64, greatest: Int64) {
            self.id = id
            floor = greatest
        }

        /// Remembers that an event has this id.
        /// - Returns: whether one before it may have it too.
        func noteUse(of id: Int64) -> Bool {
            guard id > floor else { return true }
            if used.count == Limits.eventIdsInMemory {
                floor = used.max() ?? floor
                used.removeAll(keepingCapacity: true)
                guard id > floor else { return true }
            }
            return !used.insert(id).inserted
        }
    }

    init(
        _ connection: OpaquePointer, clock: @escaping @Sendable () -> Instant,
        leapt: @escaping @Sendable () -> Duration, fault: Fault?
    ) throws {
        self.connection = connection
        self.clock = clock
        self.leapt = leapt
        self.fault = fault
        inbox = try InboxStatements(connection, fault)
        memory = try MemoryStatements(connection, fault)
        outbox = try OutboxStatements(connection, fault)
        begin = try Prepared(connection, "BEGIN IMMEDIATE", fault: fault)
        commit = try Prepared(connection, "COMMIT", fault: fault)
        rollback = try Prepared(connection, "ROLLBACK")
        progress = try Prepared(
            connection, "UPDATE progress SET cursor = ?1, now = ?2", fault: fault)
        let read = try Prepared(
            connection,
            """
            SELECT cursor, now, (SELECT max(seq) FROM inbox),
              (SELECT received FROM inbox ORDER BY seq DESC LIMIT 1),
              (SELECT max(n) FROM outbox), (SELECT due FROM untried ORDER BY n DESC LIMIT 1)
            FROM progress
            """)
        try read.each { row in
            marks.cursor = row.int(0)
            marks.stepped = row.instant(1)
            marks.seq = max(row.int(0), row.int(2))
            marks.latest = max(row.instant(1), row.instant(3))
            marks.outbox = row.int(4)
            marks.untried = row.optionalInstant(5) ?? .distantPast
            return true
        }
        saved = marks
        // Not at the last moment of the run before: what began then may have waited since.
        began = max(marks.latest + .milliseconds(1), clock())
        now = began
    }

    /// A statement that is not worth keeping prepared.
    func prepare(_ sql: String) throws -> Prepared { try Prepared(connection, sql, fault: fault) }

    // MARK: Transactions

    /// Runs `body` as one transaction: all of it is on disk when this returns, or nothing.
    func transaction(_ body: () throws -> Void) throws -> Outcome {
        outcome = Outcome()
        do {
            try begin.run()
            try noteClock()
            try body()
            if marks.cursor != saved.cursor || marks.stepped != saved.stepped {
                progress.bind(1, marks.cursor)
                progress.bind(2, marks.stepped)
                try progress.run()
            }
            try commit.run()
        } catch {
            forget()
            throw error
        }
        saved = marks
        outcome.cursor = marks.cursor
        return outcome
    }

    private func forget() {
        // After some errors (a full disk) SQLite has rolled back already. If ROLLBACK itself
        // fails, the next BEGIN does too, and says why: nothing is taken for written.
        if sqlite3_get_autocommit(connection) == 0 { try? rollback.run() }
        let latest = marks.latest
        let isLeapLost = marks.leapt != saved.leapt
        marks = saved
        // A stamp that was given and not stored is no reason to go back; but one of a clock that
        // was set forward is, for that is to be noted before it, and nobody was told of it.
        if !isLeapLost { marks.latest = max(latest, saved.latest) }
        servers.removeAll()
        devices.removeAll()
        lastDevice = Self.noDevice
        untried.removeAll()
    }

    // MARK: Time

    /// Where the clock was set forward, that stands in the inbox before everything that is stamped
    /// by it: what waits is moved before it could come due by the new time.
    private func noteClock() throws {
        now = clock()
        let total = leapt()
        guard total > marks.leapt else { return }
        let leap = total - marks.leapt
        marks.leapt = total
        let before = max(marks.latest, now - leap)
        let command = Command(
            action: .clockSet, target: "\(leap.wholeMilliseconds) \(began.milliseconds)",
            by: "the system")
        try store(command, at: before)
        marks.latest = max(marks.latest, before)
    }

    /// The moment for what is stored now: the clock's, but never less than an earlier one.
    func stamp() -> Instant {
        marks.latest = max(marks.latest, now)
        return marks.latest
    }

    func nextSeq() -> Int64 {
        marks.seq += 1
        return marks.seq
    }

    // MARK: Names

    /// The row of a server; made where it is new.
    func server(_ url: String) throws -> ServerRow {
        if let known = servers[url] { return known }
        inbox.findServer.bind(1, url)
        let known = try inbox.findServer.first { $0.int(0) }
        if known == nil {
            inbox.addServer.bind(1, url)
            try inbox.addServer.run()
        }
        let id = known ?? sqlite3_last_insert_rowid(connection)
        inbox.greatestId.bind(1, id)
        let row = ServerRow(id: id, greatest: try inbox.greatestId.first { $0.int(0) } ?? 0)
        servers[url] = row
        return row
    }

    /// The row of a device; made where it is only referred to so far.
    func device(_ key: DeviceKey) throws -> Int64 {
        // Most of a step is about one device.
        if lastDevice.id != 0, key == lastDevice.key { return lastDevice.id }
        let id = try findDevice(key)
        lastDevice = (key, id)
        return id
    }

    private func findDevice(_ key: DeviceKey) throws -> Int64 {
        if let known = devices[key] { return known }
        memory.findDevice.bind(1, key.server)
        memory.findDevice.bind(2, key.uniqueId)
        if let id = try memory.findDevice.first({ $0.int(0) }) {
            devices[key] = id
            return id
        }
        memory.addDevice.bind(1, key.server)
        memory.addDevice.bind(2, key.uniqueId)
        try memory.addDevice.run()
        let id = sqlite3_last_insert_rowid(connection)
        devices[key] = id
        return id
    }

    // MARK: Deliveries

    func note(_ one: Untried, _ id: String) {
        // Those of a channel that is down would be all that there is.
        if untried.count == Limits.untriedInMemory { untried.removeAll(keepingCapacity: true) }
        untried[id] = one
    }

    /// nil: it was tried, or the table is to be asked.
    func forgetUntried(_ id: String) -> Untried? { untried.removeValue(forKey: id) }
}
