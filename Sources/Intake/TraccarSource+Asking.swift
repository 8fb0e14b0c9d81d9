// What a source asks its server for: the directory, positions by id, and the reports of a catch-up.
package import Alerting
import Synchronization

extension TraccarSource {
    // MARK: - Directory

    /// Devices, groups, geofences and calendars anew; the engine is told of what changed. Without
    /// the devices there is no connection; of the rest an account may be refused a part.
    /// - Parameter isFirst: with the last position of each device too.
    func readDirectory(isFirst: Bool) async throws(SessionFailure) {
        let groups = try await part("groups", read: lists.groups)
        let geofences = try await part("geofences", read: lists.geofences)
        if let calendars = try await part("calendars", read: lists.calendars) {
            around.calendars(calendars)
        }
        let devices = try await session.get("/api/devices", read: lists.devices)
        let positions =
            isFirst ? try await part("positions", read: lists.positions) : nil
        var inputs: [Input] = []
        let count = state.withLock { state in
            if let groups { inputs += state.directory.replace(groups: groups).map { report($0, nil) } }
            for fence in geofences.map({ state.directory.replace(geofences: $0) }) ?? [] {
                inputs.append(.geofence(server: settings.server, id: fence.id, name: fence.name))
            }
            inputs += state.directory.replace(devices: devices).map { report($0, nil) }
            for position in positions ?? [] where state.directory.note(position) {
                inputs.append(report(state.directory.device(position.deviceId), position))
            }
            state.status.devices = state.directory.deviceCount
            return state.status.devices
        }
        around.report(inputs)
        if isFirst { around.log(.debug, "the account has \(count) devices") }
    }

    /// nil: the server refuses it, which is said and borne.
    private func part<Value: Sendable>(
        _ name: String, read: @Sendable ([UInt8]) throws(TraccarLists.Refusal) -> Value
    ) async throws(SessionFailure) -> Value? {
        do {
            return try await session.get("/api/\(name)", read: read)
        } catch SessionFailure.serverTrouble(let status, _) where (400..<500).contains(status) {
            around.log(.info, "the server does not show its \(name) to this account (\(status))")
            return nil
        } catch SessionFailure.tooLarge {
            around.log(.info, "the list of \(name) is too large")
            return nil
        }
    }

    package func hasGeofence(_ name: String) -> Bool {
        state.withLock { $0.directory.hasGeofence(name) }
    }
    package func hasGroup(_ name: String) -> Bool {
        state.withLock { $0.directory.hasGroup(name) }
    }
    /// The server's ids of the devices of this name or uniqueId.
    package func devices(named name: String) -> [Int64] {
        state.withLock { $0.directory.devices(named: name) }
    }

    /// The account's notifications, or those that are linked to a device.
    package func notifications(
        ofDevice device: Int64? = nil
    ) async throws(SessionFailure) -> [ServerNotification] {
        let query = device.map { [(name: "deviceId", value: "\($0)")] } ?? []
        return try await session.get(
            "/api/notifications", query: query, read: lists.notifications)
    }

    // MARK: - Positions by id

    /// Those who wait for a position that does not come: it is asked for, then they go.
    func seeToPositions() async {
        while !Task.isCancelled {
            let due = state.withLock { $0.wait.nextDue }
            let rest = due.map { max(.zero, $0 - around.now()) }
            if rest.map({ $0 > .zero }) ?? true {
                let around = around
                await positionBell.wait(
                    rest.map { rest in { @Sendable in try await around.sleep(rest) } })
            }
            await askForOverdue()
        }
    }

    func askForOverdue() async {
        let now = around.now()
        let overdue = state.withLock { $0.wait.overdue(now: now) }
        guard !overdue.isEmpty else { return }
        await note(positions: Set(overdue.map(\.event.positionId)), within: .seconds(3))
        let ready = state.withLock { state in overdue.map { state.directory.complete($0) } }
        put(ready)
    }

