// The small parts of the relay, each as a value or with clocks that are moved by hand.
import Alerting
import Foundation
import Logging
import Storage
import Synchronization
import TestSupport
import Testing

@testable import RelayServer

@Suite("The timekeeper")
struct TimekeeperTests {
    let clock = HandClock()
    var start: Instant { Instant(milliseconds: 1_795_000_000_000) }

    @Test("time passes with the boot clock")
    func passes() {
        let time = clock.timekeeper
        clock.pass(.minutes(3))
        #expect(time.now() == start + .minutes(3))
        #expect(time.jumps == 0)
    }

    @Test("a wall that is set forward is followed, and said")
    func forward() {
        let time = clock.timekeeper
        clock.setWall(by: .hours(2))
        #expect(time.now() == start + .hours(2))
        #expect(time.jumps == 1)
        clock.pass(.seconds(1))
        #expect(time.now() == start + .hours(2) + .seconds(1))
        #expect(time.jumps == 1)
        #expect(time.leapt == .hours(2))
        #expect(time.leapt(since: start) == .hours(2))
        #expect(time.leapt(since: time.now()) == .zero)
    }

    @Test("what a hook wrote is not for the log, nor for the operator's mail")
    func hookOutput() throws {
        let delivery = DeliveryFixture.delivery([DeliveryFixture.item()])
        let settled = Settlement(
            of: delivery, .rejected(note: "exit 1\npassword=hunter2\n"), began: start, now: start)
        #expect(settled.attempt.note.contains("hunter2"), "kept with the attempt")
        #expect(settled.attempt.headline == "exit 1")
        let trouble = try #require(settled.trouble)
        #expect(trouble.text.contains("exit 1") && !trouble.text.contains("hunter2"))
    }

    @Test("the time to deliver in is time that passed, not a clock that was set")
    func deadline() throws {
        let time = clock.timekeeper
        let delivery = DeliveryFixture.delivery([DeliveryFixture.item()])
        clock.setWall(by: .days(9))
        let settled = Settlement(
            of: delivery, .retry(after: nil, blames: .channel, note: "away"),
            began: delivery.created, now: delivery.created + .days(9),
            leapt: time.now() - start)
        guard case .queued = settled.next else {
            Issue.record("given up after a second")
            return
        }
    }

    @Test("a drift of a few seconds is not followed")
    func drift() {
        let time = clock.timekeeper
        clock.setWall(by: .seconds(5))
        #expect(time.now() == start)
        clock.setWall(by: .seconds(-10))
        #expect(time.now() == start)
    }

    @Test("behind a wall that is set back time goes on at half the pace until they meet")
    func back() {
        let time = clock.timekeeper
        clock.setWall(by: .hours(-1))
        #expect(time.now() == start)
        #expect(time.wallIsBehind == .hours(1))
        // Asked often: nothing is lost to rounding.
        for _ in 0..<1_001 {
            clock.pass(.milliseconds(1))
            _ = time.now()
        }
        #expect(time.now() == start + .milliseconds(500))
        clock.pass(.hours(2))
        #expect(time.wallIsBehind == .zero, "and no further")
        #expect(time.jumps == 0)
    }

    @Test("it never goes back, whatever the clocks do")
    func never() {
        let time = clock.timekeeper
        var last = time.now()
        var random = Numbers(seed: 7)
        for _ in 0..<10_000 {
            clock.setWall(by: .milliseconds(Int64(random.next(upTo: 20_000)) - 10_000))
            clock.pass(.milliseconds(Int64(random.next(upTo: 50))))
            let now = time.now()
            #expect(now >= last)
            last = now
        }
    }

    @Test("it goes on from what stands on disk where the wall is behind")
    func goesOn() {
        let time = clock.timekeeper
        time.goOn(from: start + .minutes(10))
        #expect(time.now() == start + .minutes(10))
        time.goOn(from: start)
        clock.pass(.seconds(2))
        #expect(time.now() == start + .minutes(10) + .seconds(1))
        clock.setWall(by: .days(1))
        #expect(time.now() == start + .days(1) + .seconds(2))
    }
}

@Suite("A signal")
struct SignalTests {
    @Test("a wake that comes before the wait is not lost, and taken once")
    func early() {
        let signal = Signal()
        signal.raise()
        signal.raise()
        #expect(signal.wait(timeout: .seconds(10)))
        #expect(!signal.wait(timeout: .zero))
    }

