// A prepared statement of SQLite's C interface, on a connection that GRDB opened and guards. Raw,
// because it was measured: an insert costs 2.3 µs of CPU here and 3.5 through GRDB's cached
// statements (its arguments are boxed in an array of DatabaseValue), and a told event takes a
// dozen statements; reading 160 000 reports at start would not fit into its 200 ms either.
// GRDB keeps what is not hot: opening, isolation by queue, migrations.
import Alerting
import GRDBSQLite

/// A test's way to break the n-th statement: called before each one with its SQL.
package typealias Fault = @Sendable (_ sql: String) throws -> Void

/// One statement; used by one thread at a time, inside its connection's queue.
final class Prepared {
    private let handle: OpaquePointer
    private let connection: OpaquePointer
    private let fault: Fault?
    private let sql: String
    /// The text of each parameter. SQLite is told that what is bound stays there, as it does up to
    /// the next binding: a copy of SQLite's own is a malloc and a free each time, two dozen for a
    /// told event. By address: a writer in a property would be asked at each append who else is
    /// at it.
    private let texts: UnsafeMutableBufferPointer<ByteWriter>
    /// The first failure to bind, told by the run that follows.
    private var failed: Int32 = SQLITE_OK

    init(_ connection: OpaquePointer, _ sql: String, fault: Fault? = nil) throws {
        var handle: OpaquePointer?
        let code = sqlite3_prepare_v3(
            connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
        guard code == SQLITE_OK, let handle else { throw StoreError(connection, code) }
        self.handle = handle
        self.connection = connection
        self.fault = fault
        self.sql = sql
        texts = .allocate(capacity: Int(sqlite3_bind_parameter_count(handle)))
        for place in texts.indices { texts.initializeElement(at: place, to: ByteWriter()) }
    }

    deinit {
        sqlite3_finalize(handle)
        texts.deinitialize().deallocate()
    }

    // MARK: Binding, by position from 1

    func bind(_ index: Int32, _ value: Int64) {
        note(sqlite3_bind_int64(handle, index, value))
    }
    func bind(_ index: Int32, _ value: Int) { bind(index, Int64(value)) }
    func bind(_ index: Int32, _ value: Instant) { bind(index, value.milliseconds) }
    func bind(_ index: Int32, _ value: Int64?) {
        guard let value else { return bindNull(index) }
        bind(index, value)
    }
    func bind(_ index: Int32, _ value: Double?) {
        guard let value else { return bindNull(index) }
        note(sqlite3_bind_double(handle, index, value))
    }
    func bind(_ index: Int32, _ value: String) { bind(index) { $0.append(value) } }
    func bind(_ index: Int32, _ value: String?) {
        guard let value else { return bindNull(index) }
        bind(index, value)
    }
    /// A text that `write` makes.
    @inline(__always)
    func bind(_ index: Int32, _ write: (inout ByteWriter) -> Void) {
        let place = Int(index) - 1
        precondition(texts.indices.contains(place), "no such parameter")
        texts[place].removeAll(keepingAtMost: Limits.boundTextBytes)
        write(&texts[place])
        note(
            texts[place].written.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text64(
                    handle, index, $0.baseAddress, UInt64($0.count), nil, UInt8(SQLITE_UTF8))
            })
    }
    /// A text that `write` makes of a value; NULL where there is none. With the value apart, since
    /// a closure would copy all of what it is taken from.
    @inline(__always)
    func bind<T>(_ index: Int32, _ value: T?, _ write: (T, inout ByteWriter) -> Void) {
        guard let value else { return bindNull(index) }
        bind(index) { write(value, &$0) }
    }
    func bindNull(_ index: Int32) { note(sqlite3_bind_null(handle, index)) }

    private func note(_ code: Int32) { if failed == SQLITE_OK { failed = code } }

    // MARK: Running

    /// Runs a statement that gives no rows.
    func run() throws {
        defer { sqlite3_reset(handle) }
        guard try !step() else {
            throw StoreError(.failed, "a row where none was expected: \(sql)")
        }
    }

    /// As `run`, with a BLOB that is not copied: it has to live for this call only.
    func run(_ index: Int32, blob: [UInt8]) throws {
        try blob.withUnsafeBytes { bytes in
            if let address = bytes.baseAddress, !bytes.isEmpty {
                note(sqlite3_bind_blob64(handle, index, address, UInt64(bytes.count), nil))
            } else {
                note(sqlite3_bind_zeroblob(handle, index, 0))
            }
            try run()
        }
        bindNull(index)
    }

    /// The first row, read by `read`; nil where there is none.
    func first<T>(_ read: (Prepared) throws -> T) throws -> T? {
        defer { sqlite3_reset(handle) }
        return try step() ? try read(self) : nil
    }

    /// Every row in turn, until `read` answers false.
    func each(_ read: (Prepared) throws -> Bool) throws {
        defer { sqlite3_reset(handle) }
        while try step() { guard try read(self) else { return } }
    }

    func all<T>(_ read: (Prepared) throws -> T) throws -> [T] {
        var rows: [T] = []
        try each {
            rows.append(try read($0))
            return true
        }
        return rows
    }

    private func step() throws -> Bool {
        try fault?(sql)
        if failed != SQLITE_OK {
            defer { failed = SQLITE_OK }
            throw StoreError(connection, failed)
        }
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw StoreError(connection, code)
        }
    }

    /// How many rows the last statement of the connection changed.
    var changes: Int { Int(sqlite3_changes(connection)) }

    // MARK: Reading the row, by position from 0

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func optionalInt(_ column: Int32) -> Int64? { isNull(column) ? nil : int(column) }
    func instant(_ column: Int32) -> Instant { Instant(milliseconds: int(column)) }
    func optionalInstant(_ column: Int32) -> Instant? { isNull(column) ? nil : instant(column) }
    func double(_ column: Int32) -> Double? {
        isNull(column) ? nil : sqlite3_column_double(handle, column)
    }
    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(sqlite3_column_bytes(handle, column))
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}

extension StoreError {
    /// What SQLite says, in its words: they name no data, only tables and constraints.
    init(_ connection: OpaquePointer?, _ code: Int32) {
        let words = String(cString: sqlite3_errmsg(connection))
        switch code & 0xff {
        case SQLITE_FULL: self.init(.full, "the disk of the database is full")
        case SQLITE_NOTADB, SQLITE_CORRUPT: self.init(.notADatabase, words)
        case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM: self.init(.unusable, words)
        case SQLITE_CONSTRAINT, SQLITE_TOOBIG, SQLITE_MISMATCH: self.init(.refused, words)
        case SQLITE_IOERR: self.init(.failed, "the disk of the database fails: \(words) (\(code))")
        default: self.init(.failed, "\(words) (\(code))")
        }
    }
}
