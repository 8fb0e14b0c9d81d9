// What a source is handed: it knows no store, no engine and no clock of its own (the walls of
// docs/ARCHITECTURE.md). RelayServer fills it; tests play the world with it.
package import Alerting
package import Logging

package struct SourceSurroundings: Sendable {
    package var now: @Sendable () -> Instant
    package var sleep: @Sendable (Duration) async throws -> Void
    /// 0 ..< 1.
    package var jitter: @Sendable () -> Double
    package var accept: Accept
    /// Of each event, whether no road has brought it yet.
    package var unknown: @Sendable ([Event]) async throws -> [Bool]
    /// Inputs without a row of their own: what is known of devices, positions and geofences.
    package var report: @Sendable ([Input]) -> Void
    /// Whether a long list of those finds room now.
    package var hasRoom: @Sendable () -> Bool
    /// Notes the first connection, and says how far the source had come.
    package var connected: @Sendable (Instant) async throws -> SourceProgress
    /// Notes a catch-up that ended well, with the moment at which it began.
    package var caughtUp: @Sendable (Instant) async throws -> Void
    /// Notes that the source listened at this moment.
    package var heard: @Sendable (Instant) -> Void
    /// A catch-up has ended well: to be said when its events are decided.
    package var closed: @Sendable (CatchupResult) async -> Void
    /// What rule files may refer to, after each look at it.
    package var names: @Sendable (ServerNames) -> Void
    /// The first catch-up of a connection is done: there is time to look whether the account has
    /// what it should have.
    package var settled: @Sendable (TraccarSource) async -> Void
    /// Devices change between online and offline, and no event says so.
    package var statusEventsSeemOff: @Sendable () -> Void
    /// Goes up when the clock was set.
    package var clockChanges: @Sendable () -> Int
    /// Goes up when a webhook was answered 503.
    package var unavailable: @Sendable () -> Int
    package var log: @Sendable (Logger.Level, String) -> Void

    /// Alone in the world: tests replace what they look at.
    package init(
        now: @escaping @Sendable () -> Instant,
        sleep: @escaping @Sendable (Duration) async throws -> Void, accept: @escaping Accept
    ) {
        self.now = now
        self.sleep = sleep
        self.accept = accept
        jitter = { 0.5 }
        unknown = { $0.map { _ in true } }
        report = { _ in }
        hasRoom = { true }
        connected = { SourceProgress(firstConnected: $0) }
        caughtUp = { _ in }
        heard = { _ in }
        closed = { _ in }
        names = { _ in }
        settled = { _ in }
        statusEventsSeemOff = {}
        clockChanges = { 0 }
        unavailable = { 0 }
        log = { _, _ in }
    }
}

/// What a source has done since the start, for `/metrics`.
package struct SourceCounts: Sendable, Hashable {
    package var logins = 0
    package var connections = 0
    /// Of the socket.
    package var messages = 0
    package var positions = 0
    package var events = 0
    /// By the socket and by catch-ups: first on disk by one of these roads, or there already.
    package var accepted = 0
    package var duplicates = 0
    package var catchups = 0
    package var failedCatchups = 0
    /// Events that only a catch-up brought.
    package var caughtUp = 0

    package init() {}

    mutating func note(_ acceptances: [Acceptance]) {
        for acceptance in acceptances {
            switch acceptance {
            case .stored, .reusedId: accepted += 1
            case .duplicate, .fuller: duplicates += 1
            }
        }
    }
}
