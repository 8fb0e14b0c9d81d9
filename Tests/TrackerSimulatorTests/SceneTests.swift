// The scenes and the world as values: no socket, no clock, no waiting.

import Testing

@testable import TrackerSimulator

@Suite("scenes in virtual time")
struct SceneTests {
    static let start = Moment(milliseconds: 1_770_000_000_000)

    static func played(
        _ name: String, _ dialect: Dialect = .biketrax, fleet: Scene.Fleet = .init()
    ) throws -> (world: World, changes: [World.Change]) {
        let scene = try #require(Scene.named(name, fleet: fleet))
        var world = World.standard(dialect, fleet: scene.fleet, now: start)
        let changes = scene.play(on: &world, from: start)
        return (world, changes)
    }

    static func types(_ world: World) -> [String] {
        world.events.map { $0.event.alarm.map { "alarm \($0)" } ?? $0.event.type }
    }

    @Test("an own ride has the order that BikeTrax' FAQ tells of")
    func ownRide() throws {
        let (world, _) = try Self.played("own-ride")
        #expect(
            Self.types(world) == [
                "deviceOnline", "alarm vibration", "ignitionOn", "deviceMoving", "geofenceExit",
                "geofenceEnter", "deviceStopped", "deviceMoving", "geofenceExit",
                "deviceStopped", "geofenceEnter", "ignitionOff", "deviceOffline",
            ])
    }
}
