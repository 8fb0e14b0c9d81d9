// The inputs that were just stored, still decoded: the pump takes them from here and reads no row
// in steady state. Bounded; what does not fit is read from the database when its turn comes.
import Alerting
import Synchronization

/// The newest inputs, as they were accepted.
final class Tail: Sendable {
    private struct State {
        var entries: [StoredInput] = []
        /// Where the entries begin; what stands before is dropped now and then.
        var head = 0
        /// Every input with a greater seq is here; before the start is known, none.
        var after = Int64.max
    }
    private let state = Mutex(State())
    private let bound: Int

    init(bound: Int = Limits.inputsInMemory) { self.bound = bound }

    /// From here on everything that is stored is appended.
    func start(after seq: Int64) { state.withLock { $0.after = seq } }

    func append(_ inputs: [StoredInput]) {
        guard !inputs.isEmpty else { return }
        state.withLock { state in
            state.entries.append(contentsOf: inputs)
            let excess = state.entries.count - state.head - bound
            if excess > 0 { Self.drop(excess, from: &state) }
        }
    }

    /// Forgets what was stepped.
    func trim(through seq: Int64) {
        state.withLock { state in
            var count = 0
            while state.head + count < state.entries.count,
                state.entries[state.head + count].seq <= seq
            { count += 1 }
            if count > 0 { Self.drop(count, from: &state) }
        }
    }

    func remove(_ seqs: [Int64]) {
        guard !seqs.isEmpty else { return }
        state.withLock { state in
            state.entries.removeFirst(state.head)
            state.head = 0
            state.entries.removeAll { seqs.contains($0.seq) }
        }
    }

    /// nil: some of what is asked for is only in the database.
    func inputs(after seq: Int64, limit: Int) -> [StoredInput]? {
        state.withLock { state in
            guard seq >= state.after else { return nil }
            var low = state.head
            var high = state.entries.count
            while low < high {
                let middle = (low + high) / 2
                if state.entries[middle].seq <= seq { low = middle + 1 } else { high = middle }
            }
            return Array(state.entries[low..<min(state.entries.count, low + limit)])
        }
    }

    private static func drop(_ count: Int, from state: inout State) {
        state.after = max(state.after, state.entries[state.head + count - 1].seq)
        state.head += count
        if state.head == state.entries.count {
            state.entries.removeAll(keepingCapacity: state.entries.capacity <= 4_096)
            state.head = 0
        } else if state.head > 1_024, state.head > state.entries.count / 2 {
            state.entries.removeFirst(state.head)
            state.head = 0
        }
    }
}
