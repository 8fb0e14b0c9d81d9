// The sources with a session: built from the configuration, handed what they need (store, pump,
// clock, libcurl), run until the relay is shut down. What they find out about an account is said
// here, in the log.

import Alerting
import Channels
import Dispatch
import Intake
import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// All sources that are connected to their servers.
package struct Feeds: Service {
    let sources: [TraccarSource]
    let names: ServerNamesBook
    private let transfer: CurlTransfer

    /// What the sources are handed besides the configuration.
    struct Parts {
        let store: Store
        let pump: Pump
        let timekeeper: Timekeeper
        let counters: IntakeCounters
        let reload: Reload
        let names: ServerNamesBook
        let reusedIds: ReusedIds
        let logger: Logger
    }

    init(_ configuration: Configuration, _ parts: Parts) {
        // A transfer of its own: lists of ten thousand devices are unpacked on its thread.
        let transfer = CurlTransfer(name: "sources")
        self.transfer = transfer
        names = parts.names
        sources = configuration.sources.compactMap { settings in
            guard let line = settings.session else { return nil }
            var wanted = TraccarSource.Settings(name: settings.name, server: settings.url)
            wanted.overlap = line.overlap
            wanted.every = line.every
            wanted.reach = configuration.retention.reach
            var socket = TraccarSocket.Settings(url: settings.url, name: settings.name)
            socket.ping = line.ping
            socket.deadAfter = line.deadAfter
            socket.ca = settings.ca
            let opened = TraccarSocket(socket)
            return TraccarSource(
                wanted,
                session: TraccarSession(
                    url: settings.url, credential: line.credential.revealed,
                    fetch: Fetching(over: transfer, ca: settings.ca).fetch),
                surroundings: Self.surroundings(settings, parts),
                connect: { await opened.run(cookie: $0, receive: $1) })
        }
    }

    package func run() async throws {
        try await untilShutdown {
            await withTaskGroup(of: Void.self) { group in
                for source in sources { group.addTask { await source.run() } }
            }
            try await gracefulShutdown()
        }
        await transfer.stop()
    }

    private static func surroundings(
        _ settings: Configuration.SourceSettings, _ parts: Parts
    ) -> SourceSurroundings {
        let (store, pump, timekeeper) = (parts.store, parts.pump, parts.timekeeper)
        let (name, server) = (settings.name, settings.url)
        var logger = parts.logger
        logger[metadataKey: "source"] = "\(name)"
        let log = logger
        var around = SourceSurroundings(
            now: { timekeeper.now() }, sleep: { try await Task.sleep(for: $0) },
            accept: { arrivals, done in
                store.accept(arrivals) { result in
                    done(result)
                    parts.reusedIds.look(arrivals, result)
                }
            })
        around.jitter = { Double.random(in: 0..<1) }
        around.unknown = { events in
            try await offLoad { try store.unknown(events) }
        }
        around.report = { pump.report($0) }
        around.hasRoom = { pump.reports.hasRoom }
        around.connected = { now in
            try await withCheckedThrowingContinuation { continuation in
                store.connected(name, server: server, at: now) { continuation.resume(with: $0) }
            }
        }
        around.caughtUp = { moment in
            try await withCheckedThrowingContinuation { continuation in
                store.caughtUp(name, server: server, to: moment) { continuation.resume(with: $0) }
            }
        }
        around.heard = { store.heard(name, server: server, at: $0) }
        around.closed = { await say($0, source: name, store, pump, log) }
        around.names = { names in
            guard parts.names.update(names, of: name, reload: parts.reload) else { return }
            store.keep(names, source: name, server: server)
        }
        let said = Mutex<Set<String>>([])
        around.settled = { source in
            let book = parts.reload.current.book
            var warnings = book.unknownNames(parts.names).map(\.words)
            do throws(SessionFailure) {
                warnings += try await AccountCheck.warnings(
                    book, device: { source.devices(named: $0).first },
                    ask: { id throws(SessionFailure) in
                        try await source.notifications(ofDevice: id)
                    })
            } catch {
                log.info("the account's notifications cannot be looked at: \(error)")
            }
            // Once, not at each connection; again only after it had been put right.
            let new = said.withLock { said in
                defer { said = Set(warnings) }
                return warnings.filter { !said.contains($0) }
            }
            for warning in new { log.warning("\(warning)") }
        }
        around.statusEventsSeemOff = {
            AccountCheck.sayStatusEventsSeemOff(parts.reload.current.book, log)
        }
        // A jump forward counts, and both ends of a time in which the wall was behind.
        around.clockChanges = {
            2 * timekeeper.jumps + (timekeeper.wallIsBehind > .seconds(5) ? 1 : 0)
        }
        around.unavailable = { parts.counters.now.refused[.unavailable] ?? 0 }
        around.log = { log.log(level: $0, "\($1)") }
        return around
    }

    /// The one line of a catch-up, once its events are decided: only then is it known whether
    /// anybody was told of them.
    private static func say(
        _ result: CatchupResult, source: String, _ store: Store, _ pump: Pump, _ logger: Logger
    ) async {
        var told = 0
        if let rows = result.rows {
            await pump.decided(through: rows.upperBound, within: .seconds(60))
            do {
                told = try await offLoad { try store.told(source, rows: rows) }
            } catch {
                logger.warning("what a catch-up brought cannot be counted: \(error)")
            }
        }
        if let line = result.line(told: told) { logger.info("\(line)") }
    }
}

/// What webhooks bring without device and position, on its way to the source that can ask for them.
final class WebhookCompletion: Sendable {
    private let sources = Mutex<[String: TraccarSource]>([:])

    func begin(_ connected: [TraccarSource]) {
        sources.withLock { sources in
            for source in connected { sources[source.name] = source }
        }
    }

    /// Behind the answer to the sender.
    func look(_ arrivals: [Arrival], _ result: Result<[Acceptance], AcceptFailure>) {
        // By their places, and first what needs no copy of them: nearly all have a device.
        let isWhole = arrivals.indices.allSatisfy {
            arrivals[$0].event.device?.id != nil || !arrivals[$0].event.isBare
        }
        guard !isWhole, case .success(let acceptances) = result
        else { return }
        var bare: [String: [Arrival]] = [:]
        for (arrival, acceptance) in zip(arrivals, acceptances) where arrival.event.isBare {
            switch acceptance {
            case .stored: bare[arrival.event.source, default: []].append(arrival)
            // A copy knows no more; under an id that was used before, whose is the position?
            case .duplicate, .fuller, .reusedId: continue
            }
        }
        for (name, arrivals) in bare { sources.withLock { $0[name] }?.complete(arrivals) }
    }
}

/// Runs what blocks on a thread of Dispatch's, not on one of the few that run tasks.
func offLoad<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result(catching: body)) }
    }
}
