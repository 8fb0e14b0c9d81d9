// How an event gets from a source to the disk. A source is handed an `Accept` and knows no store,
// no rule; the store is handed values and knows no payload (docs/ARCHITECTURE.md).

/// One event as it came in, with the body that is kept for the record.
package struct Arrival: Sendable {
    /// `received` is not set yet: Store stamps it when it writes.
    package var event: Event
    /// This event's own JSON (an envelope or a bare event), without `users`, `webhookPsk` and
    /// `passport` at any depth.
    package var body: [UInt8]
    /// For the record only: a report brought it, and it was before the source's first connection.
    /// It is stored and shown, not judged, unless another road brings it too.
    package var isRecord = false

    package init(event: Event, body: [UInt8]) {
        self.event = event
        self.body = body
    }
}

/// What became of an arrival. All of them are answered 200: the event is on disk.
package enum Acceptance: Sendable, Hashable {
    case stored(seq: Int64)
    /// A copy of an event that is on disk already; counted, not stored again.
    case duplicate
    /// A copy that knows more than the stored one (`Event.Fullness`): kept.
    case fuller(seq: Int64)
    /// Another event under an id that this server has used before (a re-installed server).
    case reusedId(seq: Int64)
}

/// Why nothing could be stored: a full or broken disk. The sender gets 503, never a false 200.
package struct AcceptFailure: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// Puts arrivals on disk; calls back, from a thread of its own, after the fsync: with one
/// acceptance for each arrival, or with a failure for all of them.
package typealias Accept =
    @Sendable (
        _ arrivals: [Arrival],
        _ done: @escaping @Sendable (Result<[Acceptance], AcceptFailure>) -> Void
    ) -> Void

/// How far a source has come, as it stands on disk.
package struct SourceProgress: Sendable, Hashable {
    /// When it first had a session with its server.
    package var firstConnected: Instant
    /// The beginning of the last catch-up that ended well.
    package var caughtUpTo: Instant?
    /// When it was last known to listen.
    package var heard: Instant?

    package init(firstConnected: Instant, caughtUpTo: Instant? = nil, heard: Instant? = nil) {
        self.firstConnected = firstConnected
        self.caughtUpTo = caughtUpTo
        self.heard = heard
    }
}
