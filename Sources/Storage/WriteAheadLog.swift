// When the write-ahead log is copied back into the database file. SQLite's own checkpoints fall
// on whatever commit is the thousandth and make the tail of the answers' times; a thread of its
// own lets the log grow without end at full load (measured: 480 MB in 5 s). So the writer does it
// itself: a little while there is not much to do, more when the log grows all the same, and, if a
// reader have kept it from starting over, with a short wait for that reader.
import Alerting
import GRDBSQLite

/// The write-ahead log of the writer's connection.
final class WriteAheadLog {
    private let connection: OpaquePointer
    /// Frames (pages) in the log after the last commit; set by SQLite's hook.
    private let frames: UnsafeMutablePointer<Int32>
    /// The size at which waiting for readers is tried next.
    private var patience = most

    // Pages of 4 KiB, in parts of the cap.
    private static let cap = Int32(Limits.walBytes / 4_096)
    /// Copied when the relay has little to do: a few milliseconds, more behind a burst.
    private static let little = cap / 16
    /// Copied in any case. The later, the more pages were written twice and are copied once; but
    /// who posts meanwhile waits: some 50 ms, on a slow card a second.
    private static let much = cap / 4
    /// Readers are waited for.
    private static let most = cap / 4 * 3

    init(_ connection: OpaquePointer) {
        self.connection = connection
        frames = .allocate(capacity: 1)
        frames.initialize(to: 0)
        sqlite3_wal_hook(
            connection,
            { context, _, _, count in
                context?.assumingMemoryBound(to: Int32.self).pointee = count
                return SQLITE_OK
            }, frames)
    }

    deinit {
        sqlite3_wal_hook(connection, nil, nil)
        frames.deallocate()
    }

    /// After each round, and where nothing came for a while.
    /// - Parameter idle: nobody waits for the writer, nor is somebody likely to at once.
    func checkpoint(idle: Bool) {
        let size = frames.pointee
        guard size >= (idle ? Self.little : Self.much) else { return }
        if size >= patience {
            sqlite3_busy_timeout(connection, 200)
            run(SQLITE_CHECKPOINT_TRUNCATE)
            sqlite3_busy_timeout(connection, 5_000)
            // A reader that stays (another process) is not waited for at every round.
            if frames.pointee != 0 { patience = size + Self.cap / 8 }
        } else {
            run(SQLITE_CHECKPOINT_PASSIVE)
        }
    }

    private func run(_ mode: Int32) {
        var inLog: Int32 = 0
        var copied: Int32 = 0
        // A checkpoint that fails has lost nothing: the log is whole, and the next one tries again.
        let code = sqlite3_wal_checkpoint_v2(connection, nil, mode, &inLog, &copied)
        // All of it was copied: the next commit starts the log over.
        if code == SQLITE_OK, inLog == copied {
            frames.pointee = 0
            patience = Self.most
        }
    }
}
