// What a source asks its server for beside reports: the directory, positions by id, the account's
// notifications. A server may refuse an account any part of it; what can be done without is borne.
import Alerting
import Synchronization

extension TraccarSource {
    // MARK: - Directory

    /// Devices, groups, geofences and calendars anew; the engine is told of what changed. Without
    /// the devices there is no connection; of the rest an account may be refused a part.
    /// - Parameter isFirst: with the last position of each device too.
    func readDirectory(isFirst: Bool) async throws(SessionFailure) {
        let groups = try await part("groups", read: lists.groups)
        let geofences = try await part("geofences", read: lists.geofences)
        let calendars = try await part("calendars", read: lists.calendars)
        let devices = try await session.get(
            "/api/devices", limit: Limits.listBytes, read: lists.devices)
        let positions =
            isFirst
            ? try await part("positions", limit: Limits.listBytes, read: lists.positions) : nil
        let (changed, fences, news, count) = state.withLock { state in
            let moved = groups.map { state.directory.replace(groups: $0) } ?? []
            let fences = geofences.map { state.directory.replace(geofences: $0) } ?? []
            let changed = state.directory.replace(devices: devices)
            let news = (positions ?? []).filter { state.directory.note($0) }
            state.calendars = calendars ?? state.calendars
            state.status.devices = state.directory.deviceCount
            return (moved + changed, fences, news, state.status.devices)
        }
        around.report(
            fences.map { .geofence(server: settings.server, id: $0.id, name: $0.name) })
        // As they are by then: the socket may have told newer things meanwhile.
        await feed(changed) { device in
            report(state.withLock { $0.directory.device(device.id) } ?? device, nil)
        }
        await feed(news) { position in
            report(state.withLock { $0.directory.device(position.deviceId) }, position)
        }
        sayNames()
        if isFirst { around.log(.debug, "the account has \(count) devices") }
    }

    /// nil: the server refuses it, which is said and borne.
    private func part<Value: Sendable>(
        _ name: String, limit: Int = Limits.answerBytes,
        read: @Sendable ([UInt8]) throws(TraccarLists.Refusal) -> Value
    ) async throws(SessionFailure) -> Value? {
        do {
            return try await session.get("/api/\(name)", limit: limit, read: read)
        } catch SessionFailure.serverTrouble(let status, _) where (400..<500).contains(status) {
            around.log(.info, "the server does not show its \(name) to this account (\(status))")
            return nil
        } catch SessionFailure.tooLarge {
            around.log(.info, "the list of \(name) is too large")
            return nil
        }
    }

    func sayNames() {
        let names = state.withLock { state in
            state.directory.membersChanged = false
            return state.directory.names(calendars: state.calendars)
        }
        around.names(names)
    }

    /// The server's ids of the devices of this name or uniqueId.
    package func devices(named name: String) -> [Int64] {
        state.withLock { $0.directory.devices(named: name) }
    }

    /// The account's notifications, or those that are linked to a device.
    package func notifications(
        ofDevice device: Int64? = nil
    ) async throws(SessionFailure) -> [ServerNotification] {
        try await session.notifications(ofDevice: device, lists)
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
    func note(positions wanted: Set<Int64>, within: Duration?) async {
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
}

extension TraccarSession {
    /// The account's notifications, or those that are linked to a device: a notification itself
    /// does not say to which it is (domain.md 4).
    package func notifications(
        ofDevice device: Int64?, _ lists: TraccarLists
    ) async throws(SessionFailure) -> [ServerNotification] {
        let query = device.map { [(name: "deviceId", value: "\($0)")] } ?? []
        return try await get("/api/notifications", query: query, read: lists.notifications)
    }
}
