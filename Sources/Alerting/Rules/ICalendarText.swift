// The grammar below ICalendar: folded content lines, dates, durations and RRULEs (RFC 5545 §3.1,
// §3.3). Nothing here knows what an event is.

/// One content line: `DTSTART;TZID=Europe/Vienna:20261225T220000`.
struct ICalendarLine {
    /// From 1, in the file.
    var number: Int
    /// In capitals; empty where the line is none.
    var name = ""
    var parameters: [String: String] = [:]
    var value = ""

    func problem(_ message: String) -> ICalendar.Problem {
        ICalendar.Problem(line: number, message: message)
    }

    /// A line that begins with a blank continues the one before (§3.1).
    static func unfold(_ text: String) -> [ICalendarLine] {
        var lines: [(number: Int, text: String)] = []
        var number = 0
        let content = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        for physical in content.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        {
            number += 1
            if let first = physical.first, first == " " || first == "\t", !lines.isEmpty {
                lines[lines.count - 1].text += physical.dropFirst()
            } else if !physical.isEmpty {
                lines.append((number, String(physical)))
            }
        }
        return lines.map { ICalendarLine(number: $0.number, text: $0.text) }
    }

    private init(number: Int, text: String) {
        self.number = number
        var parts: [Substring] = []
        var quoted = false
        var partStart = text.startIndex
        for index in text.indices {
            switch text[index] {
            case "\"": quoted.toggle()
            case ";" where !quoted:
                parts.append(text[partStart..<index])
                partStart = text.index(after: index)
            case ":" where !quoted:
                parts.append(text[partStart..<index])
                value = String(text[text.index(after: index)...])
                name = parts[0].uppercased()
                for part in parts.dropFirst() {
                    let pair = part.split(separator: "=", maxSplits: 1)
                    guard pair.count == 2 else { continue }
                    parameters[pair[0].uppercased()] = pair[1].filter { $0 != "\"" }
                }
                return
            default: break
            }
        }
    }
}

/// A date, or a date and a time.
struct ICalendarMoment {
    var local: LocalTime
    var isDate: Bool
    var isUTC: Bool
    var zone: Zone?

    var instant: Instant { (zone ?? .utc).firstInstant(of: local) }
}

