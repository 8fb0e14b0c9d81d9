// Lets a loop sleep until its next moment, or until somebody rings: the loops of a source wait on
// nothing else.
import Synchronization

/// For one sleeper at a time; a ring that nobody hears counts for the next sleep.
final class Doorbell: Sendable {
    private struct State {
        var isRung = false
        var sleeper: AsyncStream<Void>.Continuation?
    }
    private let state = Mutex(State())

    func ring() {
        let sleeper = state.withLock { state in
            if state.sleeper == nil { state.isRung = true }
            return state.sleeper
        }
        sleeper?.finish()
    }

    /// - Parameter sleep: returns at the next moment; nil: there is none. Cancelled at a ring.
    func wait(_ sleep: (@Sendable () async throws -> Void)?) async {
        let (stream, sleeper) = AsyncStream<Void>.makeStream()
        let wasRung = state.withLock { state in
            defer { state.isRung = false }
            if !state.isRung { state.sleeper = sleeper }
            return state.isRung
        }
        if wasRung { return }
        await withTaskGroup(of: Void.self) { group in
            // A sleep that is cut short is over: the loop looks at the time itself.
            if let sleep { group.addTask { try? await sleep() } }
            group.addTask { for await _ in stream {} }
            await group.next()
            group.cancelAll()
        }
        state.withLock { $0.sleeper = nil }
    }
}
