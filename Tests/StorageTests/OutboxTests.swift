// Deliveries from their enqueueing to sent or dead, over restarts.
import Alerting
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Storage

@Suite struct OutboxTests {
    let place: Place
    let store: Store
    var now: Instant { place.clock.now }
    let fleet = ChannelName.http("fleet")

    init() throws {
        place = try Place()
        store = try place.open()
    }

    private func enqueue(_ deliveries: [Delivery]) async throws {
        try await store.commit([step(nil, now: now, [], deliveries)])
    }
    private func lease(_ store: Store? = nil, limit: Int = 100) throws -> [String] {
        try (store ?? self.store).lease(channel: fleet, now: now, limit: limit).map(\.id)
    }
    private func settle(
        _ id: String, _ next: Settlement.Next, _ result: Attempt.Result = .retry,
        trouble: Trouble? = nil
    ) async throws {
        try await store.settle([
            Settlement(delivery: id, attempt: attempt(result), next: next, trouble: trouble)
        ])
    }
    private func reopen() throws -> Store {
        store.close()
        return try place.open()
    }

    @Test("a delivery comes out as it went in, from memory and from disk")
    func whole() async throws {
        var email = delivery("d1", due: now, channel: .email)
        email.trouble = Trouble(kind: .deadDelivery, subject: "a\tb", text: "line\nline")
        email.items = []
        let http = delivery("d2", due: now)
        try await enqueue([email, http])
        #expect(try store.lease(channel: .email, now: now, limit: 1) == [email])
        #expect(store.channelsWithWork == [.email, fleet])
        let again = try reopen()
        #expect(again.channelsWithWork == [.email, fleet])
        #expect(try again.lease(channel: .email, now: now, limit: 1) == [email])
        #expect(try again.lease(channel: fleet, now: now, limit: 1) == [http])
    }

    @Test("they come by due, none before it, none that is leased")
    func order() async throws {
        try await enqueue([
            delivery("c", due: now + .seconds(2)), delivery("a", due: now - .seconds(1)),
            delivery("b", due: now), delivery("x", due: now, channel: .email),
        ])
        #expect(store.nextDue(channel: fleet) == now - .seconds(1))
        #expect(try lease(limit: 1) == ["a"])
        #expect(try lease() == ["b"])
        #expect(try lease() == [])
        #expect(store.nextDue(channel: fleet) == now + .seconds(2))
        #expect(store.nextDue(channel: .hook("none")) == nil)
        place.clock.advance(.seconds(2))
        #expect(try lease() == ["c"])
        #expect(store.nextDue(channel: fleet) == nil)
        #expect(store.channelsWithWork == [.email, fleet], "what is leased is not done")
        #expect(try lease(reopen()) == ["a", "b", "c"])
    }

    @Test("the second delivery of one id is refused")
    func once() async throws {
        try await enqueue([delivery("a", due: now)])
        try await enqueue([delivery("a", due: now), delivery("b", due: now)])
        try await settle("a", .sent, .delivered)
        try await enqueue([delivery("a", due: now)])
        #expect(try lease() == ["b"])
        #expect(try lease(reopen()) == ["b"])
    }

    @Test("sent is the end, a retry waits and counts, and a crash gives leases back")
    func settled() async throws {
        try await enqueue([delivery("a", due: now), delivery("b", due: now)])
        try await settle("a", .sent, .delivered)
        try await settle("b", .queued(due: now + .seconds(5)))
        #expect(try lease() == [])
        #expect(store.nextDue(channel: fleet) == now + .seconds(5))
        place.clock.advance(.seconds(5))
        let crashed = try Place(crashOf: place)
        for store in [store, try crashed.open()] {
            let waiting = try store.lease(channel: fleet, now: now, limit: 9)
            #expect(waiting.map(\.id) == ["b"])
            #expect(waiting.first?.attempts == 1)
        }
    }

    @Test("a dead delivery tells the operator in the same transaction, and can be retried")
    func dead() async throws {
        let trouble = Trouble(kind: .deadDelivery, subject: "dead", text: "a")
        try await enqueue([delivery("a", due: now), delivery("b", due: now)])
        try await settle("a", .dead, .rejected, trouble: trouble)
        try await settle("b", .dead, .rejected)
        guard case .trouble(let told, let cause) = try store.inputs(after: 0, limit: 9)[0].input
        else { throw Wrong() }
        #expect(told == trouble)
        #expect(cause == "a#1")
        #expect(try store.counts().dead == 2)
        #expect(try store.retry("nobody") == false)
        #expect(try store.retry("a"))
        #expect(try store.retry("a") == false)
        #expect(try lease() == ["a"])
        #expect(try store.retryAllDead() == 1)
        #expect(try lease() == ["b"], "what is leased stays so")
        let listed = try store.listing.deliveries(limit: 9)
        #expect(listed.map(\.attempts) == [[attempt(.rejected)], [attempt(.rejected)]])
        #expect(listed.map(\.delivery.state) == [.queued, .queued])
    }

