// The instants that a calendar file covers: events once, as merged periods that a binary search
// finds, and events that recur, worked out day by day around the instant that is asked for. Made by
// ICalendar from the text of an `.ics` file.

/// What `except: [holidays]` refers to.
package struct Holidays: Hashable, Sendable {
    /// Ascending, apart, never empty.
    private let periods: [Period]
    private let recurring: [Recurrence]

    /// From `start` on, until before `end`.
    struct Period: Hashable, Sendable {
        var start: Instant
        var end: Instant
    }

    init(periods: [Period], recurring: [Recurrence]) {
        var merged: [Period] = []
        for period in periods.sorted(by: { $0.start < $1.start }) where period.start < period.end {
            if let last = merged.last, period.start <= last.end {
                merged[merged.count - 1].end = max(last.end, period.end)
            } else {
                merged.append(period)
            }
        }
        self.periods = merged
        self.recurring = recurring
    }

    /// Whether an event covers `instant`, and the next instant at which that may change.
    package func state(at instant: Instant) -> (inside: Bool, until: Instant) {
        var (inside, until) = single(at: instant)
        for recurrence in recurring {
            let answer = recurrence.state(at: instant)
            switch (inside, answer.inside) {
            case (true, true): until = max(until, answer.until)
            case (true, false): break
            case (false, true): (inside, until) = answer
            case (false, false): until = min(until, answer.until)
            }
        }
        return (inside, until)
    }

    private func single(at instant: Instant) -> (inside: Bool, until: Instant) {
        var low = 0
        var high = periods.count
        while low < high {
            let middle = (low + high) / 2
            if periods[middle].end <= instant { low = middle + 1 } else { high = middle }
        }
        guard low < periods.count else { return (false, .distantFuture) }
        let period = periods[low]
        return period.start <= instant ? (true, period.end) : (false, period.start)
    }
}

/// How long an event lasts: whole days by the wall clock, and a rest exactly (RFC 5545 §3.3.6).
struct EventLength: Hashable, Sendable {
    var days: Int64
    var milliseconds: Int64
}

/// An event that recurs (RFC 5545 §3.3.10, the parts that calendars of holidays use).
struct Recurrence: Hashable, Sendable {
    var rule: RecurrenceRule
    var zone: Zone
    var start: LocalTime
    var length: EventLength
    /// Starts that EXDATE takes out.
    var excluded: Set<Instant>
    /// The last day on which it may start.
    var lastDay: Int64
    /// No start after this instant (an UNTIL with a time).
    var lastStart: Instant

    /// How far `state` looks ahead for the next event, in days.
    private static let daysAhead: Int64 = 64

    /// Whether an event covers `instant`, and the next instant at which that may change.
    func state(at instant: Instant) -> (inside: Bool, until: Instant) {
        let today = zone.local(instant).day
        let reach = length.days + length.milliseconds / 86_400_000 + 2
        let first = max(start.day, today - reach)
        let last = min(lastDay, today + Self.daysAhead)
        guard first <= last else {
            return (false, today > lastDay ? .distantFuture : zone.firstInstant(of: start))
        }
        for day in first...last where day == start.day || rule.holds(on: day, from: start.day) {
            let begin = zone.firstInstant(of: LocalTime(day: day, millisecond: start.millisecond))
            guard begin <= lastStart, !excluded.contains(begin) else { continue }
            if begin > instant { return (false, begin) }
            let end = end(of: day, beginning: begin)
            if instant < end { return (true, end) }
        }
        guard lastDay > last else { return (false, .distantFuture) }
        return (false, zone.firstInstant(of: LocalTime(day: last + 1, millisecond: 0)))
    }

    /// The end of the event that starts on the first day.
    var onlyEnd: Instant { end(of: start.day, beginning: zone.firstInstant(of: start)) }

    private func end(of day: Int64, beginning begin: Instant) -> Instant {
        guard length.days > 0 else { return begin + .milliseconds(length.milliseconds) }
        let lastDay = LocalTime(day: day + length.days, millisecond: start.millisecond)
        return zone.firstInstant(of: lastDay) + .milliseconds(length.milliseconds)
    }

    /// The day on which the `count`th event starts; nil where there are not so many.
    func day(ofCount count: Int64) -> Int64? {
        var left = count - 1
        var day = start.day
        while left > 0 {
            day += 1
            guard day <= start.day + Self.daysOfCounting else { return nil }
            if rule.holds(on: day, from: start.day) { left -= 1 }
        }
        return day
    }

    /// A count is followed for a century, then it stands for "always".
    private static let daysOfCounting: Int64 = 36_525
}

