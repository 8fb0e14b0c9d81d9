// Inputs without an inbox row, on their way from the sockets to the pump: positions, what a server
// says of its devices, names of geofences. They are state, not happenings: what is lost in a crash
// is told again at the next connection. So the queue is bounded; where the pump is behind, what is
// said of a device joins its position, and where there is no room a newer position takes the older
// one's place.

package import Alerting
import Synchronization

/// Filled by the sources, emptied by the pump.
package final class ReportQueue: Sendable {
    private struct Key: Hashable {
        var server: String
        var device: Int64
    }
    private struct State {
        var inputs: [Input] = []
        /// Where a device's newest report stands, once there are so many that it matters.
        var newest: [Key: Int] = [:]
        /// Since when the first one waits.
        var since = Instant.distantFuture
        var merged = 0
        var dropped = 0
    }
    private let state = Mutex(State())
    private let now: @Sendable () -> Instant
    private let bound: Int
    private let mergesAbove: Int

    package init(
        bound: Int = Limits.reportsInMemory, mergesAbove: Int = Limits.reportsUnmerged,
        now: @escaping @Sendable () -> Instant
    ) {
        self.bound = bound
        self.mergesAbove = mergesAbove
        self.now = now
    }

    /// Reports that gave way to a newer one of their device, and those that found no room.
    package var counts: (merged: Int, dropped: Int) { state.withLock { ($0.merged, $0.dropped) } }

    /// Whether a part of a long list finds room and leaves as much to what comes by the socket.
    package var hasRoom: Bool { state.withLock { $0.inputs.count < bound / 2 } }

    /// - Returns: whether the pump is to be told: it slept on an empty queue, or many wait now.
    func push(_ inputs: [Input]) -> Bool {
        let now = now()
        return state.withLock { state in
            let before = state.inputs.count
            for input in inputs { push(input, &state) }
            if before == 0, !state.inputs.isEmpty {
                state.since = now
                return true
            }
            return before < Limits.reportsPerCommit
                && state.inputs.count >= Limits.reportsPerCommit
        }
    }

    private func push(_ input: Input, _ state: inout State) {
        guard case .report(let event) = input else {
            state.inputs.append(input)
            return
        }
        if state.inputs.count >= mergesAbove {
            let key = Key(server: event.server, device: event.deviceId)
            if let index = state.newest[key], case .report(let older) = state.inputs[index],
                let merged = merged(event, over: older, isFull: state.inputs.count >= bound)
            {
                state.inputs[index] = .report(merged)
                state.merged += 1
                return
            }
            guard state.inputs.count < bound else {
                state.dropped += 1
                return
            }
            state.newest[key] = state.inputs.count
        }
        state.inputs.append(input)
    }

    /// Two reports as one; nil: they stay two. Each position may cross something, so one gives way
    /// to another only where there is no room, and then the older one does.
    private func merged(_ event: Event, over older: Event, isFull: Bool) -> Event? {
        var newer = event
        newer.device = event.device ?? older.device
        if let position = event.position, let other = older.position {
            guard isFull else { return nil }
            if let time = position.time, let before = other.time, time < before {
                newer.position = other
            }
        } else {
            newer.position = event.position ?? older.position
        }
        return newer
    }

    /// How long until what waits is to be taken; nil: nothing waits.
    func rest(at now: Instant) -> Duration? {
        state.withLock { state in
            guard !state.inputs.isEmpty else { return nil }
            guard state.inputs.count < Limits.reportsPerCommit else { return .zero }
            return max(.zero, state.since + .milliseconds(Limits.reportWaitMilliseconds) - now)
        }
    }

    /// The next ones, in order.
    func take(_ limit: Int) -> [Input] {
        state.withLock { state in
            guard state.inputs.count > limit else {
                defer {
                    state.inputs = []
                    state.newest = [:]
                    state.since = .distantFuture
                }
                return state.inputs
            }
            defer {
                state.inputs.removeFirst(limit)
                // They stand elsewhere now: what comes is put behind them again.
                state.newest = [:]
            }
            return Array(state.inputs.prefix(limit))
        }
    }
}
