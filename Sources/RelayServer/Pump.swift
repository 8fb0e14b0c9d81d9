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
    /// Raised by tests too, which move the clock by hand.
    let signal = Signal()
    private let requests = Mutex<[Request]>([])
    private let stopped = DispatchSemaphore(value: 0)
    package let progress = Mutex(Progress())
    package let reports: ReportQueue
    /// Who waits for an input to be decided.
    private let waiting = Mutex<[(seq: Int64, done: @Sendable () -> Void)]>([])

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
        reports = ReportQueue(now: { timekeeper.now() })
    }

    /// Starts the thread, which first reads back `memory`: what listens does not wait for that.
    /// - Parameter afterCrash: called before the first input is stepped; nil: the end before was
    ///   in order. After another the input at the cursor is stepped alone, then two, then four: one
    ///   that kills the process is soon the one at the cursor, however many came before it in the
    ///   batch in which it did.
    package func start(
        engine: Engine, memory: @escaping @Sendable () throws -> MemoryRecord,
        cursor: Int64, afterCrash: (@Sendable () throws -> Void)?
    ) {
        progress.withLock { $0.seq = cursor }
        store.setOnInputs { [signal] in signal.raise() }
        let thread = Thread { [self] in
            if let record = untilDone("the memory cannot be read back", memory),
                untilDone("the starts cannot be counted", afterCrash ?? {}) != nil
            {
                var loop = Loop(engine: engine, memory: Memory(), cursor: cursor)
                loop.memory = loop.engine.memory(of: record)
                if afterCrash != nil { loop.limit = 1 }
                run(&loop, memory)
            }
            stopped.signal()
        }
        thread.name = "pump"
        thread.start()
    }

    /// A database that cannot be read now is asked again: nothing may be decided without memory.
    /// nil: it was stopped meanwhile.
    private func untilDone<T>(_ trouble: String, _ body: () throws -> T) -> T? {
        while !isStopping {
            do {
                return try body()
            } catch {
                logger.error("\(trouble), trying again: \(error)")
                signal.wait(timeout: .seconds(1))
            }
        }
        return nil
    }

    /// Takes what is known of devices without a happening: it is decided and stored within a
    /// second, and behind everything that was received before.
    package func report(_ inputs: [Input]) {
        if reports.push(inputs) { signal.raise() }
    }

    /// Returns when the inputs up to this one are decided and on disk, or after a time: one that
    /// was set aside is never passed where nothing comes behind it.
    package func decided(through seq: Int64, within: Duration) async {
        let (stream, ended) = AsyncStream<Void>.makeStream()
        waiting.withLock { $0.append((seq, { ended.finish() })) }
        answerWaiting()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in stream {} }
            // Cut short where the answer was faster.
            group.addTask { try? await Task.sleep(for: within) }
            await group.next()
            group.cancelAll()
        }
    }

    private func answerWaiting() {
        let cursor = progress.withLock { $0.seq }
        let answered = waiting.withLock { waiting in
            defer { waiting.removeAll { $0.seq <= cursor } }
            return waiting.filter { $0.seq <= cursor }.map(\.done)
        }
        for done in answered { done() }
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

    private var isStopping: Bool {
        requests.withLock { requests in
            requests.contains { request in
                switch request {
                case .stop: true
                case .reload: false
                }
            }
        }
    }

    // MARK: - The thread

    private struct Loop {
        var engine: Engine
        var memory: Memory
        var cursor: Int64
        /// How many inputs make one batch at most.
        var limit = Limits.inputsPerCommit
    }

    private func run(_ loop: inout Loop, _ memory: () throws -> MemoryRecord) {
        while true {
            for request in requests.withLock({ taken in
                defer { taken = [] }; return taken
            }) {
                switch request {
                case .reload(let engine): loop.engine = engine
                case .stop: return
                }
            }
            do {
                let steps = try nextSteps(&loop)
                if steps.isEmpty {
                    // An input may have come meanwhile: its wake is remembered by the signal.
                    let now = timekeeper.now()
                    let rests = [loop.memory.nextDue.map { $0 - now }, reports.rest(at: now)]
                    signal.wait(
                        timeout: rests.compactMap { $0 }.min().map { max(.milliseconds(1), $0) }
                            ?? Signal.longest)
                } else {
                    switch commit(steps, loop) {
                    case .stored: loop.limit = min(2 * loop.limit, Limits.inputsPerCommit)
                    case .refused(let error):
                        guard try stepBack(from: steps, error, &loop, memory) else { return }
                    case .stopped: return
                    }
                }
            } catch {
                logger.error("the inbox cannot be read, trying again: \(error)")
                signal.wait(timeout: .seconds(1))
            }
        }
    }

    /// What there is to decide; empty: nothing now.
    private func nextSteps(_ loop: inout Loop) throws -> [Step] {
        let steps = decide(try store.inputs(after: loop.cursor, limit: loop.limit), &loop)
        return steps.isEmpty ? try withoutRow(&loop) : steps
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

    /// Timers whose instant has passed, and reports. What was received before has to be stepped
    /// first: the store says up to when everything that it took is visible.
    private func withoutRow(_ loop: inout Loop) throws -> [Step] {
        let now = timekeeper.now()
        let hasTimers = loop.memory.nextDue.map { $0 <= now } ?? false
        guard hasTimers || reports.rest(at: now) == .zero else { return [] }
        let through = Mutex(Instant.distantPast)
        let answered = DispatchSemaphore(value: 0)
        store.through { instant in
            through.withLock { $0 = instant }
            answered.signal()
        }
        answered.wait()
        let until = through.withLock { $0 }
        guard until != .distantPast else {
            throw StoreError(.failed, "the database cannot be written")
        }
        var steps = decide(
            try store.inputs(after: loop.cursor, limit: loop.limit), &loop)
        guard steps.isEmpty else { return steps }
        while let due = loop.memory.nextDue, due <= until, steps.count < Limits.inputsPerCommit {
            take(.timers, seq: nil, at: due, &loop, &steps)
        }
        // Their moment is this one: nothing that was received before it is still to come.
        guard steps.isEmpty else { return steps }
        for input in reports.take(Limits.reportsPerCommit) {
            take(input.received(at: until), seq: nil, at: until, &loop, &steps)
        }
        return steps
    }

    private enum Commit {
        case stored
        /// It can never be stored.
        case refused(StoreError)
        /// It is not on disk, and the pump is to stop.
        case stopped
    }

    /// Memory is ahead of the disk here, so the batch is tried until it is on disk: nothing that
    /// follows may be decided on a state that could be lost. A crash meanwhile, or a shutdown,
    /// replays it at the next start.
    private func commit(_ steps: [Step], _ loop: Loop) -> Commit {
        var pause = Duration.milliseconds(100)
        while true {
            let outcome = Mutex<StoreError?>(nil)
            let answered = DispatchSemaphore(value: 0)
            store.commit(steps) { result in
                if case .failure(let error) = result { outcome.withLock { $0 = error } }
                answered.signal()
            }
            answered.wait()
            guard let error = outcome.withLock({ $0 }) else { break }
            guard error.kind != .closed, !isStopping else { return .stopped }
            // Timers have no input that could be set aside: they are tried on and on.
            let hasInput = steps.contains { $0.seq != nil }
            if error.kind == .refused, hasInput { return .refused(error) }
            logger.error("what was decided cannot be stored, trying again: \(error)")
            signal.wait(timeout: pause)
            pause = min(pause * 2, .seconds(5))
        }
        progress.withLock {
            $0.seq = loop.cursor
            $0.steps += steps.count
            $0.openIncidents = loop.memory.openIncidents
        }
        committed(steps)
        answerWaiting()
        return .stored
    }

    /// A decision that can never be stored must not stop those behind it: goes back to what is on
    /// disk and steps one by one; the input whose step alone is refused is set aside, and the
    /// operator told.
    /// - Returns: false: it was stopped meanwhile.
    private func stepBack(
        from steps: [Step], _ error: StoreError, _ loop: inout Loop,
        _ memory: () throws -> MemoryRecord
    ) throws -> Bool {
        if steps.count == 1, let step = steps.first, let seq = step.seq {
            logger.error("an input was set aside: what was decided cannot be stored: \(error)")
            let trouble = Trouble(
                kind: .poisonEvent, subject: "An event was set aside",
                text: """
                    What the rules decided on event \(seq) cannot be stored (\(error)), so nobody \
                    was told of it, and the others go on. See it: outcry events
                    """)
            // Of an event only: trouble about a trouble that cannot be stored would have no end.
            try store.setAside(
                seq, reason: "what was decided on it cannot be stored",
                trouble: step.judgement == nil ? nil : trouble)
        }
        guard let recalled = untilDone("the memory cannot be read back", memory) else {
            return false
        }
        loop.memory = loop.engine.memory(of: recalled)
        loop.cursor = try store.progress().cursor
        loop.limit = 1
        return true
    }
}

extension Input {
    /// Of a report, which nobody stamps: it is received when it is stepped.
    fileprivate func received(at now: Instant) -> Input {
        guard case .report(var event) = self else { return self }
        event.received = now
        return .report(event)
    }
}
