// STUB-A: areas of the rule file, latitude first (WKT as Traccar writes it).
package struct Geofence: Hashable, Sendable {
    package func contains(_ point: Coordinate) -> Bool { false }
}
