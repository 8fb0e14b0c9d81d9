// What the intake has seen since it started, for the metrics. Atomics, as the event loops write
// them while somebody reads; refusals, which are few, stand in a table behind a lock.
import Alerting
import Synchronization

/// Counts of one intake; they only grow, but for `connections`.
package final class IntakeCounters: Sendable {
    /// Why a request did not end in 200.
    package enum Refusal: String, Sendable, CaseIterable {
        case authorization
        case method
        /// The body was larger than it may be.
        case tooLarge = "too_large"
        case malformed
        /// Not HTTP, or no request that could be understood.
        case badRequest = "bad_request"
        /// Too many headers, or too long ones.
        case headers
        /// The header or the body did not come in time.
        case slow
        /// The store could not keep it, or too much waits in memory: 503.
        case unavailable
        /// A connection closed to make room, or refused as there was none.
        case evicted
    }

    /// All of them at one moment.
    package struct Counts: Sendable, Equatable {
        /// Events on disk for the first time.
        package var accepted = 0
        /// Copies of events that are on disk.
        package var duplicates = 0
        /// Positions and unknown objects: answered 200, not kept.
        package var ignored = 0
        /// Posts answered 200.
        package var posts = 0
        /// Bytes of the bodies of posts that were read whole.
        package var bytes = 0
        /// Connections that are open now.
        package var connections = 0
        /// Reasons that were never given are left out.
        package var refused: [Refusal: Int] = [:]
    }

    let accepted = Atomic<Int>(0)
    let duplicates = Atomic<Int>(0)
    let ignored = Atomic<Int>(0)
    let posts = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    private let refusals = Mutex<[Refusal: Int]>([:])

    package init() {}

    package var now: Counts {
        Counts(
            accepted: accepted.load(ordering: .relaxed),
            duplicates: duplicates.load(ordering: .relaxed),
            ignored: ignored.load(ordering: .relaxed), posts: posts.load(ordering: .relaxed),
            bytes: bytes.load(ordering: .relaxed),
            connections: connections.load(ordering: .relaxed),
            refused: refusals.withLock { $0 })
    }

    func count(_ refusal: Refusal) { refusals.withLock { $0[refusal, default: 0] += 1 } }

    func count(_ acceptances: [Acceptance]) {
        var copies = 0
        for acceptance in acceptances {
            switch acceptance {
            case .duplicate, .fuller: copies += 1
            case .stored, .reusedId: break
            }
        }
        duplicates.add(copies, ordering: .relaxed)
        accepted.add(acceptances.count - copies, ordering: .relaxed)
    }
}