    @Test("what was cancelled while it was being sent is not queued again, but may be sent")
    func cancelledMeanwhile() async throws {
        try await enqueue([delivery("a", due: now), delivery("b", due: now)])
        try await store.commit([step(nil, now: now, [.released(["a", "b"], into: nil)])])
        #expect(try lease() == [])
        try await settle("a", .queued(due: now))
        try await settle("b", .sent, .delivered)
        #expect(try lease(reopen()) == [])
        let states = try place.openListing().deliveries(limit: 9).map(\.delivery.state)
        #expect(states == [.sent, .cancelled])
    }

    @Test("the history is bounded and keeps the newest")
    func history() async throws {
        try await enqueue([delivery("a", due: now)])
        let count = Limits.attemptsKept + 3
        for number in 1...count {
            try await store.settle([
                Settlement(
                    delivery: "a", attempt: attempt(.retry, at: Instant(seconds: Int64(number))),
                    next: .queued(due: now))
            ])
        }
        let listed = try #require(try store.listing.deliveries(limit: 1).first)
        #expect(listed.delivery.attempts == count)
        #expect(
            listed.attempts.map(\.at) == (4...count).map { Instant(seconds: Int64($0)) })
    }

    @Test("held ones are recalled, and leave when they are merged")
    func held() async throws {
        let first = delivery("h1", due: now + .seconds(600), state: .held)
        let second = delivery("h2", due: now + .seconds(500), state: .held)
        try await enqueue([first, second])
        #expect(try lease() == [])
        #expect(try store.recall().memory.held == [second, first])
        try await store.commit([
            step(
                nil, now: now, [.released(["h1", "h2"], into: "m")], [delivery("m", due: now)])
        ])
        #expect(try store.recall().memory.held.isEmpty)
        #expect(try lease() == ["m"])
    }

    @Test("a settlement of a delivery that is not there fails alone")
    func failsAlone() async throws {
        try await enqueue([delivery("a", due: now)])
        let results = await withTaskGroup(of: (String, Bool).self) { group in
            for id in ["a", "nobody", "nothing"] {
                let store = store
                group.addTask {
                    let sent = Settlement(delivery: id, attempt: attempt(), next: .sent)
                    do {
                        try await store.settle([sent])
                        return (id, true)
                    } catch { return (id, false) }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(results == ["a": true, "nobody": false, "nothing": false])
    }

    @Test("the courier is woken by what is queued, not by what is held")
    func wake() async throws {
        let wakes = Mutex(0)
        store.setOnQueued { wakes.withLock { $0 += 1 } }
        try await enqueue([delivery("h", due: now, state: .held)])
        #expect(wakes.withLock { $0 } == 0)
        try await enqueue([delivery("a", due: now)])
        #expect(wakes.withLock { $0 } == 1)
    }

    @Test("how an attempt ended is written with what follows at once, and else alone")
    func settlesInCompany() async throws {
        let commits = Mutex(0)
        let place = try Place()
        let store = try Store(
            path: place.path, clock: { [clock = place.clock] in clock.now }, decode: { _ in nil },
            fault: { if $0 == "COMMIT" { commits.withLock { $0 += 1 } } })
        var rounds: Set<Int> = []
        for n in 0..<50 {
            try await store.commit([step(nil, now: now, [], [delivery("a\(n)", due: now)])])
            let before = commits.withLock { $0 }
            let sent = Settlement(delivery: "a\(n)", attempt: attempt(.delivered), next: .sent)
            let settled = AsyncStream.makeStream(of: Void.self)
            store.settle([sent]) { _ in settled.continuation.finish() }
            try await store.commit([step(nil, now: now, [], [delivery("b\(n)", due: now)])])
            for await _ in settled.stream {}
            rounds.insert(commits.withLock { $0 } - before)
        }
        #expect(rounds.contains(1), "together")
        let alone = Settlement(delivery: "b0", attempt: attempt(.delivered), next: .sent)
        try await store.settle([alone])
        #expect(try store.lease(channel: fleet, now: now, limit: 99).count == 49)
        store.close()
    }

    @Test("no statement looks through all deliveries, most of which were sent long ago")
    func byIndex() async throws {
        let said = Mutex<Set<String>>([])
        let place = try Place()
        let store = try Store(
            path: place.path, clock: { [clock = place.clock] in clock.now }, decode: { _ in nil },
            fault: { sql in said.withLock { _ = $0.insert(sql) } })
        defer { store.close() }
        try await store.commit([
            step(
                nil, now: now, [.clockSet(forward: .seconds(60), since: now)],
                [delivery("a", due: now), delivery("b", due: now, state: .held)])
        ])
        for (end, result) in [(Settlement.Next.dead, Attempt.Result.rejected), (.sent, .delivered)]
        {
            try await store.settle([
                Settlement(delivery: "a", attempt: attempt(result), next: end)
            ])
            #expect(try store.retry("a") == (end == .dead))
        }
        #expect(try store.retryAllDead() == 0)
        let statements = said.withLock { $0 } + ["SELECT 1 FROM \(Delivery.newestDead)"]
        let plans = try await store.file.reading.read { db in
            try statements.filter { $0.contains("delivery") || $0.contains("outbox") }.map { sql in
                let plan = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
                plan.setUncheckedArguments(StatementArguments())
                return (sql, try Row.fetchAll(plan).map { $0["detail"] as String })
            }
        }
        #expect(plans.count > 8)
        for (sql, plan) in plans {
            let scans = plan.contains {
                $0.hasPrefix("SCAN delivery") || $0.hasPrefix("SCAN outbox")
            }
            #expect(!scans, "\(sql): \(plan)")
        }
    }

    @Test("the queue on disk is the queue, whatever became of each", arguments: 1...12)
    func model(seed: UInt64) async throws {
        var random = Draws(seed)
        /// What is queued: by due, then in the order in which it was made.
        var queue: [(due: Instant, n: Int, attempts: Int)] = []
        var sent: Set<Int> = []
        var made = 0
        var store = store
        for _ in 0..<60 {
            switch random.next(6) {
            case 0...2:
                // Timers that were due at once are older than what was made before them.
                let due = now + .seconds(Int64(random.next(3)) - 1)
                try await store.commit([step(nil, now: now, [], [delivery("d\(made)", due: due)])])
                queue.append((due, made, 0))
                made += 1
                place.clock.advance(.milliseconds(Int64(random.next(900))))
            case 3:
                guard !queue.isEmpty else { continue }
                let one = queue.remove(at: random.next(queue.count))
                let end = Settlement(delivery: "d\(one.n)", attempt: attempt(), next: .sent)
                try await store.settle([end])
                sent.insert(one.n)
            case 4:
                guard !queue.isEmpty else { continue }
                let index = random.next(queue.count)
                queue[index].due = now + .seconds(Int64(random.next(5)))
                queue[index].attempts += 1
                let next = Settlement.Next.queued(due: queue[index].due)
                try await store.settle([
                    Settlement(delivery: "d\(queue[index].n)", attempt: attempt(.retry), next: next)
                ])
            default:
                store.close()
                store = try place.open()
            }
            // As another start would find it, a few at a time.
            let order = queue.sorted { ($0.due, $0.n) < ($1.due, $1.n) }
            var (read, from) = ([Backlog.Entry](), Backlog.Key.first)
            while true {
                let page = try store.read { [fleet, from] in
                    try $0.queued(fleet, from: from, limit: 4)
                }
                read += page.prefix(3)
                guard page.count == 4 else { break }
                from = page[3].key
            }
            #expect(read.map(\.delivery.id) == order.map { "d\($0.n)" }, "seed \(seed)")
            #expect(read.map(\.delivery.attempts) == order.map(\.attempts))
            #expect(try store.counts().queued[fleet, default: 0] == queue.count)
        }
        let listed = try store.listing.deliveries(limit: made)
        #expect(listed.map(\.delivery.id) == (0..<made).reversed().map { "d\($0)" })
        #expect(
            Set(listed.filter { $0.delivery.state == .sent }.map(\.delivery.id)).count == sent.count
        )
        store.close()
    }

    @Test("what is put off comes later, with the history it had, over a restart too")
    func postponed() async throws {
        try await enqueue([delivery("a", due: now), delivery("b", due: now)])
        let later = now + .seconds(30)
        try await withCheckedContinuation { done in
            store.postpone(["a", "nobody"], until: later) { done.resume(returning: $0) }
        }.get()
        #expect(
            try store.lease(channel: fleet, now: now, limit: 9).map(\.id) == ["b"])
        #expect(store.nextDue(channel: fleet) == later)
        #expect(try store.retrying().isEmpty, "to wait is no attempt")
        let settlement = Settlement(
            delivery: "b", attempt: attempt(.retry), next: .queued(due: later))
        try await store.settle([settlement])
        #expect(try store.retrying().map(\.id) == ["b"])
        store.close()
        let again = try place.open()
        let due = try again.lease(channel: fleet, now: later, limit: 9)
        #expect(due.map(\.id) == ["a", "b"])
        #expect(due.map(\.attempts) == [0, 1])
        #expect(try again.retrying().map(\.id) == ["b"])
    }
}

