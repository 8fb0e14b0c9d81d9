// A source from the login to the inbox: what the socket brings, what waits, what a catch-up makes
// good, and when.
import Alerting
import Foundation
import Testing

@testable import Intake

@Suite("A source with a session", .timeLimit(.minutes(1)))
struct SourceTests {
    let world = SourceWorld()
    var now: Instant { world.clock.now }

    /// Logged in, the directory read; without loops.
    private func ready(reach: Duration = .days(88)) async throws -> TraccarSource {
        let source = world.source(reach: reach)
        let progress = try await source.around.connected(now)
        source.state.withLock { $0.progress = progress }
        try await source.readDirectory(isFirst: true)
        return source
    }

    private func message(
        devices: [ServerDevice] = [], positions: [Position] = [], events: [Arrival] = []
    ) -> SocketMessage {
        var message = SocketMessage()
        message.devices = devices
        message.positions = positions
        message.events = events
        return message
    }

    private var stored: [Arrival] { world.state.withLock { $0.order } }

    // MARK: - The socket

    @Test("an event goes with its device and the position that follows it")
    func position() async throws {
        let source = try await ready()
        source.take(message(events: [bare(1, position: 90, geofence: 4)]))
        #expect(stored.isEmpty)
        source.take(message(positions: [IntakeTests.position(90)]))
        let event = try #require(stored.first).event
        #expect(event.device?.name == "Rad 7" && event.position?.id == 90)
        #expect(event.geofenceName == "Depot" && event.road == .socket)
        let read = TraccarPayload.event(
            body: stored[0].body, server: event.server, source: event.source, road: .socket,
            received: .distantPast)
        #expect(read == event)
    }

    @Test("an event whose position is there, or that names none, does not wait")
    func noWait() async throws {
        let source = try await ready()
        source.take(message(positions: [IntakeTests.position(90)], events: [bare(1, position: 90)]))
        source.take(message(events: [bare(2)]))
        #expect(stored.map(\.event.id) == [1, 2])
        #expect(stored[0].event.position?.id == 90)
    }

    @Test("after two seconds the position is asked for, one deleted id spoils nothing else")
    func asked() async throws {
        let source = try await ready()
        for id in [90, 92, 93] { world.addPosition(Int64(id)) }
        source.take(message(events: (0..<4).map { bare(1 + $0, position: 90 + $0) }))
        world.clock.advance(.milliseconds(1_999))
        await source.askForOverdue()
        #expect(stored.isEmpty)
        world.clock.advance(.milliseconds(1))
        await source.askForOverdue()
        #expect(stored.map(\.event.id) == [1, 2, 3, 4])
        #expect(stored.map { $0.event.position?.id } == [90, nil, 92, 93])
    }

    @Test("what a webhook brought bare is completed behind itself, once the server has told")
    func completed() async throws {
        let source = try await ready()
        world.addPosition(91)
        source.take(message(positions: [IntakeTests.position(90)]))
        source.complete([bare(1, position: 90), bare(2, position: 91)])
        #expect(stored.map { $0.event.position?.id } == [90])
        world.clock.advance(.seconds(2))
        await source.askForOverdue()
        #expect(stored.map { $0.event.position?.id } == [90, 91])
        #expect(stored.map { $0.event.device?.name } == ["Rad 7", "Rad 7"])
        // An envelope without anything beside the event cannot be put into another one.
        var wrapped = bare(3, position: 90)
        wrapped.body = Array("{\"event\":".utf8) + wrapped.body + Array("}".utf8)
        source.complete([wrapped])
        wrapped.event.positionId = 92
        world.addPosition(92)
        source.complete([wrapped])
        world.clock.advance(.seconds(2))
        await source.askForOverdue()
        #expect(stored.count == 2)
    }

    @Test("an account that may not ask is left alone, and judged on what is known")
    func mayNotAsk() async throws {
        let source = try await ready()
        source.take(message(events: (0..<5).map { bare(1 + $0, position: 90 + $0) }))
        world.clock.advance(.seconds(2))
        await source.askForOverdue()
        #expect(stored.count == 5 && stored.allSatisfy { $0.event.position == nil })
        let asked = world.state.withLock { $0.requests.count }
        source.take(message(events: [bare(9, position: 99)]))
        world.clock.advance(.seconds(2))
        await source.askForOverdue()
        #expect(stored.count == 6)
        #expect(world.state.withLock { $0.requests.count } == asked)
    }

    @Test("positions and changed devices are told to the engine, what repeats is not")
    func reports() async throws {
        let source = try await ready()
        world.state.withLock { $0.reports = [] }
        source.take(message(devices: [serverDevice(8, guarded: true)]))
        source.take(message(devices: [serverDevice(8, guarded: true, status: .offline)]))
        source.take(message(positions: [IntakeTests.position(90, device: 8)]))
        source.take(message(positions: [IntakeTests.position(90, device: 8)]))
        let reports = world.state.withLock { $0.reports }
        let events = reports.compactMap { if case .report(let event) = $0 { event } else { nil } }
        #expect(events.map { $0.device?.id } == [8, 8])
        #expect(events.map { $0.position?.id } == [nil, 90])
    }

