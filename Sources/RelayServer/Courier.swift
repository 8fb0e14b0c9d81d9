// The right crank: lease → notify → settle. Each channel has a lane of its own, so that a dead one
// does not slow the others. What is due is asked of the store, which in steady state has it in
// memory. A lease is an entry in memory: one relay owns the file, so a crash gives it back.

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
        var isStopping = false
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
            while !state.withLock({ $0.isStopping }) {
                signal.wait(timeout: refill())
            }
            stopped.signal()
        }
        thread.name = "courier"
        thread.start()
    }

    /// No attempt begins any more; those under way have `grace` to end, then they are cancelled
    /// and stay queued.
    package func stop(grace: Duration) async {
        let workers = state.withLock { state in
            state.isStopping = true
            return Array(state.workers.values)
        }
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
        for channel in state.lanes.keys {
            while let delivery = next(channel, now, &state) {
                let number = state.nextWorker
                state.nextWorker += 1
                state.workers[number] = Task { [self] in
                    await work(channel, delivery)
                    finished(number)
                }
            }
        }
    }

    /// The next delivery to attempt; those that have to wait for another one are put off.
    private func next(_ channel: ChannelName, _ now: Instant, _ state: inout State) -> Delivery? {
        while true {
            switch state.lanes[channel]?.next(now: now) {
            case .attempt(let delivery): return delivery
            case .postpone(let delivery, let due): postpone(delivery, until: due)
            case nil: return nil
            }
        }
    }

    private func finished(_ number: Int) {
        state.withLock { _ = $0.workers.removeValue(forKey: number) }
    }

    /// One delivery after the other, as long as the lane has some for this worker.
    private func work(_ channel: ChannelName, _ first: Delivery) async {
        var delivery = first
        while true {
            let began = timekeeper.now()
            let outcome = await attempt(delivery, now: began)
            // Cut short by a shutdown: no failure of the channel. It is queued as it was, and
            // tried at the next start.
            if Task.isCancelled, case .retry = outcome { return }
            let now = timekeeper.now()
            settle(delivery, outcome, began: began, now: now)
            let (next, isWanted) = state.withLock { state -> (Delivery?, Bool) in
                state.lanes[channel]?.ended(outcome, now: now)
                let next = state.isStopping ? nil : self.next(channel, now, &state)
                let lane = state.lanes[channel]
                return (next, (lane?.room ?? 0) > 0 || lane?.probeAt != nil)
            }
            if isWanted { signal.raise() }
            guard let next else { break }
            delivery = next
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

    private func settle(_ delivery: Delivery, _ outcome: Outcome, began: Instant, now: Instant) {
        let settlement = Settlement(
            of: delivery, outcome, began: began, now: now,
            leapt: timekeeper.leapt(since: delivery.created))
        tally.count(delivery.channel, settlement)
        if case .dead = settlement.next {
            logger.error(
                "delivery given up",
                metadata: [
                    "delivery": "\(delivery.id)", "channel": "\(delivery.channel)",
                    "contact": "\(delivery.contact)", "note": "\(settlement.attempt.note)",
                ])
        }
        put(settlement, delivery, outcome)
    }

    /// Until the outcome is on disk the delivery stays leased, so that it is not sent again by
    /// this process; a disk that refuses is asked again each second.
    private func put(_ settlement: Settlement, _ delivery: Delivery, _ outcome: Outcome) {
        store.settle([settlement]) { [self] result in
            switch result {
            case .success:
                state.withLock { $0.lanes[delivery.channel]?.settled(delivery, settlement.next) }
                if case .queued = settlement.next { signal.raise() }
                attempted?(delivery, outcome)
            case .failure(let error):
                // At the end of a shutdown: it is queued as it was, and sent once more.
                guard error.kind != .closed else { return }
                logger.error("an attempt cannot be recorded, trying again: \(error)")
                DispatchQueue.global().asyncAfter(deadline: .now() + 1) { [self] in
                    put(settlement, delivery, outcome)
                }
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
            state.withLock { $0.lanes[delivery.channel]?.released(delivery) }
            signal.raise()
        }
    }

    // MARK: - Leases

    /// What failed in an earlier run comes back later: what ends its story has to wait for it.
    private func expectRetries() {
        do {
            for delivery in try store.retrying() {
                state.withLock {
                    $0.lanes[delivery.channel, default: Lane(atOnce: 1)].expect(delivery)
                }
            }
        } catch {
            logger.error("the outbox cannot be read, messages may change places: \(error)")
        }
    }

    /// Leases what is due and starts what may start; returns how long nothing will be due.
    private func refill() -> Duration {
        let now = timekeeper.now()
        var wake = now + .seconds(60)
        for channel in store.channelsWithWork {
            let (room, leased) = state.withLock { state in
                let lane = state.lanes[channel, default: Lane(atOnce: 1)]
                state.lanes[channel] = lane
                return (lane.room, lane.leased)
            }
            do {
                if room > 0 {
                    let due = try store.due(
                        channel: channel, now: now, limit: room, excluding: leased)
                    state.withLock { $0.lanes[channel]?.lease(due) }
                }
            } catch {
                logger.error("the outbox cannot be read, trying again: \(error)")
                wake = min(wake, now + .seconds(1))
            }
            let (known, probe) = state.withLock { state in
                (state.lanes[channel]?.leased ?? [], state.lanes[channel]?.probeAt)
            }
            let due = store.nextDue(channel: channel, excluding: known)
            // What is due already and not leased waits for room, which a worker's end announces.
            if let due, due > now { wake = min(wake, due) }
            if let probe { wake = min(wake, max(probe, now + .milliseconds(10))) }
        }
        state.withLock { startWorkers(&$0) }
        return max(.milliseconds(1), wake - timekeeper.now())
    }

    package var breakers: [ChannelName: Bool] {
        state.withLock { $0.lanes.mapValues(\.breaker.isOpen) }
    }
}
