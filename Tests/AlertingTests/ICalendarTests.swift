// Calendars of holidays: what covers an instant, and what a file that cannot be read says.
import Alerting
import TestSupport
import Testing

@Suite("ICalendar")
struct ICalendarTests {
    static func read(
        _ event: String, zone: String = "Europe/Vienna"
    ) -> (holidays: Holidays, problems: [ICalendar.Problem]) {
        let text =
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
            + event.replacing("\n", with: "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        return ICalendar.read(text, zone: .system(zone)) { name in
            // A zone that cannot be read fails the test by its problem.
            systemZones(name).flatMap { try? Zone(name: name, tzif: $0) }
        }
    }

    @Test(
        "covered or not",
        arguments: [
            // All-day events, in the file's zone; DTEND is exclusive.
            ("DTSTART;VALUE=DATE:20261225", "2026-12-25T00:00:00+01:00", true),
            ("DTSTART;VALUE=DATE:20261225", "2026-12-24T23:59:59+01:00", false),
            ("DTSTART;VALUE=DATE:20261225", "2026-12-26T00:00:00+01:00", false),
            ("DTSTART:20261225", "2026-12-25T12:00:00+01:00", true),
            (
                "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227",
                "2026-12-26T20:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227",
                "2026-12-27T00:00:00+01:00", false
            ),
            ("DTSTART;VALUE=DATE:20261225\nDURATION:P2D", "2026-12-26T20:00:00+01:00", true),
            // Times: floating, UTC, and of a zone.
            ("DTSTART:20261231T220000\nDTEND:20270101T060000", "2027-01-01T05:59:59+01:00", true),
            ("DTSTART:20261231T220000\nDTEND:20270101T060000", "2026-12-31T21:00:00Z", true),
            ("DTSTART:20261231T220000Z\nDURATION:PT1H", "2026-12-31T22:59:59Z", true),
            ("DTSTART:20261231T220000Z\nDURATION:PT1H", "2026-12-31T21:00:00Z", false),
            (
                "DTSTART;TZID=America/New_York:20261231T220000\nDURATION:PT1H",
                "2027-01-01T03:30:00Z", true
            ),
            // Recurrence.
            (
                "DTSTART:20260101T220000\nDURATION:PT8H\nRRULE:FREQ=DAILY",
                "2026-07-01T05:59:00+02:00", true
            ),
            (
                "DTSTART:20260101T220000\nDURATION:PT8H\nRRULE:FREQ=DAILY",
                "2026-07-01T06:00:00+02:00", false
            ),
            (
                "DTSTART:20260101T220000\nDURATION:PT8H\nRRULE:FREQ=DAILY",
                "2025-12-31T23:00:00+01:00", false
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=1",
                "2026-01-01T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=1",
                "2026-01-02T10:00:00+01:00", false
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;INTERVAL=3",
                "2026-01-04T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;INTERVAL=3",
                "2026-01-03T10:00:00+01:00", false
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;UNTIL=20260105",
                "2026-01-05T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;UNTIL=20260105",
                "2026-01-06T10:00:00+01:00", false
            ),
            (
                "DTSTART:20260101T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260103T090000Z",
                "2026-01-03T10:30:00+01:00", true
            ),
            (
                "DTSTART:20260101T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260103T085959Z",
                "2026-01-03T10:30:00+01:00", false
            ),
            // 5 January 2026 is a Monday.
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE",
                "2026-01-07T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE",
                "2026-01-08T10:00:00+01:00", false
            ),
            ("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY", "2026-01-12T10:00:00+01:00", true),
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
                "2026-01-12T10:00:00+01:00", false
            ),
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
                "2026-01-23T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3",
                "2026-01-19T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3",
                "2026-01-26T10:00:00+01:00", false
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1,15",
                "2026-05-15T10:00:00+02:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260131\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
                "2026-02-28T10:00:00+01:00", true
            ),
            ("DTSTART;VALUE=DATE:20260131\nRRULE:FREQ=MONTHLY", "2026-02-28T10:00:00+01:00", false),
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=MONTHLY;BYDAY=1MO",
                "2026-02-02T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=MONTHLY;BYDAY=-1MO",
                "2026-02-23T10:00:00+01:00", true
            ),
            ("DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY", "2030-12-25T10:00:00+01:00", true),
            ("DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY", "2030-12-26T10:00:00+01:00", false),
            (
                "DTSTART;VALUE=DATE:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
                "2026-11-26T10:00:00+01:00", true
            ),
            // What is taken out.
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20260103,20260104",
                "2026-01-04T10:00:00+01:00", false
            ),
            (
                "DTSTART:20260101T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXDATE:20260103T100000",
                "2026-01-03T10:30:00+01:00", false
            ),
            ("DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED", "2026-12-25T10:00:00+01:00", false),
            // A folded line, and what is not asked.
            (
                "DTSTART;VALUE=DA\n TE:20261225\nSUMMARY:Christmas\\, all\n  day",
                "2026-12-25T10:00:00+01:00", true
            ),
            (
                "DTSTART;VALUE=DATE:20261225\nBEGIN:VALARM\nDTSTART:x\nEND:VALARM",
                "2026-12-25T10:00:00+01:00", true
            ),
        ])
    func covered(event: String, moment: String, expected: Bool) throws {
        let (holidays, problems) = Self.read(event)
        #expect(problems == [])
        let instant = try #require(Instant(rfc3339: moment))
        #expect(holidays.state(at: instant).inside == expected)
    }

    @Test(
        "between an instant and its `until` the answer never changes",
        arguments: [
            "DTSTART:20260101T220000\nDURATION:PT8H\nRRULE:FREQ=WEEKLY;BYDAY=FR,SA",
            "DTSTART;VALUE=DATE:20260201\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1,2,3",
            "DTSTART:20260301T100000\nDTEND:20260405T110000",
            "DTSTART;VALUE=DATE:20260310\nRRULE:FREQ=YEARLY",
        ])
    func cached(event: String) throws {
        let holidays = Self.read(event).holidays
        var instant = try #require(Instant(rfc3339: "2026-01-20T00:00:00Z"))
        let end = instant + .days(150)
        var state = holidays.state(at: instant)
        while instant < end {
            if instant >= state.until { state = holidays.state(at: instant) }
            #expect(holidays.state(at: instant).inside == state.inside)
            #expect(state.until > instant)
            instant = instant + .minutes(61)
        }
    }

    @Test(
        "what cannot be read is said with its line",
        arguments: [
            ("SUMMARY:x", 3, "without DTSTART"),
            ("DTSTART:tomorrow", 4, "'tomorrow', which is no date"),
            ("DTSTART:20260230", 4, "no date"),
            ("DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20251231", 5, "ends before it starts"),
            ("DTSTART;VALUE=DATE:20260101\nDTEND:20260101T100000", 5, "no date as DTSTART"),
            ("DTSTART:20260101T100000\nDURATION:8H", 5, "DURATION '8H'"),
            ("DTSTART:20260101T100000\nDURATION:PT", 5, "DURATION 'PT'"),
            ("DTSTART:20260101T100000\nDURATION:P99999999W", 5, "P99999999W"),
            ("DTSTART;TZID=Middle Earth:20260101T100000", 4, "'Middle Earth', which is not known"),
            ("DTSTART:20260101\nRRULE:FREQ=HOURLY", 5, "FREQ=HOURLY"),
            ("DTSTART:20260101\nRRULE:COUNT=3", 5, "without FREQ"),
            ("DTSTART:20260101\nRRULE:FREQ=DAILY;BYSETPOS=1", 5, "BYSETPOS=1"),
            ("DTSTART:20260101\nRRULE:FREQ=DAILY;COUNT=2;UNTIL=20260105", 5, "COUNT beside UNTIL"),
            ("DTSTART:20260101\nRRULE:FREQ=WEEKLY;BYDAY=2MO", 5, "numbered BYDAY"),
            ("DTSTART:20260101\nRDATE:20260105", 5, "RDATE"),
            ("DTSTART:20260101\nDURATION:P400D\nRRULE:FREQ=DAILY", 6, "more than a year"),
        ])
    func problems(event: String, line: Int, text: String) {
        let problems = Self.read(event).problems
        #expect(problems.map(\.line) == [line])
        #expect(problems.first?.message.contains(text) == true, "\(problems)")
    }

    @Test(
        "text that is no calendar is refused",
        arguments: [
            ("", 1), ("hello", 1), ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n", 4),
            ("BEGIN:VCALENDAR\nEND:VEVENT\n", 2),
        ])
    func noCalendar(text: String, line: Int) {
        let problems = ICalendar.read(text, zone: .utc) { _ in nil }.problems
        #expect(problems.map(\.line) == [line])
    }
}
