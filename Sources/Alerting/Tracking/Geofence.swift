// Areas of the rule file: circle, polygon and line, latitude first as Traccar writes them, with
// Traccar's own mathematics (geofence/Geofence*.java, helper/DistanceCalculator.java), so that a
// place answers here as it does on the server. What can be worked out once (cosines, lengths of
// segments, shifted longitudes) is, for `contains` runs for each event at each place nearby.

/// A circle, a polygon of one ring, or a line with a width.
package struct Geofence: Hashable, Sendable {
    private let shape: Shape
    /// A box of degrees that holds the whole area. Across the antimeridian `west` is greater than
    /// `east`. `contains` is false outside it.
    package let boundingBox: BoundingBox
    /// The same in every process for the same numbers, and hardly for others.
    let digest: UInt64

    private enum Shape: Hashable, Sendable {
        case circle(Spot, radius: Double)
        case polygon(Ring)
        case line(Path, width: Double)
    }

    /// Metres; the radius that Traccar's DistanceCalculator uses.
    package static let earthRadius = 6_378_137.0
    /// Metres on either side of a line where nothing says otherwise (`polylineDistance`).
    package static let standardWidth = 25.0

    /// A circle around `center`; `radius` in metres.
    package init(center: Coordinate, radius: Double) {
        shape = .circle(Spot(center), radius: radius)
        digest = Self.digest(1, [center], radius)
        boundingBox = BoundingBox(around: [center]).grown(by: radius)
    }

    /// One ring of at least three corners; it is closed by itself. Inside is what an even number of
    /// edges does not part from the outside.
    package init(polygon corners: [Coordinate]) {
        shape = .polygon(Ring(corners))
        digest = Self.digest(2, corners, 0)
        boundingBox = BoundingBox(around: corners)
    }

    /// All that is at most `width` metres away from a line of at least two points.
    package init(line points: [Coordinate], width: Double) {
        shape = .line(Path(points), width: width)
        digest = Self.digest(3, points, width)
        boundingBox = BoundingBox(around: points).grown(by: width)
    }

    /// FNV-1a over the bits.
    private static func digest(
        _ form: Double, _ points: [Coordinate], _ metres: Double
    ) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ value: Double) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                hash = (hash ^ (value.bitPattern >> shift & 0xff)) &* 0x100_0000_01b3
            }
        }
        add(form)
        add(metres)
        for point in points {
            add(point.latitude)
            add(point.longitude)
        }
        return hash
    }

    /// Whether the point lies inside; points exactly on an edge are not defined, as in Traccar.
    package func contains(_ point: Coordinate) -> Bool {
        guard boundingBox.contains(point) else { return false }
        switch shape {
        case .circle(let center, let radius): return center.distance(to: Spot(point)) <= radius
        case .polygon(let ring): return ring.contains(point)
        case .line(let path, let width): return path.distance(to: Spot(point)) <= width
        }
    }

    /// Whether a device whose fix is `accuracy` metres exact is inside: unknown where the circle of
    /// that radius touches the edge. nil, 0 or less: the accuracy is not known, the point counts.
    package func holds(_ point: Coordinate, accuracy: Double?) -> Truth {
        guard let accuracy, accuracy > 0 else { return Truth(contains(point)) }
        guard edgeDistance(point) > accuracy else { return .unknown }
        return Truth(contains(point))
    }

    /// Metres from the point to the nearest point of the edge, inside as outside.
    package func edgeDistance(_ point: Coordinate) -> Double {
        switch shape {
        case .circle(let center, let radius):
            abs(center.distance(to: Spot(point)) - radius)
        case .polygon(let ring): ring.edge.distance(to: Spot(point))
        case .line(let path, let width): abs(path.distance(to: Spot(point)) - width)
        }
    }

    /// Whether it covers nothing: no radius, no width and all points in one line or spot.
    package var isEmpty: Bool {
        switch shape {
        case .circle(_, let radius): radius <= 0
        case .polygon(let ring): ring.isFlat
        case .line(_, let width): width <= 0
        }
    }
}

// MARK: - Box

extension Geofence {
    /// Degrees. Where `west` is greater than `east` the box crosses the antimeridian: it holds the
    /// longitudes from `west` to 180 and from -180 to `east`.
    package struct BoundingBox: Hashable, Sendable {
        package var south: Double
        package var north: Double
        package var west: Double
        package var east: Double

        package init(south: Double, north: Double, west: Double, east: Double) {
            self.south = south
            self.north = north
            self.west = west
            self.east = east
        }

        package var crossesAntimeridian: Bool { west > east }

        package func contains(_ point: Coordinate) -> Bool {
            guard point.latitude >= south, point.latitude <= north else { return false }
            let longitude = Geofence.wrapped(point.longitude)
            return west <= east
                ? longitude >= west && longitude <= east
                : longitude >= west || longitude <= east
        }

        init(around points: [Coordinate]) {
            let shift = Geofence.crossesAntimeridian(points)
            let longitudes = points.map { point in
                let longitude = Geofence.wrapped(point.longitude)
                return shift && longitude < -90 ? longitude + 360 : longitude
            }
            south = points.map(\.latitude).min() ?? 0
            north = points.map(\.latitude).max() ?? 0
            west = longitudes.min() ?? 0
            east = longitudes.max() ?? 0
            normalise()
        }

        /// By metres to each side.
        func grown(by metres: Double) -> BoundingBox {
            var box = self
            // A little more than asked for, so that rounding cuts nothing off.
            let degrees = (metres / Geofence.earthRadius * 180 / .pi) * 1.000_001 + 1e-9
            box.south -= degrees
            box.north += degrees
            let furthest = max(abs(box.south), abs(box.north))
            let shrink = furthest < 90 ? cosine(ofDegrees: furthest) : 0
            let width = crossesAntimeridian ? east + 360 - west : east - west
            guard shrink > 0, degrees / shrink * 2 + width < 360 else {
                // It goes round a pole.
                box.west = -180
                box.east = 180
                return box
            }
            if crossesAntimeridian { box.east += 360 }
            box.west -= degrees / shrink
            box.east += degrees / shrink
            box.normalise()
            return box
        }

        private mutating func normalise() {
            if east - west >= 360 {
                (west, east) = (-180, 180)
                return
            }
            if west < -180 { west += 360 }
            if east > 180 { east -= 360 }
        }
    }

    /// Traccar's test: the points hold longitudes beyond both 90 and -90.
    fileprivate static func crossesAntimeridian(_ points: [Coordinate]) -> Bool {
        points.contains { wrapped($0.longitude) > 90 }
            && points.contains { wrapped($0.longitude) < -90 }
    }

    /// A longitude in -180...180.
    @inline(__always)
    fileprivate static func wrapped(_ longitude: Double) -> Double {
        if longitude > 180 { return longitude - 360 }
        return longitude < -180 ? longitude + 360 : longitude
    }
}
