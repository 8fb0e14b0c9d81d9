// Lists of the REST API and messages of the socket, in every spelling that servers have used.
import Alerting
import Foundation
import Testing

@testable import Intake

@Suite("Lists and messages of a tracker's server")
struct ListTests {
    static let lists = TraccarLists(server: "https://s", source: "a")

    static func message(_ json: String) throws -> SocketMessage {
        let reader = SocketReader(server: "https://s", source: "a")
        return try Array(json.utf8).withUnsafeBytes { try reader.read($0) }
    }

    // MARK: - Messages

    @Test("every key of a message is read")
    func message() throws {
        let message = try Self.message(
            """
            {"positions":[{"id":9,"deviceId":1,"latitude":51.5,"longitude":7.5,"speed":10.0,
              "deviceTime":"2026-05-01T10:11:12.000+00:00","valid":true,"geofenceIds":[3]}],
             "devices":[{"id":1,"uniqueId":"86","name":"Bike","status":"online","positionId":8,
              "lastUpdate":"2026-05-01T10:11:13.000+00:00","groupId":4,"disabled":false,
              "attributes":{"guarded":true,"passport":{"price":"4000"}}}],
             "events":[{"id":5,"type":"alarm","deviceId":1,"positionId":10,"geofenceId":0,
              "eventTime":"2026-05-01T10:11:12.000+00:00",
              "attributes":{"alarm":"vibration","message":"Bike alarm"}}],
             "logs":[{"id":1}]}
            """)
        let device = try #require(message.devices.first)
        #expect(device.device.uniqueId == "86" && device.device.groupId == 4)
        #expect(device.status == .online && device.positionId == 8 && !device.disabled)
        #expect(device.lastUpdate?.rfc3339 == "2026-05-01T10:11:13.000Z")
        #expect(device.device.attributes.flag("guarded") == true)
        #expect(device.device.attributes["passport"] == nil)
        let position = try #require(message.positions.first)
        #expect(position.id == 9 && position.deviceId == 1)
        #expect(position.speed == Speed(knots: 10) && position.geofences == .known([3]))
        let arrival = try #require(message.events.first)
        #expect(arrival.event.road == .socket && arrival.event.id == 5)
        #expect(arrival.event.server == "https://s" && arrival.event.source == "a")
        #expect(arrival.event.alarm == "vibration" && arrival.event.positionId == 10)
        // The event's own JSON, which reads back to the same event.
        let again = TraccarPayload.event(
            body: arrival.body, server: "https://s", source: "a", road: .socket,
            received: .distantPast)
        #expect(again == arrival.event)
    }

