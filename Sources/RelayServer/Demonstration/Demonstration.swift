// `outcry demo`: a whole relay on a database of its own in a temporary folder, with a mail and an
// HTTP catcher for the outside. A ride and a theft are posted to its webhook, and each event, what
// the rules say to it and each notification is told line by line as it happens.

import Alerting
import Channels
import Foundation
import Logging
import NIOPosix
import Synchronization

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
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, found) = AsyncStream.makeStream(of: Int.self)
            group.addTask {
                // It is cancelled when the play is over, and says so by throwing.
                do { try await catcher.run { found.yield($0) } } catch is CancellationError {}
            }
            guard let http = await ports.first(where: { _ in true }) else { return }
            let configuration = configuration(folder: folder.path, mail: mail.port, http: http)
            try await play(configuration, stage)
            group.cancelAll()
        }
        try await mail.stop()
    }

    private static let key = "Bearer demo"

    private func configuration(folder: String, mail: Int, http: Int) -> Configuration {
        var result = Configuration(data: folder + "/outcry.db", rules: rules)
        result.listen = Address(host: "127.0.0.1", port: 0)
        result.admin = Address(host: "127.0.0.1", port: 0)
        result.operatorContact = "workshop"
        result.watchesRules = false
        result.sources = [
            .init(
                name: "biketrax", url: "https://demo.example.org", path: "/hooks/biketrax",
                authorization: Secret(Self.key))
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

    private func play(_ configuration: Configuration, _ stage: Stage) async throws {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        var spectator = Relay.Spectator()
        spectator.listening = { webhook, _ in found.yield(webhook) }
        spectator.committed = { stage.decided($0) }
        var logger = Logger(label: "outcry")
        logger.logLevel = .error
        let relay = try await Relay(configuration, logger: logger, spectator: spectator)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            group.addTask {
                guard let port = await ports.first(where: { _ in true }) else { return }
                try await post(to: port, stage)
                await relay.stop()
            }
            try await group.waitForAll()
        }
        stage.summary()
    }

    private func post(to port: Int, _ stage: Stage) async throws {
        let transfer = CurlTransfer(name: "demo")
        let client = WebClient(transfer: transfer)
        stage.begin(port: port)
        for (title, posts) in Scene.posts(start: Timekeeper.wallTime) {
            stage.title(title)
            for post in posts {
                stage.event(post.caption)
                let answer = await client.ask(
                    "POST", "http://127.0.0.1:\(port)/hooks/biketrax",
                    headers: [
                        "Authorization: \(Self.key)", "Content-Type: application/json",
                        "X-PowTxn: demo-\(stage.posted)",
                    ], body: Array(post.body.utf8))
                if answer.status != 200 { stage.refused(answer.status) }
                try await Task.sleep(for: post.pause)
            }
        }
        // The refused message is tried again after 5 s and some; then everything has been told.
        let patience = Timekeeper.wallTime + .seconds(20)
        while stage.isWaiting, Timekeeper.wallTime < patience {
            try await Task.sleep(for: .milliseconds(100))
        }
        await transfer.stop()
    }
}
