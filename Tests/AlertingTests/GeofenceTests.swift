// Places answer as Traccar's do: the vectors are those of its own tests (domain.md 1.4).
import Alerting
import Testing

@Suite("Geofence")
struct GeofenceTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        var area: String
        var width = 25.0
        var latitude: Double
        var longitude: Double
        var inside: Bool
        var testDescription: String { "\(area) \(width) m: \(latitude), \(longitude)" }
    }

    static let polygon =
        "POLYGON ((55.75474 37.61823, 55.75513 37.61888, 55.7535 37.6222, 55.75315 37.62165))"
    static let overAntimeridian =
        "POLYGON ((66.9494 179.838, 66.9508 -179.8496, 66.8406 -180.0014))"
    static let overGreenwich =
        "POLYGON ((51.1966 -0.6207, 51.1897 0.4147, 50.9377 0.5136, 50.8675 -0.6082))"
    static let street = "LINESTRING (56.83777 60.59833, 56.83766 60.5968)"
    static let road =
        "LINESTRING (56.836 60.6126, 56.8393 60.6114, 56.83887 60.60811, 56.83782 60.5988)"
    static let lineOverAntimeridian = "LINESTRING (66.9494 179.838, 66.9508 -179.8496)"

    static let vectors: [Vector] = [
        Vector(
            area: "CIRCLE (55.75414 37.6204, 100)", latitude: 55.75477, longitude: 37.62025,
            inside: true),
        Vector(
            area: "CIRCLE (55.75414 37.6204, 100)", latitude: 55.75545, longitude: 37.61921,
            inside: false),
        Vector(area: polygon, latitude: 55.75476, longitude: 37.61915, inside: true),
        Vector(area: polygon, latitude: 55.75545, longitude: 37.61921, inside: false),
        Vector(area: overAntimeridian, latitude: 66.9015, longitude: -180.0096, inside: true),
        Vector(area: overAntimeridian, latitude: 66.9015, longitude: 179.991, inside: true),
        Vector(area: overAntimeridian, latitude: 66.8368, longitude: -179.8792, inside: false),
        Vector(area: overGreenwich, latitude: 51.0466, longitude: -0.0165, inside: true),
        Vector(area: overGreenwich, latitude: 51.0466, longitude: 0.018, inside: true),
        Vector(area: overGreenwich, latitude: 50.9477, longitude: 0.5836, inside: false),
        Vector(area: street, width: 35, latitude: 56.83801, longitude: 60.59748, inside: true),
        Vector(area: street, width: 15, latitude: 56.83801, longitude: 60.59748, inside: false),
        Vector(area: road, width: 15, latitude: 56.83847, longitude: 60.60458, inside: true),
        Vector(area: road, width: 15, latitude: 56.83764, longitude: 60.59725, inside: false),
        Vector(area: road, width: 15, latitude: 56.83861, longitude: 60.60822, inside: false),
        Vector(area: lineOverAntimeridian, latitude: 66.95, longitude: 180, inside: true),
        Vector(area: lineOverAntimeridian, latitude: 66.96, longitude: 180, inside: false),
        Vector(area: lineOverAntimeridian, latitude: 66.9509, longitude: -179.83, inside: false),
    ]

    @Test("a point is inside as on the server", arguments: vectors)
    func contains(vector: Vector) throws {
        let area = try Geofence(wkt: vector.area, width: vector.width)
        let point = Coordinate(latitude: vector.latitude, longitude: vector.longitude)
        #expect(area.contains(point) == vector.inside)
        if vector.inside { #expect(area.boundingBox.contains(point)) }
    }

    @Test("a point exactly on a line is inside, not lost to a root of a tiny negative")
    func onTheLine() throws {
        let line = try Geofence(wkt: "LINESTRING (48 16, 48 16.001, 48 16.002)", width: 1)
        for step in 0...20 {
            let longitude = 16 + Double(step) * 0.0001
            #expect(line.contains(Coordinate(latitude: 48, longitude: longitude)))
        }
    }

    @Test("a box across the antimeridian has its west east of its east")
    func boxAcrossAntimeridian() throws {
        let box = try Geofence(wkt: Self.overAntimeridian).boundingBox
        #expect(box.crossesAntimeridian)
        #expect(box.west == 179.838)
        #expect(box.east == -179.8496)
        #expect(box.contains(Coordinate(latitude: 66.9, longitude: 180)))
        #expect(!box.contains(Coordinate(latitude: 66.9, longitude: 0)))
        let circle = Geofence(center: Coordinate(latitude: 0, longitude: 179.9999), radius: 100)
        #expect(circle.boundingBox.crossesAntimeridian)
        #expect(circle.contains(Coordinate(latitude: 0, longitude: -179.9996)))
    }

    @Test("a circle around a pole has a box that goes round it")
    func pole() {
        let circle = Geofence(center: Coordinate(latitude: 89.9999, longitude: 10), radius: 1_000)
        #expect(circle.contains(Coordinate(latitude: 89.9999, longitude: -170)))
    }

    @Test("a fix is unknown where the circle of its accuracy touches the edge")
    func accuracy() {
        let home = Geofence(center: Coordinate(latitude: 48.2082, longitude: 16.3738), radius: 80)
        let center = Coordinate(latitude: 48.2082, longitude: 16.3738)
        #expect(home.holds(center, accuracy: nil) == .yes)
        #expect(home.holds(center, accuracy: 0) == .yes)
        #expect(home.holds(center, accuracy: 79) == .yes)
        #expect(home.holds(center, accuracy: 81) == .unknown)
        // 111 m north of the centre: 31 m outside.
        let outside = Coordinate(latitude: 48.2092, longitude: 16.3738)
        #expect(home.holds(outside, accuracy: nil) == .no)
        #expect(home.holds(outside, accuracy: 30) == .no)
        #expect(home.holds(outside, accuracy: 35) == .unknown)
    }

    @Test("the edge of a polygon is measured inside as outside")
    func edgeOfPolygon() throws {
        // 0.001° of latitude are 111.3 m here.
        let square = try Geofence(wkt: "POLYGON ((0 0, 0 0.01, 0.01 0.01, 0.01 0))")
        let inside = Coordinate(latitude: 0.005, longitude: 0.001)
        let outside = Coordinate(latitude: 0.005, longitude: -0.001)
        #expect(abs(square.edgeDistance(inside) - 111.3) < 0.2)
        #expect(abs(square.edgeDistance(outside) - 111.3) < 0.2)
        #expect(square.holds(inside, accuracy: 100) == .yes)
        #expect(square.holds(inside, accuracy: 120) == .unknown)
        #expect(square.holds(outside, accuracy: 100) == .no)
    }

    @Test(
        "spellings that the server takes are taken",
        arguments: [
            "POLYGON((1 2, 3 4, 5 0))", "polygon ((1 2,3 4,5 0,1 2))",
            " POLYGON  (( 1  2, 3 4, 5 0 )) ",
            "CIRCLE(1 2,30)", "LINESTRING(1 2,3 4)",
        ])
    func spellings(text: String) throws {
        _ = try Geofence(wkt: text)
    }

    @Test(
        "what is no area says why",
        arguments: [
            ("somewhere", "is no POLYGON"),
            ("POINT (1 2)", "begins with 'POINT'"),
            ("POLYGON (1 2, 3 4, 5 6)", "needs two parentheses"),
            ("POLYGON ((1 2, 3 4))", "has 2 corners"),
            ("POLYGON ((1 2, 3 4, 1 2))", "has 2 corners"),
            ("POLYGON ((1 2, 3 4, 5 6), (1 2, 3 4, 5 6))", "several rings"),
            ("POLYGON ((1 2, 3, 5 6))", "has '3' where a point should be"),
            ("POLYGON ((1 2, 3 4, 5 6,))", "where a point should be"),
            ("POLYGON ((1 2, 3 x, 5 6))", "has '3 x'"),
            ("POLYGON ((1 2, 3 nan, 5 6))", "has '3 nan'"),
            ("CIRCLE (1 2)", "needs a centre and a radius"),
            ("CIRCLE (1 2, -3)", "has the radius '-3'"),
            ("LINESTRING (1 2)", "has one point"),
            ("POLYGON ((100.5 13.75, 100.51 13.75, 100.51 13.76))", "latitude comes first"),
            ("CIRCLE (16 200, 3)", "longitude comes second"),
        ])
    func failures(text: String, why: String) {
        let failure = #expect(throws: Geofence.Failure.self) { try Geofence(wkt: text) }
        #expect(failure?.description.contains(why) == true, "\(failure?.description ?? "")")
    }

    @Test("what has no area is known")
    func empty() throws {
        #expect(Geofence(center: Coordinate(latitude: 1, longitude: 2), radius: 0).isEmpty)
        #expect(try Geofence(wkt: "POLYGON ((1 1, 2 2, 3 3))").isEmpty)
        #expect(try !Geofence(wkt: Self.polygon).isEmpty)
    }
}
