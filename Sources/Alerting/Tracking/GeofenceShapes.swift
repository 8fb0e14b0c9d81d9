// The mathematics below Geofence: great-circle distances by the haversine, even-odd ray casting,
// and the distance to a segment by Heron's formula, each as Traccar does it.
import Foundation

func cosine(ofDegrees degrees: Double) -> Double { cos(degrees * .pi / 180) }

/// A point with what distances need of it.
struct Spot: Hashable, Sendable {
    var latitude: Double
    var longitude: Double
    var cosine: Double

    /// Radians.
    @inline(__always)
    init(_ point: Coordinate) {
        latitude = point.latitude * .pi / 180
        longitude = point.longitude * .pi / 180
        cosine = cos(latitude)
    }

    /// Metres, by the haversine.
    @inline(__always)
    func distance(to other: Spot) -> Double {
        let north = sin((latitude - other.latitude) / 2)
        let east = sin((longitude - other.longitude) / 2)
        let chord = north * north + east * east * cosine * other.cosine
        return 2 * Geofence.earthRadius * asin(min(1, chord.squareRoot()))
    }
}

/// A closed ring.
struct Ring: Hashable, Sendable {
    private let latitudes: ContiguousArray<Double>
    /// Over the antimeridian those below -90 are counted on past 180.
    private let longitudes: ContiguousArray<Double>
    private let shifts: Bool
    /// The ring as a path, for the distance to it.
    let edge: Path

    init(_ corners: [Coordinate]) {
        var corners = corners
        if corners.count > 1, corners.first == corners.last { corners.removeLast() }
        let points = corners.map {
            Coordinate(latitude: $0.latitude, longitude: Self.wrapped($0.longitude))
        }
        let shifts =
            points.contains { $0.longitude > 90 } && points.contains { $0.longitude < -90 }
        self.shifts = shifts
        latitudes = ContiguousArray(points.map(\.latitude))
        longitudes = ContiguousArray(
            points.map { shifts && $0.longitude < -90 ? $0.longitude + 360 : $0.longitude })
        edge = Path(points + points.prefix(1))
    }

    /// Even-odd: a ray from the point crosses the ring an odd number of times.
    func contains(_ point: Coordinate) -> Bool {
        let latitude = point.latitude
        var longitude = Self.wrapped(point.longitude)
        if shifts, longitude < -90 { longitude += 360 }
        return latitudes.withUnsafeBufferPointer { latitudes in
            longitudes.withUnsafeBufferPointer { longitudes in
                var inside = false
                var previous = latitudes.count - 1
                for index in 0..<latitudes.count {
                    let north = latitudes[index]
                    let south = latitudes[previous]
                    if (north > latitude) != (south > latitude) {
                        let reach = (latitude - north) / (south - north)
                        let east = longitudes[index]
                        if longitude < east + (longitudes[previous] - east) * reach {
                            inside.toggle()
                        }
                    }
                    previous = index
                }
                return inside
            }
        }
    }

    /// Whether it has no area: the shoelace sum is nothing.
    var isFlat: Bool {
        guard latitudes.count >= 3 else { return true }
        var area = 0.0
        for index in 1..<(latitudes.count - 1) {
            let north = latitudes[index] - latitudes[0]
            let east = longitudes[index] - longitudes[0]
            let nextNorth = latitudes[index + 1] - latitudes[0]
            let nextEast = longitudes[index + 1] - longitudes[0]
            area += north * nextEast - nextNorth * east
        }
        return abs(area) < 1e-14
    }

    @inline(__always)
    private static func wrapped(_ longitude: Double) -> Double {
        if longitude > 180 { return longitude - 360 }
        return longitude < -180 ? longitude + 360 : longitude
    }
}

/// A line of segments.
struct Path: Hashable, Sendable {
    private let spots: ContiguousArray<Spot>
    /// Metres of each segment.
    private let lengths: ContiguousArray<Double>

    init(_ points: [Coordinate]) {
        spots = ContiguousArray(points.map(Spot.init))
        lengths = ContiguousArray(zip(spots, spots.dropFirst()).map { $0.distance(to: $1) })
    }

    /// Metres to the nearest point of the line.
    func distance(to point: Spot) -> Double {
        guard var before = spots.first.map({ $0.distance(to: point) }) else { return .infinity }
        var nearest = before
        for index in lengths.indices {
            let after = spots[index + 1].distance(to: point)
            nearest = min(nearest, Self.height(before, after, over: lengths[index]))
            before = after
        }
        return nearest
    }

    /// The distance of a point to a segment of `base` metres from whose ends it is `left` and
    /// `right` metres away. A point on the segment can give the root of a tiny negative: clamped.
    private static func height(_ left: Double, _ right: Double, over base: Double) -> Double {
        guard base > 0 else { return min(left, right) }
        // Beyond an end (an obtuse angle there) that end is nearest.
        if left * left > right * right + base * base { return right }
        if right * right > left * left + base * base { return left }
        let half = (left + right + base) / 2
        let area = max(0, half * (half - left) * (half - right) * (half - base)).squareRoot()
        return 2 * area / base
    }
}
