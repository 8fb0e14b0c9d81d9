// Messages that are due, from their enqueueing to sent or dead. A delivery's facts (`outbox`, wide,
// written once) carry its derived id, whose index refuses the second of a step that is replayed.
// Where it stands is a narrow row under the same number: in `untried` until the first attempt has
// ended, then in `delivery`. Leases are not written: one process owns the file, and what a crash
// left leased is simply still queued.
import Alerting
import GRDBSQLite

struct OutboxStatements {
    let facts, number, wait, untried, unwait, add, sent: Prepared
    let find, settle, move, attempt, dropAttempts, release, mergedSeq: Prepared

    init(_ connection: OpaquePointer, _ fault: Fault?) throws {
        func make(_ sql: String) throws -> Prepared {
            try Prepared(connection, sql, fault: fault)
        }
        facts = try make(
            """
            INSERT INTO outbox (n, seq, contact, address, reason, severity, template, language,
              timezone, rules, created, trouble, items, id)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            ON CONFLICT (id) DO NOTHING
            """)
        number = try make("SELECT n FROM outbox WHERE id = ?1")
        wait = try make("INSERT INTO untried (n, channel, due) VALUES (?1, ?2, ?3)")
        add = try make(
            """
            INSERT INTO delivery (n, channel, due, state, attempts) VALUES (?1, ?2, ?3, ?4, ?5)
            """)
        // What nearly every message comes to: sent at the first attempt. INSERT … SELECT from
        // `untried` costs twice as much.
        sent = try make(
            """
            INSERT INTO delivery (n, channel, state, due, attempts, at, duration, result, note)
            VALUES (?1, ?2, 2, ?3, 1, ?4, ?5, ?6, ?7)
            """)
        untried = try make(
            """
            SELECT untried.n, channel, due
            FROM outbox CROSS JOIN untried ON untried.n = outbox.n WHERE outbox.id = ?1
            """)
        unwait = try make("DELETE FROM untried WHERE n = ?1")
        find = try make(
            """
            SELECT delivery.n, state, attempts, due, channel
            FROM outbox CROSS JOIN delivery ON delivery.n = outbox.n WHERE outbox.id = ?1
            """)
        settle = try make(
            """
            UPDATE delivery SET state = ?2, due = ?3, attempts = ?4, at = ?5, duration = ?6,
              result = ?7, note = ?8 WHERE n = ?1
            """)
        move = try make("UPDATE delivery SET due = ?2 WHERE n = ?1")
        attempt = try make(
            """
            INSERT OR REPLACE INTO attempt (delivery, number, at, duration, result, note)
            SELECT n, attempts, at, duration, result, note FROM delivery
            WHERE n = ?1 AND attempts > 0
            """)
        dropAttempts = try make("DELETE FROM attempt WHERE delivery = ?1 AND number <= ?2")
        release = try make(
            "UPDATE delivery SET state = 4, merged_into = ?2 WHERE n = ?1 AND state IN (0, 3)")
        mergedSeq = try make(
            """
            UPDATE outbox SET seq = min(outbox.seq, other.seq)
            FROM (SELECT seq FROM outbox WHERE n = ?2) AS other
            WHERE n = ?1 AND other.seq > 0
            """)
    }
}

/// A row of `untried`.
struct Untried {
    let n: Int64
    let channel: String
    let due: Instant

    /// As parameters 1 to 3.
    func bind(to statement: Prepared) {
        statement.bind(1, n)
        statement.bind(2, channel)
        statement.bind(3, due)
    }
}

extension Ledger {
    func enqueue(_ delivery: Delivery, seq: Int64) throws {
        let n = marks.outbox + 1
        try writeFacts(of: delivery, n, seq)
        guard outbox.facts.changes == 1 else { return }
        marks.outbox = n
        let one = Untried(n: n, channel: delivery.channel.description, due: delivery.due)
        let isQueued = delivery.state.column == Delivery.State.queued.column
        if isQueued, delivery.attempts == 0, delivery.due == delivery.created,
            delivery.due >= marks.untried
        {
            marks.untried = delivery.due
            note(one, delivery.id)
            one.bind(to: outbox.wait)
            try outbox.wait.run()
        } else {
            try add(one, delivery.state, attempts: delivery.attempts)
        }
        guard isQueued else { return }
        var queued = delivery
        queued.state = .queued
        outcome.queued.append((Backlog.Key(due: delivery.due, n: n), queued))
    }

    private func writeFacts(of delivery: Delivery, _ n: Int64, _ seq: Int64) throws {
        let facts = outbox.facts
        facts.bind(1, n)
        facts.bind(2, seq)
        facts.bind(3, delivery.contact)
        facts.bind(4, delivery.address)
        facts.bind(5, delivery.reason.rawValue)
        facts.bind(6, delivery.severity.rawValue)
        facts.bind(7, delivery.template)
        facts.bind(8, delivery.language)
        facts.bind(9, delivery.timezone)
        facts.bind(10, delivery.rulesHash)
        facts.bind(11, delivery.created)
        facts.bind(12, delivery.trouble, Facts.write)
        facts.bind(13, delivery.items, Item.write(stored:to:))
        facts.bind(14, delivery.id)
        try facts.run()
    }

    /// Held deliveries that went into another one, or are not wanted any more.
    func release(_ ids: [String], into: String?) throws {
        let target = try into.flatMap { try number(of: $0) }
        for id in ids {
            outcome.settled.append(id)
            guard let row = try tried(id, takeUntried(id)) else { continue }
            outbox.release.bind(1, row.n)
            outbox.release.bind(2, into)
            try outbox.release.run()
            // The events of what was merged are kept as long as the message that tells of them.
            guard let target else { continue }
            outbox.mergedSeq.bind(1, target)
            outbox.mergedSeq.bind(2, row.n)
            try outbox.mergedSeq.run()
        }
    }

