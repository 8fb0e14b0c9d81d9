// When something is due: derived from the open incidents and what is held, never stored by
// itself. Entries are not moved when their owner's moment moves later (each match does that);
// they are looked at again when they come up. So a match costs nothing here.

/// A binary heap of (due, timer), the earliest first. The same timer may be in it more than once.
struct TimerHeap: Sendable {
    enum Timer: Hashable, Sendable {
        /// The own timer of a rule's incident on a device, by the device's slot in Memory.
        case incident(slot: Int, rule: String)
        /// What is held for one contact on one way.
        /// Indirect, since it is rare and four times as large: entries are moved about.
        indirect case digest(Destination)
    }

    private struct Entry: Sendable {
        var due: Instant
        var timer: Timer
    }

    private var entries: [Entry] = []

    /// The earliest moment, right after `settle`.
    var first: Instant? { entries.first?.due }

    /// Adds an entry. Its owner notes the moment: an entry of another moment than the noted one
    /// means nothing any more.
    mutating func add(_ timer: Timer, due: Instant) {
        entries.append(Entry(due: due, timer: timer))
        siftUp(entries.count - 1)
    }

    /// All timers whose entry is due at `now`; walks no further than those.
    func due(at now: Instant) -> [Timer] {
        var found: [Timer] = []
        var open = [0]
        while let index = open.popLast() {
            guard index < entries.count, entries[index].due <= now else { continue }
            found.append(entries[index].timer)
            open.append(2 * index + 1)
            open.append(2 * index + 2)
        }
        return found
    }

    /// Makes `first` true: entries that mean nothing are dropped, those whose owner is due later
    /// are put back for then.
    /// - Parameters:
    ///   - live: how many owners there are.
    ///   - due: asked for a timer and the moment of its entry: when it is due by now, which its
    ///     owner notes; nil: the entry means nothing.
    mutating func settle(live: Int, _ due: (Timer, Instant) -> Instant?) {
        while let top = entries.first {
            let moment = due(top.timer, top.due)
            if moment == top.due { break }
            removeFirst()
            if let moment { add(top.timer, due: moment) }
        }
        // Owners that are gone before their time leave entries behind; they may not pile up.
        guard entries.count > 2 * live + 64 else { return }
        let old = entries
        entries = []
        for entry in old {
            if let moment = due(entry.timer, entry.due) { add(entry.timer, due: moment) }
        }
    }

    private mutating func removeFirst() {
        let last = entries.removeLast()
        guard !entries.isEmpty else { return }
        // The last one takes the first place, and sinks. In a buffer, where entries change places
        // without a count of who holds their texts.
        entries[0] = last
        entries.withUnsafeMutableBufferPointer { heap in
            var index = 0
            while true {
                var child = 2 * index + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1].due < heap[child].due { child += 1 }
                guard heap[child].due < heap[index].due else { break }
                heap.swapAt(index, child)
                index = child
            }
        }
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, entries[index].due < entries[(index - 1) / 2].due {
            entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }
}

/// The kept events of all devices in the order of their receipt, so that forgetting them costs
/// nothing to those that stay.
struct RecentQueue: Sendable {
    struct Entry: Sendable {
        var slot: Int
        var seq: Int64
        var received: Instant
    }

    private var entries: [Entry] = []
    private var head = 0

    mutating func add(slot: Int, seq: Int64, received: Instant) {
        entries.append(Entry(slot: slot, seq: seq, received: received))
    }

    /// The oldest one, if it was received before `moment` or there are more than `atMost`.
    mutating func removeFirst(before moment: Instant, atMost: Int) -> Entry? {
        guard head < entries.count,
            entries[head].received < moment || entries.count - head > atMost
        else { return nil }
        defer {
            head += 1
            if head > 1_024, head > entries.count / 2 {
                entries.removeFirst(head)
                head = 0
            }
        }
        return entries[head]
    }
}
