// The objects of a Traccar server, with the members and the null values that each dialect writes
// (Traccar's model/*.java; PowUnity's wiki and the models of aiobiketrax for the fork).

/// Everything that the simulated server knows and keeps: World.swift.
extension World {
    package enum Status: String, Sendable { case online, offline, unknown }

    package struct Device: Hashable, Sendable, JSONWritable {
        package var id: Int64
        package var name: String
        package var uniqueId: String
        package var groupId: Int64 = 0
        package var status = Status.offline
        package var lastUpdate: Moment?
        package var positionId: Int64 = 0
        package var disabled = false
        package var attributes: Properties = [:]
        /// The fences that hold its last position; a member of the device on BikeTrax only.
        package var geofenceIds: [Int64] = []

        package func write(to text: inout JSONText) {
            text.object { text in
                text.member("id", id)
                text.member("attributes", attributes)
                text.member("groupId", groupId)
                if text.dialect == .traccar6 { text.member("calendarId", 0) }
                text.member("name", name)
                text.member("uniqueId", uniqueId)
                text.member("status", status.rawValue)
                text.member("lastUpdate", lastUpdate)
                text.member("positionId", positionId)
                if text.dialect == .biketrax { text.member("geofenceIds", geofenceIds) }
                for name in ["phone", "model", "contact", "category"] {
                    text.member(name, String?.none)
                }
                text.member("disabled", disabled)
                if text.dialect == .traccar6 { text.member("expirationTime", Moment?.none) }
            }
        }
    }

    package struct Position: Hashable, Sendable, JSONWritable {
        package var id: Int64
        package var deviceId: Int64
        package var serverTime: Moment
        /// The tracker's clock.
        package var deviceTime: Moment
        package var fixTime: Moment
        package var valid: Bool
        package var place: Place
        /// Knots.
        package var speed: Double
        package var course: Double
        package var attributes: Properties
        package var geofenceIds: [Int64]

        package func write(to text: inout JSONText) {
            text.object { text in
                text.member("id", id)
                text.member("attributes", attributes)
                text.member("deviceId", deviceId)
                if text.dialect == .biketrax { text.member("type", String?.none) }
                text.member("protocol", text.dialect.trackerProtocol)
                text.member("serverTime", serverTime)
                text.member("deviceTime", deviceTime)
                text.member("fixTime", fixTime)
                if text.dialect == .biketrax { text.member("outdated", false) }
                text.member("valid", valid)
                text.member("latitude", place.latitude)
                text.member("longitude", place.longitude)
                text.member("altitude", 0.0)
                text.member("speed", speed)
                text.member("course", course)
                text.member("address", String?.none)
                text.member("accuracy", 0.0)
                text.member("network", String?.none)
                // In no fence: the server leaves it null (GeofenceHandler.java).
                text.member("geofenceIds", geofenceIds.isEmpty ? nil : geofenceIds)
            }
        }
    }

    package struct Event: Hashable, Sendable, JSONWritable {
        /// 0: it could not be stored, and no report will ever bring it.
        package var id: Int64
        package var deviceId: Int64
        package var type: String
        package var eventTime: Moment
        package var positionId: Int64 = 0
        package var geofenceId: Int64 = 0
        package var attributes: Properties = [:]

        package func write(to text: inout JSONText) { write(to: &text, timeName: "eventTime") }

        /// - Parameter timeName: what it is called: `serverTime` in BikeTrax' webhooks, which have
        ///   no members for relations that are not there.
        func write(to text: inout JSONText, timeName: String) {
            let isBare = timeName == "serverTime"
            text.object { text in
                text.member("id", id)
                text.member("attributes", attributes)
                text.member("deviceId", deviceId)
                text.member("type", type)
                text.member(timeName, eventTime)
                text.member("positionId", positionId)
                if !isBare || geofenceId != 0 { text.member("geofenceId", geofenceId) }
                if !isBare { text.member("maintenanceId", 0) }
            }
        }
    }

    package struct Group: Hashable, Sendable, JSONWritable {
        package var id: Int64
        package var name: String
        package var parent: Int64 = 0

        package func write(to text: inout JSONText) {
            text.object { text in
                text.member("id", id)
                text.member("attributes", [:] as Properties)
                text.member("groupId", parent)
                text.member("name", name)
            }
        }
    }

    package struct Calendar: Hashable, Sendable, JSONWritable {
        package var id: Int64
        package var name: String
        /// An iCalendar text in base64.
        package var data: String

        package func write(to text: inout JSONText) {
            text.object { text in
                text.member("id", id)
                text.member("attributes", [:] as Properties)
                text.member("name", name)
                text.member("data", data)
            }
        }
    }

    package struct Notification: Hashable, Sendable, JSONWritable {
        package var id: Int64
        package var type: String
        /// For every device; else for those of `devices` only.
        package var always = true
        /// Comma-separated: `web,mail`.
        package var notificators = "web"
        /// Comma-separated kinds, for `alarm`: none, no match (NotificationManager.java).
        package var alarms: String?
        package var description: String?
        /// The devices that it is linked to; not among its members, asked for by `?deviceId=`.
        package var devices: Set<Int64> = []

        package init(id: Int64, type: String) {
            self.id = id
            self.type = type
        }

        package func write(to text: inout JSONText) {
            let attributes: Properties = alarms.map { ["alarms": .text($0)] } ?? [:]
            text.object { text in
                text.member("id", id)
                text.member("attributes", attributes)
                if text.dialect == .traccar6 {
                    text.member("description", description)
                    text.member("calendarId", 0)
                    text.member("commandId", 0)
                }
                text.member("always", always)
                text.member("type", type)
                text.member("notificators", notificators)
            }
        }
    }
}
