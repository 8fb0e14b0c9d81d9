// What a tracker's server tells of itself and of what it keeps, as far as the relay asks for it
// (Traccar's model/Device.java, Geofence.java, Group.java, Calendar.java, Notification.java,
// Server.java, User.java; domain.md 1.3 to 1.8). `TraccarLists` makes these of bytes.
package import Alerting
import Foundation

/// One message of the socket: every key of it, each a list that is nearly always empty or of one.
package struct SocketMessage: Sendable {
    package var devices: [ServerDevice] = []
    package var positions: [Position] = []
    /// Bare events (`road` is `.socket`): the position that they name comes after them.
    package var events: [Arrival] = []

    package init() {}

    /// `{}`, the keep-alive, and `logs`, which nobody asked for.
    package var isEmpty: Bool { devices.isEmpty && positions.isEmpty && events.isEmpty }
}

/// A device with what changes about it by the minute, which is why that stands beside `Device` and
/// not in it: rules compare devices, and the database would write each change.
package struct ServerDevice: Sendable, Hashable {
    package enum Status: String, Sendable { case online, offline, unknown }

    package var device: Device
    package var status = Status.unknown
    package var lastUpdate: Instant?
    /// 0: none.
    package var positionId: Int64 = 0
    package var disabled = false

    package init(_ device: Device) { self.device = device }
}

/// A geofence as it stands; `area` is WKT of Traccar's kind, or whatever somebody wrote there.
package struct ServerGeofence: Sendable, Hashable {
    package var id: Int64
    package var name: String
    package var area: String
    package var attributes = Attributes()

    package init(id: Int64, name: String, area: String, attributes: Attributes = Attributes()) {
        self.id = id
        self.name = name
        self.area = area
        self.attributes = attributes
    }
}

package struct ServerGroup: Sendable, Hashable {
    package var id: Int64
    package var name: String
    /// The group that it is in; 0: none.
    package var parent: Int64 = 0

    package init(id: Int64, name: String, parent: Int64 = 0) {
        self.id = id
        self.name = name
        self.parent = parent
    }
}

package struct ServerCalendar: Sendable, Hashable {
    package var id: Int64
    package var name: String
    /// The iCalendar text (base64 on the wire); nil where it is none.
    package var text: String?

    package init(id: Int64, name: String, text: String?) {
        self.id = id
        self.name = name
        self.text = text
    }
}

/// A notification that the account owns: of events whose type has one with `web` among its
/// notificators the socket tells, of others it does not (domain.md 5).
package struct ServerNotification: Sendable, Hashable {
    package var id: Int64
    /// Traccar's spelling of an event's type.
    package var type: String
    /// For every device of the account; else for those that it is linked to.
    package var always = false
    package var notificators: [String] = []
    /// The kinds, where `type` is `alarm`: without any none is told of.
    package var alarms: [String] = []
    /// Since 6.12: only of these; empty: of all.
    package var geofences: [Int64] = []
    /// 0: at any time.
    package var calendar: Int64 = 0

    package init(id: Int64, type: String) {
        self.id = id
        self.type = type
    }

    package var isForTheSocket: Bool { notificators.contains("web") }
}

/// `GET /api/server`, which needs no session.
package struct ServerInfo: Sendable, Hashable {
    /// Such as `6.14.5`. BikeTrax runs a fork: it says little about what the server can do.
    package var version: String?

    package init(version: String?) { self.version = version }
}

/// Who is logged in: of the answer to a login only what the relay has a use for.
package struct ServerAccount: Sendable, Hashable {
    package var id: Int64
    package var expires: Instant?
    /// The account may not ask for reports, so nothing can be caught up with.
    package var reportsDisabled = false
    /// BikeTrax: where the account's events are posted to.
    package var webhookURL: String?
    /// BikeTrax: the types that are posted; nil: all.
    package var webhookTypes: [String]?
    package var webhooksDisabled = false
    /// BikeTrax: what is shown to that address; nil: the account has none.
    package var webhookKey: WebhookKey?

    package init(id: Int64) { self.id = id }
}

/// An account's `webhookPsk`, word for word the `Authorization` of what it posts. It can be
/// compared with and does not show itself.
package struct WebhookKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    private let text: String

    init(_ text: String) { self.text = text }

    /// Whether a webhook that asks for `authorization` admits it. Blanks around a header's value do
    /// not travel (RFC 9110 §5.5).
    package func opens(_ authorization: String) -> Bool {
        text.trimmingCharacters(in: .whitespaces) == authorization
    }

    package var description: String { "•••" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
