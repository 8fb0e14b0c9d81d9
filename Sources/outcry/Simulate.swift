// `outcry simulate`: a stand-in for a tracker server, to try a configuration without one.

import ArgumentParser
import Foundation
import RelayServer
import TrackerSimulator

extension Dialect: ExpressibleByArgument {}

struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stand in for a BikeTrax or Traccar server, until it is interrupted.",
        discussion: """
            REST, WebSocket and webhook of an account with three bikes. A scene is a script of \
            what happens to them: \(Scene.names.joined(separator: ", ")). Things are made to \
            happen and to go wrong by POST /simulator/{scene,alarm,status,faults,drop,restart}; \
            GET /simulator/{events,posts,state} tells what was.
            """)

    @Option(help: "The port on this machine; 0 is any.") var port = 8082
    @Option(help: "The account's login.") var email = World.Account().email
    @Option(help: "Its password.") var password = World.Account().password
    @Option(help: "Its access token.") var token = World.Account().token
    @Option(help: "The scene to play.") var scene: String?
    @Option(help: "Which server: biketrax, or 6 for Traccar 6.") var dialect = Dialect.biketrax
    @Option(help: "How much faster than life the scene goes.") var speed = 1.0
    @Option(help: "The account's webhookUrl (http).") var webhookUrl: String?
    @Option(help: "Its webhookPsk: the Authorization header in full.") var webhookPsk: String?
    @Option(help: "Its webhookTypes, comma-separated.") var webhookTypes: String?
    @Option(help: "For fleet-day: how many devices.") var devices = Scene.Fleet().devices
    @Option(help: "For fleet-day: reports a second, of all devices together.")
    var rate = Scene.Fleet().rate
    @Option(help: "For fleet-day: its length in minutes.") var minutes = 10.0
    @Option(help: "For all chance.") var seed: UInt64 = 1

    func validate() throws {
        guard speed > 0, rate > 0, minutes > 0, (0...1_000_000).contains(devices) else {
            throw ValidationError("--speed, --rate and --minutes are above 0, --devices not below")
        }
        if let scene, !Scene.names.contains(scene) {
            throw ValidationError(
                "there is no scene '\(scene)'; there are \(Scene.names.joined(separator: ", "))")
        }
        if let webhookUrl, !webhookUrl.hasPrefix("http://") {
            throw ValidationError("--webhook-url: the stand-in speaks http only")
        }
    }

    func run() async throws {
        var fleet = Scene.Fleet()
        fleet.devices = devices
        fleet.rate = rate
        fleet.length = .ofMinutes(minutes)
        fleet.seed = seed
        let scene = scene.flatMap { Scene.named($0, fleet: fleet) }
        var world = World.standard(dialect, fleet: scene?.fleet ?? 0, now: Self.now)
        world.account.email = email
        world.account.password = password
        world.account.token = token
        world.account.webhook = webhookUrl.map { url in
            World.Webhook(
                url: url, key: webhookPsk,
                types: webhookTypes?.split(separator: ",").map(String.init))
        }
        var configuration = SimulatorConfiguration(world: world)
        configuration.port = port
        configuration.seed = seed
        configuration.witness = { event, device in
            let what = event.alarm.map { "alarm \($0)" } ?? event.type
            say("\(event.eventTime.text)  \(event.id)  \(device.name): \(what)")
        }
        let simulator = try await start(configuration)
        say("a \(dialect.rawValue) server stands at \(simulator.url)")
        if let scene {
            say("scene \(scene.name): \(scene.summary)")
            try await simulator.play(scene, speed: speed)
            say("the scene is over; the server goes on")
        }
        while true { try await Task.sleep(for: .seconds(3_600)) }
    }

    private static var now: Moment { Moment(milliseconds: Timekeeper.wallTime.milliseconds) }

    private func start(_ configuration: SimulatorConfiguration) async throws -> Simulator {
        do {
            return try await Simulator.start(configuration) { Self.now }
        } catch {
            throw ConfigurationError("cannot listen on port \(configuration.port): \(error)")
        }
    }
}

private func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
