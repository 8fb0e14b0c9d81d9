// Every open connection, so that slow and dead ones are bounded. Each connection says in one atomic
// word what it is doing and since when; a sweep looks for those past their time, and a newcomer
// that finds all places taken has the one idle longest closed. What to do is decided on the
// connection's own event loop (WebhookHandler): from here only an order is sent to it.
//
// A sweep, not a timer for each request: a timer costs more than the request's own HTTP.
import Alerting
import NIOCore
import Synchronization

/// What a connection is doing, as other threads see it.
enum Phase: UInt8 {
    /// New: not a byte yet. Its first header is counted from here.
    case opened
    /// Between two requests.
    case idle
    /// In a request's line or headers.
    case head
    /// In a request's body.
    case body
    /// A request is with the store: never cut off.
    case committing
    /// A request is with the router.
    case routed
    /// The last answer is out; what still comes in is dropped.
    case closing
}

/// Sent down a connection's pipeline.
enum ConnectionOrder: Sendable {
    /// Make room: close, now or after the answer that is due.
    case evict
    /// Its time may be up.
    case overdue
}

final class Connection: Sendable {
    let channel: any Channel
    /// Nanoseconds of the monotonic clock, shifted by three bits, and the phase.
    private let word: Atomic<UInt64>
    /// It has been told to make room.
    let isCondemned = Atomic<Bool>(false)

    init(_ channel: any Channel) {
        self.channel = channel
        word = Atomic(Self.pack(.opened, NIODeadline.now().uptimeNanoseconds))
    }

    private static func pack(_ phase: Phase, _ since: UInt64) -> UInt64 {
        since << 3 | UInt64(phase.rawValue)
    }

    func enter(_ phase: Phase) {
        word.store(Self.pack(phase, NIODeadline.now().uptimeNanoseconds), ordering: .relaxed)
    }

    /// The first byte of a request has come. A new connection's time runs since it was opened.
    func beginsHead() {
        let (phase, since) = state
        switch phase {
        case .opened: word.store(Self.pack(.head, since), ordering: .relaxed)
        case .idle: enter(.head)
        case .head, .body, .committing, .routed, .closing: break
        }
    }

    var phase: Phase { state.phase }

    /// With the moment, in nanoseconds, since when it is so.
    var state: (phase: Phase, since: UInt64) {
        let value = word.load(ordering: .relaxed)
        return (Phase(rawValue: UInt8(value & 7)) ?? .closing, value >> 3)
    }
}

final class Connections: Sendable {
    let bounds: IntakeBounds
    let counters: IntakeCounters
    private let all = Mutex<[ObjectIdentifier: Connection]>([:])
    private let isStopping = Atomic<Bool>(false)
    /// Changed under the lock of `all`.
    private let isEnded = Atomic<Bool>(false)

    init(bounds: IntakeBounds, counters: IntakeCounters) {
        self.bounds = bounds
        self.counters = counters
    }

    /// Takes a newcomer in, having one closed for it where all places are taken. False: too many
    /// of those that were told to go still wait for the answer that is due to them, or the server
    /// has ended.
    func open(_ newcomer: Connection) -> Bool {
        let (isTaken, condemned) = all.withLock { all -> (Bool, Connection?) in
            var condemned: Connection?
            guard !isEnded.load(ordering: .relaxed),
                all.count < bounds.connections + Limits.connectionsLeaving
            else {
                return (false, nil)
            }
            if all.count >= bounds.connections {
                // The places of those that were told to go are free already.
                let staying = all.values.filter { !$0.isCondemned.load(ordering: .relaxed) }
                if staying.count >= bounds.connections {
                    condemned = staying.min { Self.rank($0) < Self.rank($1) }
                    condemned?.isCondemned.store(true, ordering: .relaxed)
                }
            }
            all[ObjectIdentifier(newcomer)] = newcomer
            return (true, condemned)
        }
        if let condemned {
            counters.count(.evicted)
            condemned.channel.pipeline.fireUserInboundEventTriggered(ConnectionOrder.evict)
        }
        if isTaken {
            counters.connections.add(1, ordering: .relaxed)
        } else {
            counters.count(.evicted)
        }
        return isTaken
    }

    func close(_ connection: Connection) {
        let known = all.withLock { $0.removeValue(forKey: ObjectIdentifier(connection)) }
        if known != nil { counters.connections.subtract(1, ordering: .relaxed) }
    }

    /// Who goes first: what is over, then what is no whole request yet; the longest so. Not by how
    /// much of one is there: one that has just come has nothing, and would go before all those that
    /// began one and leave it at that. One with a request in flight comes last, and closes only
    /// after its answer.
    private static func rank(_ connection: Connection) -> (Int, UInt64) {
        let (phase, since) = connection.state
        switch phase {
        case .closing: return (0, since)
        case .opened, .idle, .head, .body: return (1, since)
        case .routed: return (2, since)
        case .committing: return (3, since)
        }
    }

    /// Tells each connection that is past its time.
    func sweep() {
        let overdue = all.withLock { all in all.values.filter(isOverdue) }
        for connection in overdue {
            connection.channel.pipeline.fireUserInboundEventTriggered(ConnectionOrder.overdue)
        }
    }

    func isOverdue(_ connection: Connection) -> Bool {
        let (phase, since) = connection.state
        let now = NIODeadline.now().uptimeNanoseconds
        guard let limit = limit(of: phase), now > since else { return false }
        return now - since > UInt64(limit.nanoseconds)
    }

    /// nil: the store answers, in its own time.
    private func limit(of phase: Phase) -> TimeAmount? {
        let limit: TimeAmount
        switch phase {
        case .opened, .head: limit = bounds.header
        case .body, .routed: limit = bounds.body
        case .idle: limit = bounds.idle
        case .closing: return bounds.linger
        case .committing: return nil
        }
        return isStopping.load(ordering: .relaxed) ? min(limit, bounds.linger) : limit
    }

    /// Closes what was accepted and is served by nobody, because the listener closed meanwhile.
    func end() {
        let left = all.withLock { all in
            isEnded.store(true, ordering: .relaxed)
            return Array(all.values)
        }
        for connection in left { connection.channel.close(promise: nil) }
    }

    /// From now on what is being received has only the time that is left for a stop.
    func stop() { isStopping.store(true, ordering: .relaxed) }
}
