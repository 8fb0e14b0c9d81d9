// When a source connects again and when it catches up.
import Alerting
import Testing

@testable import Intake

@Suite("The life of a source")
struct SourceLifeTests {
    let now = Instant(seconds: 1_795_000_000)

    @Test("pauses double from one second to a minute")
    func backoff() {
        var reconnection = Reconnection()
        let pauses = (0..<9).map { _ in
            reconnection.pause(after: .lost(after: .zero), jitter: 1)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
    }

    @Test("chance takes half of a pause at most, and never makes a hot loop", arguments: [0, 0.3])
    func jitter(_ jitter: Double) {
        var reconnection = Reconnection()
        var most = 1.0
        for _ in 0..<9 {
            let pause = reconnection.pause(after: .lost(after: .zero), jitter: jitter)
            #expect(pause >= .seconds(1) && pause >= .milliseconds(Int64(most * 500)))
            #expect(pause <= .milliseconds(Int64(max(1, most) * 1_000)))
            most = min(60, most * 2)
        }
    }

    @Test("a connection that has lived for a minute starts the pauses anew; a short one does not")
    func reset() {
        var reconnection = Reconnection()
        for _ in 0..<5 { _ = reconnection.pause(after: .lost(after: .zero), jitter: 1) }
        #expect(reconnection.pause(after: .lost(after: .seconds(59)), jitter: 1) == .seconds(32))
        #expect(reconnection.pause(after: .lost(after: .seconds(60)), jitter: 1) == .seconds(1))
        #expect(reconnection.pause(after: .lost(after: .zero), jitter: 1) == .seconds(2))
    }

    @Test("after a refused login ten seconds, then doubling to five minutes")
    func refused() {
        var reconnection = Reconnection()
        let pauses = (0..<7).map { _ in reconnection.pause(after: .refused, jitter: 0) }
        #expect(pauses == [10, 20, 40, 80, 160, 300, 300].map { .seconds($0) })
        #expect(reconnection.pause(after: .lost(after: .zero), jitter: 1) == .seconds(1))
        #expect(reconnection.pause(after: .refused, jitter: 0) == .seconds(10))
    }

    @Test("catch-up: at the start, then by the clock")
    func schedule() {
        var schedule = CatchupSchedule(every: .minutes(15), now: now)
        #expect(schedule.due == now + .seconds(10), "the socket may open first")
        schedule.ask(.start, now: now + .seconds(1))
        #expect(schedule.due == now + .seconds(1))
        #expect(schedule.begin(now: now + .seconds(1)) == .start)
        schedule.succeeded()
        #expect(schedule.due == now + .seconds(1) + .minutes(15))
        #expect(schedule.begin(now: now + .minutes(16)) == .interval)
    }

    @Test("a lost socket is followed by a look, which a new connection takes over")
    func lost() {
        var schedule = CatchupSchedule(every: .minutes(15), now: now)
        _ = schedule.begin(now: now)
        schedule.succeeded()
        schedule.ask(.lost, now: now)
        #expect(schedule.due == now + .seconds(10))
        schedule.ask(.reconnect, now: now + .seconds(2))
        #expect(schedule.due == now + .seconds(2))
        #expect(schedule.begin(now: now + .seconds(2)) == .reconnect)
    }

    @Test("what is asked while one runs is done after it")
    func askedMeanwhile() {
        var schedule = CatchupSchedule(every: .minutes(15), now: now)
        _ = schedule.begin(now: now)
        schedule.ask(.reconnect, now: now + .seconds(3))
        schedule.succeeded()
        #expect(schedule.due == now + .seconds(3))
        #expect(schedule.begin(now: now + .seconds(4)) == .reconnect)
    }

    @Test("a failure is tried again in ten seconds, doubling; nobody makes it a hot loop")
    func failures() {
        var schedule = CatchupSchedule(every: .minutes(15), now: now)
        var at = now
        for pause in [10, 20, 40, 80, 160, 300, 300] {
            let reason = schedule.begin(now: at)
            schedule.ask(.missed, now: at)
            schedule.failed(reason, now: at, jitter: 1)
            schedule.ask(.missed, now: at)
            #expect(schedule.due >= at + .seconds(5))
            _ = schedule.begin(now: at)
            schedule.failed(.start, now: at, jitter: 1)
            _ = pause
            at = schedule.due
        }
        #expect(schedule.due - at <= .minutes(5))
    }

    @Test("a new connection ends the pause after a failure")
    func reconnectEndsPause() {
        var schedule = CatchupSchedule(every: .minutes(15), now: now)
        for _ in 0..<4 {
            let reason = schedule.begin(now: now)
            schedule.failed(reason, now: now, jitter: 1)
        }
        #expect(schedule.due == now + .seconds(80))
        schedule.ask(.clock, now: now)
        #expect(schedule.due == now + .seconds(80))
        schedule.ask(.reconnect, now: now)
        #expect(schedule.due == now)
        #expect(schedule.begin(now: now) == .start, "what is not done yet stays what it was")
    }

    @Test("a source is down where nothing is pushed and the last catch-up failed")
    func up() {
        var state = SourceState(since: now)
        #expect(!state.isUp)
        #expect(state.isSilent == nil, "nothing was tried yet")
        state.trouble = "the server cannot be reached"
        #expect(state.isSilent == true, "without a login there is no catch-up that could fail")
        state.trouble = nil
        state.lastCatchup = .init(at: now, isGood: true)
        #expect(state.isUp)
        #expect(state.isSilent == false)
        state.lastCatchup = .init(at: now, isGood: false)
        #expect(!state.isUp)
        #expect(state.isSilent == true)
        state.isConnected = true
        #expect(state.isUp)
    }
}