    @Test("the directory tells devices, geofences and last positions")
    func directory() async throws {
        _ = try await ready()
        let reports = world.state.withLock { $0.reports }
        #expect(reports.count == 2)
        guard case .geofence(_, 4, "Depot") = reports[0], case .report(let event) = reports[1]
        else {
            Issue.record("expected a geofence and a device")
            return
        }
        #expect(event.device?.name == "Rad 7")
    }

    // MARK: - Catch-up

    @Test("a catch-up brings what is missing, with positions, and nothing twice")
    func catchUp() async throws {
        let source = try await ready()
        world.addPosition(90)
        for id in 1...3 { world.addEvent(Int64(id), position: 90, at: now + .seconds(Int64(id))) }
        source.take(message(events: [bare(2, time: now + .seconds(2))]))
        world.clock.advance(.minutes(5))
        await source.catchUpOnce()
        let (results, progress) = world.state.withLock { ($0.results, $0.progress) }
        #expect(results.count == 1 && results[0].events == 2 && results[0].recorded == 0)
        #expect(results[0].rows == 2...3)
        #expect(stored.map(\.event.id) == [2, 1, 3])
        #expect(stored[1].event.position?.id == 90 && stored[1].event.road == .catchUp)
        #expect(stored[1].event.device?.name == "Rad 7")
        #expect(progress?.caughtUpTo == now)
        await source.catchUpOnce()
        #expect(stored.count == 3)
    }

    @Test("what is older than the first connection is recorded, not judged")
    func records() async throws {
        world.addEvent(1, position: 90, at: now - .hours(29))
        world.addEvent(2, at: now - .seconds(1))
        world.addEvent(3, at: now)
        world.addEvent(4, at: now - .hours(31))
        let source = try await ready()
        await source.catchUpOnce()
        #expect(stored.map(\.event.id).sorted() == [1, 2, 3])
        #expect(stored.filter(\.isRecord).map(\.event.id).sorted() == [1, 2])
        let result = world.state.withLock { $0.results[0] }
        #expect(result.recorded == 2 && result.events == 1)
        let asked = world.state.withLock { $0.requests.filter { $0.contains("positions?id") } }
        #expect(asked.isEmpty, "nobody needs to know where that was")
    }

    @Test("late uploads and clocks that are ahead are found by the overlap")
    func overlap() async throws {
        let source = try await ready()
        world.clock.advance(.hours(40))
        await source.catchUpOnce()
        world.clock.advance(.minutes(15))
        world.addEvent(1, at: now - .hours(29))
        world.addEvent(2, at: now + .hours(23))
        await source.catchUpOnce()
        #expect(stored.map(\.event.id) == [1, 2])
    }

    @Test("no catch-up asks for what the inbox may have forgotten, however long nobody listened")
    func reach() async throws {
        let source = try await ready(reach: .days(10))
        let start = now
        world.clock.advance(.days(30))
        world.addEvent(1, at: start + .days(1))
        world.addEvent(2, at: now - .days(10) - .milliseconds(1))
        world.addEvent(3, at: now - .days(10))
        world.addEvent(4, at: now)
        await source.catchUpOnce()
        #expect(stored.map(\.event.id) == [3, 4])
    }

    @Test("a server's limit of the period is found; all of a week is asked for")
    func periodLimit() async throws {
        world.state.withLock { $0.longestPeriod = .hours(7) }
        let source = try await ready()
        for hour in stride(from: 1, to: 168, by: 5) {
            world.addEvent(Int64(hour), at: now + .hours(Int64(hour)))
        }
        world.clock.advance(.days(7))
        await source.catchUpOnce()
        #expect(stored.count == 34)
    }

    @Test("an answer that is cut off is a failure, never an empty list")
    func cutOff() async throws {
        let source = try await ready()
        world.addEvent(1, at: now)
        world.state.withLock { $0.cutsReports = true }
        await source.catchUpOnce()
        #expect(!(source.status.lastCatchup?.isGood ?? true) && !source.status.isUp)
        #expect(world.state.withLock { $0.progress?.caughtUpTo } == nil)
        #expect(source.state.withLock { $0.schedule.due } <= now + .seconds(10))
        world.state.withLock { $0.cutsReports = false }
        await source.catchUpOnce()
        #expect(stored.map(\.event.id) == [1] && source.status.isUp)
    }

    @Test("reports that are refused are said, and events wait for nothing then")
    func reportsRefused() async throws {
        let source = try await ready()
        world.state.withLock { $0.refusesReports = true }
        await source.catchUpOnce()
        #expect(world.state.withLock { $0.log.contains { $0.contains("disabled for it") } })
        source.take(message(events: [bare(1, position: 90)]))
        #expect(stored.map(\.event.id) == [1])
    }

