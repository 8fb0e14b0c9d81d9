// `outcry demo`: a whole relay on a database of its own in a temporary folder, with a simulated
// tracker server at one end and a mail and an HTTP catcher at the other. A ride and a theft happen
// on that server; they come by webhook, by WebSocket and, where both fail, by catch-up. Each event,
// what the rules say to it and each notification is told line by line as it happens.

import Alerting
import Channels
import Foundation
import Logging
import NIOPosix
import TrackerSimulator

/// Plays the demonstration.
package struct Demonstration: Sendable {
    private let rules: String

    package init(rules: String) { self.rules = rules }

    package func run() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("outcry-demo-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            // A temporary folder: what cannot be removed now, the system removes later.
            try? FileManager.default.removeItem(at: folder)
        }
        let stage = Stage()
        let mail = try await SMTPCatcher.start(on: MultiThreadedEventLoopGroup.singleton) {
            stage.mail(to: $0, $1)
        }
        let catcher = HTTPCatcher { stage.http($0) }
        let server = try await server(stage)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, found) = AsyncStream.makeStream(of: Int.self)
            group.addTask {
                // It is cancelled when the play is over, and says so by throwing.
                do { try await catcher.run { found.yield($0) } } catch is CancellationError {}
            }
            guard let http = await ports.first(where: { _ in true }) else { return }
            try await play(
                configuration(folder: folder.path, server: server, mail: mail.port, http: http),
                server, stage)
            group.cancelAll()
        }
        try await server.stop()
        try await mail.stop()
    }

    private static let key = "Bearer demo"

    private func server(_ stage: Stage) async throws -> Simulator {
        let now: @Sendable () -> Moment = {
            Moment(milliseconds: Timekeeper.wallTime.milliseconds)
        }
        var configuration = SimulatorConfiguration(world: .standard(.biketrax, now: now()))
        configuration.witness = { event, device in
            stage.event("\(device.name): \(event.alarm.map { "alarm, \($0)" } ?? event.type)")
        }
        return try await Simulator.start(configuration, now: now)
    }

    private func configuration(
        folder: String, server: Simulator, mail: Int, http: Int
    ) -> Configuration {
        var result = Configuration(data: folder + "/outcry.db", rules: rules)
        result.listen = Address(host: "127.0.0.1", port: 0)
        result.admin = Address(host: "127.0.0.1", port: 0)
        result.operatorContact = "workshop"
        result.watchesRules = false
        result.sources = [
            .init(
                name: "biketrax", url: server.url,
                webhook: .init(path: "/hooks/biketrax", authorization: Secret(Self.key)),
                session: .init(.token(Secret(server.world.account.token))))
        ]
        if let from = MailAddress("Outcry <outcry@example.org>") {
            result.email = EmailSettings(
                server: "smtp://127.0.0.1:\(mail)", starttls: .none, from: from)
        }
        result.http["fleet-api"] = HTTPSettings(
            url: Secret("http://127.0.0.1:\(http)/alerts"),
            secrets: ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"])
        return result
    }

    private func play(
        _ configuration: Configuration, _ server: Simulator, _ stage: Stage
    ) async throws {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        var spectator = Relay.Spectator()
        spectator.listening = { webhook, _ in found.yield(webhook) }
        spectator.committed = { stage.decided($0) }
        let logger = Logger(label: "outcry") { _ in LogListener { stage.logged($0) } }
        let relay = try await Relay(configuration, logger: logger, spectator: spectator)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            group.addTask {
                guard let port = await ports.first(where: { _ in true }) else { return }
                server.change { world in
                    world.account.webhook = World.Webhook(
                        url: "http://127.0.0.1:\(port)/hooks/biketrax", key: Self.key)
                }
                try await tell(server, port, stage)
                await relay.stop()
            }
            try await group.waitForAll()
        }
    }

    /// The whole story, act by act.
    private func tell(_ server: Simulator, _ port: Int, _ stage: Stage) async throws {
        stage.begin(server: server.url, relay: port)
        try await Self.wait { server.openSockets > 0 }
        for act in Story.acts {
            stage.title(act.title)
            if act.isCutOff {
                server.setFaults { ($0.isDown, $0.webhookLoss) = (true, 1) }
                server.dropSockets()
                try await Self.wait { server.openSockets == 0 }
            }
            for beat in act.beats {
                for action in beat { server.perform(action) }
                try await Task.sleep(for: .milliseconds(700))
            }
            if act.isCutOff {
                server.setFaults { ($0.isDown, $0.webhookLoss) = (false, 0) }
                try await Self.wait { stage.hasClosedGap }
            }
        }
        // The refused message is tried again after 5 s and some; then everything has been told.
        try await Self.wait { !stage.isWaiting && server.isIdle }
        stage.summary(server.posts)
    }

    /// Looks until it is so, for half a minute at most: then the story goes on without it.
    private static func wait(until isSo: () -> Bool) async throws {
        let patience = Timekeeper.wallTime + .seconds(30)
        while !isSo(), Timekeeper.wallTime < patience {
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// Hears what the relay logs: the demonstration has its own way of telling it.
private struct LogListener: LogHandler {
    let heard: @Sendable (LogEvent) -> Void
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(_ heard: @escaping @Sendable (LogEvent) -> Void) { self.heard = heard }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { heard(event) }
}
