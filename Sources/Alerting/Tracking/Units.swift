// Units as types. Traccar writes speeds in knots; nothing behind the decoder ever sees a knot.

/// A speed, kept in km/h. Knots exist at the wire only (Traccar's model/Position.java).
package struct Speed: Hashable, Comparable, Sendable, Codable {
    package var kilometresPerHour: Double

    package init(kilometresPerHour: Double) { self.kilometresPerHour = kilometresPerHour }
    package init(knots: Double) { kilometresPerHour = knots * 1.852 }

    package init(from decoder: any Decoder) throws {
        kilometresPerHour = try decoder.singleValueContainer().decode(Double.self)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(kilometresPerHour)
    }
    package static func < (left: Speed, right: Speed) -> Bool {
        left.kilometresPerHour < right.kilometresPerHour
    }
}

/// A point on the earth: WGS84 degrees, latitude first as Traccar writes it.
package struct Coordinate: Hashable, Sendable, Codable {
    package var latitude: Double
    package var longitude: Double

    package init(latitude: Double, longitude: Double) {
        self.latitude = latitude
        self.longitude = longitude
    }
}
