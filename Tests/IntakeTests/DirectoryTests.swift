// What is known of a server, events that wait for their position, and the envelope they become.
import Alerting
import Testing

@testable import Intake

/// A device as a list gives it.
func serverDevice(
    _ id: Int64, name: String = "Rad", group: Int64 = 0, guarded: Bool? = nil,
    status: ServerDevice.Status = .online
) -> ServerDevice {
    var device = Device(id: id, uniqueId: "86000000000000\(id)", name: "\(name) \(id)")
    device.groupId = group
    if let guarded { device.attributes = ["guarded": .flag(guarded)] }
    var seen = ServerDevice(device)
    seen.status = status
    return seen
}

func position(_ id: Int64, device: Int64 = 7) -> Position {
    var position = Position(coordinate: Coordinate(latitude: 52.5, longitude: 13.4))
    position.id = id
    position.deviceId = device
    position.deviceTime = Instant(seconds: 1_795_000_000)
    return position
}

/// A bare event as the socket brings it.
func bare(
    _ id: Int64, position: Int64 = 0, device: Int64 = 7, geofence: Int64 = 0,
    type: String = "alarm", time: Instant = Instant(seconds: 1_795_000_000),
    road: Event.Road = .socket
) -> Arrival {
    var event = Event(server: "https://s.example", source: "bikes", type: type)
    event.id = id
    event.deviceId = device
    event.time = time
    event.positionId = position
    event.geofenceId = geofence
    event.attributes = ["alarm": .text("vibration")]
    event.road = road
    let body = """
        {"id":\(id),"deviceId":\(device),"type":"\(type)","eventTime":"\(time.rfc3339)",\
        "positionId":\(position),"geofenceId":\(geofence),"attributes":{"alarm":"vibration"}}
        """
    return Arrival(event: event, body: Array(body.utf8))
}

/// `#expect` of a call that changes what it is called on.
func check(_ holds: Bool, _ place: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: place)
}

@Suite("The directory of a server")
struct DirectoryTests {
    @Test("says what is new, and nothing twice")
    func changes() {
        var directory = Directory()
        _ = directory.replace(groups: [ServerGroup(id: 3, name: "Couriers")])
        let first = directory.replace(devices: [
            serverDevice(1, group: 3), serverDevice(2, guarded: false),
        ])
        #expect(first.map(\.group) == ["Couriers", nil])
        #expect(directory.note(serverDevice(2, guarded: false, status: .offline)) == nil)
        #expect(directory.statusChanges == 1)
        #expect(directory.note(serverDevice(2, guarded: true))?.attributes.flag("guarded") == true)
        #expect(directory.replace(devices: [serverDevice(2, guarded: true)]).isEmpty)
        #expect(directory.deviceIds == [2], "a device that is listed no more is gone")
    }

    @Test("a group's new name is news of its devices; groups around it count too")
    func groups() throws {
        var directory = Directory()
        _ = directory.replace(devices: [serverDevice(1, group: 3), serverDevice(2)])
        let groups = [
            ServerGroup(id: 3, name: "Couriers", parent: 4), ServerGroup(id: 4, name: "All"),
        ]
        #expect(directory.replace(groups: groups).map(\.group) == ["Couriers"])
        #expect(directory.replace(groups: groups).isEmpty)
        #expect(directory.groups(of: try #require(directory.device(1))) == ["Couriers", "All"])
        let id = "860000000000001"
        #expect(directory.names(calendars: []).groups == ["Couriers": [id], "All": [id]])
        #expect(directory.devices(named: "Rad 2") == [2])
    }

    @Test("geofences are known by name and by id")
    func geofences() {
        var directory = Directory()
        let depot = ServerGeofence(id: 4, name: "Depot", area: "CIRCLE (52 13, 100)")
        #expect(directory.replace(geofences: [depot]) == [depot])
        #expect(directory.replace(geofences: [depot]).isEmpty)
        #expect(directory.names(calendars: []).geofences == ["Depot", "4"])
        let arrival = directory.complete(bare(1, geofence: 4, type: "geofenceExit"))
        #expect(arrival.event.geofenceName == "Depot")
    }

    @Test("positions are kept by id, the oldest goes first")
    func positions() {
        var directory = Directory(positionsInMemory: 3)
        for id in 1...4 { check(directory.note(position(Int64(id)))) }
        let again = directory.note(position(4))
        #expect(!again)
        #expect(directory.position(1) == nil && directory.position(2) != nil)
        for id in 5...1_000 { _ = directory.note(position(Int64(id))) }
        #expect(directory.position(997) == nil && directory.position(998) != nil)
        #expect(directory.position(0) == nil)
    }