/// FREQ, INTERVAL and the BY… parts of an RRULE.
struct RecurrenceRule: Hashable, Sendable {
    enum Frequency: String, Hashable, Sendable {
        case daily = "DAILY"
        case weekly = "WEEKLY"
        case monthly = "MONTHLY"
        case yearly = "YEARLY"
    }

    var frequency: Frequency
    var interval: Int64 = 1
    /// 0 is Monday; the first day of a week (WKST).
    var weekStart = 0
    /// BYDAY: a weekday, and which one of the month or year (0: each; -1: the last).
    var weekdays: [Weekday] = []
    /// BYMONTHDAY; -1 is the last day of the month.
    var monthDays: [Int64] = []
    /// BYMONTH.
    var months: [Int64] = []

    struct Weekday: Hashable, Sendable {
        var day: Int
        var ordinal: Int64
    }

    /// Whether the rule starts an event on `day`, for one that first starts on `start`.
    func holds(on day: Int64, from start: Int64) -> Bool {
        guard day >= start else { return false }
        let date = Instant.civil(days: day)
        let first = Instant.civil(days: start)
        switch frequency {
        case .daily:
            return (day - start) % interval == 0 && hasWeekday(day, date, within: .none)
                && hasMonth(date) && hasMonthDay(date, otherwise: nil)
        case .weekly:
            let weeks = (week(of: day) - week(of: start)) / 7
            return weeks % interval == 0 && hasMonth(date)
                && (weekdays.isEmpty
                    ? Self.weekday(day) == Self.weekday(start)
                    : hasWeekday(day, date, within: .none))
        case .monthly:
            let count = (date.year - first.year) * 12 + date.month - first.month
            return count % interval == 0 && hasMonth(date)
                && hasWeekday(day, date, within: .month)
                && hasMonthDay(date, otherwise: weekdays.isEmpty ? first.day : nil)
        case .yearly:
            guard (date.year - first.year) % interval == 0 else { return false }
            if weekdays.isEmpty {
                return months.isEmpty && !monthDays.isEmpty
                    ? hasMonthDay(date, otherwise: nil)
                    : (months.isEmpty ? date.month == first.month : hasMonth(date))
                        && hasMonthDay(date, otherwise: first.day)
            }
            return hasMonth(date) && hasMonthDay(date, otherwise: nil)
                && hasWeekday(day, date, within: months.isEmpty ? .year : .month)
        }
    }

    private enum Scope { case none, month, year }

    private func hasMonth(_ date: (year: Int64, month: Int64, day: Int64)) -> Bool {
        months.isEmpty || months.contains(date.month)
    }

    private func hasMonthDay(
        _ date: (year: Int64, month: Int64, day: Int64), otherwise: Int64?
    ) -> Bool {
        guard !monthDays.isEmpty else { return otherwise.map { $0 == date.day } ?? true }
        let fromEnd = date.day - Self.length(ofMonth: date.month, year: date.year) - 1
        return monthDays.contains(date.day) || monthDays.contains(fromEnd)
    }

    private func hasWeekday(
        _ day: Int64, _ date: (year: Int64, month: Int64, day: Int64), within scope: Scope
    ) -> Bool {
        guard !weekdays.isEmpty else { return true }
        let weekday = Self.weekday(day)
        let first: Int64
        let length: Int64
        switch scope {
        case .none: return weekdays.contains { $0.day == weekday }
        case .month:
            first = day - date.day + 1
            length = Self.length(ofMonth: date.month, year: date.year)
        case .year:
            first = Instant.days(year: date.year, month: 1, day: 1)
            length = Instant.days(year: date.year + 1, month: 1, day: 1) - first
        }
        let forward = (day - first) / 7 + 1
        let backward = -((first + length - 1 - day) / 7 + 1)
        return weekdays.contains {
            $0.day == weekday
                && ($0.ordinal == 0 || $0.ordinal == forward || $0.ordinal == backward)
        }
    }

    /// The day on which the week of `day` begins.
    private func week(of day: Int64) -> Int64 {
        day - Int64((Self.weekday(day) - weekStart + 7) % 7)
    }

    /// 0 is Monday.
    static func weekday(_ day: Int64) -> Int { Int(((day + 3) % 7 + 7) % 7) }

    private static func length(ofMonth month: Int64, year: Int64) -> Int64 {
        let next = month == 12 ? (year + 1, 1) : (year, month + 1)
        return Instant.days(year: next.0, month: next.1, day: 1)
            - Instant.days(year: year, month: month, day: 1)
    }
}
