// The rule in a TZif footer: `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX TZ, with the extensions of
// RFC 8536 §3.3.1: hours from -167 to 167). It says what the years after the last transition do.

/// A zone that changes twice a year by rule, or not at all.
struct PosixZone: Sendable {
    /// Seconds east of UTC of standard time.
    var offset: Int64
    var summer: Summer?

    struct Summer: Sendable {
        /// Seconds east of UTC.
        var offset: Int64
        /// By the wall clock of standard time.
        var begins: Day
        /// By the wall clock of summer time.
        var ends: Day
    }

    /// A day of the year and the wall time at which the clock changes on it.
    struct Day: Sendable {
        enum Form: Sendable {
            /// `Mm.w.d`: weekday `d` (0 is Sunday) of week `w` (5: the last) of month `m`.
            case weekday(month: Int64, week: Int64, day: Int64)
            /// `Jn`: 1 to 365; 29 February is never counted.
            case julian(Int64)
            /// `n`: 0 to 365; 29 February is counted.
            case zeroBased(Int64)
        }
        var form: Form
        var time: Int64

        /// Seconds since 1970 on the wall clock.
        func second(in year: Int64) -> Int64 {
            let newYear = Instant.days(year: year, month: 1, day: 1)
            let leap = Instant.days(year: year + 1, month: 1, day: 1) - newYear == 366
            let day: Int64
            switch form {
            case .weekday(let month, let week, let weekday):
                let first = Instant.days(year: year, month: month, day: 1)
                let next =
                    month == 12
                    ? Instant.days(year: year + 1, month: 1, day: 1)
                    : Instant.days(year: year, month: month + 1, day: 1)
                let firstWeekday = ((first + 4) % 7 + 7) % 7
                var candidate = first + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
                while candidate >= next { candidate -= 7 }
                day = candidate
            case .julian(let number): day = newYear + number - 1 + (leap && number >= 60 ? 1 : 0)
            case .zeroBased(let number): day = newYear + number
            }
            return day * 86_400 + time
        }
    }

    init(_ text: String) throws(Zone.Failure) {
        var scanner = Scanner(rest: Substring(text).utf8)
        guard scanner.name(), let west = scanner.time() else {
            throw Zone.Failure("has a footer that is no POSIX rule: '\(text)'")
        }
        offset = -west
        guard !scanner.rest.isEmpty else { return }
        guard scanner.name() else {
            throw Zone.Failure("has a footer that is no POSIX rule: '\(text)'")
        }
        let summerOffset = scanner.rest.first == UInt8(ascii: ",") ? offset + 3_600 : nil
        guard let summerOffset = summerOffset ?? scanner.time().map({ -$0 }),
            let begins = scanner.day(), let ends = scanner.day(), scanner.rest.isEmpty
        else { throw Zone.Failure("has a footer that is no POSIX rule: '\(text)'") }
        summer = Summer(offset: summerOffset, begins: begins, ends: ends)
    }

    private struct Scanner {
        var rest: Substring.UTF8View

        mutating func take(_ character: Character) -> Bool {
            guard rest.first == character.asciiValue else { return false }
            rest.removeFirst()
            return true
        }

        /// `CET` or `<+03>`.
        mutating func name() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[rest.index(after: end)...]
                return true
            }
            let letters = rest.prefix {
                $0 | 32 >= UInt8(ascii: "a") && $0 | 32 <= UInt8(ascii: "z")
            }
            rest = rest[letters.endIndex...]
            return letters.count >= 3
        }

        mutating func number() -> Int64? {
            let digits = rest.prefix { $0 >= 48 && $0 <= 57 }
            guard !digits.isEmpty, digits.count <= 3 else { return nil }
            rest = rest[digits.endIndex...]
            return digits.reduce(0) { $0 * 10 + Int64($1 - 48) }
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time() -> Int64? {
            let negative = take("-")
            if !negative { _ = take("+") }
            guard var seconds = number().map({ $0 * 3_600 }) else { return nil }
            for unit: Int64 in [60, 1] where take(":") {
                guard let part = number(), part < 60 else { return nil }
                seconds += part * unit
            }
            return negative ? -seconds : seconds
        }

        /// `,M3.5.0/2`, `,J60`, `,59`.
        mutating func day() -> Day? {
            guard take(",") else { return nil }
            let form: Day.Form
            if take("M") {
                guard let month = number(), (1...12).contains(month), take("."),
                    let week = number(), (1...5).contains(week), take("."),
                    let day = number(), day <= 6
                else { return nil }
                form = .weekday(month: month, week: week, day: day)
            } else if take("J") {
                guard let day = number(), (1...365).contains(day) else { return nil }
                form = .julian(day)
            } else {
                guard let day = number(), day <= 365 else { return nil }
                form = .zeroBased(day)
            }
            guard take("/") else { return Day(form: form, time: 7_200) }
            return time().map { Day(form: form, time: $0) }
        }
    }
}
