// Reads calendar files (iCalendar, RFC 5545): the VEVENTs with what calendars of holidays and
// Traccar's own editor write. What it cannot read is a problem with its line, never skipped, for a
// holiday that is left out rings at six in the morning. VTIMEZONE is not read: a TZID is the IANA
// name of a zone, as Traccar takes it.

/// The text of an `.ics` file, read into `Holidays`.
package struct ICalendar {
    /// What is wrong with a line of the file.
    package struct Problem: Error, Hashable, Sendable {
        /// From 1: the first of the physical lines that make up the folded one.
        package var line: Int
        package var message: String
    }

    package private(set) var problems: [Problem] = []
    private var periods: [Holidays.Period] = []
    private var recurring: [Recurrence] = []
    private let zone: Zone
    private let zones: (String) -> Zone?

    /// Longer events may not recur: the search back from an instant is bounded by it.
    static let recurringDays: Int64 = 366

    /// - Parameters:
    ///   - zone: of floating and all-day times.
    ///   - zones: the zone of a TZID; nil: there is none of that name.
    package static func read(
        _ text: String, zone: Zone, zones: (String) -> Zone?
    ) -> (holidays: Holidays, problems: [Problem]) {
        withoutActuallyEscaping(zones) { zones in
            var calendar = ICalendar(zone: zone, zones: zones)
            calendar.read(text)
            let holidays = Holidays(periods: calendar.periods, recurring: calendar.recurring)
            return (holidays, calendar.problems)
        }
    }

    private init(zone: Zone, zones: @escaping (String) -> Zone?) {
        self.zone = zone
        self.zones = zones
    }

    private mutating func read(_ text: String) {
        var open: [String] = []
        var event: [ICalendarLine] = []
        var sawCalendar = false
        for line in ICalendarLine.unfold(text) {
            guard !line.name.isEmpty else {
                problems.append(
                    Problem(
                        line: line.number,
                        message: "is not 'NAME:VALUE', as each line of a calendar is"))
                return
            }
            switch line.name {
            case "BEGIN":
                open.append(line.value.uppercased())
                sawCalendar = sawCalendar || open == ["VCALENDAR"]
                if open.last == "VEVENT" { event = [line] }
            case "END":
                guard let last = open.popLast(), last == line.value.uppercased() else {
                    let message = "ends '\(line.value)', which does not stand open"
                    problems.append(Problem(line: line.number, message: message))
                    return
                }
                if last == "VEVENT" { add(event) }
            default:
                if open.last == "VEVENT" { event.append(line) }
            }
        }
        if !sawCalendar {
            problems.append(Problem(line: 1, message: "is no calendar: BEGIN:VCALENDAR is missing"))
        } else if let unclosed = open.last {
            let last = text.reduce(into: 1) { $0 += $1.isNewline ? 1 : 0 }
            problems.append(Problem(line: last, message: "ends before END:\(unclosed)"))
        }
    }

    private mutating func add(_ lines: [ICalendarLine]) {
        var event = ICalendarEvent()
        do {
            for line in lines { try read(line, into: &event) }
            try finish(event, begins: lines[0].number)
        } catch {
            problems.append(error)
        }
    }

    private func read(
        _ line: ICalendarLine, into event: inout ICalendarEvent
    ) throws(Problem) {
        switch line.name {
        case "DTSTART":
            guard event.start == nil else { throw line.problem("has a second DTSTART") }
            event.start = try moment(line, line.value)
        case "DTEND": event.end = (try moment(line, line.value), line)
        case "DURATION": event.length = try ICalendarValue.duration(line)
        case "RRULE":
            guard event.rule == nil else { throw line.problem("has a second RRULE") }
            event.rule = (try RecurrenceText(line), line)
        case "EXDATE":
            for part in line.value.split(separator: ",") {
                event.excluded.append(try moment(line, String(part)))
            }
        case "RDATE", "EXRULE", "RECURRENCE-ID":
            throw line.problem("has \(line.name), which cannot be read here")
        case "STATUS": event.cancelled = line.value.uppercased() == "CANCELLED"
        default: break
        }
    }

    private func moment(
        _ line: ICalendarLine, _ text: String
    ) throws(Problem) -> ICalendarMoment {
        let isDate = line.parameters["VALUE"]?.uppercased() == "DATE"
        guard var moment = ICalendarValue.moment(text), moment.isDate || !isDate else {
            throw line.problem(
                "has \(line.name) '\(text)', which is no date (20261225) or time (20261225T220000)")
        }
        moment.zone = zone
        if moment.isUTC {
            moment.zone = .utc
        } else if let name = line.parameters["TZID"], !moment.isDate {
            guard let named = zones(name) else {
                throw line.problem(
                    "has the time zone '\(name)', which is not known; write its IANA name, "
                        + "such as Europe/Vienna")
            }
            moment.zone = named
        }
        return moment
    }

    private mutating func finish(_ event: ICalendarEvent, begins line: Int) throws(Problem) {
        guard let start = event.start else {
            throw Problem(line: line, message: "is an event without DTSTART")
        }
        guard !event.cancelled else { return }
        let length = try length(of: event, from: start)
        let zone = start.zone ?? zone
        var recurrence = Recurrence(
            rule: RecurrenceRule(frequency: .daily), zone: zone, start: start.local,
            length: length, excluded: [], lastDay: start.local.day, lastStart: .distantFuture)
        for moment in event.excluded {
            let day = LocalTime(day: moment.local.day, millisecond: start.local.millisecond)
            recurrence.excluded.insert(moment.isDate ? zone.firstInstant(of: day) : moment.instant)
        }
        guard let (text, ruleLine) = event.rule else {
            let begin = start.instant
            guard !recurrence.excluded.contains(begin) else { return }
            periods.append(Holidays.Period(start: begin, end: recurrence.onlyEnd))
            return
        }
        guard length.days + length.milliseconds / 86_400_000 <= Self.recurringDays else {
            throw ruleLine.problem("recurs and lasts more than a year")
        }
        recurrence.rule = text.rule
        recurrence.lastDay = .max / 2
        if let count = text.count {
            recurrence.lastDay = recurrence.day(ofCount: count) ?? recurrence.lastDay
        }
        if let until = text.until {
            if until.isDate {
                recurrence.lastDay = until.local.day
            } else {
                var until = until
                until.zone = until.isUTC ? .utc : zone
                recurrence.lastStart = until.instant
                recurrence.lastDay = zone.local(until.instant).day
            }
        }
        recurring.append(recurrence)
    }

    private func length(
        of event: ICalendarEvent, from start: ICalendarMoment
    ) throws(Problem) -> EventLength {
        guard let (end, line) = event.end else {
            // RFC 5545 §3.6.1: without an end a date lasts a day, a time no time at all.
            return event.length ?? EventLength(days: start.isDate ? 1 : 0, milliseconds: 0)
        }
        guard event.length == nil else { throw line.problem("has DTEND beside DURATION") }
        guard end.isDate == start.isDate else {
            throw line.problem(
                "has a DTEND that is no \(start.isDate ? "date" : "time") as DTSTART")
        }
        guard end.instant >= start.instant else { throw line.problem("ends before it starts") }
        return start.isDate
            ? EventLength(days: max(1, end.local.day - start.local.day), milliseconds: 0)
            : EventLength(
                days: 0, milliseconds: (end.instant - start.instant).wholeMilliseconds)
    }
}

/// What the lines of one VEVENT said.
private struct ICalendarEvent {
    var start: ICalendarMoment?
    var end: (ICalendarMoment, ICalendarLine)?
    var length: EventLength?
    var rule: (RecurrenceText, ICalendarLine)?
    var excluded: [ICalendarMoment] = []
    var cancelled = false
}
