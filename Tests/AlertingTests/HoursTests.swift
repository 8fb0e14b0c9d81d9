// Hours by wall clock: edges, midnight, weekdays, changed clocks, and the promise that the answer
// holds until the instant that comes with it.
import Alerting
import TestSupport
import Testing

@Suite("Hours")
struct HoursTests {
    static func hours(
        _ text: String, zone: String = "Europe/Vienna", more: String = ""
    ) throws -> Hours {
        let outcome = RuleFile.load(
            "version: 1\ntimezone: \(zone)\nhours: { h: \(text) }\n\(more)", .tests)
        #expect(outcome.findings.map(\.headline) == [])
        return try #require(outcome.book.hours["h"])
    }

    @Test(
        "inside or not",
        arguments: [
            // The end is exclusive.
            (#"{ daily: "22:00-06:00" }"#, "2026-01-14T21:59:59.999+01:00", false),
            (#"{ daily: "22:00-06:00" }"#, "2026-01-14T22:00:00+01:00", true),
            (#"{ daily: "22:00-06:00" }"#, "2026-01-15T05:59:59.999+01:00", true),
            (#"{ daily: "22:00-06:00" }"#, "2026-01-15T06:00:00+01:00", false),
            // A window over midnight belongs to the day on which it begins: Friday is 16 January.
            (#"{ fri: "22:00-06:00" }"#, "2026-01-16T05:00:00+01:00", false),
            (#"{ fri: "22:00-06:00" }"#, "2026-01-16T23:00:00+01:00", true),
            (#"{ fri: "22:00-06:00" }"#, "2026-01-17T05:00:00+01:00", true),
            (#"{ fri: "22:00-06:00" }"#, "2026-01-17T23:00:00+01:00", false),
            (#"{ sun: "22:00-06:00" }"#, "2026-01-19T05:00:00+01:00", true),
            // Days, ranges, ranges over the end of the week, lists.
            (#"{ mon-fri: "07:00-18:00", sat: "08:00-12:00" }"#, "2026-01-16T17:00:00+01:00", true),
            (#"{ mon-fri: "07:00-18:00", sat: "08:00-12:00" }"#, "2026-01-17T11:00:00+01:00", true),
            (
                #"{ mon-fri: "07:00-18:00", sat: "08:00-12:00" }"#, "2026-01-17T13:00:00+01:00",
                false
            ),
            (#"{ fri-mon: "07:00-18:00" }"#, "2026-01-18T10:00:00+01:00", true),
            (#"{ fri-mon: "07:00-18:00" }"#, "2026-01-20T10:00:00+01:00", false),
            (#"{ daily: ["06:00-08:00", "17:00-19:00"] }"#, "2026-01-20T07:00:00+01:00", true),
            (#"{ daily: ["06:00-08:00", "17:00-19:00"] }"#, "2026-01-20T12:00:00+01:00", false),
            // Whole days, and an end at midnight.
            (#"{ daily: "00:00-24:00" }"#, "2026-01-20T00:00:00+01:00", true),
            (#"{ sat: "00:00-24:00" }"#, "2026-01-17T23:59:59.999+01:00", true),
            (#"{ sat: "00:00-24:00" }"#, "2026-01-18T00:00:00+01:00", false),
            (#"{ daily: "22:00-00:00" }"#, "2026-01-20T23:59:00+01:00", true),
            (#"{ daily: "22:00-00:00" }"#, "2026-01-20T00:00:00+01:00", false),
            // A zone of their own.
            (
                #"{ timezone: America/New_York, daily: "09:00-17:00" }"#,
                "2026-01-20T16:00:00+01:00", true
            ),
            (
                #"{ timezone: America/New_York, daily: "09:00-17:00" }"#,
                "2026-01-20T14:00:00+01:00", false
            ),
            // 29 March: 02:00 to 03:00 is skipped.
            (#"{ daily: "22:00-02:30" }"#, "2026-03-29T01:55:00+01:00", true),
            (#"{ daily: "22:00-02:30" }"#, "2026-03-29T03:10:00+02:00", false),
            (#"{ daily: "02:30-05:00" }"#, "2026-03-29T01:59:59.999+01:00", false),
            (#"{ daily: "02:30-05:00" }"#, "2026-03-29T03:00:00+02:00", true),
            // 25 October: 02:00 to 03:00 comes twice, and counts both times.
            (#"{ daily: "02:15-02:45" }"#, "2026-10-25T02:25:00+02:00", true),
            (#"{ daily: "02:15-02:45" }"#, "2026-10-25T02:55:00+02:00", false),
            (#"{ daily: "02:15-02:45" }"#, "2026-10-25T02:05:00+01:00", false),
            (#"{ daily: "02:15-02:45" }"#, "2026-10-25T02:20:00+01:00", true),
        ])
    func inside(text: String, moment: String, expected: Bool) throws {
        let instant = try #require(Instant(rfc3339: moment))
        #expect(try Self.hours(text).state(at: instant).inside == expected)
    }

    @Test(
        "the answer comes with the instant at which it changes",
        arguments: [
            (
                #"{ daily: "22:00-06:00" }"#, "2026-01-14T12:00:00+01:00",
                "2026-01-14T22:00:00+01:00"
            ),
            (
                #"{ daily: "22:00-06:00" }"#, "2026-01-14T23:00:00+01:00",
                "2026-01-15T06:00:00+01:00"
            ),
            // A long night, and a short one.
            (
                #"{ daily: "22:00-06:00" }"#, "2026-10-24T23:00:00+02:00",
                "2026-10-25T06:00:00+01:00"
            ),
            (
                #"{ daily: "22:00-06:00" }"#, "2026-03-28T23:00:00+01:00",
                "2026-03-29T06:00:00+02:00"
            ),
            // An end that is skipped, and a span that comes twice.
            (
                #"{ daily: "22:00-02:30" }"#, "2026-03-28T23:00:00+01:00",
                "2026-03-29T03:00:00+02:00"
            ),
            (
                #"{ daily: "02:15-02:45" }"#, "2026-10-25T02:50:00+02:00",
                "2026-10-25T02:15:00+01:00"
            ),
            (#"{ sat: "00:00-24:00" }"#, "2026-01-18T00:00:00+01:00", "2026-01-24T00:00:00+01:00"),
        ])
    func until(text: String, moment: String, expected: String) throws {
        let instant = try #require(Instant(rfc3339: moment))
        let until = try Self.hours(text).state(at: instant).until
        #expect(until.rfc3339 == Instant(rfc3339: expected)?.rfc3339)
    }

    @Test("between an instant and its `until` the answer never changes")
    func cached() throws {
        let hours = try Self.hours(
            #"{ mon-fri: ["07:00-12:00", "13:00-18:00"], sat: "22:00-03:00" }"#)
        var instant = try #require(Instant(rfc3339: "2026-03-20T00:00:00Z"))
        let end = instant + .days(20)
        var state = hours.state(at: instant)
        while instant < end {
            if instant >= state.until { state = hours.state(at: instant) }
            #expect(hours.state(at: instant).inside == state.inside)
            instant = instant + .minutes(7)
        }
    }

    @Test("hours without a window are never")
    func empty() {
        let hours = Hours(windows: [], zone: .utc)
        #expect(hours.isEmpty)
        #expect(hours.state(at: Instant(seconds: 0)) == (false, .distantFuture))
    }
}
