// The one file: made 0600, locked for the life of the process, opened with a full fsync at each
// commit. GRDB sets synchronous to NORMAL when it turns WAL on, which would make a 200 a lie after
// a power cut; so FULL is set after opening, read back, and asserted at every start.
import Alerting
import CSQLiteShim
import Foundation
import GRDB
import GRDBSQLite

/// The database file with its lock and its two connections: one that writes, one that reads.
final class DatabaseFile: Sendable {
    let path: String
    let writing: DatabaseQueue
    let reading: DatabaseQueue
    private let lock: Int32

    init(path: String) throws {
        self.path = path
        let lock = try Self.lock(path)
        do {
            try Self.make(path)
            writing = try Self.opening(path) { try Self.openForWriting(path) }
            reading = try Self.opening(path) { try Self.openForReading(path) }
        } catch {
            Glibc.close(lock)
            throw error
        }
        self.lock = lock
    }

    deinit { Glibc.close(lock) }

    /// The last one to close checkpoints the whole WAL and removes it.
    func close() throws {
        defer { flock(lock, LOCK_UN) }
        try reading.close()
        try writing.close()
    }

    // MARK: Opening

    /// A second relay on the file would send everything twice: leases live in memory.
    private static func lock(_ path: String) throws -> Int32 {
        let file = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw StoreError(
                .unusable,
                "\(path): cannot make its lock file: \(errorText()); is the folder there, "
                    + "and may this user write to it?")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(file)
            throw StoreError(
                .inUse, "\(path): another relay is running on this database; stop it first")
        }
        return file
    }

    /// SQLite gives -wal and -shm the mode of the file itself. One that others may read (a copy
    /// that was put back) is taken from them: it holds where people's bikes are.
    private static func make(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw StoreError(.unusable, "\(path): cannot be opened for writing: \(errorText())")
        }
        Glibc.close(file)
        for suffix in ["", "-wal", "-shm"] { try OwnersOnly.take(path + suffix) }
    }

    private static func errorText() -> String { String(cString: strerror(errno)) }

    /// Of the whole process, once. Where somebody has opened a database before, it stays as it is:
    /// slower by three parts in a hundred, and no less right.
    private static let hasNoStatistics = outcry_sqlite_without_memory_statistics() == SQLITE_OK

    private static func openForWriting(_ path: String) throws -> DatabaseQueue {
        _ = hasNoStatistics
        var configuration = Configuration()
        configuration.label = "outcry.writing"
        configuration.journalMode = .wal
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { db in
            try db.execute(
                sql: """
                    PRAGMA synchronous = FULL;
                    PRAGMA wal_autocheckpoint = 0;
                    PRAGMA journal_size_limit = \(Limits.walBytes);
                    PRAGMA cache_size = -8192;
                    """)
            let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
            precondition(synchronous == 2, "the database does not sync at each commit")
            if try Schema.migrator.hasBeenSuperseded(db) {
                throw StoreError(
                    .newerSchema,
                    "\(path): a newer outcry wrote this database; run that one, or give another "
                        + "path for 'data'")
            }
            try refuseForeign(db, path)
        }
        // What a migration sorts may be large, and goes to a file.
        try Schema.migrator.migrate(queue)
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA temp_store = MEMORY") }
        return queue
    }

    /// Somebody else's SQLite database is left alone.
    private static func refuseForeign(_ db: Database, _ path: String) throws {
        let ours = try db.tableExists("grdb_migrations")
        let tables = try Int.fetchOne(
            db, sql: "SELECT count(*) FROM sqlite_master WHERE type = 'table'")
        guard ours || tables == 0 else {
            throw StoreError(
                .notADatabase, "\(path): holds tables of another program; give another path")
        }
    }

    static func openForReading(_ path: String) throws -> DatabaseQueue {
        _ = hasNoStatistics
        var configuration = Configuration()
        configuration.label = "outcry.reading"
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY")
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// GRDB's errors as one line of ours.
    static func opening<T>(_ path: String, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_NOTADB, .SQLITE_CORRUPT:
                throw StoreError(
                    .notADatabase,
                    "\(path): is no database, or a damaged one; give another path for 'data'")
            case .SQLITE_FULL:
                throw StoreError(.full, "\(path): the disk is full")
            case .SQLITE_BUSY, .SQLITE_LOCKED:
                throw StoreError(.inUse, "\(path): another program has locked this database")
            default:
                throw StoreError(
                    .unusable,
                    "\(path): cannot be used: \(error.message ?? error.resultCode.description)")
            }
        }
    }
}

extension DatabaseQueue {
    /// A snapshot for reading: short, so that it never keeps the WAL from starting over.
    func snapshot<T>(_ body: (Snapshot) throws -> T) throws -> T {
        try read { db in
            guard let connection = db.sqliteConnection else {
                throw StoreError(.closed, "the store is closed")
            }
            return try body(Snapshot(connection: connection))
        }
    }
}

/// Prepares statements inside one read transaction.
struct Snapshot {
    let connection: OpaquePointer

    func prepare(_ sql: String) throws -> Prepared { try Prepared(connection, sql) }
}