    private func number(of id: String) throws -> Int64? {
        outbox.number.bind(1, id)
        return try outbox.number.first { $0.int(0) }
    }

    func settle(_ settlement: Settlement) throws {
        let waiting = try takeUntried(settlement.delivery)
        if case .sent = settlement.next, let waiting {
            waiting.bind(to: outbox.sent)
            bind(settlement.attempt, to: outbox.sent, from: 4)
            try outbox.sent.run()
            outcome.settled.append(settlement.delivery)
            return
        }
        guard var row = try tried(settlement.delivery, waiting) else {
            throw StoreError(.failed, "no delivery \(settlement.delivery)")
        }
        try keepAttempt(row)
        row.attempts += 1
        let wasQueued = row.state == Delivery.State.queued.column
        switch settlement.next {
        case .sent: row.state = Delivery.State.sent.column
        // What was cancelled or given up meanwhile stays so.
        case .queued(let next) where wasQueued: row.due = next
        case .dead where wasQueued: row.state = Delivery.State.dead.column
        case .queued, .dead: break
        }
        outbox.settle.bind(1, row.n)
        outbox.settle.bind(2, row.state)
        outbox.settle.bind(3, row.due)
        outbox.settle.bind(4, row.attempts)
        bind(settlement.attempt, to: outbox.settle, from: 5)
        try outbox.settle.run()
        note(row, of: settlement.delivery)
        if let trouble = settlement.trouble {
            try store(trouble, cause: "\(settlement.delivery)#\(row.attempts)")
        }
    }

    /// nil: it was tried before, or there is none.
    private func takeUntried(_ id: String) throws -> Untried? {
        var found = forgetUntried(id)
        if found == nil {
            outbox.untried.bind(1, id)
            found = try outbox.untried.first {
                Untried(n: $0.int(0), channel: $0.text(1), due: $0.instant(2))
            }
        }
        guard let found else { return nil }
        outbox.unwait.bind(1, found.n)
        try outbox.unwait.run()
        return found
    }

    private func add(_ one: Untried, _ state: Delivery.State, attempts: Int) throws {
        one.bind(to: outbox.add)
        outbox.add.bind(4, state.column)
        outbox.add.bind(5, attempts)
        try outbox.add.run()
    }

    /// What is not queued any more stays as it is.
    func postpone(_ id: String, until due: Instant) throws {
        guard var row = try tried(id, takeUntried(id)),
            row.state == Delivery.State.queued.column
        else { return }
        row.due = due
        outbox.move.bind(1, row.n)
        outbox.move.bind(2, due)
        try outbox.move.run()
        note(row, of: id)
    }

    private struct Row {
        var n: Int64
        var state: Int64
        var attempts: Int64
        var due: Instant
        var channel: ChannelName?
    }

    /// Where a delivery stands, in `delivery` from now on; nil: there is none.
    /// - Parameter waiting: as it was taken out of `untried`.
    private func tried(_ id: String, _ waiting: Untried?) throws -> Row? {
        if let waiting {
            try add(waiting, .queued, attempts: 0)
            return Row(
                n: waiting.n, state: Delivery.State.queued.column, attempts: 0, due: waiting.due,
                channel: ChannelName(waiting.channel))
        }
        outbox.find.bind(1, id)
        return try outbox.find.first {
            Row(
                n: $0.int(0), state: $0.int(1), attempts: $0.int(2), due: $0.instant(3),
                channel: ChannelName($0.text(4)))
        }
    }

    /// Tells the backlog where the delivery stands once this is on disk.
    private func note(_ row: Row, of id: String) {
        guard row.state == Delivery.State.queued.column, let channel = row.channel else {
            outcome.settled.append(id)
            return
        }
        outcome.requeued.append(
            .init(
                id: id, channel: channel, key: Backlog.Key(due: row.due, n: row.n),
                attempts: Int(row.attempts)))
    }

    private func bind(_ attempt: Attempt, to statement: Prepared, from index: Int32) {
        statement.bind(index, attempt.at)
        statement.bind(index + 1, attempt.duration.wholeMilliseconds)
        statement.bind(index + 2, attempt.result.rawValue)
        statement.bind(index + 3, attempt.note)
    }

    /// The last attempt goes from the delivery's row into the history, before it is overwritten.
    private func keepAttempt(_ row: Row) throws {
        guard row.attempts > 0 else { return }
        outbox.attempt.bind(1, row.n)
        try outbox.attempt.run()
        // With the one that stands in the row itself so many are kept.
        let oldest = row.attempts + 1 - Int64(Limits.attemptsKept)
        guard oldest > 0 else { return }
        outbox.dropAttempts.bind(1, row.n)
        outbox.dropAttempts.bind(2, oldest)
        try outbox.dropAttempts.run()
    }

    /// Dead deliveries queued again, now, with the history they have.
    /// - Parameter id: nil: all of them.
    func retry(_ id: String?) throws -> Int {
        let now = stamp()
        let update = try prepare(Delivery.revival(ofAll: id == nil))
        update.bind(1, now)
        if let id { update.bind(2, id) }
        try update.run()
        let count = update.changes
        outcome.reload = count > 0
        return count
    }
}

extension Delivery.State {
    /// As in `delivery.state`; `sending` is a lease and never written.
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
