// What a payload means: the tolerance of domain.md 1 to 3, spelling by spelling.
import Alerting
import Foundation
import Testing

@testable import Intake

/// Reads one payload with a fresh reader.
func read(_ json: String, txn: String? = nil) throws -> TraccarPayload.Reading {
    try read(Array(json.utf8), txn: txn)
}

func read(_ json: [UInt8], txn: String? = nil) throws -> TraccarPayload.Reading {
    try json.withUnsafeBytes {
        try TraccarPayload().read($0, server: "https://s.example", source: "bikes", txn: txn)
    }
}

/// The one event of a payload.
func event(_ json: String) throws -> Event {
    let reading = try read(json)
    #expect(reading.arrivals.count == 1)
    return try #require(reading.arrivals.first).event
}

@Suite("What a payload means")
struct PayloadTests {
    static let envelope = """
        {"event": {"id": 173, "attributes": {"alarm": "vibration"}, "deviceId": 7, "type": "alarm",
          "eventTime": "2026-05-01T10:11:12.000+00:00", "positionId": 2167102178, "geofenceId": 0,
          "maintenanceId": 0},
         "device": {"id": 7, "attributes": {"guarded": true, "lastAlarm": 1685577600000},
          "groupId": 3, "calendarId": 0, "name": "Rad 1", "uniqueId": "860000000000007",
          "status": "online", "lastUpdate": null, "disabled": "false"},
         "position": {"id": 2167102178, "attributes": {"batteryLevel": 88.0, "motion": true,
          "hours": 5.0E7, "sat": "9", "note": null}, "deviceId": 7, "protocol": "h02",
          "serverTime": null, "deviceTime": "2026-05-01T10:11:12.000+00:00",
          "fixTime": "2026-05-01T10:11:00.000+00:00", "valid": true, "latitude": 52.5,
          "longitude": 13.4, "altitude": 34, "speed": 10, "course": 5.0E0, "address": null,
          "accuracy": 0, "network": null, "geofenceIds": null},
         "geofence": {"id": 4, "name": "depot", "area": "CIRCLE (52.5 13.4, 100)"}}
        """

    @Test("an envelope is read whole, its speed as km/h")
    func wholeEnvelope() throws {
        let event = try event(Self.envelope)
        #expect(event.server == "https://s.example" && event.source == "bikes")
        #expect(event.id == 173 && event.deviceId == 7 && event.alarm == "vibration")
        #expect(event.time == Instant(rfc3339: "2026-05-01T10:11:12Z"))
        #expect(event.positionId == 2_167_102_178 && event.road == .webhook)
        #expect(event.geofenceName == "depot" && event.geofenceId == 0)
        let device = try #require(event.device)
        #expect(device.uniqueId == "860000000000007" && device.name == "Rad 1")
        #expect(device.groupId == 3 && device.attributes.flag("guarded") == true)
        #expect(device.attributes.number("lastAlarm") == 1_685_577_600_000)
        let position = try #require(event.position)
        #expect(position.speed == Speed(kilometresPerHour: 18.52))
        #expect(position.coordinate == Coordinate(latitude: 52.5, longitude: 13.4))
        #expect(position.attributes.number("hours") == 50_000_000)
        #expect(position.attributes.number("sat") == 9)
        #expect(position.attributes["note"] == .null)
        #expect(position.attributes.entries.map(\.name).prefix(2) == ["batteryLevel", "motion"])
        #expect(position.geofences == .known([]) && !position.hasFix && position.course == 5)
        #expect(position.serverTime == nil && position.address == nil)
    }

    @Test(
        "dates in every spelling that servers have used",
        arguments: [
            ("\"2026-05-01T10:11:12.000+00:00\"", 1_777_630_272_000),
            ("\"2026-05-01T10:11:12.250+0000\"", 1_777_630_272_250),
            ("\"2026-05-01T15:11:12+05:00\"", 1_777_630_272_000),
            ("\"2026-05-01T10:11:12Z\"", 1_777_630_272_000),
            ("1777630272000", 1_777_630_272_000),
            ("1777630272000.0", 1_777_630_272_000),
            ("\"1777630272000\"", 1_777_630_272_000),
        ])
    func dates(_ written: String, _ milliseconds: Int64) throws {
        let made = try event("{\"type\":\"a\",\"deviceId\":1,\"eventTime\":\(written)}")
        #expect(made.time == Instant(milliseconds: milliseconds))
        let old = try event("{\"type\":\"a\",\"deviceId\":1,\"serverTime\":\(written)}")
        #expect(old.time == made.time)
    }

