// A delivery read back from its row. Its facts are JSON (Item+JSON in the core): written by hand on
// the road, read back by JSONDecoder only where memory does not hold the delivery any more.
import Alerting

/// Trouble of the relay's own as a column.
enum Facts {
    /// kind, subject, text.
    static func write(_ trouble: Trouble, to column: inout ByteWriter) {
        column.row(trouble.kind.rawValue, trouble.subject, trouble.text)
    }

    static func trouble(_ text: String) -> Trouble? {
        guard let row = TextRows.read(text).first,
            let kind = row[field: 0].flatMap(Trouble.Kind.init)
        else { return nil }
        return Trouble(kind: kind, subject: row[field: 1] ?? "", text: row[field: 2] ?? "")
    }
}

extension Delivery {
    /// What `init(_:)` reads, from column 0 on, out of `outbox` and where the delivery stands.
    static let columns = """
        outbox.n, outbox.id, channel, state, due, attempts, contact, address, reason, severity,
        template, language, timezone, rules, created, trouble, items
        """
    /// What follows `FROM` for all, in the order of `outbox.n`.
    static let rows = """
        (SELECT outbox.*, coalesce(delivery.channel, untried.channel) AS channel,
          coalesce(state, 0) AS state, coalesce(delivery.due, untried.due) AS due,
          coalesce(attempts, 0) AS attempts, at, duration, result, note
          FROM outbox LEFT JOIN delivery ON delivery.n = outbox.n
          LEFT JOIN untried ON untried.n = outbox.n) AS outbox
        """
    /// What follows `FROM` for those that are queued and were not tried yet.
    static let untried = """
        (SELECT n, channel, 0 AS state, due, 0 AS attempts FROM untried) AS untried
        CROSS JOIN outbox ON outbox.n = untried.n
        """
    /// What follows `FROM` for those in one state that is not `sent`, with the beginning of the
    /// condition: by channel, due and n. Of those that are queued, what was not tried yet is
    /// `untried`.
    static func rows(_ state: State) -> String {
        "\(unsent) CROSS JOIN outbox ON outbox.n = delivery.n \(condition(state))"
    }
    /// The same without the facts.
    static func bare(_ state: State) -> String { "\(unsent) \(condition(state))" }

    /// Newest first, `?1` of them: found in the index, so that no more facts are read than shown.
    static let newestDead = """
        (SELECT n FROM \(bare(.dead)) ORDER BY n DESC LIMIT ?1) AS newest
        CROSS JOIN outbox ON outbox.n = newest.n
        CROSS JOIN delivery ON delivery.n = newest.n
        """
    /// Dead ones are queued again for the moment `?1`: the one with the id `?2`, or all.
    static func revival(ofAll isOfAll: Bool) -> String {
        let change = "SET state = 0, due = ?1"
        return isOfAll
            ? "UPDATE \(unsent) \(change) \(condition(.dead))"
            : "UPDATE delivery \(change) \(condition(.dead))"
                + " AND n = (SELECT n FROM outbox WHERE id = ?2)"
    }

    static let unsent = "delivery INDEXED BY delivery_unsent"
    // The index's own condition is repeated: SQLite does not see that the other implies it, and
    // would look through all deliveries.
    static func condition(_ state: State) -> String {
        "WHERE state <> 2 AND state = \(state.column)"
    }

    init(_ row: Prepared) throws {
        guard let channel = ChannelName(row.text(2)), let reason = Reason(rawValue: row.text(8)),
            let severity = Severity(rawValue: row.text(9))
        else { throw StoreError(.failed, "delivery \(row.text(1)): its row cannot be understood") }
        self.init(
            id: row.text(1), contact: row.text(6), channel: channel, address: row.text(7),
            reason: reason, severity: severity, template: row.text(10), language: row.text(11),
            timezone: row.text(12), items: try Item.items(stored: row.bytes(16)),
            rulesHash: row.text(13),
            created: row.instant(14))
        trouble = row.optionalText(15).flatMap(Facts.trouble)
        state = State(column: row.int(3))
        due = row.instant(4)
        attempts = Int(row.int(5))
    }
}
