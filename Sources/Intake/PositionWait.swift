// Events that name a position which has not come yet: the socket brings an event before its
// position (domain.md 5), and a message should say where. They wait for two seconds at most, then
// the server is asked by id, then they go as they are.
//
// While it waits an event is in memory only. That loses nothing: an event with an id is in the
// server's own table, and the catch-up after a crash reaches back further than two seconds. One
// without (id 0) no report can bring again, so it never waits. (To store it at once and complete it
// afterwards was rejected: it would be judged, and told, without its place.)
package import Alerting

/// The waiting room. A value, without a clock: `now` is an argument.
package struct PositionWait: Sendable {
    private var waiting: [Int: Held] = [:]
    private var byPosition: [Int64: [Int]] = [:]
    /// Numbers in the order of their arrival, and so of their `due`; those that left are skipped.
    private var order: [Int] = []
    private var head = 0
    private var next = 0
    private let bound: Int

    private struct Held: Sendable {
        var arrival: Arrival
        var due: Instant
    }

    package init(bound: Int = Limits.waitingEvents) { self.bound = bound }

    package var count: Int { waiting.count }

    /// When the first has waited long enough; nil: none waits.
    package var nextDue: Instant? {
        order[head...].lazy.compactMap { waiting[$0]?.due }.first
    }

    /// - Returns: false: it is not to wait (nobody could bring it again, it names no position, or
    /// too many wait).
    package mutating func hold(_ arrival: Arrival, now: Instant) -> Bool {
        let event = arrival.event
        guard event.id > 0, event.positionId != 0, event.position == nil, waiting.count < bound
        else { return false }
        let due = now + .seconds(Limits.positionWaitSeconds)
        waiting[next] = Held(arrival: arrival, due: due)
        byPosition[event.positionId, default: []].append(next)
        order.append(next)
        next += 1
        return true
    }

    /// The position is here: those who waited for it, in their order.
    package mutating func release(_ position: Int64) -> [Arrival] {
        guard !byPosition.isEmpty, let numbers = byPosition.removeValue(forKey: position) else {
            return []
        }
        defer { trim() }
        return numbers.compactMap { waiting.removeValue(forKey: $0)?.arrival }
    }

    /// Those who have waited long enough.
    package mutating func overdue(now: Instant) -> [Arrival] {
        var overdue: [Arrival] = []
        while head < order.count {
            let number = order[head]
            if let held = waiting[number] {
                guard held.due <= now else { break }
                leave(number, held.arrival.event.positionId)
                overdue.append(held.arrival)
            }
            head += 1
        }
        trim()
        return overdue
    }

    /// Everybody, at the end.
    package mutating func all() -> [Arrival] { overdue(now: .distantFuture) }

    private mutating func leave(_ number: Int, _ position: Int64) {
        waiting[number] = nil
        byPosition[position]?.removeAll { $0 == number }
        if byPosition[position]?.isEmpty == true { byPosition[position] = nil }
    }

    private mutating func trim() {
        while head < order.count, waiting[order[head]] == nil { head += 1 }
        guard head == order.count || head > 1_024 else { return }
        order.removeFirst(head)
        head = 0
    }
}
