// What rule files may refer to by a name that stands on the server: groups of devices, calendars
// and geofences. Sources tell it, the database keeps it for a start without the server, and rules
// are read anew when it changes.

/// Of one source, as its server last told it.
package struct ServerNames: Sendable, Hashable, Codable {
    /// The uniqueIds of the devices in each group and in the groups inside it, in order.
    package var groups: [String: [String]] = [:]
    /// iCalendar texts.
    package var calendars: [String: String] = [:]
    /// By their names and by their ids in digits: a place is written either way.
    package var geofences: Set<String> = []

    package init() {}
}
