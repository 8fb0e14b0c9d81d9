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
        swept.deliveries = try sweepDeliveries(before: now - policy.deliveries)
        return swept
    }

    private static let atATime = 500

    private func sweepEvents(before limit: Instant) throws -> Int {
        let (first, end) = try read { snapshot in
            var end = try snapshot.firstSeq(receivedFrom: limit)
            let cursor = try snapshot.prepare("SELECT cursor FROM progress").first { $0.int(0) }
            end = min(end, (cursor ?? 0) + 1)
            for (index, state) in [("delivery_due", 0), ("delivery_held", 3)] {
                let waits = try snapshot.prepare(
                    """
                    SELECT min(seq) FROM \(Delivery.rows(by: index))
                    WHERE state = \(state) AND seq > 0
                    """
                ).first { $0.optionalInt(0) }
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
        let old = try read { snapshot in
            let rows = try snapshot.prepare(
                "SELECT id FROM incident WHERE state = 2 AND cleared < ?1")
            rows.bind(1, limit)
            return try rows.all { $0.text(0) }
        }
        var rest = old[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.atATime))
            rest = rest.dropFirst(part.count)
            try writer.perform(weight: Self.atATime) { try $0.removeIncidents(part) }
        }
        try writer.perform { try $0.removeStamps(before: limit) }
        return old.count
    }

    private func sweepDeliveries(before limit: Instant) throws -> Int {
        var after: Int64 = 0
        var removed = 0
        while true {
            let from = after
            let rows = try read { snapshot in
                let rows = try snapshot.prepare(
                    """
                    SELECT outbox.n, created, state FROM \(Delivery.rows())
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

    func removeIncidents(_ ids: [String]) throws {
        // It may have opened again since it was looked at.
        let remove = try prepare("DELETE FROM incident WHERE id = ?1 AND state = 2")
        for id in ids {
            remove.bind(1, id)
            try remove.run()
        }
    }

    func removeStamps(before limit: Instant) throws {
        let remove = try prepare("DELETE FROM stamp WHERE at < ?1")
        remove.bind(1, limit)
        try remove.run()
    }

    func removeDeliveries(_ rows: [Int64]) throws {
        // A dead one may have been queued again since it was looked at.
        let statements = try [
            "DELETE FROM delivery WHERE id = (SELECT id FROM outbox WHERE n = ?1)"
                + " AND state NOT IN (0, 3)",
            "DELETE FROM outbox WHERE n = ?1"
                + " AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id = outbox.id)",
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
