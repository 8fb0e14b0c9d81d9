// Removing what is older than it is to be kept, a little at a time, so that no answer waits for
// it. The events of an open incident stay, and those of a delivery that still waits; identities go
// with their events (catch-up never asks further back).
package import Alerting

extension Store {
    /// Removes what is too old. Blocks until done; the writer is held for some milliseconds at
    /// a time. For a thread of low priority, now and then.
    package func sweep(now: Instant, _ policy: RetentionPolicy) throws -> Swept {
        var swept = Swept()
        swept.events = try sweepEvents(before: now - policy.events)
        swept.incidents = try sweepIncidents(before: now - policy.incidents)
        try sweepStamps(before: now - policy.incidents)
        swept.deliveries = try sweepDeliveries(before: now - policy.deliveries)
        swept.positions = try sweepReports(before: now - policy.positions)
        return swept
    }

    private static let atATime = 500

    private func sweepEvents(before limit: Instant) throws -> Int {
        let (first, end) = try read { snapshot in
            var end = try snapshot.firstSeq(receivedFrom: limit)
            let cursor = try snapshot.prepare("SELECT cursor FROM progress").first { $0.int(0) }
            end = min(end, (cursor ?? 0) + 1)
            for waiting in [
                "\(Delivery.rows(.queued)) AND", "\(Delivery.rows(.held)) AND",
                "\(Delivery.untried) WHERE",
            ] {
                let waits = try snapshot.prepare("SELECT min(seq) FROM \(waiting) seq > 0")
                    .first { $0.optionalInt(0) }
                if let waits = waits ?? nil { end = min(end, waits) }
            }
            return (
                try snapshot.prepare("SELECT min(seq) FROM inbox").first { $0.int(0) } ?? 0, end
            )
        }
        var next = first
        var removed = 0
        while next < end {
            let from = next
            let (count, last) = try writer.perform(weight: Self.atATime) {
                try $0.sweepEvents(from: from, before: end, limit: Self.atATime)
            }
            removed += count
            guard let last else { break }
            next = last + 1
        }
        return removed
    }

    private func sweepIncidents(before limit: Instant) throws -> Int {
        try inPages(from: "") { snapshot, after in
            let rows = try snapshot.prepare(
                """
                SELECT id FROM incident WHERE id > ?1 AND state = 2 AND cleared < ?2
                ORDER BY id LIMIT ?3
                """)
            rows.bind(1, after)
            rows.bind(2, limit)
            rows.bind(3, Self.atATime)
            return try rows.all { $0.text(0) }
        } remove: {
            try $0.removeIncidents($1)
        }
    }

    /// Stamps are no records: after so long none keeps a rule quiet.
    private func sweepStamps(before limit: Instant) throws {
        _ = try inPages(from: Stamp(device: -1, rule: "", alarm: "", place: "")) {
            snapshot, after in
            let rows = try snapshot.prepare(
                """
                SELECT device, rule, alarm, place FROM stamp
                WHERE (device, rule, alarm, place) > (?1, ?2, ?3, ?4) AND at < ?5
                ORDER BY device, rule, alarm, place LIMIT ?6
                """)
            after.bind(to: rows)
            rows.bind(5, limit)
            rows.bind(6, Self.atATime)
            return try rows.all {
                Stamp(device: $0.int(0), rule: $0.text(1), alarm: $0.text(2), place: $0.text(3))
            }
        } remove: {
            try $0.removeStamps($1, before: limit)
        }
    }

    /// Reports that only the newest of their device is needed of.
    private func sweepReports(before limit: Instant) throws -> Int {
        try inPages(from: Int64(0)) { snapshot, after in
            let rows = try snapshot.prepare(
                """
                SELECT device FROM report WHERE device > ?1
                GROUP BY device HAVING min(time) < min(?2, max(time))
                ORDER BY device LIMIT ?3
                """)
            rows.bind(1, after)
            rows.bind(2, limit)
            rows.bind(3, Self.atATime / Limits.reportsPerDevice)
            return try rows.all { $0.int(0) }
        } remove: {
            try $0.foldReports(of: $1, before: limit)
        }
    }

    /// Walks keys in their order, a page at a time.
    /// - Parameters:
    ///   - page: the keys behind one, that are to go.
    ///   - remove: says how many rows went.
    private func inPages<Key: Sendable>(
        from start: Key, _ page: @escaping @Sendable (Snapshot, Key) throws -> [Key],
        remove: @escaping @Sendable (Ledger, [Key]) throws -> Int
    ) throws -> Int {
        var (after, removed) = (start, 0)
        while true {
            let from = after
            let keys = try read { try page($0, from) }
            guard let last = keys.last else { return removed }
            after = last
            removed += try writer.perform(weight: Self.atATime) { try remove($0, keys) }
        }
    }

