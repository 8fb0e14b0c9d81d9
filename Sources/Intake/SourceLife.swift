// When a source connects again and when it catches up: two small machines without a clock or
// chance. `now` and `jitter` (0 ..< 1) are arguments; TraccarSource drives them.
package import Alerting

/// The pauses between connections: never a hot loop, and never a herd.
package struct Reconnection: Sendable {
    /// How a connection ended, or why there was none.
    package enum Ending: Sendable, Hashable {
        /// It lived for so long, or the server could not be reached (zero).
        case lost(after: Duration)
        /// The server refused the login: asking again soon is no use, and some servers count.
        case refused
    }

    private var failures = 0
    private var refusals = 0

    package init() {}

    /// How long to wait before the next try.
    /// - Parameter jitter: 0 ..< 1.
    package mutating func pause(after ending: Ending, jitter: Double) -> Duration {
        switch ending {
        case .lost(let life):
            refusals = 0
            // A connection that has lived was a good one: this is the first failure after it.
            if life >= .seconds(Limits.settledSeconds) { failures = 0 }
            failures += 1
            let longest = Double(Limits.socketBackoffSeconds)
            let most = min(longest, Self.power(failures - 1))
            // Between half and all of it, so that relays that lost one server come back apart.
            return .milliseconds(Int64(max(1, most * (0.5 + 0.5 * jitter)) * 1_000))
        case .refused:
            refusals += 1
            let longest = Double(Limits.refusedBackoffSeconds)
            return .milliseconds(Int64(min(longest, 10 * Self.power(refusals - 1)) * 1_000))
        }
    }

    private static func power(_ exponent: Int) -> Double { Double(1 << min(exponent, 20)) }
}

/// When the next catch-up is due, and why.
package struct CatchupSchedule: Sendable {
    package enum Reason: String, Sendable, Hashable {
        case start, reconnect
        /// The socket ended: whether the server answers at all is known soon, not in 15 min.
        case lost
        /// We answered 503, or could not keep what the socket brought.
        case missed
        case clock
        case interval
    }

    private let every: Duration
    private var wanted: (reason: Reason, at: Instant)
    private var failures = 0
    private(set) var isRunning = false

    private static let firstRetry = Duration.seconds(10)
    private static let longestRetry = Duration.minutes(5)
    /// A disk that is full is full for some time.
    private static let afterMissed = Duration.seconds(5)
    /// A new connection may come before.
    private static let afterLost = Duration.seconds(10)

    /// The first one waits a little for the socket: what happens between a report and the socket
    /// nobody would bring before the next.
    private static let grace = Duration.seconds(10)

    /// - Parameter every: the safety net, whatever happens.
    package init(every: Duration, now: Instant) {
        self.every = every
        wanted = (.start, now + Self.grace)
    }

    package var due: Instant { wanted.at }

    /// Something happened that a catch-up has to make good. One that runs does not count: what
    /// happened may lie behind what it has asked for already.
    package mutating func ask(_ reason: Reason, now: Instant) {
        let at =
            switch reason {
            case .missed: now + Self.afterMissed
            case .lost: now + Self.afterLost
            case .start, .reconnect, .clock, .interval: now
            }
        switch wanted.reason {
        case .interval: wanted = (reason, min(at, wanted.at))
        case .start, .reconnect, .lost, .missed, .clock:
            // What is due is due; a new connection ends the pause after a failure.
            if reason == .reconnect { failures = 0 }
            let isSooner = reason == .reconnect || failures == 0
            wanted = (
                wanted.reason == .lost ? reason : wanted.reason,
                isSooner ? min(wanted.at, at) : wanted.at
            )
        }
    }

    /// Begins one; the next is the one by the clock, unless somebody asks meanwhile.
    package mutating func begin(now: Instant) -> Reason {
        defer { wanted = (.interval, now + every) }
        isRunning = true
        return wanted.reason
    }

    package mutating func succeeded() {
        isRunning = false
        failures = 0
    }

    /// It is tried again, after a pause that doubles.
    /// - Parameter reason: what `begin` said.
    package mutating func failed(_ reason: Reason, now: Instant, jitter: Double) {
        isRunning = false
        let most = min(
            Self.longestRetry, Self.firstRetry * Double(1 << min(failures, 10)))
        failures += 1
        let retry = now + most * (0.75 + 0.25 * jitter)
        if wanted.reason == .interval {
            wanted = (reason, min(wanted.at, retry))
        }
    }
}

/// What a source is doing, for `/readyz`, `/metrics` and the log.
package struct SourceState: Sendable, Hashable {
    /// Pushes come in.
    package var isConnected = false
    /// When that began or ended.
    package var since: Instant
    /// nil: none has ended yet.
    package var lastCatchup: Catchup?
    /// Why it is not connected, in plain words.
    package var trouble: String?
    package var devices = 0

    package struct Catchup: Sendable, Hashable {
        package var at: Instant
        package var isGood: Bool
    }

    package init(since: Instant) { self.since = since }

    package var isUp: Bool { isConnected || lastCatchup?.isGood ?? false }
    /// What `source: silent` means: not connected, and the last catch-up failed, or there can be
    /// none because nobody could log in. nil: nothing was tried yet.
    package var isSilent: Bool? {
        if isUp { return false }
        return trouble == nil && lastCatchup == nil ? nil : true
    }
}
