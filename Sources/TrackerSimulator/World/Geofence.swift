// Places and fences, with the tests for "inside" that Traccar makes (geofence/Geofence*.java,
// DistanceCalculator.java) in their plain form: the simulated fences are small and far from the
// antimeridian.

import Foundation

/// A point on the earth, WGS84 degrees.
package struct Place: Hashable, Sendable {
    package var latitude: Double
    package var longitude: Double

    package init(_ latitude: Double, _ longitude: Double) {
        self.latitude = latitude
        self.longitude = longitude
    }

    static let metresPerDegree = 6_378_137.0 * .pi / 180

    /// Metres east and north of a point, on the flat: good to a percent over a few kilometres.
    package func moved(east: Double, north: Double) -> Place {
        Place(
            latitude + north / Self.metresPerDegree,
            longitude + east / (Self.metresPerDegree * cos(latitude * .pi / 180)))
    }

    /// Metres, by the haversine formula.
    package func distance(to other: Place) -> Double {
        let radians = Double.pi / 180
        let north = (other.latitude - latitude) * radians
        let east = (other.longitude - longitude) * radians
        let part =
            pow(sin(north / 2), 2)
            + cos(latitude * radians) * cos(other.latitude * radians) * pow(sin(east / 2), 2)
        return 2 * 6_378_137 * asin(min(1, part.squareRoot()))
    }
}

extension World {
    package struct Geofence: Hashable, Sendable, JSONWritable {
        package enum Shape: Hashable, Sendable {
            case circle(Place, metres: Double)
            case polygon([Place])
            /// A corridor: so many metres to each side.
            case line([Place], metres: Double)
            /// What a client wrote that is no shape at all; nothing is inside.
            case odd(String)
        }
        package var id: Int64
        package var name: String
        package var shape: Shape

        package init(id: Int64, name: String, shape: Shape) {
            self.id = id
            self.name = name
            self.shape = shape
        }

        /// As Traccar writes it: like WKT, but the latitude first.
        package var area: String {
            func list(_ places: [Place]) -> String {
                places.map { "\($0.latitude) \($0.longitude)" }.joined(separator: ", ")
            }
            return switch shape {
            case .circle(let centre, let metres): "CIRCLE (\(list([centre])), \(metres))"
            case .polygon(let places): "POLYGON ((\(list(places))))"
            case .line(let places, _): "LINESTRING (\(list(places)))"
            case .odd(let text): text
            }
        }

        package func holds(_ place: Place) -> Bool {
            switch shape {
            case .circle(let centre, let metres): return centre.distance(to: place) <= metres
            case .polygon(let corners):
                var isInside = false
                for (from, to) in zip(corners, corners.dropFirst() + corners.prefix(1))
                where (from.latitude > place.latitude) != (to.latitude > place.latitude) {
                    let part = (place.latitude - from.latitude) / (to.latitude - from.latitude)
                    let crossing = from.longitude + part * (to.longitude - from.longitude)
                    if place.longitude < crossing { isInside.toggle() }
                }
                return isInside
            case .line(let places, let metres):
                return zip(places, places.dropFirst()).contains { from, to in
                    Self.distance(of: place, from, to) <= metres
                }
            case .odd: return false
            }
        }

        /// To a segment, on the flat around its beginning.
        private static func distance(of place: Place, _ from: Place, _ to: Place) -> Double {
            let shrink = cos(from.latitude * .pi / 180)
            func flat(_ point: Place) -> (x: Double, y: Double) {
                (
                    (point.longitude - from.longitude) * Place.metresPerDegree * shrink,
                    (point.latitude - from.latitude) * Place.metresPerDegree
                )
            }
            let (end, point) = (flat(to), flat(place))
            let square = end.x * end.x + end.y * end.y
            let along = square == 0 ? 0 : (point.x * end.x + point.y * end.y) / square
            let part = min(max(along, 0), 1)
            return hypot(point.x - part * end.x, point.y - part * end.y)
        }

        package func write(to text: inout JSONText) {
            var attributes: Properties = [:]
            if case .line(_, let metres) = shape {
                attributes["polylineDistance"] = .number(metres)
            }
            text.object { text in
                text.member("id", id)
                text.member("attributes", attributes)
                text.member("calendarId", 0)
                text.member("name", name)
                text.member("description", String?.none)
                text.member("area", area)
            }
        }
    }
}