    @Test("what a full disk did not take is caught up with")
    func diskFull() async throws {
        let source = try await ready()
        source.state.withLock { $0.status.isConnected = true }
        await source.catchUpOnce()
        world.addEvent(1, at: now)
        world.state.withLock { $0.diskIsFull = true }
        source.take(message(events: [bare(1, time: now)]))
        #expect(source.state.withLock { $0.schedule.due } == now + .seconds(5))
        await source.catchUpOnce()
        #expect(stored.isEmpty && source.status.lastCatchup?.isGood == false)
        world.state.withLock { $0.diskIsFull = false }
        world.clock.advance(.seconds(9))
        await source.catchUpOnce()
        #expect(stored.map(\.event.id) == [1])
        let result = world.state.withLock { $0.results.last }
        #expect(result?.gap?.from == now - .seconds(9), "since when it could not be kept")
    }

    // MARK: - The whole life

    @Test("connect, lose the socket, connect again: each time it is caught up")
    func life() async throws {
        let source = world.source()
        let running = Task { await source.run() }
        await world.wait { $0.results.count == 1 }
        #expect(source.status.isConnected && source.status.devices == 1)
        world.clock.advance(.minutes(2))
        world.addEvent(5, at: now)
        world.state.withLock { $0.connections[0] }.finish()
        await world.clock.waitForSleep(of: .seconds(1))
        #expect(!source.status.isConnected && source.status.isUp)
        world.clock.advance(.seconds(1))
        await world.wait { $0.results.count == 2 }
        let result = world.state.withLock { $0.results[1] }
        #expect(result.events == 1)
        #expect(result.gap.map { $0.to - $0.from } == .seconds(1))
        let logins = world.state.withLock { $0.requests.filter { $0.contains("/api/session") } }
        #expect(logins.count == 2, "a login of its own for each connection")
        running.cancel()
        await running.value
    }

    @Test("the first message of a large fleet is told as the engine takes it, and all of it")
    func firstMessage() async throws {
        let source = world.source()
        let running = Task { await source.run() }
        await world.wait { $0.results.count == 1 }
        world.note { state in
            state.hasRoom = false
            state.reports = []
        }
        let count = 3 * Limits.reportsPerCommit + 1
        let first = message(
            devices: [serverDevice(8)],
            positions: (1...count).map { IntakeTests.position(Int64($0)) },
            events: [bare(1, position: 5)])
        world.state.withLock { $0.connections[0] }.yield(.message(first))
        await world.clock.waitForSleep(of: TraccarSource.roomPause)
        #expect(world.state.withLock { $0.reports.isEmpty && $0.order.isEmpty })
        world.note { $0.hasRoom = true }
        world.clock.advance(TraccarSource.roomPause)
        await world.wait { $0.reports.count == count + 1 && $0.order.count == 1 }
        #expect(stored[0].event.position?.id == 5)
        #expect(source.counts.positions == count && source.counts.messages == 1)
        // An engine that takes nothing any more holds up no event for long.
        world.note { $0.hasRoom = false }
        let next = message(positions: [IntakeTests.position(90)], events: [bare(2)])
        world.state.withLock { $0.connections[0] }.yield(.message(next))
        await world.wait { $0.order.count == 2 }
        world.state.withLock { $0.connections[0] }.yield(.message(first))
        let last = message(events: [bare(3)])
        world.state.withLock { $0.connections[0] }.yield(.message(last))
        while stored.count < 3 {
            world.clock.advance(TraccarSource.roomPause)
            await Task.yield()
        }
        let waits = world.clock.slept.count { $0 == TraccarSource.roomPause }
        #expect(TraccarSource.roomPause * waits <= .seconds(2 * Limits.firstMessageSeconds))
        running.cancel()
        await running.value
    }

    @Test("what waits at the end goes on disk as it is")
    func endOfRun() async throws {
        let source = world.source()
        let running = Task { await source.run() }
        await world.wait { $0.results.count == 1 }
        world.state.withLock { $0.connections[0] }
            .yield(.message(message(events: [bare(1, position: 90)])))
        while source.state.withLock({ $0.wait.count }) == 0 { await Task.yield() }
        running.cancel()
        await running.value
        #expect(stored.map(\.event.id) == [1])
    }

    @Test("the next run knows since when nobody listened, however short the last one was")
    func gapOverStop() async throws {
        for run in 1...2 {
            let source = world.source()
            let running = Task { await source.run() }
            await world.wait { $0.results.count == run }
            running.cancel()
            await running.value
            world.clock.advance(.seconds(30))
        }
        let gap = world.state.withLock { $0.results[1] }.gap
        #expect(gap.map { $0.to - $0.from } == .seconds(30))
    }

    @Test("a refused login is asked again in ten seconds, then in twenty")
    func refusedLogin() async throws {
        world.state.withLock { $0.refusesLogin = true }
        let source = world.source()
        let running = Task { await source.run() }
        await world.clock.waitForSleep(of: .seconds(10))
        #expect(source.status.trouble?.contains("refuses the token") ?? false)
        world.clock.advance(.seconds(10))
        await world.clock.waitForSleep(of: .seconds(20))
        world.state.withLock { $0.refusesLogin = false }
        world.clock.advance(.seconds(20))
        await world.wait { $0.results.count == 1 }
        #expect(source.status.trouble == nil)
        running.cancel()
        await running.value
    }
}
