// What the courier holds of one channel: what it has leased, what of it is under way, and the
// breaker. A value under the courier's lock.

import Alerting
import Storage

/// The leases of one channel.
struct Lane: Sendable {
    private let atOnce: Int
    private var ready: [Delivery] = []
    private var head = 0
    private(set) var inFlight = 0
    private(set) var breaker = Breaker()
    /// Ready, under way, or waiting to be settled: not to be leased again.
    private(set) var leased: Set<String> = []

    init(atOnce: Int) { self.atOnce = max(1, atOnce) }

    private var count: Int { ready.count - head }
    private var most: Int { max(Limits.leasedPerChannel, 2 * atOnce) }

    /// How many more may be leased now: none while half of what may be is there, so that the
    /// outbox is asked seldom and for many.
    var room: Int { count <= most / 2 ? most - count : 0 }

    mutating func lease(_ deliveries: [Delivery]) {
        for delivery in deliveries where leased.insert(delivery.id).inserted {
            ready.append(delivery)
        }
    }

    /// The next delivery to attempt, if one may start.
    mutating func next(now: Instant) -> Delivery? {
        guard head < ready.count, inFlight < atOnce, breaker.admits(now: now) else { return nil }
        let delivery = ready[head]
        head += 1
        if head == ready.count {
            ready.removeAll(keepingCapacity: true)
            head = 0
        }
        inFlight += 1
        return delivery
    }

    mutating func ended(_ outcome: Outcome, now: Instant) {
        inFlight -= 1
        switch outcome {
        case .delivered, .rejected, .retry(_, .message, _): breaker.succeeded()
        case .retry(_, .channel, _): breaker.failed(now: now)
        }
    }

    mutating func settled(_ delivery: String) { leased.remove(delivery) }

    /// When a breaker lets the next probe through, if something waits for it.
    var probeAt: Instant? { count > 0 ? breaker.openUntil : nil }
}
