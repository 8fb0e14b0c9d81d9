// Messages that are due, from their enqueueing to sent or dead. A delivery is one row, found by
// its derived id: the unique index refuses the second of a step that is replayed. Leases are not
// written: one process owns the file, and what a crash left leased is simply still queued.
import Alerting
import GRDBSQLite

struct OutboxStatements {
    let add, find, settle, attempt, dropAttempts, release, mergedSeq: Prepared

    init(_ connection: OpaquePointer, _ fault: Fault?) throws {
        func make(_ sql: String) throws -> Prepared {
            try Prepared(connection, sql, fault: fault)
        }
        add = try make(
            """
            INSERT INTO outbox (id, seq, channel, state, due, attempts, contact, address, reason,
              severity, template, language, timezone, rules, created, trouble, items)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
            ON CONFLICT (id) DO NOTHING
            """)
        find = try make("SELECT n, state, attempts, due, channel FROM outbox WHERE id = ?1")
        settle = try make("UPDATE outbox SET state = ?2, due = ?3, attempts = ?4 WHERE n = ?1")
        attempt = try make(
            """
            INSERT OR REPLACE INTO attempt (delivery, number, at, duration, result, note)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """)
        dropAttempts = try make("DELETE FROM attempt WHERE delivery = ?1 AND number <= ?2")
        release = try make(
            "UPDATE outbox SET state = 4, merged_into = ?2 WHERE id = ?1 AND state IN (0, 3)")
        mergedSeq = try make(
            """
            UPDATE outbox SET seq = min(seq, (SELECT seq FROM outbox WHERE id = ?2))
            WHERE id = ?1 AND EXISTS (SELECT 1 FROM outbox WHERE id = ?2 AND seq > 0)
            """)
    }
}

extension Ledger {
    func enqueue(_ delivery: Delivery, seq: Int64) throws {
        let statement = outbox.add
        statement.bind(1, delivery.id)
        statement.bind(2, seq)
        statement.bind(3, delivery.channel.description)
        statement.bind(4, delivery.state.column)
        statement.bind(5, delivery.due)
        statement.bind(6, delivery.attempts)
        statement.bind(7, delivery.contact)
        statement.bind(8, delivery.address)
        statement.bind(9, delivery.reason.rawValue)
        statement.bind(10, delivery.severity.rawValue)
        statement.bind(11, delivery.template)
        statement.bind(12, delivery.language)
        statement.bind(13, delivery.timezone)
        statement.bind(14, delivery.rulesHash)
        statement.bind(15, delivery.created)
        if let trouble = delivery.trouble {
            statement.bind(16, text: Facts.encode(trouble))
        } else {
            statement.bindNull(16)
        }
        try statement.run(17, text: Item.stored(delivery.items))
        guard statement.changes == 1, delivery.state.column == 0 else { return }
        var queued = delivery
        queued.state = .queued
        outcome.queued.append(
            (Backlog.Key(due: delivery.due, n: sqlite3_last_insert_rowid(connection)), queued))
    }

    /// Held deliveries that went into another one, or are not wanted any more.
    func release(_ ids: [String], into: String?) throws {
        for id in ids {
            outbox.release.bind(1, id)
            outbox.release.bind(2, into)
            try outbox.release.run()
            outcome.settled.append(id)
            // The events of what was merged are kept as long as the message that tells of them.
            guard let into else { continue }
            outbox.mergedSeq.bind(1, into)
            outbox.mergedSeq.bind(2, id)
            try outbox.mergedSeq.run()
        }
    }

    func settle(_ settlement: Settlement) throws {
        outbox.find.bind(1, settlement.delivery)
        guard
            let row = try outbox.find.first({
                (
                    n: $0.int(0), state: $0.int(1), attempts: $0.int(2), due: $0.int(3),
                    channel: $0.int(1) == 0 ? ChannelName($0.text(4)) : nil
                )
            })
        else { throw StoreError(.failed, "no delivery \(settlement.delivery)") }
        let number = row.attempts + 1
        try record(settlement.attempt, n: row.n, number: number)
        var state = row.state
        var due = Instant(milliseconds: row.due)
        switch settlement.next {
        case .sent: state = Delivery.State.sent.column
        // What was cancelled or given up meanwhile stays so.
        case .queued(let next) where row.state == 0: due = next
        case .dead where row.state == 0: state = Delivery.State.dead.column
        case .queued, .dead: break
        }
        outbox.settle.bind(1, row.n)
        outbox.settle.bind(2, state)
        outbox.settle.bind(3, due)
        outbox.settle.bind(4, number)
        try outbox.settle.run()
        if state == 0, let channel = row.channel {
            outcome.requeued.append(
                .init(
                    id: settlement.delivery, channel: channel,
                    key: Backlog.Key(due: due, n: row.n), attempts: Int(number)))
        } else {
            outcome.settled.append(settlement.delivery)
        }
        if let trouble = settlement.trouble {
            try store(trouble, cause: "\(settlement.delivery)#\(number)")
        }
    }

    /// What is not queued any more stays as it is.
    func postpone(_ id: String, until due: Instant) throws {
        outbox.find.bind(1, id)
        let row = try outbox.find.first {
            (n: $0.int(0), state: $0.int(1), attempts: $0.int(2), channel: $0.text(4))
        }
        guard let row, row.state == 0, let channel = ChannelName(row.channel) else { return }
        outbox.settle.bind(1, row.n)
        outbox.settle.bind(2, row.state)
        outbox.settle.bind(3, due)
        outbox.settle.bind(4, row.attempts)
        try outbox.settle.run()
        outcome.requeued.append(
            .init(
                id: id, channel: channel, key: Backlog.Key(due: due, n: row.n),
                attempts: Int(row.attempts)))
    }

    private func record(_ attempt: Attempt, n: Int64, number: Int64) throws {
        let statement = outbox.attempt
        statement.bind(1, n)
        statement.bind(2, number)
        statement.bind(3, attempt.at)
        statement.bind(4, attempt.duration.wholeMilliseconds)
        statement.bind(5, attempt.result.rawValue)
        statement.bind(6, attempt.note)
        try statement.run()
        guard number > Limits.attemptsKept else { return }
        outbox.dropAttempts.bind(1, n)
        outbox.dropAttempts.bind(2, number - Int64(Limits.attemptsKept))
        try outbox.dropAttempts.run()
    }

    /// Dead deliveries queued again, now, with the history they have.
    /// - Parameter id: nil: all of them.
    func retry(_ id: String?) throws -> Int {
        let now = stamp()
        let update = try prepare(
            "UPDATE outbox SET state = 0, due = ?2 WHERE state = 5 AND (?1 IS NULL OR id = ?1)")
        update.bind(1, id)
        update.bind(2, now)
        try update.run()
        let count = update.changes
        outcome.reload = count > 0
        return count
    }
}

extension Delivery.State {
    /// As in `outbox.state`; `sending` is a lease and never written.
    var column: Int64 {
        switch self {
        case .queued, .sending: 0
        case .sent: 2
        case .held: 3
        case .cancelled: 4
        case .dead: 5
        }
    }

    init(column: Int64) {
        switch column {
        case 2: self = .sent
        case 3: self = .held
        case 4: self = .cancelled
        case 5: self = .dead
        default: self = .queued
        }
    }
}
