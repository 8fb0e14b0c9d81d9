// The world's own rules: fences, what a report makes, who is told, and the shape of its objects.

import Foundation
import TestSupport
import Testing

@testable import TrackerSimulator

@Suite("the world")
struct WorldTests {
    static let now = SceneTests.start

    private func fence(_ shape: World.Geofence.Shape) -> World.Geofence {
        World.Geofence(id: 1, name: "", shape: shape)
    }

    @Test("inside and outside, by Traccar's own test vectors")
    func geofences() {
        let circle = fence(.circle(Place(55.75414, 37.6204), metres: 100))
        #expect(circle.holds(Place(55.75477, 37.62025)))
        #expect(!circle.holds(Place(55.75545, 37.61921)))
        let polygon = fence(
            .polygon([
                Place(55.75474, 37.61823), Place(55.75513, 37.61888), Place(55.7535, 37.6222),
                Place(55.75315, 37.62165),
            ]))
        #expect(polygon.holds(Place(55.75476, 37.61915)))
        #expect(!polygon.holds(Place(55.75545, 37.61921)))
        let line = [Place(56.83777, 60.59833), Place(56.83766, 60.5968)]
        #expect(fence(.line(line, metres: 35)).holds(Place(56.83801, 60.59748)))
        #expect(!fence(.line(line, metres: 15)).holds(Place(56.83801, 60.59748)))
        #expect(!fence(.odd("string")).holds(Place(0, 0)))
        #expect(circle.area == "CIRCLE (55.75414 37.6204, 100.0)")
    }

    @Test("an alarm that stood in the position before is no new event")
    func duplicateAlarms() {
        var world = World.standard(.biketrax, now: Self.now)
        func alarms(_ action: World.Action, _ seconds: Double) -> [String] {
            world.take(action, now: Self.now + .seconds(seconds)).compactMap { change in
                if case .event(let event, _, _) = change { event.alarm } else { nil }
            }
        }
        #expect(alarms(.said(1, "vibration"), 1) == ["vibration"])
        #expect(alarms(.said(1, "vibration", "movement"), 2) == ["movement"])
        #expect(alarms(.said(1), 3) == [])
        #expect(alarms(.said(1, "vibration"), 4) == ["vibration"])
    }

    @Test("an event that cannot be stored has id 0, and no report brings it")
    func unsaved() throws {
        var world = World.standard(.biketrax, now: Self.now)
        _ = world.take(.status(1, .online), now: Self.now)
        _ = world.take(.unsaved(1), now: Self.now)
        _ = world.take(.said(1, "sos"), now: Self.now)
        _ = world.take(.said(1, "vibration"), now: Self.now + .seconds(1))
        #expect(world.events.map(\.isStored) == [true, false, true])
        let report = world.report(
            devices: [1], types: ["alarm"], Self.now, Self.now + .seconds(1))
        #expect(report.map(\.alarm) == ["vibration"])
    }

    @Test("the history is cleaned as it grows: old positions are gone, the latest is not")
    func history() throws {
        var world = World.standard(.biketrax, now: Self.now)
        for index in 0..<200_100 { _ = world.take(.said(1), now: Self.now + .seconds(index)) }
        #expect(world.positions.count == 200_000)
        let latest = try #require(world.latestPosition(1))
        #expect(world.position(latest.id) == latest)
        #expect(world.position(2_167_102_179) == nil)
    }

    @Test("a report takes both ends, the types that are asked for, and is sorted per device")
    func report() {
        var world = World.standard(.biketrax, now: Self.now)
        for second in 0..<4 {
            for device in [Int64(2), 1] {
                let kind = second % 2 == 0 ? "sos" : "vibration"
                _ = world.take(.said(device, kind), now: Self.now + .seconds(second))
            }
        }
        let seconds = world.report(
            devices: [2, 1], types: ["alarm"], Self.now + .seconds(1), Self.now + .seconds(2)
        ).map { [$0.deviceId, ($0.eventTime - Self.now).inMilliseconds / 1_000] }
        #expect(seconds == [[2, 1], [2, 2], [1, 1], [1, 2]])
        let all = (Self.now, Self.now + .seconds(9))
        #expect(world.report(devices: [1], types: ["deviceOnline"], all.0, all.1).count == 1)
        #expect(world.report(devices: [1], types: ["allEvents"], all.0, all.1).count == 5)
        #expect(world.report(devices: [1], types: [], alarms: ["sos"], all.0, all.1).count == 3)
        #expect(world.report(devices: [3], types: [], all.0, all.1).isEmpty)
    }

    @Test("events about a fence that was deleted are left out of a report")
    func deletedFence() {
        var world = World.standard(.biketrax, now: Self.now)
        let away = World.depot.moved(east: -5_000, north: 0)
        _ = world.take(.said(1, at: away), now: Self.now)
        func exits() -> Int {
            world.report(devices: [1], types: ["geofenceExit"], Self.now, Self.now).count
        }
        #expect(exits() == 1)
        world.geofences = []
        #expect(exits() == 0)
    }