    @Test("it wakes a thread that waits", .timeLimit(.minutes(1)))
    func wakes() async throws {
        let signal = Signal()
        let woken = Seen<Bool>()
        Thread { woken.note(signal.wait(timeout: .seconds(60))) }.start()
        signal.raise()
        #expect(try await woken.wait(for: 1) == [true])
    }
}

@Suite("The circuit breaker")
struct BreakerTests {
    let now = Instant(seconds: 1_000)

    private func expectAdmits(
        _ breaker: inout Breaker, _ now: Instant, _ wanted: Bool,
        at place: SourceLocation = #_sourceLocation
    ) {
        let admits = breaker.admits(now: now)
        #expect(admits == wanted, sourceLocation: place)
    }

    @Test("it opens after five failures in a row, not before")
    func opens() {
        var breaker = Breaker()
        for _ in 0..<4 { breaker.failed(now: now) }
        expectAdmits(&breaker, now, true)
        breaker.succeeded()
        for _ in 0..<4 { breaker.failed(now: now) }
        #expect(!breaker.isOpen)
        breaker.failed(now: now)
        #expect(breaker.isOpen)
        expectAdmits(&breaker, now, false)
    }

    @Test("after a pause one probe goes through, whose end decides")
    func probes() {
        var breaker = Breaker()
        for _ in 0..<5 { breaker.failed(now: now) }
        expectAdmits(&breaker, now + .milliseconds(4_999), false)
        expectAdmits(&breaker, now + .seconds(5), true)
        expectAdmits(&breaker, now + .seconds(5), false)
        breaker.failed(now: now + .seconds(6))
        #expect(breaker.openUntil == now + .seconds(16))
        expectAdmits(&breaker, now + .seconds(16), true)
        breaker.succeeded()
        #expect(!breaker.isOpen)
        expectAdmits(&breaker, now + .seconds(16), true)
    }

    @Test("its pause grows to a minute and no further")
    func grows() {
        var breaker = Breaker()
        for _ in 0..<5 { breaker.failed(now: now) }
        var pauses: [Duration] = []
        for _ in 0..<6 {
            let moment = breaker.openUntil ?? now
            expectAdmits(&breaker, moment, true)
            breaker.failed(now: moment)
            pauses.append((breaker.openUntil ?? moment) - moment)
        }
        #expect(pauses == [10, 20, 40, 60, 60, 60].map { .seconds($0) })
    }

    @Test("what was under way when it opened does not lengthen the first pause")
    func stragglers() {
        var breaker = Breaker()
        for _ in 0..<16 { breaker.failed(now: now) }
        #expect(breaker.openUntil == now + .seconds(5))
    }
}

@Suite("A lane")
struct LaneTests {
    let now = Instant(seconds: 1_000)

    private func first(_ id: String, _ incident: String, due: Duration = .zero) -> Delivery {
        var first = delivery(id, created: now, incident: incident)
        first.due = now + due
        return first
    }
    private func over(_ incident: String, contact: String = "owner") -> Delivery {
        var over = delivery(
            "over-\(incident)-\(contact)", created: now + .seconds(1), incident: incident,
            reason: .cleared, contact: contact)
        over.due = now + .seconds(1)
        return over
    }
    /// The next one's id; of one that is put off, also until when.
    private func expectNext(
        _ lane: Lane, _ moment: Instant, _ wanted: String?,
        at place: SourceLocation = #_sourceLocation
    ) {
        let next: String? =
            switch lane.next(now: moment) {
            case .attempt(let delivery): delivery.id
            case .postpone(let delivery, let due): "\(delivery.id) +\((due - now).wholeSeconds)"
            case nil: nil
            }
        #expect(next == wanted, sourceLocation: place)
    }

    @Test("so many at once, in order, none twice")
    func bounded() {
        let lane = Lane(atOnce: 2)
        let all = ["a", "b", "c"].map { delivery($0, created: now) }
        lane.lease(all)
        expectNext(lane, now, "a")
        expectNext(lane, now, "b")
        expectNext(lane, now, nil)
        lane.ended(.ok, now: now)
        expectNext(lane, now, "c")
        lane.ended(.ok, now: now)
        expectNext(lane, now, nil)
        #expect(lane.leased == ["a", "b", "c"], "until they are settled")
        _ = lane.settled(all[0], .sent)
        #expect(lane.leased == ["b", "c"])
    }