    @Test("an event is completed, and its body reads back as the same event")
    func envelope() throws {
        var directory = Directory()
        var seen = serverDevice(7, name: "Rad \"ä\"\u{1}", group: 0, guarded: true)
        seen.device.attributes["nested"] = .nested("{\"a\":[1,2]}")
        seen.device.attributes["none"] = .null
        seen.device.attributes["lastAlarm"] = .number(1_685_577_600_000)
        _ = directory.note(seen)
        _ = directory.replace(geofences: [ServerGeofence(id: 4, name: "Depot", area: "")])
        var place = position(99)
        place.speed = Speed(knots: 13.7)
        place.accuracy = 4.5
        place.altitude = -3
        place.course = 359.9
        place.fixTime = Instant(seconds: 1_794_999_990)
        place.serverTime = Instant(milliseconds: 1_795_000_000_123)
        place.address = "Hauptstraße 1"
        place.geofences = .known([4, 5])
        place.attributes = ["motion": .flag(true), "batteryLevel": .number(88.5)]
        _ = directory.note(place)
        let whole = directory.complete(bare(1, position: 99, geofence: 4))
        #expect(whole.event.device == seen.device && whole.event.position == place)
        let read = TraccarPayload.event(
            body: whole.body, server: "https://s.example", source: "bikes", road: .socket,
            received: .distantPast)
        #expect(read == whole.event)
    }

    @Test("what is unknown of a position stays unknown, known to be in none stays so")
    func unknownGeofences() throws {
        for geofences in [Position.Geofences.unknown, .known([])] {
            var place = position(99)
            place.geofences = geofences
            let whole = bare(1, position: 99).completed(
                device: serverDevice(7).device, position: place, geofence: nil)
            let read = try #require(
                TraccarPayload.event(
                    body: whole.body, server: "s", source: "b", received: .distantPast))
            #expect(read.position?.geofences == geofences)
        }
    }

    @Test("any speed reads back as the same speed")
    func speeds() {
        for step in 0..<20_000 {
            let speed = Speed(kilometresPerHour: Double(step) * 0.0137)
            let wire = Speed(knots: Speed(knots: speed.knots).knots)
            #expect(Speed(knots: wire.knots) == wire)
        }
    }

    @Test("of a device that nobody knows an event stays as it came")
    func unknownDevice() {
        let arrival = bare(1)
        #expect(Directory().complete(arrival).body == arrival.body)
    }
}

@Suite("Events that wait for their position")
struct PositionWaitTests {
    let now = Instant(seconds: 1_795_000_000)

    @Test("an event waits for the position that it names, and no other")
    func waits() {
        var wait = PositionWait()
        check(wait.hold(bare(1, position: 90), now: now))
        check(wait.hold(bare(2, position: 91), now: now + .milliseconds(500)))
        check(wait.hold(bare(3, position: 90), now: now + .milliseconds(600)))
        #expect(wait.release(89).isEmpty)
        #expect(wait.release(90).map(\.event.id) == [1, 3])
        #expect(wait.release(90).isEmpty)
        #expect(wait.count == 1 && wait.nextDue == now + .milliseconds(2_500))
    }

    @Test("two seconds at most")
    func overdue() {
        var wait = PositionWait()
        for id in 1...3 {
            check(
                wait.hold(bare(Int64(id), position: Int64(90 + id)), now: now + .seconds(Int64(id)))
            )
        }
        #expect(wait.nextDue == now + .seconds(3))
        #expect(wait.overdue(now: now + .milliseconds(2_999)).isEmpty)
        #expect(wait.overdue(now: now + .seconds(4)).map(\.event.id) == [1, 2])
        #expect(wait.release(91).isEmpty)
        #expect(wait.all().map(\.event.id) == [3])
        #expect(wait.nextDue == nil && wait.count == 0)
    }

    @Test("what no report could bring again, and what names no position, does not wait")
    func doNotWait() {
        var wait = PositionWait()
        let holds = [wait.hold(bare(0, position: 90), now: now), wait.hold(bare(1), now: now)]
        #expect(holds == [false, false])
        #expect(wait.count == 0)
    }

    @Test("the room is bounded, and stays so however many pass through")
    func bounded() {
        var wait = PositionWait(bound: 2)
        check(wait.hold(bare(1, position: 90), now: now))
        check(wait.hold(bare(2, position: 91), now: now))
        let third = wait.hold(bare(3, position: 92), now: now)
        #expect(!third)
        #expect(wait.release(90).count == 1)
        check(wait.hold(bare(3, position: 92), now: now))
        for id in 4...5_000 {
            #expect(wait.release(Int64(id + 88)).count == 1)
            check(wait.hold(bare(Int64(id), position: Int64(id + 89)), now: now))
        }
        #expect(wait.count == 2)
    }
}