    @Test(
        "what says nothing is an empty message",
        arguments: ["{}", #"{"devices":[]}"#, #"{"events":null}"#, #"{"logs":[{"a":1}]}"#])
    func nothing(_ json: String) throws {
        #expect(try Self.message(json).isEmpty)
    }

    @Test(
        "what is no message is refused",
        arguments: [
            "", "[]", "5", #""x""#, "{", #"{"events":[{"id":1}"#, #"{"events":{"id":1}}"#,
            #"{"positions":[5]}"#, "<html>",
        ])
    func noMessage(_ json: String) {
        #expect(throws: TraccarPayload.Refusal.self) { try Self.message(json) }
    }

    @Test("an event's copies by webhook, socket and report are the same event")
    func identity() throws {
        let event = #"""
            {"id":5,"type":"alarm","deviceId":1,"eventTime":"2026-05-01T10:11:12.000+00:00",
             "attributes":{"alarm":"sos"}}
            """#
        let copy = event.replacing(#""sos""#, with: #""sos","message":"SOS!""#)
        let socket = try Self.message(#"{"events":[\#(copy)]}"#).events[0].event
        let report = try Self.lists.events(Array("[\(event)]".utf8))[0].event
        #expect(report.road == .catchUp)
        #expect(socket.identity == report.identity)
        let webhook = try Array(#"{"event":\#(event)}"#.utf8).withUnsafeBytes {
            try TraccarPayload().read($0, server: "https://s", source: "a").arrivals[0].event
        }
        #expect(webhook.identity == report.identity)
    }

    @Test("one device's broken name spoils nobody else's message")
    func repaired() throws {
        var bytes = Array(#"{"devices":[{"id":1,"uniqueId":"a","name":"M"#.utf8)
        bytes += [0xFC] + Array(#"ller"}]}"#.utf8)
        let reader = SocketReader(server: "", source: "")
        let message = try bytes.withUnsafeBytes { try reader.read($0) }
        #expect(message.devices.map(\.device.name) == ["M\u{FFFD}ller"])
    }

    // MARK: - Lists

    @Test(
        "an answer that is cut off, or no list, is refused: never an empty list",
        arguments: [
            "", "[", #"[{"id":1,"#, #"[{"id":1}"#, "{}", #"{"error":"x"}"#, "null", "<html></html>",
            "java.lang.NullPointerException", "[1,2]", #"["x"]"#, "[[]]", "[null]",
        ])
    func refused(_ json: String) {
        let bytes = Array(json.utf8)
        #expect(throws: TraccarPayload.Refusal.self) { try Self.lists.devices(bytes) }
        #expect(throws: TraccarPayload.Refusal.self) { try Self.lists.positions(bytes) }
        #expect(throws: TraccarPayload.Refusal.self) { try Self.lists.events(bytes) }
        #expect(throws: TraccarPayload.Refusal.self) { try Self.lists.geofences(bytes) }
        #expect(throws: TraccarPayload.Refusal.self) { try Self.lists.notifications(bytes) }
    }

    @Test("an empty list is an empty list, and what is left out of one does not hide the others")
    func lenient() throws {
        #expect(try Self.lists.devices(Array("[]".utf8)).isEmpty)
        let devices = try Self.lists.devices(
            Array(#"[{"id":1,"name":"no uniqueId"},{"id":2,"uniqueId":"b"}]"#.utf8))
        #expect(devices.map(\.device.uniqueId) == ["b"])
        let positions = try Self.lists.positions(
            Array(#"[{"id":1,"deviceId":1},{"id":2,"latitude":"1","longitude":2}]"#.utf8))
        #expect(positions.map(\.id) == [2])
    }

    @Test("geofences, groups, calendars")
    func things() throws {
        let geofences = try Self.lists.geofences(
            Array(
                #"""
                [{"id":3,"attributes":{"polylineDistance":25,"color":"#f00"},"calendarId":0,
                  "name":"Depot","description":null,"area":"CIRCLE (51.5 7.5, 100)"},
                 {"id":4,"name":"Odd","area":"string"}]
                """#.utf8))
        #expect(geofences.map(\.name) == ["Depot", "Odd"])
        #expect(geofences[0].area == "CIRCLE (51.5 7.5, 100)")
        #expect(geofences[0].attributes.number("polylineDistance") == 25)
        let groups = try Self.lists.groups(
            Array(
                #"[{"id":1,"name":"Fleet","groupId":0},{"id":2,"name":"North","groupId":1}]"#.utf8))
        #expect(groups == [.init(id: 1, name: "Fleet"), .init(id: 2, name: "North", parent: 1)])
        let text = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
        let data = Data(text.utf8).base64EncodedString()
        let calendars = try Self.lists.calendars(
            Array(
                #"[{"id":1,"name":"Shift","data":"\#(data)"},{"id":2,"name":"None","data":null}]"#
                    .utf8))
        #expect(
            calendars == [
                .init(id: 1, name: "Shift", text: text), .init(id: 2, name: "None", text: nil),
            ])
    }

    @Test("notifications, of now and of servers up to 4.0")
    func notifications() throws {
        let notifications = try Self.lists.notifications(
            Array(
                #"""
                [{"id":1,"attributes":{"alarms":"sos, vibration","geofenceIds":"3,4"},
                  "calendarId":2,"always":true,"type":"alarm","notificators":"web,mail"},
                 {"id":2,"type":"ignitionOn","always":false,"notificators":"mail"},
                 {"id":3,"type":"deviceOnline","always":false,"web":true,"mail":false}]
                """#.utf8))
        #expect(notifications.map(\.isForTheSocket) == [true, false, true])
        #expect(notifications[0].alarms == ["sos", "vibration"])
        #expect(notifications[0].geofences == [3, 4] && notifications[0].calendar == 2)
        #expect(notifications.map(\.always) == [true, false, false])
    }

    @Test("server and account")
    func objects() throws {
        let info = try Self.lists.info(Array(#"{"id":1,"version":"6.14.5"}"#.utf8))
        #expect(info.version == "6.14.5")
        let account = try Self.lists.account(
            Array(
                #"""
                {"id":7,"disableReports":true,"expirationTime":"2027-01-01T00:00:00.000+00:00",
                 "attributes":{"webhookUrl":"https://r/hooks/a","webhookPsk":"s3cret",
                  "webhookTypes":"alarm,deviceOnline","disableWebhooks":"true"}}
                """#.utf8))
        #expect(account.id == 7 && account.reportsDisabled && account.webhooksDisabled)
        #expect(account.expires?.rfc3339 == "2027-01-01T00:00:00.000Z")
        #expect(account.webhookURL == "https://r/hooks/a")
        #expect(account.webhookTypes == ["alarm", "deviceOnline"])
        let key = try #require(account.webhookKey)
        #expect(key.opens("s3cret") && !key.opens("s3cre") && !key.opens(""))
        var shown = "\(account) \(String(reflecting: key))"
        dump(account, to: &shown)
        #expect(!shown.contains("s3cret"))
        for attributes in ["[]", "null", "{}", #"{"webhookPsk":null}"#, #"{"webhookPsk":""}"#] {
            let json = #"{"id":7,"attributes":\#(attributes)}"#
            #expect(try Self.lists.account(Array(json.utf8)).webhookKey == nil)
        }
        for json in ["[]", "5", "{}", "[{}]"] {
            #expect(throws: TraccarPayload.Refusal.self) {
                try Self.lists.account(Array(json.utf8))
            }
        }
    }

    // MARK: - What servers really sent

    @Test("the samples of sockets, lists and BikeTrax decode")
    func samples() throws {
        for name in try sampleNames() {
            let bytes = Array(try Data(contentsOf: SampleTests.folder.appending(path: name)))
            switch name {
            case _ where name.hasPrefix("ws_keepalive"):
                #expect(try Self.message(String(decoding: bytes, as: UTF8.self)).isEmpty)
            case _ where name.hasPrefix("ws_"), "biketrax_socket.json":
                let message = try Self.message(String(decoding: bytes, as: UTF8.self))
                #expect(!message.isEmpty, "\(name)")
                if name == "biketrax_socket.json" {
                    #expect(message.devices.count == 1 && message.positions.count == 1)
                }
            case "rest_2016_positions_clockskew.json":
                let positions = try Self.lists.positions(bytes)
                #expect(positions.count >= 4)
                #expect(positions[1].attributes.number("battery") == 97)
            case _ where name.contains("position"):
                let position = try #require(
                    try Self.lists.positions(Self.list(bytes)).first, "\(name)")
                #expect(position.deviceId == 1 && position.deviceTime != nil)
            case _ where name.contains("device"):
                let device = try #require(
                    try Self.lists.devices(Self.list(bytes)).first, "\(name)")
                #expect(device.lastUpdate != nil && device.device.attributes["passport"] == nil)
            case "biketrax_session.json":
                #expect(try Self.lists.account(bytes).id == 1)
            case "ha_fixture_geofences.json":
                #expect(try !Self.lists.geofences(bytes).isEmpty)
            default: Issue.record("\(name) is decoded by no test")
            }
        }
    }

    private static func list(_ object: [UInt8]) -> [UInt8] {
        Array("[".utf8) + object + Array("]".utf8)
    }

    /// None where the samples are not at hand. Trips and webhooks are other tests' or nobody's.
    private func sampleNames() throws -> [String] {
        guard FileManager.default.fileExists(atPath: SampleTests.folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: SampleTests.folder.path)
            .filter { name in
                ["ws_", "rest_", "biketrax_", "ha_"].contains { name.hasPrefix($0) }
                    && !name.contains("webhook") && name != "biketrax_trip.json"
            }.sorted()
    }
}