enum ICalendarValue {
    /// `20261225`, `20261225T220000` or `20261225T220000Z`; nil for anything else.
    static func moment(_ text: String) -> ICalendarMoment? {
        let bytes = Array(text.utf8)
        func number(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[from..<(from + count)] {
                guard case 48...57 = byte else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard let year = number(0, 4), let month = number(4, 2), let day = number(6, 2) else {
            return nil
        }
        let days = Instant.days(year: year, month: month, day: day)
        guard (1...12).contains(month), Instant.civil(days: days) == (year, month, day) else {
            return nil
        }
        if bytes.count == 8 {
            let local = LocalTime(day: days, millisecond: 0)
            return ICalendarMoment(local: local, isDate: true, isUTC: false)
        }
        let isUTC = bytes.count == 16 && bytes[15] == UInt8(ascii: "Z")
        guard bytes.count == 15 || isUTC, bytes[8] == UInt8(ascii: "T"),
            let hour = number(9, 2), let minute = number(11, 2), let second = number(13, 2),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        // A leap second is the last second of its minute: clocks here have none.
        let time = (hour * 3_600 + minute * 60 + min(second, 59)) * 1_000
        let local = LocalTime(day: days, millisecond: time)
        return ICalendarMoment(local: local, isDate: false, isUTC: isUTC)
    }

    /// `P1D`, `P2W`, `PT8H30M` (§3.3.6).
    static func duration(_ line: ICalendarLine) throws(ICalendar.Problem) -> EventLength {
        let failure = line.problem("has DURATION '\(line.value)', which is no length such as PT8H")
        var rest = line.value.uppercased()[...]
        if rest.first == "+" { rest = rest.dropFirst() }
        guard rest.first == "P" else { throw failure }
        rest = rest.dropFirst()
        var length = EventLength(days: 0, milliseconds: 0)
        var inTime = false
        var parts = 0
        while let first = rest.first {
            if first == "T", !inTime {
                inTime = true
                rest = rest.dropFirst()
                continue
            }
            let digits = rest.prefix(while: \.isNumber)
            guard let count = Int64(digits), count < 100_000_000,
                let unit = rest.dropFirst(digits.count).first
            else { throw failure }
            switch (unit, inTime) {
            case ("W", false): length.days += count * 7
            case ("D", false): length.days += count
            case ("H", true): length.milliseconds += count * 3_600_000
            case ("M", true): length.milliseconds += count * 60_000
            case ("S", true): length.milliseconds += count * 1_000
            default: throw failure
            }
            // Longer than a century is a mistake, and would overflow far below.
            guard length.days <= 36_525, length.milliseconds <= 36_525 * 86_400_000 else {
                throw failure
            }
            parts += 1
            rest = rest.dropFirst(digits.count + 1)
        }
        guard parts > 0 else { throw failure }
        return length
    }
}

/// An RRULE as it is written; COUNT and UNTIL are not yet applied to a start.
struct RecurrenceText {
    var rule: RecurrenceRule
    var count: Int64?
    var until: ICalendarMoment?

    private static let weekdays = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]

    init(_ line: ICalendarLine) throws(ICalendar.Problem) {
        var parts: [(name: String, value: String)] = []
        for part in line.value.uppercased().split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { throw line.problem("has an RRULE with '\(part)' in it") }
            parts.append((String(pair[0]), String(pair[1])))
        }
        guard let name = parts.first(where: { $0.name == "FREQ" })?.value else {
            throw line.problem("has an RRULE without FREQ")
        }
        guard let frequency = RecurrenceRule.Frequency(rawValue: name) else {
            throw line.problem(
                "has FREQ=\(name); DAILY, WEEKLY, MONTHLY and YEARLY can be read here")
        }
        rule = RecurrenceRule(frequency: frequency)
        for (name, value) in parts where name != "FREQ" { try read(name, value, line) }
        if count != nil, until != nil { throw line.problem("has COUNT beside UNTIL") }
        if frequency == .daily || frequency == .weekly,
            rule.weekdays.contains(where: { $0.ordinal != 0 })
        {
            throw line.problem("has a numbered BYDAY, which only MONTHLY and YEARLY may have")
        }
        if frequency == .weekly, !rule.monthDays.isEmpty {
            throw line.problem("has BYMONTHDAY, which WEEKLY may not have")
        }
    }

    private mutating func read(
        _ name: String, _ value: String, _ line: ICalendarLine
    ) throws(ICalendar.Problem) {
        let failure = line.problem("has an RRULE with \(name)=\(value), which cannot be read here")
        switch name {
        case "INTERVAL":
            guard let interval = Int64(value), (1...100_000).contains(interval) else {
                throw failure
            }
            rule.interval = interval
        case "COUNT":
            guard let count = Int64(value), count >= 1 else { throw failure }
            self.count = count
        case "UNTIL":
            guard let until = ICalendarValue.moment(value) else { throw failure }
            self.until = until
        case "WKST":
            guard let day = Self.weekdays.firstIndex(of: value) else { throw failure }
            rule.weekStart = day
        case "BYDAY":
            for part in value.split(separator: ",") {
                guard let day = Self.weekdays.firstIndex(of: String(part.suffix(2))) else {
                    throw failure
                }
                let number = part.dropLast(2)
                guard number.isEmpty || Int64(number).map({ $0 != 0 && abs($0) <= 53 }) == true
                else { throw failure }
                rule.weekdays.append(.init(day: day, ordinal: Int64(number) ?? 0))
            }
        case "BYMONTHDAY": rule.monthDays = try numbers(value, upTo: 31, negative: true, failure)
        case "BYMONTH": rule.months = try numbers(value, upTo: 12, negative: false, failure)
        default: throw failure
        }
    }

    private func numbers(
        _ text: String, upTo limit: Int64, negative: Bool, _ failure: ICalendar.Problem
    ) throws(ICalendar.Problem) -> [Int64] {
        var result: [Int64] = []
        for part in text.split(separator: ",") {
            guard let number = Int64(part), number != 0, abs(number) <= limit,
                negative || number > 0
            else { throw failure }
            result.append(number)
        }
        guard !result.isEmpty else { throw failure }
        return result
    }
}
