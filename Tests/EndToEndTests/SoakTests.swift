// The promise that the three roads are one stream without doubles and without holes: a fleet rides,
// the socket is dropped twenty times, the webhook loses a third of its posts, the relay is killed
// five times, and in the end the inbox holds exactly the events that the server made.
//
// In less than a minute; OUTCRY_SOAK=1 plays the ten minutes at the pace of life.

import Alerting
import Foundation
import Intake
import Storage
import Synchronization
import TestSupport
import Testing
import TrackerSimulator

extension EndToEnd {
    @Suite("a soak of the connection to a tracker's server")
    struct SoakTests {
        static let isLong = ProcessInfo.processInfo.environment["OUTCRY_SOAK"] == "1"
        static let drops = 20
        static let kills = 5
        /// Ten minutes of life in less than one, unless there is time.
        static let speed = isLong ? 1.0 : 15.0

        @Test(
            "drops, losses and kills leave no hole and no double",
            .timeLimit(.minutes(isLong ? 20 : 5)))
        func soak() async throws {
            let sink = try HTTPSink()
            let port = try LoopbackSocket.freePort()
            var world = World.standard(.biketrax, fleet: 30, now: Self.now)
            world.account.webhook = World.Webhook(
                url: "http://127.0.0.1:\(port)\(RelayFolder.webhookPath)",
                key: RelayFolder.webhookKey, types: nil)
            let simulator = try await Simulator.start(SimulatorConfiguration(world: world)) {
                Self.now
            }
            simulator.setFaults {
                $0.webhookLoss = 0.3
                $0.duplicates = true
                $0.outOfOrder = true
            }
            let folder = try RelayFolder(rules: EndToEnd.everyAlarm)
            try folder.configure(
                channels: EndToEnd.fleet(sink), listen: "127.0.0.1:\(port)", url: simulator.url,
                session: "{ token: \"\(world.account.token)\" }")

            var fleet = Scene.Fleet()
            fleet.devices = 30
            fleet.rate = 5
            fleet.length = .minutes(10)
            let scene = try #require(Scene.named("fleet-day", fleet: fleet))
            var relay = try RelayProcess(folder)
            let playing = Task { try await simulator.play(scene, speed: Self.speed) }
            for _ in 0..<Self.kills {
                for _ in 0..<(Self.drops / Self.kills) {
                    #expect(eventually(60) { simulator.openSockets > 0 })
                    // Long enough that something comes over it, in the short run too.
                    let opened = simulator.socketsOpened
                    _ = eventually(Self.isLong ? 20 : 0.3) { simulator.socketsOpened > opened }
                    simulator.dropSockets(gracefully: opened % 2 == 0)
                    #expect(eventually(10) { simulator.openSockets == 0 })
                }
                relay.kill()
                relay = try RelayProcess(folder)
            }
            try await playing.value
            #expect(simulator.socketsOpened >= Self.drops)
            #expect(eventually(30) { simulator.isIdle })
            #expect(relay.stop() == .code(0))
            relay = try RelayProcess(folder)
            // The line of the catch-up at its start.
            #expect(relay.logged(within: 40, "closed:"))
            #expect(relay.stop() == .code(0))
            try compare(simulator, folder)
            try await simulator.stop()
        }

        private func compare(_ simulator: Simulator, _ folder: RelayFolder) throws {
            let listing = try Listing(path: folder.database) { stored in
                TraccarPayload.event(
                    body: stored.bytes, server: stored.server, source: stored.source,
                    road: stored.road, received: stored.received)
            }
            let listed = try listing.events(last: 1_000_000).filter { !$0.isCopy }
            let stored = listed.compactMap { $0.event?.id }.filter { $0 > 0 }
            let made = simulator.events.filter(\.isStored).map(\.event.id)
            let (have, should) = (Set(stored), Set(made))
            #expect(should.subtracting(have).isEmpty, "holes")
            #expect(have.subtracting(should).isEmpty, "events that nobody made")
            #expect(stored.count == have.count, "doubles")
            #expect(made.count > 300, "a soak of nothing")
            let roads = Dictionary(grouping: listed, by: \.road).mapValues(\.count)
            print(
                "soak: \(made.count) events; first by",
                roads.sorted { $0.value > $1.value }.map {
                    "\($0.key.rawValue) \($0.value)"
                }.joined(separator: ", "), "; sockets \(simulator.socketsOpened)")
            for road in Event.Road.allCases {
                #expect(roads[road] ?? 0 > 0, "\(road) brought none")
            }
            let unnamed = listed.filter { $0.event?.device == nil }.count
            #expect(unnamed == 0, "\(unnamed) events do not know their device")
        }

        private static var now: Moment {
            Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        }
    }
}
