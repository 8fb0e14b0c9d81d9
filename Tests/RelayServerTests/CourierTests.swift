// The right crank with a real database, notifiers that follow a script, and a clock moved by hand.
import Alerting
import Foundation
import Storage
import Synchronization
import Testing

@testable import RelayServer

/// A courier at work on a database of its own.
final class CourierBench: Sendable {
    let folder: Folder
    let clock: HandClock
    let timekeeper: Timekeeper
    let store: Store
    let courier: Courier
    /// What was attempted and is on disk.
    let attempted = Seen<(id: String, outcome: Outcome)>()

    init(
        _ exits: [ChannelName: Courier.Exit], folder: Folder? = nil, clock: HandClock = HandClock(),
        fault: Fault? = nil
    ) throws {
        self.folder = try folder ?? Folder()
        self.clock = clock
        timekeeper = clock.timekeeper
        store = try self.folder.store(timekeeper, fault: fault)
        courier = Courier(
            store: store, timekeeper: timekeeper, exits: exits, renderer: renderer, logger: silent
        ) { [attempted] delivery, outcome in attempted.note((delivery.id, outcome)) }
        courier.start()
    }

    var now: Instant { timekeeper.now() }

    func pass(_ duration: Duration) {
        clock.pass(duration)
        courier.signal.raise()
    }
    func enqueue(_ deliveries: Delivery...) async throws {
        try await store.enqueue(deliveries, now: now)
    }
    func listed(_ id: String) throws -> ListedDelivery? {
        try store.listing.deliveries(limit: 1_000).first { $0.delivery.id == id }
    }
    func stop(grace: Duration = .seconds(20)) async {
        await courier.stop(grace: grace)
        store.close()
    }
}

@Suite("The courier", .timeLimit(.minutes(1)))
struct CourierTests {
    let fleet = ChannelName.http("fleet")
    let office = ChannelName.http("office")

    private func exit(
        atOnce: Int = 4, _ script: @escaping ScriptedNotifier.Script = { _, _ in .ok }
    ) -> (ScriptedNotifier, Courier.Exit) {
        let notifier = ScriptedNotifier(script)
        return (notifier, Courier.Exit(notifier: notifier, atOnce: atOnce))
    }

