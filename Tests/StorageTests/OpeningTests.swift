// The file: made 0600, synced at every commit, one relay's only, and a clear line where it cannot
// be used.
import Alerting
import Foundation
import GRDB
import Testing

@testable import Storage

@Suite struct OpeningTests {
    @Test("the file, its log and its lock are for their owner only")
    func mode() async throws {
        let place = try Place()
        let store = try place.open()
        _ = try await store.accept([place.bodies.arrival(event(id: 1))])
        for end in ["", "-wal", "-shm", ".lock"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: place.path + end)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(end)")
        }
    }

    @Test("a database that was put back for all to read is taken from them")
    func restored() async throws {
        let place = try Place()
        try place.open().close()
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: place.path)
        let store = try place.open()
        _ = try await store.accept([place.bodies.arrival(event(id: 1))])
        for end in ["", "-wal", "-shm"] {
            let attributes = try files.attributesOfItem(atPath: place.path + end)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(end)")
        }
    }

    @Test("each commit is synced, though GRDB sets NORMAL")
    func synchronous() throws {
        let store = try Place().open()
        let (synchronous, journal) = try store.file.writing.writeWithoutTransaction { db in
            (
                try Int.fetchOne(db, sql: "PRAGMA synchronous"),
                try String.fetchOne(db, sql: "PRAGMA journal_mode")
            )
        }
        #expect(synchronous == 2)
        #expect(journal == "wal")
    }

    @Test("a second relay on the same file is refused, and may come when the first has gone")
    func lock() throws {
        let place = try Place()
        let store = try place.open()
        let error = #expect(throws: StoreError.self) { try place.open() }
        #expect(error?.kind == .inUse)
        #expect(error?.description.contains("another relay is running") == true)
        store.close()
        try place.open().close()
    }

    @Test("a folder that is not there is one clear line")
    func noFolder() throws {
        let place = try Place()
        let error = #expect(throws: StoreError.self) {
            try Store(
                path: place.folder + "/none/outcry.db", clock: { .distantPast },
                decode: { _ in nil })
        }
        #expect(error?.kind == .unusable)
        #expect(error?.description.contains("No such file or directory") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("a file that is no database is refused and left as it is")
    func notADatabase() throws {
        let place = try Place()
        let text = Data(String(repeating: "a picture ", count: 1_000).utf8)
        try text.write(to: URL(fileURLWithPath: place.path))
        let error = #expect(throws: StoreError.self) { try place.open() }
        #expect(error?.kind == .notADatabase)
        #expect(try Data(contentsOf: URL(fileURLWithPath: place.path)) == text)
    }

    @Test("a database of another program is refused")
    func foreign() throws {
        let place = try Place()
        try DatabaseQueue(path: place.path).write { try $0.execute(sql: "CREATE TABLE mail (x)") }
        let error = #expect(throws: StoreError.self) { try place.open() }
        #expect(error?.kind == .notADatabase)
    }

    @Test("a database that a newer program wrote is refused")
    func newer() throws {
        let place = try Place()
        try place.open().close()
        try DatabaseQueue(path: place.path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 tomorrow')")
        }
        let error = #expect(throws: StoreError.self) { try place.open() }
        #expect(error?.kind == .newerSchema)
        #expect(error?.description.contains("newer outcry") == true)
        let looking = #expect(throws: StoreError.self) { try place.openListing() }
        #expect(looking?.description.contains("newer outcry") == true)
    }

    @Test("a look at a database that this version has not started on yet says how to go on")
    func older() throws {
        let place = try Place()
        try place.open().close()
        try DatabaseQueue(path: place.path).write {
            try $0.execute(
                sql: "DELETE FROM grdb_migrations WHERE identifier = ?",
                arguments: [Schema.migrations.last?.name])
        }
        let error = #expect(throws: StoreError.self) { try place.openListing() }
        #expect(error?.kind == .unusable)
        #expect(error?.description.contains("brought up to date") == true)
    }

    @Test("after close everything fails with an error, and closing again does nothing")
    func closed() async throws {
        let place = try Place()
        let store = try place.open()
        store.close()
        store.close()
        await #expect(throws: AcceptFailure.self) {
            try await store.accept([place.bodies.arrival(event(id: 1))])
        }
        #expect(throws: StoreError.self) { try store.recall() }
        await #expect(throws: StoreError.self) { try await store.commit([]) }
    }

    // MARK: Schema

    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/schema")

    static func schema(_ db: Database) throws -> String {
        try String.fetchAll(
            db,
            sql: """
                SELECT sql || ';' FROM sqlite_master WHERE sql IS NOT NULL
                AND name NOT LIKE 'grdb%' ORDER BY type DESC, name
                """
        ).joined(separator: "\n") + "\n"
    }

    @Test("the schema is the kept one: a released migration is never edited")
    func schemaIsKept() throws {
        let store = try Place().open()
        let now = try store.file.reading.read { try Self.schema($0) }
        let kept = try String(
            contentsOf: Self.fixtures.appendingPathComponent("\(Schema.migrations.count).sql"),
            encoding: .utf8)
        #expect(now == kept)
    }

    @Test(
        "a database of each kept version opens, and keeps what it held",
        arguments: 1...Schema.migrations.count)
    func migrates(version: Int) throws {
        let place = try Place()
        let sql = try String(
            contentsOf: Self.fixtures.appendingPathComponent("\(version).sql"), encoding: .utf8)
        try DatabaseQueue(path: place.path).write { db in
            try db.execute(sql: sql)
            try db.execute(
                sql: """
                    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
                    INSERT INTO progress VALUES (1, 41, 1000, 0, 0, 0);
                    """)
            for migration in Schema.migrations.prefix(version) {
                try db.execute(
                    sql: "INSERT INTO grdb_migrations VALUES (?)", arguments: [migration.name])
            }
        }
        let store = try place.open()
        #expect(try store.recall().cursor == 41)
    }

    @Test("deliveries of before the fourth migration stand where they stood")
    func deliveriesMigrate() throws {
        let place = try Place()
        let sql = try String(
            contentsOf: Self.fixtures.appendingPathComponent("3.sql"), encoding: .utf8)
        try DatabaseQueue(path: place.path).write { db in
            try db.execute(
                sql: sql + """
                    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
                    INSERT INTO progress VALUES (1, 41, 1000, 0, 0, 0);
                    """)
            for migration in Schema.migrations.prefix(3) {
                try db.execute(
                    sql: "INSERT INTO grdb_migrations VALUES (?)", arguments: [migration.name])
            }
            // Not in the order of their ids.
            for (n, (id, state, attempts)) in [
                ("z", 2, 1), ("q", 0, 0), ("r", 0, 2), ("h", 3, 0), ("a", 5, 3),
            ].enumerated() {
                try db.execute(
                    sql: """
                        INSERT INTO outbox VALUES (?1, ?2, 0, 'owner', 'a@b', 'first', 'critical',
                          'theft', 'de', 'UTC', 'hash', 1000, NULL, '[]');
                        """, arguments: [n + 1, id])
                try db.execute(
                    sql: """
                        INSERT INTO delivery VALUES (?2, ?1, 'http:fleet', ?3, 1000, ?4,
                          iif(?4 > 0, 900, NULL), iif(?4 > 0, 5, NULL),
                          iif(?4 > 0, 'retry', NULL), iif(?4 > 0, 'note', NULL), NULL);
                        """, arguments: [n + 1, id, state, attempts])
                if attempts == 2 {
                    try db.execute(
                        sql: "INSERT INTO attempt VALUES (?, 1, 800, 5, 'retry', 'before')",
                        arguments: [n + 1])
                }
            }
        }
        let store = try place.open()
        let listed = try store.listing.deliveries(limit: 9)
        #expect(listed.map(\.delivery.id) == ["a", "h", "r", "q", "z"])
        #expect(listed.map(\.delivery.state) == [.dead, .held, .queued, .queued, .sent])
        #expect(listed.map(\.attempts.count) == [1, 0, 2, 0, 1])
        let due = try store.lease(channel: .http("fleet"), now: Instant(seconds: 2), limit: 9)
        #expect(due.map(\.id) == ["q", "r"])
        #expect(try store.recall().memory.held.map(\.id) == ["h"])
        #expect(try store.retry("a"))
        store.close()
    }
}
