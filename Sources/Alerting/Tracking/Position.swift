// Where a device was: Traccar's Position with speeds in km/h (model/Position.java; domain.md 1.2).

/// One report of a tracker's position.
package struct Position: Hashable, Sendable {
    /// 0 where the server gave none.
    package var id: Int64 = 0
    package var deviceId: Int64 = 0
    package var coordinate: Coordinate
    package var speed: Speed?
    /// Metres; 0 or nil: not known.
    package var accuracy: Double?
    package var altitude: Double?
    /// Degrees, 0 to 360.
    package var course: Double?
    /// What the tracker says of its fix; false repeats the last place.
    package var valid: Bool = true
    /// The tracker's clock at the report.
    package var deviceTime: Instant?
    /// When the fix was made; older than `deviceTime` where a report had no fix of its own.
    package var fixTime: Instant?
    package var serverTime: Instant?
    package var address: String?
    package var geofences: Geofences = .unknown
    package var attributes = Attributes()
    /// It was made of what memory keeps of a report: of its attributes only some are known.
    package var isExcerpt = false

    /// The server's geofences that hold the point (`geofenceIds`, since Traccar 5.8).
    package enum Geofences: Hashable, Sendable {
        /// The key was missing: nothing is known.
        case unknown
        /// Null or a list: exactly these, perhaps none.
        case known([Int64])
    }

    package init(coordinate: Coordinate) { self.coordinate = coordinate }

    /// The report's own time: the tracker's clock, else the fix's, else the server's.
    package var time: Instant? { deviceTime ?? fixTime ?? serverTime }

    /// Whether the place may be used: valid, and the fix is not older than its report.
    package var hasFix: Bool {
        guard valid else { return false }
        guard let fixTime, let deviceTime else { return true }
        return fixTime >= deviceTime
    }
}
