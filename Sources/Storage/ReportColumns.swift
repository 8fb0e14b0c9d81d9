// A report as columns of `report`, and as one field of `judgement.fix`. The flags of a report are
// three-valued, two bits each.
import Alerting

extension Report {
    /// What `bind` writes and `init` reads, in this order.
    static let columns = """
        time, of_event, latitude, longitude, accuracy, geofences, speed, battery, stands_since,
        flags, device_time, folded
        """

    /// Binds the columns, the first to parameter `index`.
    func bind(to statement: Prepared, from index: Int32) {
        statement.bind(index, time)
        statement.bind(index + 1, ofEvent ? 1 : 0)
        statement.bind(index + 2, fix?.latitude)
        statement.bind(index + 3, fix?.longitude)
        statement.bind(index + 4, accuracy)
        statement.bind(index + 5, geofenceText)
        statement.bind(index + 6, speed?.kilometresPerHour)
        statement.bind(index + 7, battery)
        statement.bind(index + 8, standsSince?.milliseconds)
        statement.bind(index + 9, flags)
        statement.bind(index + 10, deviceTime?.milliseconds)
        statement.bind(index + 11, folded) { $0.write(to: &$1) }
    }

    /// The inverse, from a row whose column `column` is `time`.
    init(_ row: Prepared, from column: Int32) {
        self.init(time: row.instant(column))
        ofEvent = row.int(column + 1) == 1
        if let latitude = row.double(column + 2), let longitude = row.double(column + 3) {
            fix = Coordinate(latitude: latitude, longitude: longitude)
        }
        accuracy = row.double(column + 4)
        if let text = row.optionalText(column + 5) { geofences = Self.geofences(text) }
        speed = row.double(column + 6).map { Speed(kilometresPerHour: $0) }
        battery = row.double(column + 7)
        standsSince = row.optionalInstant(column + 8)
        setFlags(row.int(column + 9))
        deviceTime = row.optionalInstant(column + 10)
        folded = row.optionalText(column + 11).map(Folded.init(stored:))
    }

    // MARK: As text

    func write(to column: inout ByteWriter) {
        column.row(
            "\(time.milliseconds)", fix.map { "\($0.latitude)" }, fix.map { "\($0.longitude)" },
            accuracy.map { "\($0)" }, geofenceText, speed.map { "\($0.kilometresPerHour)" },
            battery.map { "\($0)" }, "\(flags)", ofEvent ? "1" : "0",
            standsSince.map { "\($0.milliseconds)" })
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
        ofEvent = row[field: 8] == "1"
        standsSince = row[field: 9].flatMap(Int64.init).map(Instant.init(milliseconds:))
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

extension Report.Folded {
    /// A row for the fix, then one for each side.
    fileprivate func write(to column: inout ByteWriter) {
        column.row(
            fix.map { "\($0.latitude)" }, fix.map { "\($0.longitude)" }, accuracy.map { "\($0)" })
        for (key, isBeyond) in sides.sorted(by: { $0.key < $1.key }) {
            column.row(key, isBeyond ? "1" : "0")
        }
    }

    fileprivate init(stored text: String) {
        let rows = TextRows.read(text)
        self.init()
        guard let first = rows.first else { return }
        func number(_ index: Int) -> Double? { first[field: index].flatMap(Double.init) }
        if let latitude = number(0), let longitude = number(1) {
            fix = Coordinate(latitude: latitude, longitude: longitude)
        }
        accuracy = number(2)
        for row in rows.dropFirst() {
            if let key = row[field: 0] { sides[key] = row[field: 1] == "1" }
        }
    }
}
