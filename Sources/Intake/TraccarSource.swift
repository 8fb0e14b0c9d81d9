// One source with a session: its line to the server, and what comes over it. Three roads make one
// stream: webhooks come by themselves, this brings the socket and the catch-up, and the inbox
// merges what comes twice. Nothing is lost between them: a catch-up follows each time in which
// nobody listened, and reaches back further than anything that waits here in memory.
//
//   login → directory → socket, for as long as it lives → pause (SourceLife) → login …
//   catch-up: after each connection, after a 503 of ours, after a clock jump, every 15 min
//
// What it decides stands in values without a clock (SourceLife, CatchupPlan, Directory,
// PositionWait); here they are driven. Messages are taken under one lock, without a hop: 20 000 a
// second are one thread's work.
package import Alerting
import Synchronization

/// Drives one server's session, socket and catch-ups.
package final class TraccarSource: Sendable {
    /// `session`, `socket` and `catch_up` of the configuration.
    package struct Settings: Sendable {
        package var name: String
        /// The source's `url`: the name space of its ids.
        package var server: String
        package var overlap: Duration = .hours(30)
        package var every: Duration = .minutes(15)
        /// No catch-up asks further back: the identities of events are kept no longer, and what was
        /// told once would be told again.
        package var reach: Duration = .days(88)

        package init(name: String, server: String) {
            self.name = name
            self.server = server
        }
    }

    /// Opens the socket with a cookie and runs until it ends (`TraccarSocket.run`).
    package typealias Connect =
        @Sendable (
            _ cookie: String, _ receive: @escaping @Sendable (TraccarSocket.Input) async -> Void
        ) async -> TraccarSocket.End

    let settings: Settings
    let session: TraccarSession
    let lists: TraccarLists
    let around: SourceSurroundings
    private let connect: Connect
    let state: Mutex<State>
    let catchupBell = Doorbell()
    let positionBell = Doorbell()

    struct State {
        var directory = Directory()
        var wait = PositionWait()
        var schedule: CatchupSchedule
        var progress: SourceProgress?
        var status: SourceState
        var counts = SourceCounts()
        var calendars: [ServerCalendar] = []
        /// The directory was read: there are devices to ask for.
        var isReady = false
        /// The server gives this account no reports: what waits could not be brought again.
        var refusesReports = false
        /// Since when nobody listened, or something could not be kept.
        var gapFrom: Instant?
        var acceptsInFlight = 0
        /// Positions are not asked for until then.
        var asksAgain = Instant.distantPast
        var saidStatusEventsSeemOff = false
        /// What the engine was told last.
        var saidSilent: Bool?
    }

    package init(
        _ settings: Settings, session: TraccarSession, surroundings: SourceSurroundings,
        connect: @escaping Connect
    ) {
        self.settings = settings
        self.session = session
        self.connect = connect
        around = surroundings
        lists = TraccarLists(server: settings.server, source: settings.name)
        let now = surroundings.now()
        state = Mutex(
            State(
                schedule: CatchupSchedule(every: settings.every, now: now),
                status: SourceState(since: now)))
    }

    package var name: String { settings.name }
    package var server: String { settings.server }
    package var status: SourceState { state.withLock { $0.status } }
    package var counts: SourceCounts { state.withLock { $0.counts } }

    /// Runs until it is cancelled; then what waits goes on disk as it is.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.stayConnected() }
            group.addTask { await self.keepCaughtUp() }
            group.addTask { await self.seeToPositions() }
            group.addTask { await self.watch() }
        }
        let left = state.withLock { state in
            state.wait.all().map { state.directory.complete($0) }
        }
        put(left)
        await session.logout()
    }

    /// A catch-up is due: we answered 503, so that something may have been lost for good.
    package func missed() { ask(.missed) }

    func ask(_ reason: CatchupSchedule.Reason) {
        let now = around.now()
        state.withLock { state in
            if reason == .missed, state.gapFrom == nil { state.gapFrom = now }
            state.schedule.ask(reason, now: now)
        }
        catchupBell.ring()
    }

    // MARK: - The connection

    private func stayConnected() async {
        var reconnection = Reconnection()
        while !Task.isCancelled {
            let (ending, trouble) = await connection()
            guard !Task.isCancelled else { return }
            let pause = reconnection.pause(after: ending, jitter: around.jitter())
            let isNew = state.withLock { state in
                defer { state.status.trouble = trouble }
                return state.status.trouble != trouble
            }
            // What repeats each minute of a long night is said once.
            around.log(
                isNew ? .warning : .debug,
                "\(trouble); trying again in \(max(1, pause.wholeMilliseconds / 1_000)) s")
            sayWhetherSilent()
            do { try await around.sleep(pause) } catch { return }
        }
    }

    /// From a new login to the end of its socket. Each connection has a login of its own: a cookie
    /// that an old one left behind may be known to nobody.
    private func connection() async -> (Reconnection.Ending, String) {
        do {
            let account = try await session.login()
            state.withLock { $0.counts.logins += 1 }
            let progress = try await around.connected(around.now())
            state.withLock { $0.progress = $0.progress ?? progress }
            try await readDirectory(isFirst: true)
            state.withLock { state in
                state.refusesReports = account.reportsDisabled
                state.isReady = true
            }
        } catch let failure as SessionFailure {
            return (failure.isRefusal ? .refused : .lost(after: .zero), failure.description)
        } catch {
            return (.lost(after: .zero), "\(error)")
        }
        catchupBell.ring()
        guard let cookie = await session.cookie else {
            return (.lost(after: .zero), SessionFailure.sessionLost.description)
        }
        let end = await connect(cookie) { input in await self.receive(input) }
        return closed(end)
    }

    private func receive(_ input: TraccarSocket.Input) async {
        switch input {
        case .opened:
            let now = around.now()
            let isFirst = state.withLock { state in
                let isFirst = state.counts.connections == 0
                state.counts.connections += 1
                state.status.isConnected = true
                state.status.since = now
                state.status.trouble = nil
                // Of the start: since the last run listened.
                if isFirst, state.gapFrom == nil {
                    state.gapFrom = state.progress?.heard
                }
                return isFirst
            }
            around.log(.info, "connected")
            sayWhetherSilent()
            ask(isFirst ? .start : .reconnect)
        case .message(let message):
            state.withLock { $0.counts.messages += 1 }
            guard message.positions.count > Limits.reportsPerCommit else { return take(message) }
            await takeInParts(message)
        case .unreadable(let why):
            // It may have been an event: the report has it.
            around.log(.warning, "a message of the socket cannot be read: \(why)")
            ask(.missed)
        }
    }

    private func closed(_ end: TraccarSocket.End) -> (Reconnection.Ending, String) {
        let now = around.now()
        // Of a link that died unseen, since it was last heard.
        var silence = Duration.zero
        if case .silent(let time) = end { silence = time }
        let life = state.withLock { state -> Duration? in
            guard state.status.isConnected else { return nil }
            let life = now - state.status.since
            state.status.isConnected = false
            state.status.since = now
            state.gapFrom = min(state.gapFrom ?? .distantFuture, now - silence)
            state.schedule.ask(.lost, now: now)
            return life
        }
        // On disk, so that the next start knows since when nobody listened.
        if life != nil { around.heard(now - silence) }
        catchupBell.ring()
        return (.lost(after: life ?? .zero), "the socket ended: \(end)")
    }

    // MARK: - What the socket brings

    /// The first message of a connection has the last position of every device: it is told as the
    /// engine takes it, but events wait behind it, and the directory has told nearly all of it.
    private func takeInParts(_ message: SocketMessage) async {
        var patience = Duration.seconds(Limits.firstMessageSeconds)
        var part = SocketMessage()
        part.devices = message.devices
        for slice in message.positions.slices(of: Limits.reportsPerCommit) {
            await makeRoom(&patience)
            part.positions = Array(slice)
            take(part)
            part.devices = []
        }
        part.positions = []
        part.events = message.events
        take(part)
    }

    /// One message. Devices first, then positions, then events: so they belong together.
    package func take(_ message: SocketMessage) {
        let now = around.now()
        var reports: [Input] = []
        var ready: [Arrival] = []
        var waits = false
        state.withLock { state in
            for seen in message.devices {
                guard let device = state.directory.note(seen) else { continue }
                reports.append(report(device, nil))
            }
            for position in message.positions {
                state.counts.positions += 1
                guard state.directory.note(position) else { continue }
                reports.append(report(state.directory.device(position.deviceId), position))
                for arrival in state.wait.release(position.id) {
                    ready.append(state.directory.complete(arrival))
                }
            }
            for arrival in message.events {
                state.counts.events += 1
                let isKnown = state.directory.position(arrival.event.positionId) != nil
                if !isKnown, !state.refusesReports, state.wait.hold(arrival, now: now) {
                    waits = true
                } else {
                    ready.append(state.directory.complete(arrival))
                }
            }
        }
        if !reports.isEmpty { around.report(reports) }
        put(ready)
        if waits { positionBell.ring() }
    }

    /// Events that a webhook brought bare. They are on disk and judged; what the server tells of
    /// their devices and positions is put behind them, as fuller copies.
    package func complete(_ arrivals: [Arrival]) {
        let now = around.now()
        var ready: [Arrival] = []
        var waits = false
        state.withLock { state in
            for arrival in arrivals where arrival.isBare {
                let isKnown = state.directory.position(arrival.event.positionId) != nil
                if !isKnown, !state.refusesReports, state.wait.hold(arrival, now: now) {
                    waits = true
                } else {
                    ready.append(state.directory.complete(arrival))
                }
            }
        }
        put(ready.filter { !$0.event.isBare })
        if waits { positionBell.ring() }
    }

    /// A list of many is told as the engine takes it: what finds no room in its queue is lost.
    /// Nothing waits behind it, and an engine that has just started may be reading its memory.
    func feed<Thing: Sendable>(_ things: [Thing], _ input: (Thing) -> Input) async {
        var patience = Duration.seconds(Limits.listFedSeconds)
        for slice in things.slices(of: Limits.reportsPerCommit) {
            await makeRoom(&patience)
            around.report(slice.map(input))
        }
    }

    /// Waits for room in the engine's queue, as long as there is patience left.
    private func makeRoom(_ patience: inout Duration) async {
        while !around.hasRoom(), patience > .zero {
            patience -= Self.roomPause
            do { try await around.sleep(Self.roomPause) } catch { return }
        }
    }

    static let roomPause = Duration.milliseconds(20)

    func report(_ device: Device?, _ position: Position?) -> Input {
        var event = Event(server: settings.server, source: settings.name, type: "")
        event.deviceId = device?.id ?? position?.deviceId ?? 0
        event.device = device
        event.position = position
        event.road = .socket
        return .report(event)
    }

    /// Puts events on disk, behind those that were put before. What cannot be kept now, the report
    /// will bring.
    func put(_ arrivals: [Arrival]) {
        guard !arrivals.isEmpty else { return }
        let fits = state.withLock { state in
            guard state.acceptsInFlight < Limits.acceptsInFlight else { return false }
            state.acceptsInFlight += arrivals.count
            return true
        }
        guard fits else { return missed() }
        around.accept(arrivals) { result in
            let isKept: Bool = self.state.withLock { state in
                state.acceptsInFlight -= arrivals.count
                guard case .success(let acceptances) = result else { return false }
                state.counts.note(acceptances)
                return true
            }
            if !isKept { self.missed() }
        }
    }
}

extension Array {
    /// Its elements in order, so many at a time.
    fileprivate func slices(of count: Int) -> some Sequence<ArraySlice<Element>> {
        stride(from: 0, to: self.count, by: count).lazy.map { start in
            self[start..<Swift.min(start + count, self.count)]
        }
    }
}
