// Bodies as a tracker's server posts them: Traccar's envelope with event, device and position
// (forward/EventData.java), about a kilobyte, of this very moment.

import Alerting
package import Foundation

/// The body of one event.
package struct EventBody: Sendable {
    package var id: Int64
    package var type = "alarm"
    package var alarm: String? = "vibration"
    package var deviceId: Int64 = 1
    package var deviceName = "Cargo 1"
    package var time = Date()
    /// Further members of the envelope, as JSON without braces: `"users": […]`.
    package var more: String?

    package init(id: Int64) { self.id = id }

    /// An event of a device of its own: its number is the device's too.
    package init(ofOwnDevice id: Int64) {
        self.id = id
        deviceId = id
        deviceName = "Bike \(id)"
    }

    package var json: String {
        let stamp = Instant(time).rfc3339
        let attributes = alarm.map { "\"alarm\": \"\($0)\"" } ?? ""
        let comma = attributes.isEmpty ? "" : ", "
        return """
            {"event": {"id": \(id), "attributes": {\(attributes)}, "deviceId": \(deviceId), \
            "type": "\(type)", "eventTime": "\(stamp)", "positionId": \(id + 5_000_000), \
            "geofenceId": 0, "maintenanceId": 0}, \
            "device": {"id": \(deviceId), "attributes": {"speedLimit": 25, "guarded": true}, \
            "groupId": 3, "calendarId": 0, "name": "\(deviceName)", \
            "uniqueId": "\(860_000_000_000_000 + deviceId)", "status": "online", \
            "lastUpdate": "\(stamp)", "positionId": \(id + 4_999_999), "phone": "+491500000000", \
            "model": "BikeTrax 2", "contact": "", "category": "bicycle", "disabled": false, \
            "expirationTime": null}, \
            "position": {"id": \(id + 5_000_000), "attributes": {\(attributes)\(comma)"sat": 9, \
            "batteryLevel": 80, "battery": 3.9, "rssi": 4, "distance": 12.5, \
            "totalDistance": 123456.7, "motion": false}, "deviceId": \(deviceId), \
            "protocol": "teltonika", "serverTime": "\(stamp)", "deviceTime": "\(stamp)", \
            "fixTime": "\(stamp)", "valid": true, "latitude": 48.2082, "longitude": 16.3738, \
            "altitude": 171.0, "speed": 0.5, "course": 90.0, "address": null, "accuracy": 5.0, \
            "network": null, "geofenceIds": null}\(more.map { ", " + $0 } ?? "")}
            """
    }
}

/// What a notification says by HTTP (CONFIG.md), as far as tests look at it.
package struct Notice: Decodable, Sendable {
    package var type: String
    package var data: Contents

    package struct Contents: Decodable, Sendable {
        package var delivery: String
        package var contact: String
        package var reason: String
        package var severity: String
        package var subject: String
        package var text: String
        /// Missing in messages of the relay's own.
        package var items: [Item]?
    }
    package struct Item: Decodable, Sendable {
        package var rule: String
        package var incident: Incident
        package var device: Device?
        package var event: Event?
    }
    package struct Incident: Decodable, Sendable {
        package var id: String
        package var state: String
        package var count: Int
    }
    package struct Device: Decodable, Sendable { package var name: String }
    package struct Event: Decodable, Sendable {
        package var id: Int64
        package var type: String
        package var txn: String?
    }

    /// The ids of the events that it tells of.
    package var eventIds: [Int64] { (data.items ?? []).compactMap(\.event?.id) }
    package var rules: [String] { (data.items ?? []).map(\.rule) }
}

extension ReceivedRequest {
    /// Its body, read as a notification.
    package func notice() throws -> Notice {
        try JSONDecoder().decode(Notice.self, from: Data(message.body))
    }
}
