// One event as Traccar forwards it, about 1 KB, of the shape of the workload that the peers were
// measured with. Made once; for each post only its digits are written over.

import Alerting
import Foundation

/// A request whose event id and device change from post to post.
struct EventTemplate {
    private var bytes: [UInt8]
    /// Where the ten digits of the event's id begin.
    private var ids: [Int]
    /// Where the six digits of a device's number begin.
    private var numbers: [Int]
    private let devices: Int

    /// Ids are written with ten digits, the first of them 1: JSON numbers have no leading zero.
    static let idBase = 1_000_000_000

    /// - Parameter devices: how many devices there are; each event is of the next one.
    init(port: Int, path: String, authorization: String, devices: Int) {
        let body = Self.body(alarm: "vibration")
        let key = authorization.isEmpty ? "" : "Authorization: \(authorization)\r\n"
        let text = """
            POST \(path) HTTP/1.1\r
            Host: 127.0.0.1:\(port)\r
            Content-Type: application/json\r
            \(key)Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """
        bytes = Array(text.utf8)
        ids = Self.places(of: "1000000000", in: bytes)
        numbers = Self.places(of: "999999", in: bytes)
        self.devices = max(1, min(devices, 900_000))
    }

    mutating func request(id: Int) -> [UInt8] {
        for place in ids { write(Self.idBase + id, digits: 10, at: place) }
        let device = 100_000 + id % devices
        for place in numbers { write(device, digits: 6, at: place) }
        return bytes
    }

    /// The uniqueId of the device with this number, as rules name it.
    static func uniqueId(_ number: Int) -> String { "860000000\(100_000 + number)" }

    private mutating func write(_ number: Int, digits: Int, at place: Int) {
        var rest = number
        for offset in (0..<digits).reversed() {
            bytes[place + offset] = UInt8(48 + rest % 10)
            rest /= 10
        }
    }

    private static func places(of digits: String, in bytes: [UInt8]) -> [Int] {
        let wanted = Array(digits.utf8)
        return bytes.indices.dropLast(wanted.count - 1).filter {
            bytes[$0] == wanted[0] && bytes[$0..<($0 + wanted.count)].elementsEqual(wanted)
        }
    }

    /// - Parameter time: the event's; now, so that it is not late.
    static func body(alarm: String, time: Date = Date()) -> String {
        let stamp = Instant(time).rfc3339
        return """
            {"event":{"id":1000000000,"attributes":{"alarm":"\(alarm)"},"deviceId":999999,\
            "type":"alarm","eventTime":"\(stamp)","positionId":51000000000,"geofenceId":0,\
            "maintenanceId":0},"device":{"id":999999,"attributes":{"speedLimit":25},"groupId":7,\
            "calendarId":0,"name":"Bike 999999","uniqueId":"860000000999999","status":"online",\
            "lastUpdate":"\(stamp)","positionId":5000001,"phone":"+4915000000000",\
            "model":"BikeTrax 2","contact":"","category":"bicycle","disabled":false,\
            "expirationTime":null},"position":{"id":51000000000,"attributes":{\
            "alarm":"\(alarm)","sat":9,"event":11,"batteryLevel":81,"battery":3.91,"rssi":4,\
            "distance":123.45,"totalDistance":1234567.89,"motion":false,"hours":12345678},\
            "deviceId":999999,"protocol":"teltonika","serverTime":"\(stamp)",\
            "deviceTime":"\(stamp)","fixTime":"\(stamp)","valid":true,"latitude":52.501234,\
            "longitude":13.401234,"altitude":41.5,"speed":3.456,"course":271.5,"address":null,\
            "accuracy":4.5,"network":null,"geofenceIds":null}}
            """
    }
}
