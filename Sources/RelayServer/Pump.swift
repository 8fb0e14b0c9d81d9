// The left crank: inbox → step → commit. One thread takes the inputs in the order in which they
// were received, lets the pure engine decide, has the decisions committed in one transaction, and
// only then hands the deliveries on. It holds Memory; nobody else touches it.

package import Alerting
import Foundation
package import Logging
package import Storage
package import Synchronization

/// Turns inputs into committed steps.
package final class Pump: Sendable {
    /// What others ask of the running pump.
    private enum Request: Sendable {
        case reload(Engine)
        case stop
    }

    /// Told of every committed batch, on the pump's thread: deliveries for the courier, steps for
    /// whoever watches.
    package typealias Committed = @Sendable ([Step]) -> Void

    private let store: Store
    private let timekeeper: Timekeeper
    private let committed: Committed
    private let logger: Logger
    private let signal = Signal()
    private let requests = Mutex<[Request]>([])
    private let stopped = DispatchSemaphore(value: 0)
    package let progress = Mutex(Progress())

    /// How far the pump is, for metrics and for tests that wait for it.
    package struct Progress: Sendable {
        package var seq: Int64 = 0
        package var steps = 0
        package var openIncidents = 0
    }

    package init(
        store: Store, timekeeper: Timekeeper, logger: Logger, committed: @escaping Committed
    ) {
        self.store = store
        self.timekeeper = timekeeper
        self.logger = logger
        self.committed = committed
    }

    /// Starts the thread. `alone` is the input at the cursor after an unclean end: it is stepped
    /// by itself, so that one that kills the process can be told from the others.
    package func start(engine: Engine, memory: Memory, cursor: Int64, alone: Int64?) {
        progress.withLock { $0.seq = cursor }
        store.setOnInputs { [signal] in signal.raise() }
        let thread = Thread { [self] in
            var loop = Loop(engine: engine, memory: memory, cursor: cursor, alone: alone)
            run(&loop)
            stopped.signal()
        }
        thread.name = "pump"
        thread.start()
    }

    /// The next input is judged by the new rules.
    package func reload(_ engine: Engine) { request(.reload(engine)) }

    /// Ends the thread after the batch in hand; what is in the inbox waits for the next start.
    package func stop() {
        request(.stop)
        stopped.wait()
    }

    private func request(_ request: Request) {
        requests.withLock { $0.append(request) }
        signal.raise()
    }

    // MARK: - The thread

    private struct Loop {
        var engine: Engine
        var memory: Memory
        var cursor: Int64
        var alone: Int64?
    }

    private func run(_ loop: inout Loop) {
        while true {
            for request in requests.withLock({ taken in
                defer { taken = [] }; return taken
            }) {
                switch request {
                case .reload(let engine): loop.engine = engine
                case .stop: return
                }
            }
            let inputs = next(&loop)
            var steps = decide(inputs, &loop)
            if inputs.isEmpty { steps += timersDue(&loop) }
            if steps.isEmpty {
                // An input may have come since `next`: its wake is remembered by the signal.
                let now = timekeeper.now()
                signal.wait(timeout: loop.memory.nextDue.map { max(.milliseconds(1), $0 - now) })
                continue
            }
            commit(steps, loop)
        }
    }

    private func next(_ loop: inout Loop) -> [StoredInput] {
        let limit = loop.alone == nil ? Limits.inputsPerCommit : 1
        do {
            let inputs = try store.inputs(after: loop.cursor, limit: limit)
            if loop.alone != nil { loop.alone = nil }
            return inputs
        } catch {
            logger.error("the inbox cannot be read, trying again: \(error)")
            Thread.sleep(forTimeInterval: 1)
            return []
        }
    }

    /// Inputs in order; before each, the timers that were due before it was received.
    private func decide(_ inputs: [StoredInput], _ loop: inout Loop) -> [Step] {
        var steps: [Step] = []
        steps.reserveCapacity(inputs.count)
        for input in inputs {
            while let due = loop.memory.nextDue, due < input.received {
                take(.timers, seq: nil, at: due, &loop, &steps)
            }
            take(input.input, seq: input.seq, at: input.received, &loop, &steps)
            loop.cursor = input.seq
        }
        return steps
    }

    private func take(
        _ input: Input, seq: Int64?, at now: Instant, _ loop: inout Loop, _ steps: inout [Step]
    ) {
        let step = loop.engine.step(input, seq: seq, loop.memory, now: now)
        loop.memory.apply(step)
        steps.append(step)
    }

    /// Timers whose instant has passed. What was received before that instant has to be stepped
    /// first: the store says up to when everything that it took is visible.
    private func timersDue(_ loop: inout Loop) -> [Step] {
        guard let due = loop.memory.nextDue, due <= timekeeper.now() else { return [] }
        let through = Mutex(Instant.distantPast)
        let answered = DispatchSemaphore(value: 0)
        store.through { instant in
            through.withLock { $0 = instant }
            answered.signal()
        }
        answered.wait()
        var steps = decide(next(&loop), &loop)
        guard steps.isEmpty else { return steps }
        let until = through.withLock { $0 }
        while let due = loop.memory.nextDue, due <= until {
            take(.timers, seq: nil, at: due, &loop, &steps)
        }
        return steps
    }

    /// Memory is ahead of the disk here, so the batch is tried until it is on disk: nothing that
    /// follows may be decided on a state that could be lost. A crash meanwhile replays it.
    private func commit(_ steps: [Step], _ loop: Loop) {
        var pause = 0.1
        while true {
            let outcome = Mutex<StoreError?>(nil)
            let answered = DispatchSemaphore(value: 0)
            store.commit(steps) { result in
                if case .failure(let error) = result { outcome.withLock { $0 = error } }
                answered.signal()
            }
            answered.wait()
            guard let error = outcome.withLock({ $0 }) else { break }
            logger.error("what was decided cannot be stored, trying again: \(error)")
            Thread.sleep(forTimeInterval: pause)
            pause = min(pause * 2, 5)
        }
        progress.withLock {
            $0.seq = loop.cursor
            $0.steps += steps.count
            $0.openIncidents = loop.memory.openIncidents
        }
        committed(steps)
    }
}