    /// Asks for positions and keeps those that come; the others stay unknown.
    /// - Parameter within: what a server that hangs may cost those who wait.
    private func note(positions wanted: Set<Int64>, within: Duration?) async {
        let now = around.now()
        let ids = state.withLock { state -> [Int64] in
            guard state.asksAgain <= now else { return [] }
            return wanted.filter { $0 != 0 && state.directory.position($0) == nil }.sorted()
        }
        guard !ids.isEmpty else { return }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.fetch(positions: ids)
                return true
            }
            if let within {
                let around = around
                group.addTask {
                    // Cut short where the answer was faster.
                    try? await around.sleep(within)
                    return false
                }
            }
            if await group.next() == false { pauseAsking(.minutes(1)) }
            group.cancelAll()
        }
    }

    private func pauseAsking(_ pause: Duration) {
        let until = around.now() + pause
        state.withLock { $0.asksAgain = until }
    }

    /// One deleted id makes the whole answer a 400 (PositionResource.java): then by halves, down to
    /// one by one. An account that gets no single one may not ask, and is left alone for a while.
    private func fetch(positions ids: [Int64]) async {
        let chunks = CatchupPlan.chunks(of: ids, bytes: CatchupPlan.bytesOfIds, each: 4)
        var pending = Array(chunks.reversed())
        var (refused, answered, requests) = (0, 0, 0)
        while let chunk = pending.popLast(), requests < Limits.positionRequests {
            requests += 1
            do {
                let positions = try await session.get(
                    "/api/positions", query: chunk.map { ("id", "\($0)") },
                    read: lists.positions)
                answered += 1
                state.withLock { state in
                    for position in positions { _ = state.directory.note(position) }
                }
            } catch SessionFailure.serverTrouble(let status, _) where (400..<500).contains(status) {
                if chunk.count > 1 {
                    pending.append(Array(chunk[(chunk.count / 2)...]))
                    pending.append(Array(chunk[..<(chunk.count / 2)]))
                    continue
                }
                refused += 1
                if answered == 0, refused >= 3 { return pauseAsking(.minutes(15)) }
            } catch {
                // They are judged on what is known; the next ones try again.
                return
            }
        }
    }

    // MARK: - Catch-up

    func keepCaughtUp() async {
        while !Task.isCancelled {
            let now = around.now()
            let (isReady, due) = state.withLock { ($0.isReady, $0.schedule.due) }
            guard isReady, due <= now else {
                let around = around
                let rest = due - now
                await catchupBell.wait(
                    isReady ? { @Sendable in try await around.sleep(rest) } : nil)
                continue
            }
            await catchUpOnce()
        }
    }

    func catchUpOnce() async {
        let began = around.now()
        let (reason, gapFrom) = state.withLock { state in
            defer { state.gapFrom = nil }
            return (state.schedule.begin(now: began), state.gapFrom)
        }
        var result = CatchupResult(gap: gapFrom.map { .init(from: $0, to: max($0, began)) })
        var failure: String?
        do {
            if reason == .interval { try await readDirectory(isFirst: false) }
            try await catchUp(from: began, &result)
            try await around.caughtUp(began)
        } catch {
            failure = "\(error)"
        }
        if Task.isCancelled { return }
        let now = around.now()
        state.withLock { state in
            state.status.lastCatchup = .init(at: now, isGood: failure == nil)
            if failure == nil {
                state.counts.catchups += 1
                state.progress?.caughtUpTo = began
                state.schedule.succeeded()
            } else {
                state.counts.failedCatchups += 1
                state.gapFrom = [gapFrom, state.gapFrom].compactMap { $0 }.min()
                state.schedule.failed(reason, now: now, jitter: around.jitter())
            }
        }
        if let failure {
            around.log(.warning, "catch-up failed, it is tried again: \(failure)")
        } else {
            around.closed(result)
        }
    }

    /// Asks for everything since the last catch-up that ended well, and the overlap before it.
    private func catchUp(from began: Instant, _ result: inout CatchupResult) async throws {
        let (devices, since, first) = state.withLock { state in
            (
                state.directory.deviceIds,
                min(state.progress?.caughtUpTo ?? began, began),
                state.progress?.firstConnected ?? began
            )
        }
        // Trackers' clocks may be a day ahead (filter.future): they are asked for too.
        var plan = CatchupPlan(
            devices: devices, from: since - settings.overlap,
            to: began + .seconds(Limits.clockAheadSeconds))
        var statusEvents = 0
        while let request = plan.next() {
            try Task.checkCancellation()
            result.requests += 1
            do {
                let bytes = try await session.get(
                    "/api/reports/events", query: request.query, limit: Limits.reportBytes)
                let arrivals: [Arrival]
                do {
                    arrivals = try lists.events(bytes)
                } catch {
                    throw SessionFailure.notJSON(error.description)
                }
                for arrival in arrivals where arrival.event.isOfStatus { statusEvents += 1 }
                try await keep(arrivals, first: first, &result)
                plan.answered(bytes: bytes.count)
            } catch SessionFailure.tooLarge {
                try note(plan.narrow(.tooLarge), &result)
            } catch SessionFailure.serverTrouble(status: 400, _) {
                try note(plan.narrow(.refused), &result)
            }
        }
        state.withLock { $0.refusesReports = false }
        lookAtStatusEvents(statusEvents)
    }

    private func note(
        _ verdict: CatchupPlan.Verdict, _ result: inout CatchupResult
    ) throws(CatchupFailure) {
        switch verdict {
        case .goOn: break
        case .skipped: result.skipped += 1
        case .reportsRefused:
            state.withLock { $0.refusesReports = true }
            throw CatchupFailure.refused
        }
    }

    /// Puts what no other road has brought on disk, with its positions, a page at a time.
    private func keep(
        _ arrivals: [Arrival], first: Instant, _ result: inout CatchupResult
    ) async throws {
        var rest = arrivals[...]
        while !rest.isEmpty {
            let page = Array(rest.prefix(Limits.eventsPerAccept))
            rest = rest.dropFirst(page.count)
            let isNew = try await around.unknown(page.map(\.event))
            var new = zip(page, isNew).filter(\.1).map(\.0)
            guard !new.isEmpty else { continue }
            for index in new.indices {
                new[index].isRecord = new[index].event.time.map { $0 < first } ?? false
            }
            await note(
                positions: Set(new.filter { !$0.isRecord }.map(\.event.positionId)), within: nil)
            let whole = state.withLock { state in new.map { state.directory.complete($0) } }
            let acceptances = try await accept(whole)
            for (arrival, acceptance) in zip(whole, acceptances) {
                switch acceptance {
                case .stored(let seq), .reusedId(let seq):
                    if arrival.isRecord { result.recorded += 1 } else { result.note(row: seq) }
                case .duplicate, .fuller: break
                }
            }
            state.withLock { state in
                state.counts.note(acceptances)
                state.counts.caughtUp += acceptances.filter(\.isNew).count
            }
        }
    }

    private func accept(_ arrivals: [Arrival]) async throws -> [Acceptance] {
        try await withCheckedThrowingContinuation { continuation in
            around.accept(arrivals) { continuation.resume(with: $0) }
        }
    }

    /// The report holds the events of the overlap: none of status, while devices come and go, means
    /// that the server makes none (`event.status.enable`, off since 6.14).
    private func lookAtStatusEvents(_ events: Int) {
        let isOff = state.withLock { state in
            guard events == 0, !state.saidStatusEventsSeemOff,
                state.directory.statusChanges >= Limits.statusChangesWithoutEvent
            else { return false }
            state.saidStatusEventsSeemOff = true
            return true
        }
        if isOff { around.statusEventsSeemOff() }
    }

    // MARK: - What happens around

    /// Looks each few seconds whether the clock was set or a webhook was refused, and notes each
    /// minute that it listens.
    func watch() async {
        var clock = around.clockChanges()
        var refused = around.unavailable()
        var noted = around.now()
        while !Task.isCancelled {
            do { try await around.sleep(.seconds(5)) } catch { break }
            let (newClock, newRefused) = (around.clockChanges(), around.unavailable())
            if newClock != clock { ask(.clock) }
            if newRefused != refused { ask(.missed) }
            (clock, refused) = (newClock, newRefused)
            let now = around.now()
            if now - noted >= .minutes(1), status.isConnected {
                noted = now
                around.heard(now)
            }
        }
        if status.isConnected { around.heard(around.now()) }
    }
}

/// Why a catch-up did not go through, beside what a session says.
enum CatchupFailure: Error, CustomStringConvertible {
    case refused

    var description: String {
        "the server refuses reports to this account (400): they are disabled for it"
    }
}

extension Acceptance {
    var isNew: Bool {
        switch self {
        case .stored, .reusedId: true
        case .duplicate, .fuller: false
        }
    }
}

extension Event {
    /// Whether a server makes it only where `event.status.enable` is set.
    var isOfStatus: Bool { ["deviceOnline", "deviceOffline", "deviceUnknown"].contains(type) }
}
