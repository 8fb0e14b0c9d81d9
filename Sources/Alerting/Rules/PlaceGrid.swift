// Finds the places around a point without looking at all of them: a grid of cells of degrees in
// several sizes. A place is entered at the size at which it covers a few cells only, so a country
// costs no more than a garden.

struct PlaceGrid: Sendable {
    private var cells: [Cell: [Int32]] = [:]
    /// Sizes that hold places.
    private var levels: [Int32] = []
    /// Places that no size suits: round a pole, or around the world.
    private var everywhere: [Int32] = []
    private var boxes: [Geofence.BoundingBox?] = []

    private struct Cell: Hashable {
        var level: Int32
        var row: Int32
        var column: Int32
    }

    /// The sides of the cells in degrees: 0.01° is about a kilometre.
    private static let sides = [0.01, 0.04, 0.16, 0.64, 2.56, 10.24, 40.96, 163.84]
    private static let cellsPerSide = 4.0
    /// Metres by which boxes are grown: a fix that is less exact than this is not looked up here.
    static let margin = 200.0

    private static func side(_ level: Int32) -> Double { sides[Int(level)] }

    mutating func add(_ place: Int32, box exactBox: Geofence.BoundingBox) {
        let box = exactBox.grown(by: Self.margin)
        while boxes.count <= place { boxes.append(nil) }
        boxes[Int(place)] = box
        let extent = max(box.north - box.south, box.east - box.west)
        let fitting = (0..<Int32(Self.sides.count)).first {
            extent <= Self.side($0) * Self.cellsPerSide
        }
        guard let level = fitting, !box.crossesAntimeridian, box.south > -89, box.north < 89 else {
            everywhere.append(place)
            return
        }
        if !levels.contains(level) { levels.append(level) }
        let side = Self.side(level)
        for row in Self.index(box.south, side)...Self.index(box.north, side) {
            for column in Self.index(box.west, side)...Self.index(box.east, side) {
                cells[Cell(level: level, row: row, column: column), default: []].append(place)
            }
        }
    }

    private static func index(_ degrees: Double, _ side: Double) -> Int32 {
        Int32((degrees / side).rounded(.down))
    }

    /// Calls `body` once with each place whose box, or `margin` around it, holds the point.
    func forEach(around point: Coordinate, _ body: (Int32) -> Void) {
        for place in everywhere where contains(place, point) { body(place) }
        guard abs(point.latitude) <= 90, abs(point.longitude) <= 180 else { return }
        for level in levels {
            let side = Self.side(level)
            let cell = Cell(
                level: level, row: Self.index(point.latitude, side),
                column: Self.index(point.longitude, side))
            guard let places = cells[cell] else { continue }
            for place in places where contains(place, point) { body(place) }
        }
    }

    /// Calls `body` with each place whose box, or `margin` or so many metres around it, holds the
    /// point. A fix of a cell tower is uncertain by kilometres: then all boxes are looked at.
    func forEach(around point: Coordinate, within metres: Double, _ body: (Int32) -> Void) {
        guard metres > Self.margin else { return forEach(around: point, body) }
        let north = (metres - Self.margin) / 111_000
        let cosine = cosine(ofDegrees: min(89, abs(point.latitude) + north))
        let east = north / max(cosine, 0.01)
        for (place, box) in boxes.enumerated() {
            guard let box else { continue }
            let isFar = point.latitude < box.south - north || point.latitude > box.north + north
            // Near the antimeridian and the poles it is not worth the trouble to be exact.
            let isPlain =
                !box.crossesAntimeridian && abs(point.longitude) + east < 180
                && abs(point.latitude) + north < 89
            if isFar
                || (isPlain
                    && (point.longitude < box.west - east || point.longitude > box.east + east))
            {
                continue
            }
            body(Int32(place))
        }
    }

    @inline(__always)
    private func contains(_ place: Int32, _ point: Coordinate) -> Bool {
        boxes[Int(place)]?.contains(point) ?? false
    }
}
