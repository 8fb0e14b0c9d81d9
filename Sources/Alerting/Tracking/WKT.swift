// Reads areas as Traccar writes them (domain.md 1.4): like WKT, but latitude first. Errors are for
// the person who edits the file, and name the mix-up that happens most: longitude first.

extension Geofence {
    /// Why a text is no area; a whole sentence but for its first word, "area".
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package var description: String
        package init(_ description: String) { self.description = description }
    }

    /// - Parameters:
    ///   - wkt: `CIRCLE (lat lon, metres)`, `POLYGON ((lat lon, …))` or `LINESTRING (lat lon, …)`.
    ///   - width: of a line, metres to either side.
    package init(wkt: String, width: Double = Geofence.standardWidth) throws(Failure) {
        let text = wkt.trimmed
        guard let open = text.firstIndex(of: "("), text.last == ")" else {
            throw Failure(
                "is no POLYGON ((lat lon, …)), CIRCLE (lat lon, metres) or LINESTRING (lat lon, …)")
        }
        let name = text[..<open].trimmed.uppercased()
        let inner = text[text.index(after: open)...].dropLast().trimmed
        switch name {
        case "CIRCLE": self = try Self.circle(inner)
        case "POLYGON":
            guard inner.first == "(", inner.last == ")" else {
                throw Failure("needs two parentheses: POLYGON ((lat lon, lat lon, lat lon))")
            }
            let ring = inner.dropFirst().dropLast()
            guard !ring.contains("("), !ring.contains(")") else {
                throw Failure("has holes or several rings; a POLYGON here is one ring")
            }
            var corners = try Self.points(ring)
            if corners.count > 1, corners.first == corners.last { corners.removeLast() }
            guard corners.count >= 3 else {
                throw Failure("has \(corners.count) corners; a POLYGON needs three")
            }
            self.init(polygon: corners)
        case "LINESTRING":
            let points = try Self.points(inner[...])
            guard points.count >= 2 else {
                throw Failure("has one point; a LINESTRING needs two")
            }
            self.init(line: points, width: width)
        default:
            throw Failure("begins with '\(name)'; POLYGON, CIRCLE and LINESTRING are known")
        }
    }

    /// Whether a WKT text is a line, which alone may have a width.
    package static func isLine(wkt: String) -> Bool {
        wkt.trimmed.uppercased().hasPrefix("LINESTRING")
    }

    /// Why a pair is no place on the earth; nil: it is one.
    static func fault(latitude: Double) -> String? {
        guard latitude.isNaN || abs(latitude) > 90 else { return nil }
        return "latitude comes first and lies between -90 and 90, not at \(latitude.brief): "
            + "are latitude and longitude swapped?"
    }

    static func fault(longitude: Double) -> String? {
        guard longitude.isNaN || abs(longitude) > 180.5 else { return nil }
        return "longitude comes second and lies between -180 and 180, not at \(longitude.brief)"
    }

    private static func circle(_ text: String) throws(Failure) -> Geofence {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw Failure("needs a centre and a radius: CIRCLE (lat lon, metres)")
        }
        let center = try point(parts[0])
        let radiusText = parts[1].trimmed
        guard let radius = radiusText.decimal, radius >= 0 else {
            throw Failure("has the radius '\(radiusText)', which is no number of metres")
        }
        return Geofence(center: center, radius: radius)
    }

    private static func points(_ text: Substring) throws(Failure) -> [Coordinate] {
        var points: [Coordinate] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            points.append(try point(part))
        }
        return points
    }

    private static func point(_ text: Substring) throws(Failure) -> Coordinate {
        let numbers = text.split(whereSeparator: \.isWhitespace)
        guard numbers.count == 2, let latitude = numbers[0].decimal,
            let longitude = numbers[1].decimal
        else {
            throw Failure(
                "has '\(text.trimmed)' where a point should be: latitude and longitude, "
                    + "parted by a blank")
        }
        if let fault = fault(latitude: latitude) ?? fault(longitude: longitude) {
            throw Failure("has '\(text.trimmed)': \(fault)")
        }
        return Coordinate(latitude: latitude, longitude: longitude)
    }
}

extension StringProtocol {
    /// Without the white space at both ends.
    var trimmed: String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