    @Test(
        "what is no date is no time",
        arguments: [
            "null", "\"yesterday\"", "\"2026-05-01T10:11:12\"", "1e300", "{}", "true", "\"NaN\"",
        ])
    func noDates(_ written: String) throws {
        let made = try event("{\"type\":\"a\",\"deviceId\":1,\"eventTime\":\(written)}")
        #expect(made.time == nil)
    }

    @Test(
        "ids as servers and forwarders write them",
        arguments: [
            ("88", 88), ("88.0", 88), ("8.8E1", 88), ("\"88\"", 88), ("\"88.0\"", 88),
            ("9007199254740993", 9_007_199_254_740_993), ("\"9223372036854775807\"", Int64.max),
            ("-1", -1), ("null", 0), ("88.5", 0), ("\"x\"", 0), ("18446744073709551615", 0),
            ("true", 0), ("[]", 0),
        ])
    func ids(_ written: String, _ id: Int64) throws {
        #expect(try event("{\"type\":\"a\",\"deviceId\":1,\"id\":\(written)}").id == id)
    }

    @Test(
        "flags as text and numbers",
        arguments: [
            ("false", false), ("\"false\"", false), ("\"FALSE\"", false), ("0", false),
            ("true", true), ("\"true\"", true), ("1", true), ("null", true), ("\"?\"", true),
        ])
    func flags(_ written: String, _ valid: Bool) throws {
        let made = try event(
            """
            {"event": {"type": "a", "deviceId": 1},
             "position": {"latitude": 1, "longitude": "2.5", "valid": \(written)}}
            """)
        #expect(made.position?.valid == valid)
        #expect(made.position?.coordinate.longitude == 2.5)
    }

    @Test(
        "geofences: a null is none, a missing key is unknown, an old server's are the device's",
        arguments: [
            ("{\"geofenceIds\": null}", "{}", Position.Geofences.known([])),
            ("{\"geofenceIds\": [4, \"5\", 6.0, null]}", "{}", .known([4, 5, 6])),
            ("{\"geofenceIds\": []}", "{\"geofenceIds\": [1]}", .known([])),
            ("{}", "{}", .unknown),
            ("{}", "{\"geofenceIds\": [1, 2]}", .known([1, 2])),
            ("{}", "{\"geofenceIds\": []}", .known([])),
            ("{}", "{\"geofenceIds\": null}", .unknown),
            ("{\"geofenceIds\": \"1\"}", "{\"geofenceIds\": [1]}", .unknown),
        ])
    func geofences(_ position: String, _ device: String, _ wanted: Position.Geofences) throws {
        let place = position.dropLast() + (position == "{}" ? "" : ",")
        let made = try event(
            """
            {"event": {"type": "a", "deviceId": 1}, "device": \(device),
             "position": \(place)"latitude": 1, "longitude": 2}}
            """)
        #expect(made.position?.geofences == wanted)
    }

    @Test("what a forwarder left out is taken from the objects beside it")
    func filledIn() throws {
        let made = try event(
            """
            {"event": {"type": "geofenceExit"}, "device": {"id": 9, "uniqueId": 12345},
             "geofence": {"id": 3, "name": "home"}, "maintenance": {"id": 6},
             "position": {"id": 11, "latitude": 1, "longitude": 2}}
            """)
        #expect(made.deviceId == 9 && made.geofenceId == 3 && made.positionId == 11)
        #expect(made.maintenanceId == 6 && made.geofenceName == "home")
        #expect(made.device?.uniqueId == "12345" && made.device?.name == "")
        #expect(made.position?.deviceId == 9)
        #expect(made.time == nil && made.id == 0)
    }

    @Test("a 0 is an answer, not a gap")
    func zeroIsAnAnswer() throws {
        let made = try event(
            "{\"event\": {\"type\": \"a\", \"geofenceId\": 0}, \"geofence\": {\"id\": 3}}")
        #expect(made.geofenceId == 0)
    }

    @Test(
        "positions that name no usable place",
        arguments: [
            ("\"latitude\": 91, \"longitude\": 2", true), ("\"latitude\": 1", false),
            ("\"latitude\": \"NaN\", \"longitude\": 2", false),
            ("\"latitude\": null, \"longitude\": null", false),
        ])
    func noPlace(_ members: String, _ isKept: Bool) throws {
        let made = try event(
            "{\"event\": {\"type\": \"a\", \"deviceId\": 1}, \"position\": {\(members)}}")
        #expect((made.position != nil) == isKept)
        #expect(made.position?.hasFix != true)
    }

