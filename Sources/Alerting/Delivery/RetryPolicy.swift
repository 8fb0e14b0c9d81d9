// When a failed delivery is tried again and when it is given up: a pure function of its severity,
// its attempts and its age, with a jitter that is derived from its id, not drawn.

/// The waits between attempts and the deadline, by severity.
package struct RetryPolicy: Sendable {
    package var waits: [Duration]
    /// The last wait is repeated until this age.
    package var deadline: Duration

    /// Critical: 5 s, 15 s, 30 s, 1 m, 2 m, then every 5 m for 24 h; others slower, for 3 d.
    package static func standard(_ severity: Severity) -> RetryPolicy {
        severity == .critical
            ? RetryPolicy(
                waits: [
                    .seconds(5), .seconds(15), .seconds(30), .minutes(1), .minutes(2), .minutes(5),
                ], deadline: .hours(24))
            : RetryPolicy(
                waits: [.seconds(30), .minutes(1), .minutes(5), .minutes(15), .minutes(30)],
                deadline: .days(3))
    }

    /// When to try next after `attempts` failures, or nil if that would be past the deadline.
    /// - Parameter atLeast: what the receiver asked for (`Retry-After`).
    package func next(
        attempts: Int, created: Instant, now: Instant, id: String, atLeast: Duration?
    ) -> Instant? {
        let end = created + deadline
        guard now < end else { return nil }
        let wait = waits[min(max(attempts, 1), waits.count) - 1]
        // Up to a fifth more, so that what failed together does not come back together. FNV-1a
        // over the id and the attempt: the same delivery waits the same when replayed.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ UInt64(attempts)) &* 0x100_0000_01b3
        let spread = wait.wholeMilliseconds / 5
        let jitter = spread > 0 ? Int64(hash % UInt64(spread)) : 0
        let backoff = now + wait + .milliseconds(jitter)
        let asked = atLeast.map { now + $0 } ?? backoff
        // The last attempt is at the deadline itself, however long the receiver wants to wait.
        return min(max(backoff, asked), end)
    }
}