    @Test("what is queued again is not lost where it comes before the word of its attempt")
    func early() {
        let lane = Lane(atOnce: 2)
        let all = ["a", "b"].map { delivery($0, created: now) }
        lane.lease(all)
        expectNext(lane, now, "a")
        lane.ended(.down, now: now)
        lane.lease([all[0]])
        expectNext(lane, now, "b")
        expectNext(lane, now, nil)
        let isWanted = lane.settled(all[0], .queued(due: now))
        #expect(isWanted, "it is to be looked for")
        #expect(lane.leased == ["a", "b"])
        expectNext(lane, now, "a")
        expectNext(lane, now, nil)
    }

    @Test("it asks for more only when half of what it holds has gone")
    func room() {
        let lane = Lane(atOnce: 1)
        let most = Limits.leasedPerChannel
        #expect(lane.room == most)
        lane.lease((0..<most).map { delivery("\($0)", created: now) })
        #expect(lane.room == 0)
        for _ in 0..<most / 2 {
            _ = lane.next(now: now)
            lane.ended(.ok, now: now)
        }
        #expect(lane.room == most / 2)
    }

    @Test("an open breaker lets one through when its pause is over")
    func breaker() {
        let lane = Lane(atOnce: 4)
        lane.lease((0..<9).map { delivery("\($0)", created: now) })
        for _ in 0..<5 {
            _ = lane.next(now: now)
            lane.ended(.down, now: now)
        }
        expectNext(lane, now, nil)
        #expect(lane.probeAt == now + .seconds(5))
        expectNext(lane, now + .seconds(5), "5")
        expectNext(lane, now + .seconds(5), nil)
        #expect(lane.probeAt == nil, "a probe is under way")
    }

    @Test("'over' waits for what began it: ready, under way, or to be tried again")
    func order() {
        let lane = Lane(atOnce: 4)
        let began = first("began", "i")
        lane.lease([began, over("i"), first("other", "j")])
        expectNext(lane, now, "began")
        expectNext(lane, now, "over-i-owner +1")
        expectNext(lane, now, "other")
        lane.released(over("i"))
        lane.ended(.down, now: now)
        _ = lane.settled(began, .queued(due: now + .seconds(30)))
        lane.lease([over("i")])
        expectNext(lane, now + .seconds(1), "over-i-owner +30")
        lane.released(over("i"))
        lane.lease([first("began", "i", due: .seconds(30))])
        expectNext(lane, now + .seconds(30), "began")
        lane.ended(.ok, now: now)
        _ = lane.settled(began, .sent)
        lane.lease([over("i")])
        expectNext(lane, now + .seconds(31), "over-i-owner")
    }

    @Test("a dead beginning, another contact and an earlier run's failure")
    func orderElsewhere() {
        let lane = Lane(atOnce: 9)
        let began = first("began", "i", due: .minutes(5))
        lane.expect(began)
        lane.lease([over("i"), over("i", contact: "fleet")])
        expectNext(lane, now, "over-i-owner +300")
        expectNext(lane, now, "over-i-fleet")
        lane.released(over("i"))
        _ = lane.settled(began, .dead)
        lane.lease([over("i")])
        expectNext(lane, now, "over-i-owner")
    }

    @Test("'over' waits for each of several messages, in whatever order they end")
    func orderOfSeveral() {
        let told = ["a", "b", "c"].map { first($0, "i", due: .minutes(5)) }
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let lane = Lane(atOnce: 9)
            for delivery in told { lane.expect(delivery) }
            for place in order {
                lane.lease([over("i")])
                expectNext(lane, now, "over-i-owner +300")
                lane.released(over("i"))
                _ = lane.settled(told[place], .sent)
            }
            lane.lease([over("i")])
            expectNext(lane, now, "over-i-owner")
        }
    }

    @Test("a beginning that was cancelled meanwhile holds nothing up for ever")
    func gone() {
        let lane = Lane(atOnce: 9)
        lane.expect(first("began", "i", due: .seconds(5)))
        var end = over("i")
        end.due = now + .seconds(6)
        lane.lease([end])
        expectNext(lane, now + .seconds(6), "over-i-owner")
    }
}

@Suite("What becomes of an attempt")
struct SettlementTests {
    let now = Instant(seconds: 100_000)

    private func settlement(
        _ outcome: Outcome, age: Duration = .zero, attempts: Int = 0,
        severity: Severity = .critical, trouble: Bool = false
    ) -> Settlement {
        var delivery = delivery("d", created: now - age, severity: severity)
        delivery.attempts = attempts
        if trouble {
            delivery.trouble = Trouble(kind: .badReload, subject: "s", text: "t")
        }
        return Settlement(of: delivery, outcome, began: now - .seconds(1), now: now)
    }

