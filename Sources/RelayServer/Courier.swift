// The right crank: lease → notify → settle. Each channel has a lane of its own, so that a dead one
// does not slow the others. What is due is asked of the store, which in steady state has it in
// memory. A lease is an entry in memory: one relay owns the file, so a crash gives it back.
//
// One thread leases, renders and notes outcomes (TaskThread), so that those of a round are written
// by one submission. Hooks alone run in the pool: to start a process takes milliseconds.

package import Alerting
import Foundation
package import Logging
package import Storage
import Synchronization

/// Sends what is due and records how it went.
package final class Courier: Sendable {
    /// A configured way out.
    package struct Exit: Sendable {
        package var notifier: any Notifier
        package var atOnce: Int
        /// The template whose `json` part is the body; nil: CONFIG.md's shape.
        package var body: String?

        package init(notifier: any Notifier, atOnce: Int, body: String? = nil) {
            self.notifier = notifier
            self.atOnce = atOnce
            self.body = body
        }
    }

    /// Told of every attempt, after it was settled.
    package typealias Attempted = @Sendable (Delivery, Outcome) -> Void

    struct State {
        var lanes: [ChannelName: Lane] = [:]
        var workers: [Int: Task<Void, Never>] = [:]
        var nextWorker = 0
        var ended: [Ended] = []
        /// Those that the disk refused, until they are tried again.
        var unrecorded: [Ended] = []
        var cannotRecord = false
        /// There is room for more, or somebody to start.
        var isWanted = false
        var isStopping = false

        /// Made where there is none: what waits may be for a channel that is not configured now.
        mutating func lane(_ channel: ChannelName) -> Lane {
            if let lane = lanes[channel] { return lane }
            let lane = Lane(atOnce: 1)
            lanes[channel] = lane
            return lane
        }
    }

    /// An attempt whose outcome is not on its way to the disk yet.
    struct Ended: Sendable {
        var settlement: Settlement
        var delivery: Delivery
        var outcome: Outcome
    }

    private let store: Store
    private let timekeeper: Timekeeper
    private let exits: [ChannelName: Exit]
    private let renderer: Mutex<Renderer>
    private let logger: Logger
    private let attempted: Attempted?
    let state = Mutex(State())
    /// Raised by tests too, which move the clock by hand.
    let signal = Signal()
    private let tasks: TaskThread
    private let stopped = DispatchSemaphore(value: 0)
    package let tally = DeliveryTally()

    package init(
        store: Store, timekeeper: Timekeeper, exits: [ChannelName: Exit], renderer: Renderer,
        logger: Logger, attempted: Attempted? = nil
    ) {
        self.store = store
        self.timekeeper = timekeeper
        self.exits = exits
        self.renderer = Mutex(renderer)
        self.logger = logger
        self.attempted = attempted
        tasks = TaskThread { [signal] in signal.nudge() }
        state.withLock { state in
            for (channel, exit) in exits { state.lanes[channel] = Lane(atOnce: exit.atOnce) }
        }
    }

    /// Templates were read anew.
    package func reload(_ renderer: Renderer) { self.renderer.withLock { $0 = renderer } }

    /// Starts the thread that leases.
    package func start() {
        store.setOnQueued { [signal] in signal.raise() }
        for channel in store.channelsWithWork where exits[channel] == nil {
            logger.error(
                "messages wait for a channel that is not in the configuration any more",
                metadata: ["channel": "\(channel)"])
        }
        let thread = Thread { [self] in
            expectRetries()
            run()
            stopped.signal()
        }
        thread.name = "courier"
        thread.start()
    }

    private func run() {
        var wake = Instant.distantPast
        var isRaised = true
        while true {
            let (isWanted, isStopping, isOver) = state.withLock { state in
                defer { state.isWanted = false }
                let isOver = state.isStopping && state.workers.isEmpty && state.ended.isEmpty
                return (state.isWanted, state.isStopping, isOver)
            }
            if isOver { return }
            if !isStopping, isRaised || isWanted || timekeeper.now() >= wake { wake = refill() }
            isRaised = false
            if tasks.mayRest() {
                let rest = isStopping ? Signal.longest : wake - timekeeper.now()
                isRaised = signal.wait(timeout: max(.milliseconds(1), rest))
            }
            tasks.runWaiting()
            settleEnded()
        }
    }

    /// No attempt begins any more; those under way have `grace` to end, then they are cancelled
    /// and stay queued.
    package func stop(grace: Duration) async {
        let (workers, idle) = state.withLock { state in
            state.isStopping = true
            let idle = state.lanes.values.flatMap { lane in
                defer { lane.idle = [] }
                return lane.idle
            }
            return (Array(state.workers.values), idle)
        }
        for worker in idle { worker.resume(returning: nil) }
        signal.raise()
        let limit = Task {
            // Cancelled when all have ended: then nothing is left to cut short.
            guard (try? await Task.sleep(for: grace)) != nil else { return }
            for worker in workers { worker.cancel() }
        }
        for worker in workers { await worker.value }
        limit.cancel()
        stopped.wait()
    }

    // MARK: - Attempts

    private func startWorkers(_ state: inout State) {
        guard !state.isStopping else { return }
        let now = timekeeper.now()
        for (channel, lane) in state.lanes {
            while let delivery = next(lane, now, &state) {
                if let worker = lane.idle.popLast() {
                    worker.resume(returning: delivery)
                    continue
                }
                let number = state.nextWorker
                state.nextWorker += 1
                // A process is started by calls that block, and others are not to wait for them.
                let place: (any TaskExecutor)? = channel.kind == .hook ? nil : tasks
                state.workers[number] = Task(executorPreference: place) { [self] in
                    await work(channel, delivery)
                    finished(number)
                }
            }
        }
    }

    /// The next delivery to attempt; those that have to wait for another one are put off.
    private func next(_ lane: Lane, _ now: Instant, _ state: inout State) -> Delivery? {
        let hadRoom = lane.room > 0
        defer { if !hadRoom, lane.room > 0 { state.isWanted = true } }
        while true {
            switch lane.next(now: now) {
            case .attempt(let delivery): return delivery
            case .postpone(let delivery, let due): postpone(delivery, until: due)
            case nil: return nil
            }
        }
    }

    private func finished(_ number: Int) {
        state.withLock { _ = $0.workers.removeValue(forKey: number) }
        // The thread waits for the last one at a stop.
        signal.nudge()
    }

    /// One delivery after the other, up to a stop.
    private func work(_ channel: ChannelName, _ first: Delivery) async {
        var delivery = first
        while true {
            let began = timekeeper.now()
            let outcome = await attempt(delivery, now: began)
            // Cut short by a shutdown: no failure of the channel. It is queued as it was, and
            // tried at the next start.
            if Task.isCancelled, case .retry = outcome { return }
            let now = timekeeper.now()
            let ended = Ended(
                settlement: settlement(delivery, outcome, began: began, now: now),
                delivery: delivery, outcome: outcome)
            let next = state.withLock { state -> Delivery? in
                state.ended.append(ended)
                let lane = state.lane(channel)
                lane.ended(outcome, now: now)
                let next = state.isStopping ? nil : self.next(lane, now, &state)
                if lane.mayStart || lane.probeAt != nil { state.isWanted = true }
                return next
            }
            if channel.kind == .hook { signal.nudge() }
            let following = if let next { next } else { await whatComes(channel) }
            guard let following else { return }
            delivery = following
        }
    }

    /// Waits until the lane has something for this worker; nil: it is to end.
    private func whatComes(_ channel: ChannelName) async -> Delivery? {
        await withCheckedContinuation { worker in
            state.withLock { state in
                guard !state.isStopping else { return worker.resume(returning: nil) }
                state.lane(channel).idle.append(worker)
            }
        }
    }

    private func attempt(_ delivery: Delivery, now: Instant) async -> Outcome {
        guard let exit = exits[delivery.channel] else {
            return .retry(
                after: nil, blames: .channel,
                note: "channel '\(delivery.channel)' is not in the configuration")
        }
        let renderer = renderer.withLock { $0 }
        return await exit.notifier.notify(
            renderer.message(for: delivery, now: now, body: exit.body))
    }

    private func settlement(
        _ delivery: Delivery, _ outcome: Outcome, began: Instant, now: Instant
    ) -> Settlement {
        let settlement = Settlement(
            of: delivery, outcome, began: began, now: now,
            leapt: timekeeper.leapt(since: delivery.created))
        tally.count(delivery.channel, settlement)
        if case .dead = settlement.next {
            logger.error(
                "delivery given up",
                metadata: [
                    "delivery": "\(delivery.id)", "channel": "\(delivery.channel)",
                    "contact": "\(delivery.contact)", "note": "\(settlement.attempt.headline)",
                ])
        }
        return settlement
    }

    /// Of all that ended in a round of the thread: one submission, one wake of the writer.
    private func settleEnded() {
        let ended = state.withLock { state in
            defer { state.ended = [] }
            return state.ended
        }
        if !ended.isEmpty { settle(ended) }
    }

    /// Until the outcome is on disk the delivery stays leased, so that it is not sent again by
    /// this process; a disk that refuses is asked again each second, and the lanes lease no more
    /// than `Limits.unrecordedPerChannel` meanwhile.
    /// - Parameter isAgain: the disk has refused them before.
    private func settle(_ ended: [Ended], isAgain: Bool = false) {
        store.settle(ended.map(\.settlement)) { [self] result in
            switch result {
            case .success:
                let (wasStuck, isWanted) = state.withLock { state in
                    var isWanted = false
                    // By their places: they are large.
                    for index in ended.indices {
                        let hasWork = state.lane(ended[index].delivery.channel)
                            .settled(ended[index].delivery, ended[index].settlement.next)
                        if hasWork || ended[index].settlement.isQueued { isWanted = true }
                    }
                    let isOver = isAgain && state.cannotRecord && state.unrecorded.isEmpty
                    if isOver { state.cannotRecord = false }
                    return (isOver, isWanted)
                }
                if wasStuck { logger.info("attempts are recorded again") }
                if isWanted { signal.raise() }
                if let attempted { for one in ended { attempted(one.delivery, one.outcome) } }
            case .failure(let error):
                // At the end of a shutdown: it is queued as it was, and sent once more.
                guard error.kind != .closed else { return }
                // One that cannot be written must not keep the others from it; on a full disk
                // what is small may fit.
                if error.kind != .full, ended.count > 1 {
                    for one in ended { settle([one], isAgain: isAgain) }
                    return
                }
                settleLater(ended, error)
            }
        }
    }

    private func settleLater(_ ended: [Ended], _ error: StoreError) {
        let (isFirst, isNew) = state.withLock { state in
            defer {
                state.unrecorded += ended
                state.cannotRecord = true
            }
            return (state.unrecorded.isEmpty, !state.cannotRecord)
        }
        if isNew { logger.error("attempts cannot be recorded, trying again: \(error)") }
        guard isFirst else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + 1) { [self] in
            let ended = state.withLock { state in
                defer { state.unrecorded = [] }
                return state.unrecorded
            }
            for start in stride(from: 0, to: ended.count, by: Limits.settledAgainAtOnce) {
                let end = min(start + Limits.settledAgainAtOnce, ended.count)
                settle(Array(ended[start..<end]), isAgain: true)
            }
        }
    }

    /// It goes back into its queue, so that it holds up nothing else meanwhile.
    private func postpone(_ delivery: Delivery, until due: Instant) {
        store.postpone([delivery.id], until: due) { [self] result in
            if case .failure(let error) = result {
                // A closed store answers at once, under our lock; nothing is to be done any more.
                guard error.kind != .closed else { return }
                logger.error("a delivery cannot be put off, trying again: \(error)")
                // Still leased, or it would be looked at at once, again and again.
                DispatchQueue.global().asyncAfter(deadline: .now() + 1) { [self] in
                    postpone(delivery, until: due)
                }
                return
            }
            state.withLock { $0.lane(delivery.channel).released(delivery) }
            signal.raise()
        }
    }

    // MARK: - Leases

    /// What failed in an earlier run comes back later: what ends its story has to wait for it.
    private func expectRetries() {
        do {
            for delivery in try store.retrying() {
                state.withLock { $0.lane(delivery.channel).expect(delivery) }
            }
        } catch {
            logger.error("the outbox cannot be read, messages may change places: \(error)")
        }
    }

    /// Leases what is due and starts what may start; returns up to when nothing will be due.
    private func refill() -> Instant {
        let now = timekeeper.now()
        var wake = now + .seconds(60)
        for channel in store.channelsWithWork {
            do {
                try lease(channel, now)
            } catch {
                logger.error("the outbox cannot be read, trying again: \(error)")
                wake = min(wake, now + .seconds(1))
            }
            // What is due already and not leased waits for room: `isWanted` says when there is.
            if let due = store.nextDue(channel: channel), due > now { wake = min(wake, due) }
        }
        let probe = state.withLock { state in
            startWorkers(&state)
            return state.lanes.values.lazy.compactMap(\.probeAt).min()
        }
        return probe.map { min(wake, max($0, now + .milliseconds(10))) } ?? wake
    }

    /// Until there is no room or nothing due: the store may give less than there is.
    private func lease(_ channel: ChannelName, _ now: Instant) throws {
        while true {
            let room = state.withLock { $0.lane(channel).room }
            guard room > 0 else { return }
            let due = try store.lease(channel: channel, now: now, limit: room)
            guard !due.isEmpty else { return }
            state.withLock { $0.lane(channel).lease(due) }
        }
    }

    package var breakers: [ChannelName: Bool] {
        state.withLock { $0.lanes.mapValues(\.breaker.isOpen) }
    }
}
