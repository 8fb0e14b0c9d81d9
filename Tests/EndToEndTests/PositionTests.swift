// What no event of the server tells: a place of the rule file that positions cross, and a server
// that is gone. Over a real socket of the stand-in server, to a real receiver.

import Foundation
import TestSupport
import Testing
import TrackerSimulator

extension EndToEnd {
    @Suite("positions, and a server that is gone")
    struct PositionTests {
        private static let rules = """
            version: 1
            places:
              home: { center: [48.2082, 16.3738], radius: 80 m }
            contacts:
              fleet: { http: fleet-api }
            rules:
              - id: left-home
                severity: critical
                devices: [Cargo 1]
                when: { leaves: home }
                clears: { notify: true }
                notify: [{ to: fleet, message: left-place }]
              - id: weak-battery
                when: { battery: { falls_below: 20 % } }
                notify: [{ to: fleet, message: battery }]
              - id: towed-when-weak
                severity: warning
                when: { alarm: tow }
                while: { attribute: { position.batteryLevel: 15 } }
                notify: [{ to: fleet }]
              - id: feed-down
                when: { source: silent, for_at_least: 1s }
                clears: { notify: true }
                notify: [{ to: fleet }]

            """

        @Test(
            "a bike that leaves a place of the file, its battery, and a server that goes and comes")
        func road() async throws {
            let sink = try HTTPSink()
            let world = World.standard(
                .biketrax, now: Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000)))
            let simulator = try await Simulator.start(SimulatorConfiguration(world: world)) {
                Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
            }
            let folder = try RelayFolder(rules: Self.rules)
            try folder.configure(
                channels: EndToEnd.fleet(sink), more: "lateness: 1s", url: simulator.url,
                session: "{ token: \"\(world.account.token)\" }")
            let relay = try RelayProcess(folder)
            #expect(relay.logged(within: 30, "connected"))
            #expect(eventually(10) { simulator.openSockets > 0 })
            // Where it stands is known from the connection on: this is the first crossing.
            var report = World.Report(1, at: World.depot.moved(east: 0, north: 300))
            report.motion = true
            _ = simulator.perform(.report(report))
            #expect(sink.wait(10, taken: 1))
            report = World.Report(1, at: World.depot)
            report.battery = 15
            _ = simulator.perform(.report(report))
            // One step, one person, one message: the end of one and the beginning of the other.
            #expect(sink.wait(10, taken: 2))
            // A webhook that forwards bare events: the connection knows the position that it names.
            let here = try #require(simulator.world.latestPosition(1))
            let bare =
                #"{"id":999,"deviceId":1,"type":"alarm","positionId":\#(here.id),"#
                + #""eventTime":"\#(here.deviceTime.text)","attributes":{"alarm":"tow"}}"#
            #expect(try relay.post(bare) == 200)
            #expect(sink.wait(10, taken: 3))
            simulator.setFaults { $0.isDown = true }
            simulator.dropSockets()
            #expect(sink.wait(60, taken: 4))
            simulator.setFaults { $0.isDown = false }
            #expect(sink.wait(60, taken: 5))
            #expect(relay.stop() == .code(0))
            try await simulator.stop()
            let told = try sink.taken.map { request in
                try #require(
                    JSONSerialization.jsonObject(with: Data(request.message.body)) as? [String: Any]
                )["data"] as? [String: Any] ?? [:]
            }
            #expect(
                told.map { Self.items($0) { $0["rule"] as? String } } == [
                    ["left-home"], ["weak-battery", "left-home"], ["towed-when-weak"],
                    ["feed-down"], ["feed-down"],
                ])
            #expect(told.first?["subject"] as? String == "Cargo 1: left home")
            #expect(Self.items(told[0]) { $0["place"] as? String } == ["home"])
            #expect(
                Self.items(told[1]) {
                    ($0["position"] as? [String: Any])?["battery_percent"] as? Int
                }
                    == [15, 15])
            #expect(told[1]["reason"] as? String == "first")
            #expect(Self.items(told[2]) { $0["position"] != nil } == [true])
            #expect(told[3]["subject"] as? String == "biketrax: no connection to the server")
            #expect(Self.items(told[3]) { $0["source"] as? String } == ["biketrax"])
            #expect(Self.items(told[3]) { $0["device"] == nil } == [true])
            #expect(told[4]["reason"] as? String == "cleared")
        }

        private static func items<Value>(
            _ data: [String: Any], _ of: ([String: Any]) -> Value?
        ) -> [Value] {
            (data["items"] as? [[String: Any]] ?? []).compactMap(of)
        }
    }
}
