// The queued deliveries that are due next, still decoded: the courier takes them from here and
// reads no row in steady state. For each channel a window on the queue, ordered by due: it holds
// everything before its `end`; what lies beyond is in the database only and is read, a few at a
// time, when the window has run empty. So an outage of a day costs rows on disk, not memory.
import Alerting
import Synchronization

/// The windows on the queues, one for each channel.
final class Backlog: Sendable {
    /// The order of a queue.
    struct Key: Hashable, Comparable, Sendable {
        var due: Instant
        /// `outbox.n`.
        var n: Int64

        static func < (left: Key, right: Key) -> Bool {
            left.due == right.due ? left.n < right.n : left.due < right.due
        }
        static let first = Key(due: .distantPast, n: 0)
    }

    /// A delivery that goes back into its queue.
    struct Move: Sendable {
        var id: String
        var channel: ChannelName
        var key: Key
        var attempts: Int
    }

    /// Reads queued deliveries of a channel from a key on, in order.
    typealias Read = (_ channel: ChannelName, _ from: Key, _ limit: Int) throws -> [Entry]
    typealias Entry = (key: Key, delivery: Delivery)

    fileprivate struct Window {
        /// Of those that are not leased, sorted.
        var keys: [Key] = []
        /// By `n`, with those that are leased.
        var byKey: [Int64: Delivery] = [:]
        /// nil: everything queued is here.
        var end: Key?
    }
    private struct State {
        var windows: [ChannelName: Window] = [:]
        var places: [String: (channel: ChannelName, key: Key)] = [:]
    }
    private let state = Mutex(State())
    private let bound: Int
    private let atATime: Int

    init(bound: Int = Limits.backlogInMemory, atATime: Int = 256) {
        self.bound = bound
        self.atATime = atATime
    }

    /// Channels whose queues have to be read from the database. What is leased stays so.
    func reload(_ channels: [ChannelName]) {
        state.withLock { state in
            for channel in state.windows.keys {
                for id in state.windows[channel]?.cut(from: Key.first) ?? [] {
                    state.places[id] = nil
                }
                state.windows[channel]?.end = nil
            }
            for channel in channels {
                state.windows[channel, default: Window()].end = Key.first
            }
        }
    }

    func apply(_ outcome: Outcome) {
        state.withLock { state in
            for entry in outcome.queued { insert(entry, &state) }
            for id in outcome.settled { remove(id, &state) }
            for move in outcome.requeued { apply(move, &state) }
        }
    }

    /// What is due and not leased, in order; it is leased from now on.
    func lease(
        _ channel: ChannelName, now: Instant, limit: Int, read: Read
    ) throws -> [Delivery] {
        guard limit > 0 else { return [] }
        return try state.withLock { state in
            var found = state.windows[channel]?.lease(now, limit) ?? []
            // What is in the window and not due yet comes before everything beyond it.
            while found.isEmpty, let end = state.windows[channel]?.end,
                state.windows[channel]?.keys.isEmpty ?? true
            {
                // The lock is held while a few rows are read, so that nothing settled in between
                // can come back.
                let more = try read(channel, end, atATime + 1)
                state.windows[channel]?.end = more.count > atATime ? more.last?.key : nil
                for entry in more.prefix(atATime) { insert(entry, &state) }
                found = state.windows[channel]?.lease(now, limit) ?? []
                if let key = more.first?.key, key.due > now { break }
            }
            return found
        }
    }

    /// When the first delivery that is not leased is due; nil: there is none. A queue that has not
    /// been read yet answers with the distant past: ask `lease`.
    func nextDue(_ channel: ChannelName) -> Instant? {
        state.withLock { state in
            guard let window = state.windows[channel] else { return nil }
            return window.keys.first?.due ?? window.end?.due
        }
    }

    /// Channels whose queue is not known to be empty.
    var channels: [ChannelName] {
        state.withLock { state in
            state.windows.filter { !$0.value.byKey.isEmpty || $0.value.end != nil }.keys.sorted()
        }
    }

    // MARK: One window

    private func apply(_ move: Move, _ state: inout State) {
        guard let place = state.places[move.id],
            var delivery = state.windows[place.channel]?.byKey[place.key.n]
        else {
            // The window gave it up meanwhile: it is read when its turn comes.
            let given = state.windows[move.channel, default: Window()].cut(from: move.key)
            for id in given { state.places[id] = nil }
            return
        }
        remove(move.id, &state)
        delivery.due = move.key.due
        delivery.attempts = move.attempts
        insert((move.key, delivery), &state)
    }

    private func insert(_ entry: Entry, _ state: inout State) {
        let channel = entry.delivery.channel
        let id = entry.delivery.id
        guard let window = state.windows.index(forKey: channel) else {
            // The first of its channel; once more, and it has one.
            state.windows[channel] = Window()
            return insert(entry, &state)
        }
        if let end = state.windows.values[window].end, entry.key >= end { return }
        guard state.places[id] == nil else { return }
        state.places[id] = (channel, entry.key)
        state.windows.values[window].insert(entry)
        if let dropped = state.windows.values[window].dropLast(beyond: bound) {
            state.places[dropped] = nil
        }
    }

    private func remove(_ id: String, _ state: inout State) {
        guard let place = state.places.removeValue(forKey: id),
            let window = state.windows.index(forKey: place.channel)
        else { return }
        state.windows.values[window].remove(place.key)
    }
}

extension Backlog.Window {
    private func index(of key: Backlog.Key) -> Int {
        // New deliveries mostly come last.
        if let last = keys.last, last < key { return keys.count }
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    fileprivate mutating func insert(_ entry: Backlog.Entry) {
        keys.insert(entry.key, at: index(of: entry.key))
        byKey[entry.key.n] = entry.delivery
    }

    fileprivate mutating func remove(_ key: Backlog.Key) {
        byKey[key.n] = nil
        let index = index(of: key)
        // Else it was leased.
        if index < keys.count, keys[index] == key { keys.remove(at: index) }
    }

    /// Takes what is due out of the order.
    fileprivate mutating func lease(_ now: Instant, _ limit: Int) -> [Delivery] {
        let due = keys.prefix(limit).prefix { $0.due <= now }
        guard !due.isEmpty else { return [] }
        let found = due.compactMap { byKey[$0.n] }
        keys.removeFirst(due.count)
        return found
    }

    /// Gives up everything from `key` on, which is then only in the database; their ids.
    fileprivate mutating func cut(from key: Backlog.Key) -> [String] {
        if let end, end <= key { return [] }
        let index = index(of: key)
        let given = keys[index...].compactMap { byKey.removeValue(forKey: $0.n)?.id }
        keys.removeSubrange(index...)
        end = key
        return given
    }

    /// Gives up the last one where there are too many; its id.
    fileprivate mutating func dropLast(beyond bound: Int) -> String? {
        guard keys.count > bound, let last = keys.popLast() else { return nil }
        end = last
        return byKey.removeValue(forKey: last.n)?.id
    }
}
