// What the writer's thread and the store's callers both touch: the inputs and deliveries kept in
// memory, who is woken, and the gaps that a full disk left until they can be written.
import Alerting
import Synchronization

final class Shared: Sendable {
    let tail = Tail()
    let backlog = Backlog()

    private struct State {
        var onInputs: (@Sendable () -> Void)?
        var onQueued: (@Sendable () -> Void)?
        var gaps: [String: Gap] = [:]
        var duplicates = 0
        var closed = false
    }
    private let state = Mutex(State())

    func setOnInputs(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.onInputs = wake }
    }
    func setOnQueued(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.onQueued = wake }
    }

    /// Makes visible what a COMMIT has put on disk, then wakes who waits for it.
    /// - Parameter queues: the channels whose queues are to be read anew; nil: none.
    func publish(_ outcome: Outcome, queues: [ChannelName]?) {
        tail.append(outcome.inputs)
        tail.remove(outcome.aside)
        tail.trim(through: outcome.cursor)
        backlog.apply(outcome)
        // Behind it: what was settled and queued again in one round is not taken for leased.
        if let queues { backlog.reload(queues) }
        let (onInputs, onQueued) = state.withLock { state in
            state.duplicates += outcome.duplicates
            return (state.onInputs, state.onQueued)
        }
        if !outcome.inputs.isEmpty { onInputs?() }
        if !outcome.queued.isEmpty || outcome.reload { onQueued?() }
    }

    var duplicates: Int { state.withLock { $0.duplicates } }
    var isClosed: Bool { state.withLock { $0.closed } }

    /// False: it was closed before.
    func close() -> Bool {
        state.withLock { state in
            defer { state.closed = true }
            return !state.closed
        }
    }

    // MARK: Gaps

    func missed(_ arrivals: [Arrival], from: Instant, to: Instant) {
        putBack(
            Set(arrivals.map(\.event.source)).map { Gap(source: $0, from: from, to: max(from, to)) }
        )
    }

    func takeGaps() -> [Gap] {
        state.withLock { state in
            guard !state.gaps.isEmpty else { return [] }
            defer { state.gaps = [:] }
            return Array(state.gaps.values)
        }
    }

    /// One gap for each source: two that are not written yet become one that covers both.
    func putBack(_ gaps: [Gap]) {
        state.withLock { state in
            for gap in gaps {
                guard let known = state.gaps[gap.source] else {
                    state.gaps[gap.source] = gap
                    continue
                }
                state.gaps[gap.source] = Gap(
                    source: gap.source, from: min(known.from, gap.from), to: max(known.to, gap.to))
            }
        }
    }
}
