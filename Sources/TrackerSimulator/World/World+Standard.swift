// The world that every scene plays in: three bikes with names, as many more as a scene asks for,
// fences, groups, a calendar, and `web` notifications for all that the server can tell.

import Foundation

extension World {
    package static let depot = Place(48.2082, 16.3738)

    /// Types that the account has a `web` notification for.
    package static let notifiedTypes = [
        "alarm", "commandResult", "deviceMoving", "deviceOffline", "deviceOnline",
        "deviceStopped", "deviceUnknown", "geofenceEnter", "geofenceExit", "ignitionOff",
        "ignitionOn",
    ]

    /// Every kind that Traccar knows (Position.java, ALARM_*).
    package static let alarms = [
        "general", "sos", "vibration", "movement", "lowspeed", "overspeed", "fallDown",
        "lowPower", "lowBattery", "fault", "powerOff", "powerOn", "door", "lock", "unlock",
        "geofence", "geofenceEnter", "geofenceExit", "gpsAntennaCut", "accident", "tow", "idle",
        "highRpm", "hardAcceleration", "hardBraking", "hardCornering", "laneChange",
        "fatigueDriving", "powerCut", "powerRestored", "jamming", "temperature", "parking",
        "bonnet", "footBrake", "fuelLeak", "tampering", "removing",
    ]

    /// Every device was last heard of a day ago, parked: aiobiketrax cannot read one that never
    /// was.
    /// - Parameters:
    ///   - fleet: how many devices there are beside the three with names.
    ///   - now: the world's beginning.
    package static func standard(_ dialect: Dialect, fleet: Int = 0, now: Moment) -> World {
        var world = World(dialect)
        world.groups = [
            Group(id: 1, name: "Company"), Group(id: 2, name: "Couriers", parent: 1),
        ]
        world.geofences = [
            Geofence(id: 1, name: "Depot Nord", shape: .circle(depot, metres: 150)),
            Geofence(
                id: 2, name: "Old Town",
                shape: .polygon([
                    depot.moved(east: 400, north: -600), depot.moved(east: 1_600, north: -600),
                    depot.moved(east: 1_600, north: 600), depot.moved(east: 400, north: 600),
                ])),
            Geofence(
                id: 3, name: "Canal",
                shape: .line(
                    [
                        depot.moved(east: -2_000, north: 1_500),
                        depot.moved(east: 2_000, north: 1_500),
                    ], metres: 25)),
        ]
        world.calendars = [
            Calendar(
                id: 1, name: "Working hours", data: Data(workingHours.utf8).base64EncodedString())
        ]
        world.notifications = notifiedTypes.enumerated().map { index, type in
            var notification = Notification(id: Int64(index + 1), type: type)
            if type == "alarm" { notification.alarms = alarms.joined(separator: ",") }
            return notification
        }
        for (index, name) in ["Cargo 1", "Courier 7", "City 3"].enumerated() {
            world.add(device(Int64(index + 1), name, group: index == 1 ? 2 : 1, dialect))
        }
        for device in world.devices { world.park(device.id, at: depot, now - .ofHours(24)) }
        world.addFleet(fleet, now: now)
        return world
    }

    /// Makes it so many beside those with names; those that are there stay.
    package mutating func addFleet(_ count: Int, now: Moment) {
        for index in 0..<max(0, count) where tracked[Int64(index + 101)] == nil {
            let id = Int64(index + 101)
            add(Self.device(id, "Fleet \(index + 1)", group: 2, dialect))
            park(id, at: Self.depot, now - .ofHours(24))
        }
    }

    private static func device(
        _ id: Int64, _ name: String, group: Int64, _ dialect: Dialect
    ) -> Device {
        var device = Device(id: id, name: name, uniqueId: String(860_000_000_000_000 + id))
        device.groupId = group
        if dialect == .biketrax {
            device.attributes = [
                "trialEnd": .text("2027-06-01T00:00:00.000Z"), "guarded": .flag(false),
                "alarm": .flag(false), "guardType": .text("movement"),
                "lastAlarm": .whole(1_654_187_403_028),
                "passport": .nested(
                    #"{"manufacturer":"Simulated","colour":"black","bikeType":"ebike","#
                        + #""insurance":false,"bikePictures":[],"frameNumber":"SIM-\#(id)"}"#),
                "autoGuard": .flag(false), "geofenceRadius": .whole(50), "stolen": .flag(false),
                "fwVersion": .text("SIMULATED"), "B2B": .flag(true),
            ]
        }
        return device
    }

    /// As Traccar's web app writes one.
    private static let workingHours = """
        BEGIN:VCALENDAR\r
        VERSION:2.0\r
        PRODID:-//Traccar//NONSGML Traccar//EN\r
        BEGIN:VEVENT\r
        UID:00000000-0000-0000-0000-000000000000\r
        DTSTART;TZID=Europe/Vienna:20260105T080000\r
        DTEND;TZID=Europe/Vienna:20260105T180000\r
        RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\r
        SUMMARY:Working hours\r
        END:VEVENT\r
        END:VCALENDAR\r

        """
}