    @Test("of an overspeed event the attributes are km/h too")
    func overspeed() throws {
        let made = try event(
            """
            {"type": "deviceOverspeed", "deviceId": 1,
             "attributes": {"speed": 20, "speedLimit": "10"}}
            """)
        #expect(made.attributes.number("speed") == 37.04)
        #expect(made.attributes.number("speedLimit") == 18.52)
    }

    @Test("attributes of each kind, an empty list included")
    func attributes() throws {
        #expect(try event(#"{"type":"a","deviceId":1,"attributes":[]}"#).attributes.isEmpty)
        #expect(try event(#"{"type":"a","deviceId":1}"#).attributes.isEmpty)
        let made = try event(
            #"{"type":"a","deviceId":1,"attributes":{"t":"x","n":-1.5,"b":false,"z":null,"#
                + #""o":{"k":[1,{"users":2}],"passport":1},"passport":{},"users":3}}"#)
        #expect(
            made.attributes == [
                "t": .text("x"), "n": .number(-1.5), "b": .flag(false), "z": .null,
                "o": .nested(#"{"k":[1,{}]}"#),
            ])
    }
}

@Suite("What is an event, and what is not")
struct ShapeTests {
    @Test(
        "objects without an event are counted, not refused",
        arguments: [
            ("{}", 0, 1), ("null", 0, 1), ("5", 0, 1), ("\"x\"", 0, 1), ("[]", 0, 0),
            ("[1,[]]", 0, 2),
            (
                "{\"position\":{\"id\":1,\"latitude\":1,\"longitude\":2},\"device\":{\"id\":1}}", 1,
                0
            ),
            ("{\"id\":1,\"deviceId\":2,\"type\":null,\"latitude\":1,\"longitude\":2}", 1, 0),
            ("{\"event\":null,\"position\":{}}", 1, 0),
            ("{\"event\":{\"id\":1}}", 0, 1), ("{\"event\":{\"type\":\"\"}}", 0, 1),
            ("{\"type\":\"totalDistance\",\"name\":\"m\",\"start\":0}", 0, 1),
            ("{\"devices\":[{\"id\":1,\"name\":\"x\"}]}", 0, 1),
        ])
    func noEvents(_ json: String, _ reports: Int, _ others: Int) throws {
        let reading = try read(json)
        #expect(reading.arrivals.isEmpty)
        #expect(reading.reports == reports && reading.others == others)
    }

    @Test("a list holds envelopes and bare events, in order, each with its own body")
    func list() throws {
        let reading = try read(
            """
            [{"id": 1, "type": "a", "deviceId": 1}, {"position": {}}, 7,
             {"event": {"id": 2, "type": "b", "deviceId": 1}, "users": [{"email": "x"}]}]
            """, txn: "t-1")
        #expect(reading.arrivals.map(\.event.id) == [1, 2])
        #expect(reading.arrivals.map(\.event.txn) == ["t-1", "t-1"])
        #expect(reading.reports == 1 && reading.others == 1)
        #expect(
            reading.arrivals.map { String(decoding: $0.body, as: UTF8.self) } == [
                #"{"id":1,"type":"a","deviceId":1}"#,
                #"{"event":{"id":2,"type":"b","deviceId":1}}"#,
            ])
    }

    @Test("of a member that comes twice the last one counts")
    func twice() throws {
        let made = try event(
            #"{"event":{"type":"x","id":5},"event":{"type":"a","deviceId":1,"deviceId":2}}"#)
        #expect(made.type == "a" && made.deviceId == 2 && made.id == 0)
    }

    @Test("a list of more events than are taken is refused")
    func tooMany() throws {
        let one = #"{"type":"a","deviceId":1}"#
        let fits = "[" + Array(repeating: one, count: Limits.eventsPerBody).joined(separator: ",")
        #expect(try read(fits + "]").arrivals.count == Limits.eventsPerBody)
        #expect(throws: TraccarPayload.Refusal.self) { try read(fits + "," + one + "]") }
    }

    @Test("a stored body is read back as the same event")
    func replay() throws {
        let reading = try read(PayloadTests.envelope, txn: "t-9")
        var wanted = try #require(reading.arrivals.first)
        wanted.event.received = Instant(seconds: 5)
        let made = TraccarPayload.event(
            body: wanted.body, server: "https://s.example", source: "bikes", txn: "t-9",
            received: Instant(seconds: 5))
        #expect(made == wanted.event)
        let other = TraccarPayload.event(
            body: Array("{}".utf8), server: "s", source: "b", received: Instant(seconds: 5))
        #expect(other == nil)
    }
}
