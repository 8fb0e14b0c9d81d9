// How far each source with a session has come, and what a catch-up asks of the inbox: which events
// are new, and of how many somebody was told. Progress is kept by source and server: under another
// url a source is another one.
package import Alerting
import Foundation
import GRDB

extension Store {
    /// Notes the first connection of a source, if it is the first, and says how far it had come.
    package func connected(
        _ source: String, server: String, at now: Instant,
        done: @escaping @Sendable (Result<SourceProgress, StoreError>) -> Void
    ) {
        submit(weight: 1, done) { try $0.connected(source, server, at: now) }
    }

    /// Notes that a catch-up that began at `moment` has ended well: what it has asked for is on
    /// disk, so the gaps before it are closed.
    package func caughtUp(
        _ source: String, server: String, to moment: Instant,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        submit(weight: 1, done) { try $0.caughtUp(source, server, to: moment) }
    }

    /// Notes that a source listened at `moment`. What fails is noted the next time.
    package func heard(_ source: String, server: String, at moment: Instant) {
        submit(weight: 1, { _ in }) { try $0.heard(source, server, at: moment) }
    }

    /// Keeps what a source's server told of its names, for a start without it.
    package func keep(_ names: ServerNames, source: String, server: String) {
        // What fails is told again at the next connection, and not needed before the next start.
        submit(weight: 4, { _ in }) { try $0.keep(names, source, server) }
    }

    /// What was kept of a source's names. Blocks.
    package func names(ofSource source: String, server: String) throws -> ServerNames? {
        try read { try $0.names(ofSource: source, server: server) }
    }

    /// How far a source has come; nil: it never had a session. Blocks.
    package func progress(ofSource source: String, server: String) throws -> SourceProgress? {
        try read { try $0.progress(ofSource: source, server: server) }
    }

    /// Of each event, whether it is in the inbox under no road yet. Blocks.
    package func unknown(_ events: [Event]) throws -> [Bool] {
        try read { try $0.unknown(events) }
    }

    /// Of how many events among these rows, brought by a catch-up of the source, somebody was told.
    /// Blocks.
    package func told(_ source: String, rows: ClosedRange<Int64>) throws -> Int {
        try read { try $0.told(source, rows: rows) }
    }
}

extension Ledger {
    func connected(_ source: String, _ server: String, at now: Instant) throws -> SourceProgress {
        let add = try prepare(
            "INSERT OR IGNORE INTO source (name, server, first_connected) VALUES (?1, ?2, ?3)")
        add.bind(1, source)
        add.bind(2, server)
        add.bind(3, now)
        try add.run()
        return try prepare(SourceProgress.query).progress(source, server)
            ?? SourceProgress(firstConnected: now)
    }

    func caughtUp(_ source: String, _ server: String, to moment: Instant) throws {
        let note = try prepare(
            "UPDATE source SET caught_up_to = ?3 WHERE name = ?1 AND server = ?2")
        note.bind(1, source)
        note.bind(2, server)
        note.bind(3, moment)
        try note.run()
        let close = try prepare("DELETE FROM gap WHERE source = ?1 AND ended <= ?2")
        close.bind(1, source)
        close.bind(2, moment)
        try close.run()
    }

    func keep(_ names: ServerNames, _ source: String, _ server: String) throws {
        let keep = try prepare("UPDATE source SET names = ?3 WHERE name = ?1 AND server = ?2")
        keep.bind(1, source)
        keep.bind(2, server)
        try keep.run(3, blob: [UInt8](JSONEncoder().encode(names)))
    }

    func heard(_ source: String, _ server: String, at moment: Instant) throws {
        let note = try prepare("UPDATE source SET heard = ?3 WHERE name = ?1 AND server = ?2")
        note.bind(1, source)
        note.bind(2, server)
        note.bind(3, moment)
        try note.run()
    }
}

extension SourceProgress {
    fileprivate static let query =
        "SELECT first_connected, caught_up_to, heard FROM source WHERE name = ?1 AND server = ?2"
}

extension Prepared {
    fileprivate func progress(_ source: String, _ server: String) throws -> SourceProgress? {
        bind(1, source)
        bind(2, server)
        return try first {
            SourceProgress(
                firstConnected: $0.instant(0), caughtUpTo: $0.optionalInstant(1),
                heard: $0.optionalInstant(2))
        }
    }
}

extension Snapshot {
    func progress(ofSource source: String, server: String) throws -> SourceProgress? {
        try prepare(SourceProgress.query).progress(source, server)
    }

    func names(ofSource source: String, server: String) throws -> ServerNames? {
        let rows = try prepare("SELECT names FROM source WHERE name = ?1 AND server = ?2")
        rows.bind(1, source)
        rows.bind(2, server)
        let bytes = try rows.first { $0.isNull(0) ? nil : $0.bytes(0) } ?? nil
        return try bytes.map { try JSONDecoder().decode(ServerNames.self, from: Data($0)) }
    }

    func unknown(_ events: [Event]) throws -> [Bool] {
        let find = try prepare(
            """
            SELECT 1 FROM inbox WHERE kind = 0 AND server = ?1 AND id = ?2 AND device = ?3
              AND type = ?4 AND time = ?5 AND extra = ?6
            """)
        let findServer = try prepare("SELECT id FROM server WHERE url = ?1")
        var servers: [String: Int64] = [:]
        return try events.map { event in
            if servers[event.server] == nil {
                findServer.bind(1, event.server)
                servers[event.server] = try findServer.first { $0.int(0) } ?? 0
            }
            find.bind(1, servers[event.server] ?? 0)
            event.bindIdentity(to: find, from: 2)
            return try find.first { _ in true } == nil
        }
    }

    func told(_ source: String, rows: ClosedRange<Int64>) throws -> Int {
        let judgements = try prepare(
            """
            SELECT verdicts FROM inbox JOIN judgement ON judgement.seq = inbox.seq
            WHERE inbox.seq BETWEEN ?1 AND ?2 AND source = ?3 AND road = ?4 AND kind = 0
            """)
        judgements.bind(1, rows.lowerBound)
        judgements.bind(2, rows.upperBound)
        judgements.bind(3, source)
        judgements.bind(4, Event.Road.catchUp.rawValue)
        var told = 0
        try judgements.each { row in
            if Verdict.read(row.text(0)).contains(where: { $0.result == .told }) { told += 1 }
            return true
        }
        return told
    }
}
