// What the courier holds of one channel: what it has leased, what of it is under way, the breaker,
// and what is not settled yet of each incident. Used under the courier's lock only. An object: it
// is large, and is asked several times for each delivery.
//
// Several deliveries are under way at once and failed ones come back later, so a message that says
// "it is over" could pass the one that said that it began. It waits for it; nothing else waits.

import Alerting
import Storage

/// The leases of one channel.
final class Lane {
    private let atOnce: Int
    private var ready: [Delivery] = []
    private var head = 0
    private(set) var inFlight = 0
    private(set) var breaker = Breaker()
    /// Ready, under way, or waiting to be settled: not to be leased again.
    private(set) var leased: Set<String> = []
    private var unsettled = Unsettled()
    /// Queued again and given to us before we have heard that their last attempt is on disk.
    private var early: [Delivery] = []
    /// Workers that have nothing to do.
    var idle: [CheckedContinuation<Delivery?, Never>] = []

    init(atOnce: Int) { self.atOnce = max(1, atOnce) }

    private var count: Int { ready.count - head }
    private var most: Int { max(Limits.leasedPerChannel, 2 * atOnce) }

    /// How many more may be leased now: none while half of what may be is there, so that the
    /// outbox is asked seldom and for many; and none while the disk takes no outcomes.
    var room: Int {
        count <= most / 2 && leased.count < Limits.unrecordedPerChannel ? most - count : 0
    }

    /// Whether another attempt could begin beside those under way.
    var mayStart: Bool { count > 0 && inFlight < atOnce && !breaker.isOpen }

    func lease(_ deliveries: [Delivery]) {
        guard !deliveries.isEmpty else { return }
        // Under steady load the list never runs empty: what is done is dropped here.
        ready.removeFirst(head)
        head = 0
        for delivery in deliveries {
            guard leased.insert(delivery.id).inserted else {
                early.append(delivery)
                continue
            }
            ready.append(delivery)
            unsettled.add(delivery, due: delivery.due)
        }
    }

    /// - Returns: whether it is there again, for another attempt.
    private func end(_ id: String) -> Bool {
        leased.remove(id)
        guard let index = early.firstIndex(where: { $0.id == id }) else { return false }
        lease([early.remove(at: index)])
        return true
    }

    /// What failed in an earlier run and is not due yet: not leased, but not settled either.
    func expect(_ delivery: Delivery) { unsettled.add(delivery, due: delivery.due) }

    /// What the next of the lane is to do.
    enum Next: Sendable {
        case attempt(Delivery)
        /// It has to wait for another one, which is due then.
        case postpone(Delivery, until: Instant)
    }

    /// The next delivery, if an attempt may start.
    func next(now: Instant) -> Next? {
        guard head < ready.count, inFlight < atOnce else { return nil }
        if let due = unsettled.whatPrecedes(ready[head], leased) {
            return .postpone(take(), until: max(due, now + Self.recheck))
        }
        guard breaker.admits(now: now) else { return nil }
        inFlight += 1
        return .attempt(take())
    }

    /// How soon a delivery that waits for one that is under way is looked at again.
    static let recheck = Duration.seconds(1)

    private func take() -> Delivery {
        defer {
            head += 1
            if head == ready.count {
                ready.removeAll(keepingCapacity: true)
                head = 0
            }
        }
        return ready[head]
    }

    func ended(_ outcome: Outcome, now: Instant) {
        inFlight -= 1
        switch outcome {
        case .delivered, .rejected, .retry(_, .message, _): breaker.succeeded()
        case .retry(_, .channel, _): breaker.failed(now: now)
        }
    }

    /// The outcome is on disk.
    /// - Returns: whether there is something to look for: it is due again, or there is room again.
    func settled(_ delivery: Delivery, _ next: Settlement.Next) -> Bool {
        let hadRoom = room > 0
        switch next {
        case .sent, .dead: unsettled.remove(delivery)
        case .queued(let due): unsettled.add(delivery, due: due)
        }
        // A person may have asked for it once more while it died.
        let isThere = end(delivery.id)
        return isThere || (!hadRoom && room > 0)
    }

    /// It is queued as it was.
    func released(_ delivery: Delivery) { _ = end(delivery.id) }

    /// When a breaker lets the next probe through, if something waits for it.
    var probeAt: Instant? { count > 0 && !breaker.probing ? breaker.openUntil : nil }
}

/// Deliveries of one channel that are not settled, by the incidents that they tell of. It stands on
/// the road of every delivery: no list is made where an incident has but one.
private struct Unsettled: Sendable {
    private struct Entry: Sendable {
        var id: String
        var contact: String
        var address: String
        var due: Instant
    }
    private struct Entries: Sendable {
        var first: Entry
        var others: [Entry] = []

        mutating func put(_ entry: Entry) {
            if first.id == entry.id {
                first = entry
            } else if let place = others.firstIndex(where: { $0.id == entry.id }) {
                others[place] = entry
            } else {
                others.append(entry)
            }
        }

        /// - Returns: whether none is left.
        mutating func remove(_ id: String) -> Bool {
            guard first.id == id else {
                others.removeAll { $0.id == id }
                return false
            }
            guard let next = others.popLast() else { return true }
            first = next
            return false
        }
    }
    private var entries: [String: Entries] = [:]

    mutating func add(_ delivery: Delivery, due: Instant) {
        guard delivery.reason != .cleared else { return }
        let entry = Entry(
            id: delivery.id, contact: delivery.contact, address: delivery.address, due: due)
        let items = delivery.items
        // By their places: items are large.
        for index in items.indices {
            let incident = items[index].incident.id
            if let place = entries.index(forKey: incident) {
                entries.values[place].put(entry)
            } else {
                entries[incident] = Entries(first: entry)
            }
        }
    }

    mutating func remove(_ delivery: Delivery) {
        guard delivery.reason != .cleared else { return }
        let items = delivery.items
        for index in items.indices {
            guard let place = entries.index(forKey: items[index].incident.id) else { continue }
            if entries.values[place].remove(delivery.id) { entries.remove(at: place) }
        }
    }

    /// When the last of those is due that have to be settled before this one is sent; nil: none.
    /// Nothing is told of an incident after it was cleared, so all of them are older. What was due
    /// no later than this one was leased before it: if it is not leased any more, it is gone.
    func whatPrecedes(_ delivery: Delivery, _ leased: Set<String>) -> Instant? {
        guard delivery.reason == .cleared else { return nil }
        let earlier = delivery.items.compactMap { entries[$0.incident.id] }
            .flatMap { [$0.first] + $0.others }
        return earlier.filter { entry in
            entry.contact == delivery.contact && entry.address == delivery.address
                && (entry.due > delivery.due || leased.contains(entry.id))
        }.map(\.due).max()
    }
}
