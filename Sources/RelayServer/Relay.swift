// The whole relay, in one straight line: read this file first. It builds every part, hands each
// what it needs, and runs them until it is told to stop. Nothing else wires anything.

package import Alerting
import Channels
import Foundation
import Intake
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Storage
import UnixSignals

/// A relay that is built and ready to run.
package struct Relay: Sendable {
    /// What a spectator (the demonstration, a test) may watch.
    package struct Spectator: Sendable {
        package var listening: @Sendable (_ webhook: Int, _ admin: Int) -> Void = { _, _ in }
        package var committed: @Sendable ([Step]) -> Void = { _ in }
        package var attempted: (@Sendable (Delivery, Outcome) -> Void)?

        package init() {}
    }

    private let group: ServiceGroup
    private let webhookLoops: MultiThreadedEventLoopGroup

    /// Builds everything that can fail; nothing listens yet.
    /// - Throws: `ConfigurationError` with one clear line.
    package init(
        _ configuration: Configuration, logger: Logger, spectator: Spectator = Spectator()
    ) async throws {
        let timekeeper = Timekeeper()

        // What decides: the rules, and the templates that they name.
        let names = ServerNamesBook()
        let library = RuleLibrary(configuration, names: names)
        var loaded = try Self.load(library)
        let operatorContact = library.operatorContact(of: loaded.book)

        // What remembers: one file, one owner, one writer.
        let store = try Self.open(configuration, timekeeper)
        let progress = try Self.said { try store.progress() }
        timekeeper.goOn(from: progress.latest)
        // Groups and calendars of the servers, as they were told last.
        try Self.said { try names.recall(configuration.sources, store) }
        if loaded.book.refersToServers { loaded = try Self.load(library) }
        let engine = Engine(
            rules: RuleSet(loaded.book), lateness: configuration.lateness,
            operatorContact: operatorContact)

        // What tells: a notifier for each channel, and the courier that drives them.
        let notifiers = try Self.notifiers(configuration)
        let courier = Courier(
            store: store, timekeeper: timekeeper,
            exits: configuration.exits(notifiers), renderer: loaded.renderer, logger: logger,
            attempted: spectator.attempted)
        let pump = Pump(store: store, timekeeper: timekeeper, logger: logger) { steps in
            spectator.committed(steps)
        }
        let reload = Reload(
            library: library, loaded: loaded, pump: pump, courier: courier, store: store,
            lateness: configuration.lateness, logger: logger)

        // What listens: the webhook for trackers' servers, the admin pages for people and tools.
        // Loops of its own: the first message of a fleet takes a second to read, and no post waits
        // behind it. One for two processors: they parse and hand on, the more at once the fewer
        // they are (2 to 3 % less CPU a told event on two), and the writer is busy before they are.
        webhookLoops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 2))
        let completion = WebhookCompletion()
        let reusedIds = ReusedIds(store, timekeeper, logger)
        let intake = IntakeServer(
            configuration: configuration.intake, sources: configuration.webhooks,
            accept: { arrivals, done in
                store.accept(arrivals) { result in
                    done(result)
                    completion.look(arrivals, result)
                    reusedIds.look(arrivals, result)
                }
            }, group: webhookLoops, logger: quiet(logger))
        let ports = Ports(configuration, logger, spectator.listening)
        let feeds = Feeds(
            configuration,
            Feeds.Parts(
                store: store, pump: pump, timekeeper: timekeeper, counters: intake.counters,
                reload: reload, names: names, reusedIds: reusedIds, logger: logger))
        completion.begin(feeds.sources)
        let status = Status(
            store: store, pump: pump, courier: courier, counters: intake.counters,
            reload: reload, ports: ports, sources: feeds.sources)
        let admin = AdminServer(
            address: configuration.admin,
            token: try AdminToken.readOrMake(beside: configuration.data),
            actions: status.actions, logger: logger, bound: { ports.bound(admin: $0) })

        // Everything is built: from here on an end that is not in order is a crash.
        let wasClean: Bool
        do { wasClean = try store.beginRun() } catch {
            throw ConfigurationError("\(configuration.data): \(error)")
        }

        // As near to the step as can be: an end before it says nothing of the event.
        let afterCrash: (@Sendable () throws -> Void)? =
            wasClean
            ? nil
            : { @Sendable in try Self.setPoisonAside(store, progress.cursor, logger) }

        // Stopped in the reverse order: first nothing comes in, then what is decided is sent.
        let services: [(String, any Service)] = [
            ("store", LoopService(start: {}, stop: { Self.close(store, logger) })),
            (
                "courier",
                LoopService(
                    start: { courier.start() },
                    stop: {
                        await courier.stop(grace: .seconds(5))
                        await notifiers.stop()
                    })
            ),
            (
                "pump",
                LoopService(
                    start: {
                        pump.start(
                            engine: engine,
                            memory: {
                                let record = try store.recall(reaching: Memory.keepsRecent)
                                    .memory
                                // One that was down and is configured no more never comes back.
                                let gone = Set(record.silentSources.keys)
                                    .subtracting(feeds.sources.map(\.name))
                                pump.report(gone.sorted().map { .source($0, isSilent: false) })
                                return record
                            },
                            cursor: progress.cursor, afterCrash: afterCrash)
                    },
                    stop: { pump.stop() })
            ),
            (
                "housekeeping",
                Housekeeping(
                    store: store, timekeeper: timekeeper, retention: configuration.retention,
                    heartbeat: configuration.heartbeat, logger: logger)
            ),
            ("reload", reload.watch(configuration)),
            ("sources", feeds),
            ("admin", admin),
            ("intake", RunService { try await intake.run() }),
            ("ports", RunService { try await ports.announce(intake) }),
        ]
        group = Self.group(of: services, logger)
    }

    /// A service that fails (a port in use) ends the others in order, as a signal does: an end in
    /// disorder would count against the event at the cursor.
    private static func group(of services: [(String, any Service)], _ logger: Logger)
        -> ServiceGroup
    {
        ServiceGroup(
            configuration: .init(
                services: services.map { name, service in
                    // Named here: left to itself the group logs a service with all that it holds.
                    .init(
                        service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup, serviceName: name)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)))
    }

    /// Runs until SIGTERM, SIGINT or a failure.
    package func run() async throws {
        // Nothing uses them any more, and nobody waits for their threads.
        defer { webhookLoops.shutdownGracefully { _ in } }
        try await group.run()
    }

    /// Stops as SIGTERM would.
    package func stop() async { await group.triggerGracefulShutdown() }

    private static func load(_ library: RuleLibrary) throws -> RuleLibrary.Loaded {
        do {
            return try library.load()
        } catch let errors as RuleErrors {
            throw ConfigurationError("\(errors)")
        }
    }

    private static func open(
        _ configuration: Configuration, _ timekeeper: Timekeeper
    ) throws -> Store {
        try said {
            try Store(
                path: configuration.data, clock: { timekeeper.now() },
                leapt: { timekeeper.leapt },
                decode: TraccarPayload.decode)
        }
    }

    /// What a part throws while it is built, as the one line that ends a start.
    private static func said<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch { throw ConfigurationError("\(error)") }
    }

    private static func notifiers(_ configuration: Configuration) throws -> Notifiers {
        try said { try Notifiers(configuration.channelSettings) }
    }

    /// After an unclean end the starts at the input at the cursor are counted on disk; the third
    /// sets it aside (a Swift trap cannot be caught).
    private static func setPoisonAside(
        _ store: Store, _ cursor: Int64, _ logger: Logger
    ) throws {
        guard let next = try store.inputs(after: cursor, limit: 1).first else { return }
        let starts = try store.countStart(next.seq)
        guard starts >= Limits.poisonStarts else { return }
        try store.setAside(
            next.seq, reason: "the relay ended \(starts - 1) times on it",
            trouble: Trouble(
                kind: .poisonEvent, subject: "An event was set aside",
                text: """
                    The relay ended \(starts - 1) times while it decided on event \(next.seq), so \
                    this event was set aside and the others go on. Nobody was told of it by the \
                    rules. See it: outcry events
                    """))
        logger.error(
            "an event was set aside: the relay ended on it again and again",
            metadata: ["seq": "\(next.seq)"])
    }

    private static func close(_ store: Store, _ logger: Logger) {
        do {
            try store.endRun()
        } catch {
            logger.error("the end of this run cannot be recorded: \(error)")
        }
        store.close()
    }
}
