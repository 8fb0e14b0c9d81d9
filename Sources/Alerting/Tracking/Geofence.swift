// STUB-A: areas of the rule file, latitude first (WKT as Traccar writes it).
package struct Geofence: Hashable, Sendable {
    package func contains(_ point: Coordinate) -> Bool { false }
    package func holds(_ point: Coordinate, accuracy: Double?) -> Truth { .unknown }
    package var boundingBox: BoundingBox {
        BoundingBox(south: -90, north: 90, west: -180, east: 180)
    }

    package struct BoundingBox: Hashable, Sendable {
        package var south: Double
        package var north: Double
        package var west: Double
        package var east: Double
    }
}