    @Test("each matching web notification pushes a copy with a message of its own")
    func notifications() throws {
        var world = World.standard(.biketrax, now: Self.now)
        var event = World.Event(id: 5, deviceId: 1, type: "alarm", eventTime: Self.now)
        event.attributes["alarm"] = .text("vibration")
        #expect(world.pushed(event, now: Self.now).count == 1)

        var second = try #require(world.notifications.first { $0.type == "alarm" })
        second.id = 99
        second.description = "for the workshop"
        world.notifications.append(second)
        let messages = world.pushed(event, now: Self.now).map { $0.attributes["message"] }
        #expect(messages.count == 2 && messages[0] != messages[1])

        // Of another device, by another notificator, without the kind: no match.
        func pushes(_ change: (inout World.Notification) -> Void) -> Int {
            var copy = world
            copy.notifications = [second]
            change(&copy.notifications[0])
            return copy.pushed(event, now: Self.now).count
        }
        #expect(pushes { _ in } == 1)
        #expect(pushes { $0.always = false } == 0)
        #expect(pushes { ($0.always, $0.devices) = (false, [1]) } == 1)
        #expect(pushes { $0.notificators = "mail" } == 0)
        #expect(pushes { $0.alarms = nil } == 0)
        #expect(pushes { $0.alarms = "sos" } == 0)
        #expect(pushes { $0.type = "ignitionOn" } == 0)
        #expect(world.pushed(event, now: Self.now + .ofMinutes(15)).count == 2)
        #expect(world.pushed(event, now: Self.now + .ofMinutes(15.1)).isEmpty)
    }

    @Test("the webhook takes its types, and alarms only for those who are no business")
    func webhookTypes() {
        var world = World.standard(.biketrax, now: Self.now)
        let alarm = World.Event(id: 1, deviceId: 1, type: "alarm", eventTime: Self.now)
        let online = World.Event(id: 2, deviceId: 1, type: "deviceOnline", eventTime: Self.now)
        #expect(!world.isPosted(alarm))
        world.account.webhook = World.Webhook(url: "http://x")
        #expect(world.isPosted(alarm) && world.isPosted(online))
        world.account.isBusiness = false
        #expect(world.isPosted(alarm) && !world.isPosted(online))
        world.account.isBusiness = true
        world.account.webhook?.types = ["deviceOnline", "Alarm"]
        #expect(!world.isPosted(alarm) && world.isPosted(online))
    }

    @Test(
        "a request's time needs a zone",
        arguments: [
            ("2026-05-01T00:00:00Z", 1_777_593_600_000),
            ("2026-05-01T02:00:00.5+02:00", 1_777_593_600_500),
            ("2026-04-30T22:00:00.123456-0200", 1_777_593_600_123),
            ("2026-05-01T00:00Z", 1_777_593_600_000), ("2026-05-01T00:00:00", nil),
            ("2026-05-01", nil), ("2026-05-01T02:00:00 02:00", nil), ("1777593600", nil),
        ] as [(String, Int64?)])
    func times(_ text: String, _ expected: Int64?) {
        #expect(Moment(parameter: text)?.milliseconds == expected)
    }

    @Test("a moment is written with milliseconds and +00:00")
    func momentText() {
        #expect(Moment(milliseconds: 1_777_593_600_007).text == "2026-05-01T00:00:00.007+00:00")
        #expect(Moment(milliseconds: -1).text == "1969-12-31T23:59:59.999+00:00")
    }

    // MARK: - Shape

    static let samples = URL(fileURLWithPath: #filePath)
        .appending(path: "../../../../shared/samples").standardizedFileURL

    private func sample(_ name: String) throws -> [String: Any]? {
        guard let data = try? Data(contentsOf: Self.samples.appending(path: name + ".json")) else {
            return nil  // No samples beside this tree: the test says nothing then.
        }
        return try JSONSerialization.jsonObject(with: data) as? [String: Any]
    }

    @Test(
        "objects have the members that captures of real servers have",
        .enabled(if: FileManager.default.fileExists(atPath: samples.path)),
        arguments: [
            ("biketrax_device", Dialect.biketrax, ["geofenceIds"]),
            ("biketrax_position", .biketrax, ["geofenceIds"]), ("biketrax_session", .biketrax, []),
            ("rest_2026_device_v6_15", .traccar6, []),
            ("rest_2026_position_v6_15_moving", .traccar6, []),
        ])
    func members(_ name: String, _ dialect: Dialect, _ ours: [String]) throws {
        let world = World.standard(dialect, now: Self.now)
        let text =
            if name.contains("device") {
                JSONText.of(world.devices[0], dialect)
            } else if name.contains("session") {
                JSONText.of(world.account, dialect)
            } else {
                JSONText.of(world.latestPositions[0], dialect)
            }
        let captured = try #require(try sample(name))
        #expect(
            Set(try object(text).keys).subtracting(ours) == Set(captured.keys).subtracting(ours))
    }

    @Test("text is escaped, null members are written, numbers keep their kind")
    func json() {
        var text = JSONText(.biketrax)
        text.object { text in
            text.member("a\"b", "line\n\\é")
            text.member("none", String?.none)
            text.member("whole", 5)
            text.member("real", 5.0)
            text.member("list", [true, false])
            text.member("more", ["x": .nested(#"{"y":[]}"#)] as Properties)
        }
        #expect(
            String(decoding: text.bytes, as: UTF8.self)
                == #"{"a\"b":"line\u000a\\é","none":null,"whole":5,"real":5.0,"#
                + #""list":[true,false],"more":{"x":{"y":[]}}}"#)
    }
}