    @Test("the list of deliveries names the rules, or what is wrong with the relay itself")
    func listed() async throws {
        let bench = try CourierBench([:])
        var trouble = delivery("b", created: bench.now)
        trouble.items = []
        trouble.trouble = Trouble(kind: .badReload, subject: "s", text: "t")
        try await bench.enqueue(delivery("a", created: bench.now), trouble)
        let configuration = Configuration(data: bench.folder.database, rules: "rules")
        let lines = try Look(configuration).deliveries(dead: false, last: 9).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].contains("shaken"))
        #expect(lines[2].contains("outcry:bad-reload"))
        await bench.stop()
    }

    @Test("what is due is sent, and recorded with its attempt")
    func delivers() async throws {
        let (notifier, exit) = exit()
        let bench = try CourierBench([fleet: exit])
        try await bench.enqueue(delivery("a", created: bench.now))
        try await bench.attempted.wait(for: 1)
        let listed = try #require(try bench.listed("a"))
        #expect(listed.delivery.state == .sent)
        #expect(listed.attempts.map(\.note) == ["200"])
        #expect(notifier.begun.all.map(\.delivery.id) == ["a"])
        #expect(notifier.begun.all[0].subject.contains("Cargo 1"))
        #expect(bench.courier.tally.snapshot[fleet]?.sent == 1)
        await bench.stop()
    }

    @Test("what failed is tried again when it is due, not before")
    func retries() async throws {
        let (notifier, exit) = exit { _, attempt in attempt < 3 ? .down : .ok }
        let (_, other) = self.exit()
        let bench = try CourierBench([fleet: exit, office: other])
        let start = bench.now
        try await bench.enqueue(delivery("a", created: start))
        try await bench.attempted.wait(for: 1)
        let due = try #require(bench.store.nextDue(channel: fleet))
        #expect(due >= start + .seconds(5) && due <= start + .seconds(6))

        bench.pass(due - start - .milliseconds(1))
        // Another channel's delivery shows that the courier has looked at what is due.
        try await bench.enqueue(delivery("fence", office, created: bench.now))
        try await bench.attempted.wait(for: 2)
        #expect(notifier.begun.all.count == 1)

        bench.pass(.milliseconds(1))
        try await bench.attempted.wait(for: 3)
        #expect(notifier.begun.all[1].now == due)
        bench.pass(.seconds(18))
        try await bench.attempted.wait(for: 4)
        #expect(try bench.listed("a")?.delivery.state == .sent)
        #expect(try bench.listed("a")?.attempts.count == 3)
        await bench.stop()
    }

    @Test("what cannot be delivered for a day is dead, and an input tells the operator")
    func dead() async throws {
        let (_, exit) = exit { _, _ in .down }
        let bench = try CourierBench([fleet: exit])
        try await bench.enqueue(delivery("a", created: bench.now))
        var count = 0
        while try bench.listed("a")?.delivery.state == .queued {
            count += 1
            try await bench.attempted.wait(for: count)
            // The breaker's pause is a minute at most.
            bench.pass(count < 8 ? .minutes(6) : .hours(6))
            if count > 30 { break }
        }
        #expect(try bench.listed("a")?.delivery.state == .dead)
        let inputs = try bench.store.inputs(after: 0, limit: 9)
        #expect(inputs.count == 1)
        guard case .trouble(let trouble, _) = inputs.first?.input else {
            Issue.record("no trouble")
            return
        }
        #expect(trouble.kind == .deadDelivery)
        await bench.stop()
    }

    @Test("a channel that fails is left alone, then tried with one delivery")
    func breaker() async throws {
        let isUp = Atomic(false)
        let (notifier, exit) = exit(atOnce: 1) { _, _ in
            isUp.load(ordering: .relaxed) ? .ok : .down
        }
        let (_, other) = self.exit()
        let bench = try CourierBench([fleet: exit, office: other])
        let start = bench.now
        try await bench.store.enqueue(
            (0..<20).map { delivery("d\($0)", created: start) }, now: start)
        try await bench.attempted.wait(for: 5)
        try await bench.enqueue(delivery("fence", office, created: bench.now))
        try await bench.attempted.wait(for: 6)
        #expect(notifier.begun.all.count == 5)
        #expect(bench.courier.breakers[fleet] == true)

        bench.pass(.milliseconds(5_000))
        try await bench.attempted.wait(for: 7)
        try await bench.enqueue(delivery("fence 2", office, created: bench.now))
        try await bench.attempted.wait(for: 8)
        #expect(notifier.begun.all.count == 6, "one probe")

        isUp.store(true, ordering: .relaxed)
        bench.pass(.seconds(10))
        // The probe's success lets all of them through, those that failed when they are due.
        try await bench.attempted.wait { all in all.count { $0.outcome == .ok } >= 16 }
        #expect(bench.courier.breakers[fleet] == false)
        bench.pass(.minutes(1))
        try await bench.attempted.wait { all in all.count { $0.outcome == .ok } == 22 }
        await bench.stop()
    }

    @Test("no more at once than the channel may have")
    func bounded() async throws {
        let gate = Gate()
        let (_, exit) = exit(atOnce: 3) { message, _ in
            await gate.pass(message.delivery.id)
            return .ok
        }
        let bench = try CourierBench([fleet: exit])
        try await bench.store.enqueue(
            (0..<20).map { delivery("d\($0)", created: bench.now) }, now: bench.now)
        try await gate.arrived.wait(for: 3)
        #expect(bench.courier.state.withLock { $0.lanes[fleet]?.inFlight } == 3)
        #expect(gate.arrived.all.count == 3)
        gate.open()
        try await bench.attempted.wait(for: 20)
        #expect(Set(bench.attempted.all.map(\.id)).count == 20)
        await bench.stop()
    }

    @Test("a channel that hangs does not slow another")
    func apart() async throws {
        let gate = Gate()
        let (_, hanging) = exit(atOnce: 2) { message, _ in
            await gate.pass(message.delivery.id)
            return .ok
        }
        let (_, quick) = exit()
        let bench = try CourierBench([fleet: hanging, office: quick])
        let now = bench.now
        try await bench.store.enqueue(
            (0..<600).map { delivery("slow\($0)", created: now) }
                + (0..<600).map { delivery("quick\($0)", office, created: now) }, now: now)
        try await bench.attempted.wait(for: 600)
        #expect(bench.attempted.all.allSatisfy { $0.id.hasPrefix("quick") })
        gate.open()
        try await bench.attempted.wait(for: 1_200)
        await bench.stop()
    }

    @Test("a shutdown cuts short what takes too long and leaves it queued, untouched")
    func stops() async throws {
        let gate = Gate()
        let (_, exit) = exit(atOnce: 2) { message, _ in
            await gate.pass(message.delivery.id)
            return .down
        }
        let bench = try CourierBench([fleet: exit])
        try await bench.store.enqueue(
            (0..<9).map { delivery("d\($0)", created: bench.now) }, now: bench.now)
        try await gate.arrived.wait(for: 2)
        await bench.stop(grace: .zero)
        #expect(bench.attempted.all.isEmpty)

        let (_, good) = self.exit()
        let next = try CourierBench([fleet: good], folder: bench.folder)
        try await next.attempted.wait(for: 9)
        #expect(try next.listed("d0")?.attempts.count == 1)
        await next.stop()
    }

    @Test("one under way at a shutdown may end within the grace")
    func drains() async throws {
        let gate = Gate()
        let (_, exit) = exit { message, _ in
            await gate.pass(message.delivery.id)
            return .ok
        }
        let bench = try CourierBench([fleet: exit])
        try await bench.enqueue(delivery("a", created: bench.now))
        try await gate.arrived.wait(for: 1)
        async let stopped: Void = bench.courier.stop(grace: .seconds(50))
        gate.open()
        await stopped
        try await bench.attempted.wait(for: 1)
        #expect(try bench.listed("a")?.delivery.state == .sent)
        bench.store.close()
    }

    @Test("an outcome that the disk refuses is recorded later, and nothing is sent twice")
    func diskFails() async throws {
        let isFull = Atomic(false)
        let (notifier, exit) = exit { _, _ in
            isFull.store(true, ordering: .relaxed)
            return .ok
        }
        let refused = Atomic(0)
        let bench = try CourierBench([fleet: exit]) { sql in
            guard isFull.load(ordering: .relaxed) else { return }
            if refused.add(1, ordering: .relaxed).newValue > 1 {
                isFull.store(false, ordering: .relaxed)
            }
            throw StoreError(.full, "the disk is full")
        }
        try await bench.enqueue(delivery("a", created: bench.now))
        try await bench.attempted.wait(for: 1)
        #expect(notifier.begun.all.count == 1)
        #expect(refused.load(ordering: .relaxed) > 0)
        #expect(try bench.listed("a")?.delivery.state == .sent)
        await bench.stop()
    }

    @Test("a full disk ends the sending before too much would be sent twice")
    func diskStaysFull() async throws {
        let isFull = Atomic(true)
        let (notifier, exit) = exit(atOnce: 64) { _, _ in .ok }
        let bench = try CourierBench([fleet: exit]) { sql in
            guard sql.hasPrefix("INSERT INTO delivery (n, channel, state, due, attempts, at"),
                isFull.load(ordering: .relaxed)
            else { return }
            throw StoreError(.full, "the disk is full")
        }
        let count = Limits.unrecordedPerChannel + 2_000
        try await bench.store.enqueue(
            (0..<count).map { delivery("d\($0)", created: bench.now) }, now: bench.now)
        try await notifier.begun.wait(for: Limits.unrecordedPerChannel)
        // Nothing is leased any more: what had been leased by then is the most.
        #expect(notifier.begun.all.count <= Limits.unrecordedPerChannel + Limits.leasedPerChannel)
        isFull.store(false, ordering: .relaxed)
        try await bench.attempted.wait(for: count)
        #expect(notifier.begun.all.count == count, "nothing is sent twice")
        await bench.stop()
    }

    @Test("an outcome that the disk refuses keeps no other from it")
    func oneRefused() async throws {
        let gate = Gate()
        let (notifier, exit) = exit(atOnce: 8) { message, _ in
            await gate.pass(message.delivery.id)
            return .ok
        }
        let refusals = Atomic(2)
        let bench = try CourierBench([fleet: exit]) { sql in
            guard sql.hasPrefix("INSERT INTO delivery (n, channel, state, due, attempts, at"),
                refusals.subtract(1, ordering: .relaxed).newValue >= 0
            else { return }
            throw StoreError(.refused, "no")
        }
        let ids = (0..<8).map { "d\($0)" }
        try await bench.store.enqueue(
            ids.map { delivery($0, created: bench.now) }, now: bench.now)
        try await gate.arrived.wait(for: 8)
        gate.open()
        try await bench.attempted.wait(for: 8)
        #expect(bench.attempted.all.map(\.id).sorted() == ids)
        #expect(notifier.begun.all.count == 8, "nothing is sent twice")
        for id in ids { #expect(try bench.listed(id)?.delivery.state == .sent) }
        await bench.stop()
    }

    @Test("a channel that is no longer configured is said in the history, and not lost")
    func notConfigured() async throws {
        let bench = try CourierBench([:])
        try await bench.enqueue(delivery("a", created: bench.now))
        try await bench.attempted.wait(for: 1)
        let listed = try #require(try bench.listed("a"))
        #expect(listed.delivery.state == .queued)
        #expect(listed.attempts.map(\.note) == ["channel 'http:fleet' is not in the configuration"])
        await bench.stop()
    }

    @Test("'over' is not sent before the message that it ends, over failures and restarts")
    func order() async throws {
        let (notifier, exit) = exit { message, attempt in
            message.delivery.id == "began" && attempt < 2 ? .down : .ok
        }
        let bench = try CourierBench([fleet: exit])
        let start = bench.now
        try await bench.enqueue(
            delivery("began", created: start, incident: "i"),
            delivery("over", created: start, incident: "i", reason: .cleared),
            delivery("other", created: start, incident: "j"))
        try await bench.attempted.wait(for: 2)
        bench.pass(.seconds(2))
        try await bench.enqueue(delivery("fence", created: bench.now))
        try await bench.attempted.wait(for: 3)
        #expect(!notifier.begun.all.contains { $0.delivery.id == "over" })
        await bench.stop()

        let next = try CourierBench([fleet: exit], folder: bench.folder, clock: bench.clock)
        next.pass(.seconds(60))
        try await next.attempted.wait(for: 1)
        // What waits for one that is under way is looked at a second later.
        next.pass(.seconds(2))
        try await next.attempted.wait(for: 2)
        #expect(next.attempted.all.map(\.id) == ["began", "over"])
        #expect(try next.listed("over")?.attempts.count == 1, "to wait is no attempt")
        await next.stop()
    }

    @Test("a dead delivery that a person sends again is sent")
    func retried() async throws {
        let (_, exit) = exit { _, attempt in attempt == 1 ? .rejected(note: "410") : .ok }
        let bench = try CourierBench([fleet: exit])
        try await bench.enqueue(delivery("a", created: bench.now))
        try await bench.attempted.wait(for: 1)
        #expect(try bench.store.retry("a"))
        try await bench.attempted.wait(for: 2)
        #expect(try bench.listed("a")?.delivery.state == .sent)
        await bench.stop()
    }
}
