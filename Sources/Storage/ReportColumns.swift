// A report as columns of `report`, and as one field of `judgement.fix`. The flags of a report are
// three-valued, two bits each.
import Alerting

extension Report {
    /// The columns from `time` on, in the order of the table.
    func bind(to statement: Prepared, from index: Int32) {
        statement.bind(index, time)
        statement.bind(index + 1, fix?.latitude)
        statement.bind(index + 2, fix?.longitude)
        statement.bind(index + 3, accuracy)
        statement.bind(index + 4, geofenceText)
        statement.bind(index + 5, speed?.kilometresPerHour)
        statement.bind(index + 6, battery)
        statement.bind(index + 7, flags)
    }

    /// The inverse, from a row whose column `column` is `time`.
    init(_ row: Prepared, from column: Int32) {
        self.init(time: row.instant(column))
        if let latitude = row.double(column + 1), let longitude = row.double(column + 2) {
            fix = Coordinate(latitude: latitude, longitude: longitude)
        }
        accuracy = row.double(column + 3)
        if let text = row.optionalText(column + 4) { geofences = Self.geofences(text) }
        speed = row.double(column + 5).map { Speed(kilometresPerHour: $0) }
        battery = row.double(column + 6)
        setFlags(row.int(column + 7))
    }

    // MARK: As text

    var stored: [UInt8] {
        var rows = TextRows()
        rows.row(
            "\(time.milliseconds)", fix.map { "\($0.latitude)" }, fix.map { "\($0.longitude)" },
            accuracy.map { "\($0)" }, geofenceText, speed.map { "\($0.kilometresPerHour)" },
            battery.map { "\($0)" }, "\(flags)")
        return rows.bytes
    }

    init?(stored text: String) {
        guard let row = TextRows.read(text).first, let time = row[field: 0].flatMap(Int64.init)
        else { return nil }
        self.init(time: Instant(milliseconds: time))
        func number(_ index: Int) -> Double? { row[field: index].flatMap(Double.init) }
        if let latitude = number(1), let longitude = number(2) {
            fix = Coordinate(latitude: latitude, longitude: longitude)
        }
        accuracy = number(3)
        if let text = row[field: 4] { geofences = Self.geofences(text) }
        speed = number(5).map { Speed(kilometresPerHour: $0) }
        battery = number(6)
        setFlags(row[field: 7].flatMap(Int64.init) ?? 0)
    }

    // MARK: Parts

    private var geofenceText: String? {
        geofences.map { $0.map(String.init).joined(separator: ",") }
    }

    private static func geofences(_ text: String) -> [Int64] {
        text.split(separator: ",").compactMap { Int64($0) }
    }

    private var flags: Int64 {
        (unusableFix ? 1 : 0) | (geofencesKnown ? 2 : 0) | Self.bits(ignition) << 2
            | Self.bits(moving) << 4 | Self.bits(armed) << 6
    }

    private mutating func setFlags(_ flags: Int64) {
        unusableFix = flags & 1 != 0
        geofencesKnown = flags & 2 != 0
        ignition = Self.value(flags >> 2)
        moving = Self.value(flags >> 4)
        armed = Self.value(flags >> 6)
    }

    private static func bits(_ value: Bool?) -> Int64 { value.map { $0 ? 3 : 2 } ?? 0 }
    private static func value(_ bits: Int64) -> Bool? { bits & 2 == 0 ? nil : bits & 1 == 1 }
}
