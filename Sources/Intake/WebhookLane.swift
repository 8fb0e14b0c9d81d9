// What the connections of one event loop share: the JSON reader, and the batch. All posts that
// became whole in one turn of the loop go to `accept` together, and their answers come back
// together, in one hop: that, not the parsing, is what makes the webhook cheap (measured; a task or
// a hop for each post costs four times as much).
import Alerting
import NIOCore

/// Bound to its event loop; never touched from elsewhere.
final class WebhookLane {
    let loop: any EventLoop
    let payload = TraccarPayload()
    let counters: IntakeCounters
    private let accept: Accept

    private var arrivals: [Arrival] = []
    private var waiting: [Waiting] = []

    /// Bytes of bodies that are being received or committed on this loop.
    private(set) var bodyBytes = 0
    /// Posts that the store could not keep, since it kept one.
    var refusedInARow = 0

    private struct Waiting {
        let handler: WebhookHandler
        let count: Int
    }

    init(loop: any EventLoop, counters: IntakeCounters, accept: @escaping Accept) {
        self.loop = loop
        self.counters = counters
        self.accept = accept
    }

    /// False where too much is in memory already.
    func hold(_ bytes: Int) -> Bool {
        guard bodyBytes + bytes <= Limits.bodyBytesInMemory else { return false }
        bodyBytes += bytes
        return true
    }

    func release(_ bytes: Int) { bodyBytes -= bytes }

    /// The handler hears of them by `settle`, on this loop, after they are on disk.
    /// - Parameter events: taken, and empty then: most are one, which is large and not copied.
    func submit(_ events: inout [Arrival], for handler: WebhookHandler) {
        if waiting.isEmpty {
            loop.assumeIsolated().execute { self.flush() }
        }
        waiting.append(Waiting(handler: handler, count: events.count))
        if events.count == 1 {
            arrivals.append(events.removeLast())
        } else {
            arrivals.append(contentsOf: events)
            events = []
        }
    }

    private func flush() {
        let batch = arrivals
        let answers = NIOLoopBound((lane: self, waiting: waiting), eventLoop: loop)
        arrivals = []
        waiting = []
        arrivals.reserveCapacity(batch.count)
        let loop = loop
        accept(batch) { result in
            loop.execute { answers.value.lane.settle(answers.value.waiting, result) }
        }
    }

    private func settle(_ waiting: [Waiting], _ result: Result<[Acceptance], AcceptFailure>) {
        switch result {
        case .success(let acceptances): counters.count(acceptances)
        case .failure: break
        }
        for each in waiting { each.handler.settle(result.map { _ in each.count }) }
    }
}

/// The lane of each event loop of a group.
struct WebhookLanes: Sendable {
    private let lanes: [ObjectIdentifier: NIOLoopBound<WebhookLane>]

    init(
        group: any EventLoopGroup, counters: IntakeCounters, accept: @escaping Accept
    ) async throws {
        var lanes: [ObjectIdentifier: NIOLoopBound<WebhookLane>] = [:]
        for loop in group.makeIterator() {
            lanes[ObjectIdentifier(loop)] = try await loop.submit {
                let lane = WebhookLane(loop: loop, counters: counters, accept: accept)
                return NIOLoopBound(lane, eventLoop: loop)
            }.get()
        }
        self.lanes = lanes
    }

    /// To be called on that loop.
    func lane(of loop: any EventLoop) -> WebhookLane? { lanes[ObjectIdentifier(loop)]?.value }
}
