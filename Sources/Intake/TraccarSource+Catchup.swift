// Catching up: when it is due, what it asks for (CatchupPlan), and how what it brings is kept.
// Events that are known are dropped before anything is asked or written for them: of the 30 h that
// overlap, nearly all are. It holds one answer and one page at a time, whatever the gap.
import Alerting
import Synchronization

extension TraccarSource {
    // MARK: - When

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
        let (reason, gapFrom) = state.withLock { state -> (CatchupSchedule.Reason, Instant?) in
            let reason = state.schedule.begin(now: began)
            // While nobody listens the gap goes on, however often the report is read.
            guard state.status.isConnected else { return (reason, nil) }
            defer { state.gapFrom = nil }
            return (reason, state.gapFrom)
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
        let wasGood = status.lastCatchup?.isGood ?? true
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
        sayWhetherSilent()
        if let failure {
            around.log(
                wasGood ? .warning : .debug, "catch-up failed, it is tried again: \(failure)")
        } else {
            await around.closed(result)
            if reason == .start || reason == .reconnect { await around.settled(self) }
        }
    }

    /// Asks for everything since the last catch-up that ended well, and the overlap before it.
    private func catchUp(from began: Instant, _ result: inout CatchupResult) async throws {
        let (devices, since, first) = state.withLock { state in
            (
                state.directory.deviceIds,
                min(state.progress.map { $0.caughtUpTo ?? $0.firstConnected } ?? began, began),
                state.progress?.firstConnected ?? began
            )
        }
        // Trackers' clocks may be a day ahead (filter.future): they are asked for too.
        var plan = CatchupPlan(
            devices: devices, from: max(since - settings.overlap, began - settings.reach),
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
                for arrival in arrivals where Event.isOfStatus(arrival.event.type) {
                    statusEvents += 1
                }
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

    /// Tells the engine whether the source is down, where that has changed.
    func sayWhetherSilent(evenIf isSaid: Bool = false) {
        let silent = state.withLock { state -> Bool? in
            let isSilent = state.status.isSilent
            guard isSaid || isSilent != state.saidSilent else { return nil }
            state.saidSilent = isSilent
            return isSilent
        }
        if let silent { around.report([.source(name, isSilent: silent)]) }
    }

    /// Looks each few seconds whether the clock was set or a webhook was refused, and notes each
    /// minute that it listens.
    func watch() async {
        var clock = around.clockChanges()
        var refused = around.unavailable()
        var (noted, said) = (around.now(), around.now())
        while !Task.isCancelled {
            do { try await around.sleep(.seconds(5)) } catch { break }
            let (newClock, newRefused) = (around.clockChanges(), around.unavailable())
            if newClock != clock { ask(.clock) }
            if newRefused != refused { ask(.missed) }
            (clock, refused) = (newClock, newRefused)
            if state.withLock({ $0.directory.membersChanged }) { sayNames() }
            let now = around.now()
            if now - noted >= .minutes(1), status.isConnected {
                noted = now
                around.heard(now)
            }
            // Again now and then: rules that were read meanwhile have not heard it.
            if now - said >= .minutes(1) {
                said = now
                sayWhetherSilent(evenIf: true)
            }
        }
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
