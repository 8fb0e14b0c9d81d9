// The scenes, played in no time: what happens in each, and that it is the same each time.

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
        #expect(world.device(1)?.attributes["guarded"] == .flag(true))
    }

    @Test("a theft: armed, shaken, cut off and away without ignition")
    func theft() throws {
        let (world, changes) = try Self.played("theft")
        let types = Self.types(world)
        #expect(
            types.prefix(5) == [
                "deviceOnline", "alarm vibration", "alarm movement", "alarm powerCut",
                "deviceMoving",
            ])
        #expect(types.contains("geofenceExit") && types.last == "deviceOffline")
        #expect(!types.contains("ignitionOn"))
        let device = try #require(world.device(1))
        #expect(device.attributes["alarm"] == .flag(true) && device.status == .offline)
        // The last report had no fix: the place and the time of the fix before it.
        let positions = changes.compactMap { change in
            if case .position(let position) = change { position } else { nil }
        }
        let (last, before) = (positions[positions.count - 1], positions[positions.count - 2])
        #expect(last.place == before.place && last.fixTime == before.fixTime)
        #expect(last.deviceTime > last.fixTime && last.valid)
    }

    @Test("forgotten: ignition comes within half a minute of the vibration")
    func forgotten() throws {
        let events = try Self.played("forgotten").world.events.map(\.event)
        let jolt = try #require(events.first { $0.alarm == "vibration" })
        let ignition = try #require(events.first { $0.type == "ignitionOn" })
        #expect(ignition.eventTime - jolt.eventTime == .seconds(20))
    }

    @Test("flapping: seven pairs in fourteen minutes, one of them within a second")
    func flapping() throws {
        let events = try Self.played("flapping").world.events.map(\.event).dropFirst()
        #expect(events.map(\.type) == (0..<7).flatMap { _ in ["deviceOffline", "deviceOnline"] })
        let gaps = zip(events, events.dropFirst()).map { $1.eventTime - $0.eventTime }
        #expect(gaps.min() == .milliseconds(673))
        #expect(gaps.reduce(.zero, +) < .ofMinutes(14))
    }

    @Test("a late upload makes events with old times, and none that is older than what is known")
    func lateUpload() throws {
        let (world, _) = try Self.played("late-upload")
        let alarms = world.events.filter { $0.event.type == "alarm" }
        #expect(alarms.compactMap(\.event.alarm) == ["vibration", "movement", "lowBattery"])
        #expect(alarms.allSatisfy { $0.made - $0.event.eventTime > .ofHours(3) })
        #expect(world.pushed(alarms[0].event, now: alarms[0].made).isEmpty)
        // The late one is kept, but shown to nobody.
        let now = Self.start + .ofHours(1)
        let track = world.positions(of: 3, Self.start - .ofHours(7), now)
        #expect(track.contains { $0.attributes["alarm"] == .text("sos") })
        #expect(world.latestPosition(3)?.id == track.map(\.id).max())
    }

    @Test("a vibration storm: sixty alarms, each with an id of its own")
    func storm() throws {
        let events = try Self.played("vibration-storm").world.events
            .filter { $0.event.alarm == "vibration" }
        #expect(events.count == 60 && Set(events.map(\.event.id)).count == 60)
    }

    @Test("a fleet's day is the same for the same seed, and another for another")
    func fleetDay() throws {
        var fleet = Scene.Fleet()
        fleet.rate = 20
        let (one, changes) = try Self.played("fleet-day", fleet: fleet)
        let (again, _) = try Self.played("fleet-day", fleet: fleet)
        fleet.seed = 2
        let (other, _) = try Self.played("fleet-day", fleet: fleet)
        #expect(one.events.map(\.event) == again.events.map(\.event))
        #expect(one.events.map(\.event) != other.events.map(\.event))
        #expect(one.events.count > 2_000 && changes.count > 12_000)
        // It has what is hard: late ones, ones that were not stored, each type.
        #expect(one.events.contains { !$0.isStored })
        #expect(one.events.contains { $0.made - $0.event.eventTime > .ofMinutes(30) })
        #expect(Set(Self.types(one)).count > 10)
        let ids = one.events.map(\.event.id).filter { $0 != 0 }
        #expect(ids == ids.sorted() && Set(ids).count == ids.count)
    }

    @Test("each name has a scene, and every scene makes events", arguments: Scene.names)
    func names(_ name: String) throws {
        #expect(try Self.played(name).world.events.isEmpty == false)
    }

    @Test("all scenes together happen one after the other")
    func all() throws {
        let scene = try #require(Scene.named("all"))
        let times = scene.map(\.at)
        #expect(times == times.sorted())
    }

    @Test("Traccar 6 makes no status events unless it is told to")
    func statusEvents() throws {
        let (silent, changes) = try Self.played("flapping", .traccar6)
        #expect(silent.events.isEmpty)
        let statuses = changes.filter { if case .device = $0 { true } else { false } }
        #expect(statuses.count > 14)
    }
}