@Suite struct BacklogTests {
    /// The rows of a queue, as a model of the table.
    private final class Table {
        var rows: [(key: Backlog.Key, delivery: Delivery)] = []
        var reads = 0
        func read(_ from: Backlog.Key, _ limit: Int) -> [Backlog.Entry] {
            reads += 1
            return Array(rows.sorted { $0.key < $1.key }.filter { $0.key >= from }.prefix(limit))
        }
    }

    @Test("a window over a long queue gives the same as the queue", arguments: 1...40)
    func model(seed: UInt64) throws {
        var random = Draws(seed)
        func draw(_ bound: Int) -> Int { random.next(bound) }
        let backlog = Backlog(bound: 6, atATime: 4)
        let table = Table()
        let channel = ChannelName.http("fleet")
        var leased: Set<String> = []
        for round in 0..<200 {
            var outcome = Outcome()
            switch draw(4) {
            case 0, 1:
                for part in 0..<draw(5) {
                    let due = Instant(seconds: Int64(draw(30)))
                    let key = Backlog.Key(due: due, n: Int64(round * 10 + part + 1))
                    let entry = (key: key, delivery: delivery("d\(key.n)", due: due))
                    table.rows.append(entry)
                    outcome.queued.append(entry)
                }
            case 2:
                guard let index = table.rows.indices.randomElement(draw) else { continue }
                let id = table.rows.remove(at: index).delivery.id
                leased.remove(id)
                outcome.settled = [id]
            default:
                guard let index = table.rows.indices.randomElement(draw) else { continue }
                let due = Instant(seconds: Int64(draw(40)))
                table.rows[index].key.due = due
                table.rows[index].delivery.due = due
                table.rows[index].delivery.attempts += 1
                let row = table.rows[index]
                outcome.requeued = [
                    .init(
                        id: row.delivery.id, channel: channel, key: row.key,
                        attempts: row.delivery.attempts)
                ]
                leased.remove(row.delivery.id)
            }
            backlog.apply(outcome)
            if round == 100 { backlog.reload([channel]) }
            let now = Instant(seconds: Int64(draw(45)))
            let limit = draw(3)
            let got = try backlog.lease(channel, now: now, limit: limit) {
                _, from, limit in table.read(from, limit)
            }
            let free = table.rows.sorted { $0.key < $1.key }.filter {
                $0.key.due <= now && !leased.contains($0.delivery.id)
            }.map(\.delivery)
            // It may give fewer than there are, but never out of order, and none only where
            // there is none.
            let same = got == Array(free.prefix(got.count))
            #expect(same, "seed \(seed), round \(round)")
            #expect(
                got.isEmpty == (free.isEmpty || limit == 0), "seed \(seed), round \(round)")
            leased.formUnion(got.map(\.id))
        }
    }

    @Test("in steady state nothing is read")
    func noReads() throws {
        let backlog = Backlog()
        let table = Table()
        for n in Int64(1)...1_000 {
            var outcome = Outcome()
            let id = "d\(n)"
            outcome.queued = [
                (
                    Backlog.Key(due: Instant(seconds: n), n: n),
                    delivery(id, due: Instant(seconds: n))
                )
            ]
            backlog.apply(outcome)
            let got = try backlog.lease(.http("fleet"), now: .distantFuture, limit: 5) {
                _, from, limit in table.read(from, limit)
            }
            #expect(got.map(\.id) == [id])
            var end = Outcome()
            end.settled = [id]
            backlog.apply(end)
        }
        #expect(table.reads == 0)
        #expect(backlog.channels.isEmpty)
    }
}

/// Draws that are the same for the same seed.
private struct Draws {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }
}

extension Range<Int> {
    fileprivate func randomElement(_ draw: (Int) -> Int) -> Int? {
        isEmpty ? nil : lowerBound + draw(count)
    }
}
