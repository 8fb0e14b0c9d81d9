// The scripted ride and theft of the demonstration, as bodies in the shape of a BikeTrax webhook.

import Alerting

/// One post of the scene, and the pause behind it.
struct ScenePost {
    var body: String
    /// What the story says of it.
    var caption: String
    var pause: Duration = .milliseconds(700)
}

/// What happens in the demonstration.
enum Scene {
    /// - Parameter start: now; the events happen as they are posted.
    static func posts(start: Instant) -> [(title: String, posts: [ScenePost])] {
        var id: Int64 = 173
        func post(
            _ device: Int64, _ name: String, _ type: String, alarm: String? = nil,
            armed: Bool? = nil, repeated: Bool = false, caption: String? = nil
        ) -> ScenePost {
            if !repeated { id += 1 }
            let event = alarm.map { #"{"alarm":"\#($0)"}"# } ?? "{}"
            let attributes = armed.map { #"{"guarded":\#($0)}"# } ?? "{}"
            // Copies carry the same id and the same time.
            let time = (start + .milliseconds((id - 174) * 700)).rfc3339
            let body = """
                {"event":{"id":\(id),"attributes":\(event),"deviceId":\(device),"type":"\(type)",\
                "eventTime":"\(time)","positionId":\(id),"geofenceId":0,"maintenanceId":0},\
                "position":{"id":\(id),"deviceId":\(device),"protocol":"h02",\
                "deviceTime":"\(time)","fixTime":"\(time)","valid":true,\
                "latitude":48.2082,"longitude":16.3738,\
                "speed":0.0,"course":0.0,"accuracy":8.0,"attributes":{"batteryLevel":81}},\
                "device":{"id":\(device),"name":"\(name)","uniqueId":"DEMO-\(device)",\
                "status":"online","attributes":\(attributes)}}
                """
            let what = alarm.map { "alarm, \($0)" } ?? type
            return ScenePost(body: body, caption: "\(name): \(caption ?? what)")
        }
        return [
            (
                "The owner takes the bike out: it is not armed, so nobody is told.",
                [
                    post(1, "Cargo 1", "alarm", alarm: "vibration", armed: false),
                    post(1, "Cargo 1", "ignitionOn", armed: false),
                    post(1, "Cargo 1", "deviceMoving", armed: false),
                    post(1, "Cargo 1", "deviceStopped", armed: false),
                ]
            ),
            (
                "At night somebody is at it: one message, not one for each jolt. "
                    + "The fleet's server answers 503 at first.",
                [
                    post(1, "Cargo 1", "alarm", alarm: "vibration", armed: true),
                    post(
                        1, "Cargo 1", "alarm", alarm: "vibration", armed: true, repeated: true,
                        caption: "the same event, posted again"),
                    post(1, "Cargo 1", "alarm", alarm: "vibration", armed: true),
                    post(1, "Cargo 1", "alarm", alarm: "movement", armed: true),
                ]
            ),
            (
                "Its supply is cut and comes back: those who were told hear of the end.",
                [
                    post(1, "Cargo 1", "alarm", alarm: "powerCut", armed: true),
                    post(1, "Cargo 1", "alarm", alarm: "powerRestored", armed: true),
                ]
            ),
            (
                "A battery runs low: the workshop gets a mail, in German.",
                [post(2, "Courier 7", "alarm", alarm: "lowBattery")]
            ),
        ]
    }
}
