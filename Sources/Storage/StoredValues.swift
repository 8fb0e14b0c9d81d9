// What goes into the store and comes out of it, as plain values: no type of SQLite or GRDB is
// among them, so that a second engine can stand behind the same functions (docs/ARCHITECTURE.md).
// What the core has a value for (Event, Incident, Delivery, Step, …) is not repeated here.
package import Alerting

/// Why the store could not do what was asked. One line for people: what, where, what to do.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    package var kind: Kind
    package var description: String

    package enum Kind: Sendable, Hashable {
        /// The file cannot be made, opened or written.
        case unusable
        /// It is no database of ours.
        case notADatabase
        /// A newer program wrote it.
        case newerSchema
        /// Another relay has it.
        case inUse
        /// The disk is full.
        case full
        /// What was to be written breaks a rule of the tables: it never succeeds.
        case refused
        /// Anything else that SQLite says while running.
        case failed
        /// The store was closed.
        case closed
    }

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

/// One durable input of the engine, in the order of `seq`. A class: an event is a large value, and
/// this one goes from the writer through the tail to the pump.
package final class StoredInput: Sendable {
    package let seq: Int64
    /// When it was put on disk: the `now` of its step. Never less than that of a lower `seq`.
    package let received: Instant
    /// `.event`, `.copy`, `.command` or `.trouble`.
    package let input: Input

    package init(seq: Int64, received: Instant, input: Input) {
        self.seq = seq
        self.received = received
        self.input = input
    }
}

/// What is kept of an arrival: enough to decode its event again, whole.
package struct StoredBody: Sendable {
    package var seq: Int64
    package var received: Instant
    package var server: String
    package var source: String
    package var road: Event.Road
    package var txn: String?
    package var bytes: [UInt8]
}

/// One attempt to deliver, for the history.
package struct Attempt: Sendable, Hashable {
    package enum Result: String, Sendable, CaseIterable { case delivered, retry, rejected }

    /// When it began.
    package var at: Instant
    package var duration: Duration
    package var result: Result
    /// A short line, without secrets or addresses; below it up to 64 KiB of what a hook wrote,
    /// which may hold anything: that is for the database alone.
    package var note: String
    /// The line without what stands below it.
    package var headline: String { Self.headline(of: note) }
    package static func headline(of note: String) -> String {
        String(note.prefix { !$0.isNewline })
    }

    package init(at: Instant, duration: Duration, result: Result, note: String) {
        self.at = at
        self.duration = duration
        self.result = result
        self.note = note
    }
}

/// What became of a leased delivery.
package struct Settlement: Sendable, Hashable {
    package enum Next: Sendable, Hashable {
        case sent
        /// To be tried again, not before.
        case queued(due: Instant)
        /// Given up.
        case dead
    }

    package var delivery: String
    package var attempt: Attempt
    package var next: Next
    /// What the operator is told of it: an input of the engine, stored in the same transaction.
    package var trouble: Trouble?

    package init(delivery: String, attempt: Attempt, next: Next, trouble: Trouble? = nil) {
        self.delivery = delivery
        self.attempt = attempt
        self.next = next
        self.trouble = trouble
    }
}

/// What is read back at start.
package struct Recalled: Sendable {
    /// For `Memory.init(_:)`.
    package var memory = MemoryRecord()
    /// The last input that was stepped.
    package var cursor: Int64 = 0
    /// The greatest moment that was ever stamped or stepped: `now` goes on from here.
    package var latest: Instant = .distantPast
}

/// How long things are kept.
package struct RetentionPolicy: Sendable, Hashable {
    package var events: Duration
    package var incidents: Duration
    package var deliveries: Duration
    /// Of the last reports of each device; its newest stays, since it says where the device stands.
    package var positions: Duration

    package init(
        events: Duration = .days(90), incidents: Duration = .days(400),
        deliveries: Duration = .days(90), positions: Duration = .days(7)
    ) {
        self.events = events
        self.incidents = incidents
        self.deliveries = deliveries
        self.positions = positions
    }

    /// How far back a server may be asked for its events: whatever it says of that time is known
    /// still, if it was known once. Less than `events` by the day that a tracker's clock may run
    /// ahead of the receipt, and an hour in which an answer may be under way.
    package var reach: Duration { events - .seconds(Limits.clockAheadSeconds) - .hours(1) }
}

/// What one sweep removed.
package struct Swept: Sendable, Hashable {
    package var events = 0
    package var incidents = 0
    package var deliveries = 0
    /// Reports.
    package var positions = 0

    package var all: Int { events + incidents + deliveries + positions }
}

/// A time in which nothing could be stored for a source: catch-up asks for it again.
package struct Gap: Sendable, Hashable {
    package var source: String
    package var from: Instant
    package var to: Instant
}

/// Sizes for `/metrics` and `/readyz`.
package struct StoreCounts: Sendable, Hashable {
    /// Inputs stored and not yet stepped.
    package var backlog = 0
    package var queued: [ChannelName: Int] = [:]
    package var held = 0
    package var dead = 0
    package var openIncidents = 0

    package init() {}
}