    @Test("delivered is sent")
    func sent() {
        let sent = settlement(.ok)
        #expect(sent.next == .sent)
        #expect(sent.attempt.result == .delivered)
        #expect(sent.attempt.at == now - .seconds(1))
        #expect(sent.attempt.duration == .seconds(1))
        #expect(sent.trouble == nil)
    }

    @Test("refused is dead, and the operator is told how to see it and send it again")
    func rejected() {
        let dead = settlement(.rejected(note: "410 Gone"))
        #expect(dead.next == .dead)
        #expect(dead.trouble?.kind == .deadDelivery)
        #expect(dead.trouble?.text.contains("outcry deliveries retry d") ?? false)
        #expect(dead.trouble?.text.contains("410 Gone") ?? false)
    }

    @Test("a message to the operator that dies tells nobody")
    func noEnd() {
        #expect(settlement(.rejected(note: "no"), trouble: true).next == .dead)
        #expect(settlement(.rejected(note: "no"), trouble: true).trouble == nil)
    }

    @Test(
        "the waits of the issue, and up to a fifth more",
        arguments: [
            (Severity.critical, 0, 5), (.critical, 1, 15), (.critical, 2, 30), (.critical, 3, 60),
            (.critical, 4, 120), (.critical, 5, 300), (.critical, 99, 300), (.info, 0, 30),
            (.warning, 1, 60),
        ])
    func waits(severity: Severity, attempts: Int, seconds: Int) throws {
        let next = settlement(.down, attempts: attempts, severity: severity).next
        guard case .queued(let due) = next else {
            Issue.record("not queued: \(next)")
            return
        }
        let wait = due - now
        #expect(wait >= .seconds(seconds) && wait <= .milliseconds(seconds * 1_200))
    }

    @Test("Retry-After is waited for, but the last attempt is at the deadline")
    func retryAfter() {
        let asked = Outcome.retry(after: .minutes(20), blames: .channel, note: "429")
        #expect(settlement(asked).next == .queued(due: now + .minutes(20)))
        #expect(
            settlement(asked, age: .hours(24) - .minutes(10)).next
                == .queued(due: now + .minutes(10)))
        let soon = Outcome.retry(after: .milliseconds(1), blames: .channel, note: "429")
        if case .queued(let due) = settlement(soon).next { #expect(due >= now + .seconds(5)) }
    }

    @Test("a critical one is given up after a day, the others after three")
    func deadline() {
        #expect(settlement(.down, age: .hours(24)).next == .dead)
        #expect(settlement(.down, age: .hours(24), severity: .info).next != .dead)
        #expect(settlement(.down, age: .days(3), severity: .info).next == .dead)
    }
}

@Suite("What is printed")
struct ConsoleTests {
    @Test("a device's name moves no cursor and begins no line")
    func table() {
        var table = Table(["id", "device"])
        table.add(["1", "a\u{1b}[2Jb\nc\u{202e}d\u{2028}e"])
        table.note("x\r\ny")
        #expect(table.text(empty: "none") == "id  device\n1   a [2Jb c d e\nx  y")
        #expect(Table(["id"]).text(empty: "none") == "none")
    }

    @Test("a value writes no log line of its own")
    func log() {
        let text = StderrHandler(format: .text)
        #expect(
            text.line(
                "T", .info, "came", [("device", "a\nb"), ("n", "1"), ("o", "x y"), ("p", "")])
                == #"T info: came device="a\nb" n=1 o="x y" p="""#)
        #expect(text.line("T", .error, "two\nlines", []) == "T error: two\n    lines")
        let json = StderrHandler(format: .json)
        #expect(
            json.line("T", .info, "a \"b\"\n", [("k", "v")])
                == #"{"time":"T","level":"info","message":"a \"b\"\n","k":"v"}"#)
    }

    @Test("metrics are Prometheus' text format, whatever stands in a label")
    func metrics() {
        var page = MetricsPage()
        page.add("a_total", .counter, "Help.", 3)
        page.add("b", .gauge, "Help.", [([("channel", "x\"y\\z\r\nw")], 0.5), ([], 2)])
        #expect(
            page.text == """
                # HELP outcry_a_total Help.
                # TYPE outcry_a_total counter
                outcry_a_total 3
                # HELP outcry_b Help.
                # TYPE outcry_b gauge
                outcry_b{channel="x\\"y\\\\z\r\\nw"} 0.5
                outcry_b 2

                """)
        #expect(MetricsPage.residentBytes > 1_000_000)
    }
}

/// Numbers that look like chance and are the same each time (SplitMix64).
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(upTo bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
