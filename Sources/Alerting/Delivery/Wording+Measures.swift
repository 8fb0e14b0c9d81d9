// Times, spans, speeds and places in words. No formatter of Foundation's: they cost microseconds,
// and their zone data is not the system's (the offset is handed in).

extension Wording {
    private static let weekdays: [Words] = [
        ("Thu", "Do"), ("Fri", "Fr"), ("Sat", "Sa"), ("Sun", "So"), ("Mon", "Mo"), ("Tue", "Di"),
        ("Wed", "Mi"),
    ]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Tue 24 Nov 2026, 03:12:05`, `Di 24.11.2026, 03:12:05`.
    /// - Parameter wall: wall time, as an instant that reads right in UTC.
    func append(dateAndTime wall: Instant, to writer: inout ByteWriter) {
        let index = Int(days(wall) % 7)
        // 1970-01-01 was a Thursday.
        let weekday = Self.weekdays[index < 0 ? index + 7 : index]
        writer.append(pick(weekday.english, weekday.german))
        writer.append(literal: " ")
        append(date: wall, to: &writer)
        writer.append(literal: ", ")
        append(clock: wall, seconds: true, to: &writer)
    }

    /// `24 Nov 2026`, `24.11.2026`.
    func date(_ wall: Instant) -> String { String { append(date: wall, to: &$0) } }

    private func append(date wall: Instant, to writer: inout ByteWriter) {
        let (year, month, day) = Instant.civil(days: days(wall))
        writer.append(decimal: Int64(day))
        switch self {
        case .english:
            writer.append(literal: " ")
            writer.append(Self.months[Int(month) - 1])
            writer.append(literal: " ")
        case .german:
            writer.append(literal: ".")
            writer.append(decimal: Int64(month))
            writer.append(literal: ".")
        }
        writer.append(decimal: Int64(year))
    }

    /// `03:12`, or with seconds `03:12:05`.
    func clock(_ wall: Instant) -> String {
        String { append(clock: wall, seconds: false, to: &$0) }
    }

    private func append(clock wall: Instant, seconds: Bool, to writer: inout ByteWriter) {
        let rest = wall.seconds - days(wall) * 86_400
        writer.append(decimal: rest / 3_600, width: 2)
        writer.append(literal: ":")
        writer.append(decimal: rest / 60 % 60, width: 2)
        guard seconds else { return }
        writer.append(literal: ":")
        writer.append(decimal: rest % 60, width: 2)
    }

    private func days(_ wall: Instant) -> Int64 { Instant.floor(wall.milliseconds, 86_400_000) }

    /// `45 s`, `42 min`, `3 h 5 min`, `4 days`.
    package func span(seconds: Int64) -> String {
        switch seconds {
        case ..<60: return "\(max(0, seconds)) s"
        case ..<3_600: return "\(seconds / 60) \(minutes)"
        case ..<172_800:
            let rest = seconds / 60 % 60
            let hours = "\(seconds / 3_600) \(pick("h", "Std."))"
            return rest == 0 ? hours : "\(hours) \(rest) \(minutes)"
        default: return "\(seconds / 86_400) \(pick("days", "Tage"))"
        }
    }

    private var minutes: String { pick("min", "Min.") }

    /// A minute late is late; less is how trackers report (nil).
    func late(seconds: Int64) -> String? {
        guard seconds >= 60 else { return nil }
        return "\(span(seconds: seconds)) \(pick("late", "verspätet"))"
    }

    func ago(seconds: Int64) -> String {
        // German takes the dative after "vor": Tagen.
        let span = span(seconds: seconds)
        return pick("\(span) ago", "vor \(span)\(span.hasSuffix("Tage") ? "n" : "")")
    }

    /// `24 km/h`; below 10 with one decimal.
    func speed(_ kilometresPerHour: Double) -> String {
        "\(decimal(kilometresPerHour, places: abs(kilometresPerHour) < 9.95 ? 1 : 0)) km/h"
    }

    /// `850 m`, `1.2 km`, `34 km`.
    func distance(metres: Double) -> String {
        if abs(metres) < 999.5 { return "\(decimal(metres, places: 0)) m" }
        return "\(decimal(metres / 1_000, places: abs(metres) < 9_950 ? 1 : 0)) km"
    }

    /// With the language's decimal mark and without zeros at the end.
    func decimal(_ value: Double, places: Int) -> String {
        var text = Self.fixed(value, places: places)
        if text.contains(".") {
            while text.last == "0" { text.removeLast() }
            if text.last == "." { text.removeLast() }
        }
        return pick(text, text.replacing(".", with: ","))
    }

    /// So many decimals, rounded; what is not finite or beyond 10^12 as Swift writes it.
    static func fixed(_ value: Double, places: Int) -> String {
        String(capacity: 16) { append(fixed: value, places: places, to: &$0) }
    }

    private static func append(fixed value: Double, places: Int, to writer: inout ByteWriter) {
        var scale: Int64 = 1
        for _ in 0..<places { scale *= 10 }
        guard value.isFinite, abs(value) < 1e12 else { return writer.append("\(value)") }
        let scaled = Int64((value * Double(scale)).rounded())
        if scaled < 0 { writer.append(literal: "-") }
        writer.append(decimal: abs(scaled) / scale)
        guard places > 0 else { return }
        writer.append(literal: ".")
        writer.append(decimal: abs(scaled) % scale, width: places)
    }
}

// MARK: - Places

extension Wording {
    /// An address or coordinates; says when it is only the last one known, or nothing is known.
    func whereabouts(_ position: Item.PositionFacts?, address: String?) -> String {
        guard let position, let coordinates = Self.coordinates(position) else {
            return pick("position unknown", "Position unbekannt")
        }
        let place = address ?? coordinates
        return position.valid ? place : pick("last known: ", "zuletzt bekannt: ") + place
    }

    /// OpenStreetMap with a marker, near enough to see the street.
    static func mapLink(_ position: Item.PositionFacts) -> String? {
        guard isOnEarth(position) else { return nil }
        return String(capacity: 96) { writer in
            writer.append(literal: "https://www.openstreetmap.org/?mlat=")
            append(fixed: position.latitude, places: 5, to: &writer)
            writer.append(literal: "&mlon=")
            append(fixed: position.longitude, places: 5, to: &writer)
            writer.append(literal: "#map=17/")
            append(fixed: position.latitude, places: 5, to: &writer)
            writer.append(literal: "/")
            append(fixed: position.longitude, places: 5, to: &writer)
        }
    }

    /// Five decimals are a metre.
    private static func coordinates(_ position: Item.PositionFacts) -> String? {
        guard isOnEarth(position) else { return nil }
        return String(capacity: 32) { writer in
            append(fixed: position.latitude, places: 5, to: &writer)
            writer.append(literal: ", ")
            append(fixed: position.longitude, places: 5, to: &writer)
        }
    }

    private static func isOnEarth(_ position: Item.PositionFacts) -> Bool {
        abs(position.latitude) <= 90 && abs(position.longitude) <= 180
    }
}