    private func sweepDeliveries(before limit: Instant) throws -> Int {
        var after: Int64 = 0
        var removed = 0
        while true {
            let from = after
            let rows = try read { snapshot in
                let rows = try snapshot.prepare(
                    """
                    SELECT outbox.n, created, state FROM \(Delivery.rows)
                    WHERE outbox.n > ?1 ORDER BY outbox.n LIMIT ?2
                    """)
                rows.bind(1, from)
                rows.bind(2, Self.atATime)
                return try rows.all {
                    (n: $0.int(0), created: $0.instant(1), state: $0.int(2))
                }
            }
            // Rows are made in the order of time, but for moments: far behind, none is old.
            guard let last = rows.last, rows[0].created < limit + .days(1) else { return removed }
            after = last.n
            let old = rows.filter { $0.created < limit && $0.state != 0 && $0.state != 3 }.map(\.n)
            if old.isEmpty { continue }
            try writer.perform(weight: Self.atATime) { try $0.removeDeliveries(old) }
            removed += old.count
        }
    }
}

extension Ledger {
    /// - Returns: how many rows went, and the last that was looked at.
    func sweepEvents(from: Int64, before end: Int64, limit: Int) throws -> (Int, Int64?) {
        let range = try prepare(
            """
            SELECT max(seq) FROM
              (SELECT seq FROM inbox WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3)
            """)
        range.bind(1, from)
        range.bind(2, end)
        range.bind(3, limit)
        guard let last = try range.first({ $0.optionalInt(0) }) ?? nil else { return (0, nil) }
        // An event that was judged again opens its incident up to ten seconds after its receipt.
        let events = try prepare(
            """
            DELETE FROM inbox WHERE seq >= ?1 AND seq <= ?2 AND NOT EXISTS (
              SELECT 1 FROM judgement JOIN incident INDEXED BY incident_open
                ON incident.device = judgement.device AND incident.state < 2
              WHERE judgement.seq = coalesce(inbox.copy_of, inbox.seq)
                AND incident.opened <= inbox.received + 60000)
            """)
        events.bind(1, from)
        events.bind(2, last)
        try events.run()
        let removed = events.changes
        for table in ["judgement", "aside"] {
            let rest = try prepare(
                """
                DELETE FROM \(table) WHERE seq >= ?1 AND seq <= ?2
                  AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.seq = \(table).seq)
                """)
            rest.bind(1, from)
            rest.bind(2, last)
            try rest.run()
        }
        return (removed, last)
    }

    /// - Returns: how many there were.
    func removeIncidents(_ ids: [String]) throws -> Int {
        // It may have opened again since it was looked at.
        let remove = try prepare("DELETE FROM incident WHERE id = ?1 AND state = 2")
        return try ids.reduce(0) { count, id in
            remove.bind(1, id)
            try remove.run()
            return count + remove.changes
        }
    }

    fileprivate func removeStamps(_ stamps: [Stamp], before limit: Instant) throws -> Int {
        // It may have been set anew since it was looked at.
        let remove = try prepare(
            """
            DELETE FROM stamp WHERE device = ?1 AND rule = ?2 AND alarm = ?3 AND place = ?4
              AND at < ?5
            """)
        remove.bind(5, limit)
        return try stamps.reduce(0) { count, stamp in
            stamp.bind(to: remove)
            try remove.run()
            return count + remove.changes
        }
    }

    /// Folds what is older than `limit` into the oldest report that stays, as the engine does with
    /// what is too many: nothing that is known of a device now gets lost. The relay that runs keeps
    /// them in memory for the events that are still judged by them.
    /// - Returns: how many went.
    func foldReports(of devices: [Int64], before limit: Instant) throws -> Int {
        let rows = try prepare(
            "SELECT \(Report.columns) FROM report WHERE device = ?1 ORDER BY time, of_event DESC")
        return try devices.reduce(0) { count, device in
            rows.bind(1, device)
            let reports = try rows.all { Report($0, from: 0) }
            guard let newest = reports.last else { return count }
            let end = min(limit, newest.time)
            guard let first = reports.firstIndex(where: { $0.time >= end }), first > 0 else {
                return count
            }
            var base = reports[first]
            for old in reports[..<first].reversed() { base.absorb(old) }
            memory.report.bind(1, device)
            base.bind(to: memory.report, from: 2)
            try memory.report.run()
            memory.fold.bind(1, device)
            memory.fold.bind(2, end)
            try memory.fold.run()
            return count + memory.fold.changes
        }
    }

    func removeDeliveries(_ rows: [Int64]) throws {
        // A dead one may have been queued again since it was looked at.
        let statements = try [
            "DELETE FROM delivery WHERE n = ?1 AND state NOT IN (0, 3)",
            "DELETE FROM outbox WHERE n = ?1"
                + " AND NOT EXISTS (SELECT 1 FROM delivery WHERE n = ?1)"
                + " AND NOT EXISTS (SELECT 1 FROM untried WHERE n = ?1)",
            "DELETE FROM attempt WHERE delivery = ?1"
                + " AND NOT EXISTS (SELECT 1 FROM outbox WHERE n = ?1)",
        ].map(prepare)
        for row in rows {
            for statement in statements {
                statement.bind(1, row)
                try statement.run()
            }
        }
    }
}

/// The key of a row of `stamp`.
private struct Stamp: Sendable {
    var device: Int64
    var rule, alarm, place: String

    /// As parameters 1 to 4.
    func bind(to statement: Prepared) {
        statement.bind(1, device)
        statement.bind(2, rule)
        statement.bind(3, alarm)
        statement.bind(4, place)
    }
}
