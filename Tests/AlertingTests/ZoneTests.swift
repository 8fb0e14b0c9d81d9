// Zones are read from the machine's own TZif files; bytes made by hand cover what it may lack.
import Alerting
import Foundation
import TestSupport
import Testing

@Suite("Zone")
struct ZoneTests {
    static func instant(_ text: String) throws -> Instant { try #require(Instant(rfc3339: text)) }

    @Test("the offset changes at the transition, to the millisecond")
    func transition() throws {
        let vienna = Zone.system("Europe/Vienna")
        let spring = try Self.instant("2026-03-29T01:00:00Z")
        #expect(vienna.offset(at: spring - .milliseconds(1)) == 3_600)
        #expect(vienna.offset(at: spring) == 7_200)
        #expect(vienna.nextTransition(after: spring - .days(30)) == spring)
        let before = vienna.local(spring - .milliseconds(1))
        #expect(before.millisecond == 2 * 3_600_000 - 1)
        #expect(vienna.local(spring).millisecond == 3 * 3_600_000)
        #expect(vienna.local(spring).weekday == 6)
    }

    @Test("the footer's rule is followed in years that the file does not list")
    func footer() throws {
        let vienna = Zone.system("Europe/Vienna")
        #expect(vienna.offset(at: try Self.instant("2090-01-15T00:00:00Z")) == 3_600)
        #expect(vienna.offset(at: try Self.instant("2090-07-15T00:00:00Z")) == 7_200)
        // The last Sunday of March 2090 is the 26th.
        let spring = try Self.instant("2090-03-26T01:00:00Z")
        #expect(vienna.offset(at: spring - .seconds(1)) == 3_600)
        #expect(vienna.offset(at: spring) == 7_200)
    }

    @Test("a wall time that is skipped begins at the next instant")
    func gap() throws {
        let vienna = Zone.system("Europe/Vienna")
        let day = vienna.local(try Self.instant("2026-03-29T00:00:00Z")).day
        let skipped = LocalTime(day: day, millisecond: 2 * 3_600_000 + 1_800_000)
        #expect(vienna.instants(of: skipped) == [try Self.instant("2026-03-29T01:00:00Z")])
        let after = LocalTime(day: day, millisecond: 3 * 3_600_000)
        #expect(vienna.instants(of: after) == [try Self.instant("2026-03-29T01:00:00Z")])
    }

    @Test("a wall time that comes twice is two instants")
    func overlap() throws {
        let vienna = Zone.system("Europe/Vienna")
        let day = vienna.local(try Self.instant("2026-10-25T00:00:00Z")).day
        let twice = LocalTime(day: day, millisecond: 2 * 3_600_000 + 600_000)
        #expect(
            vienna.instants(of: twice) == [
                try Self.instant("2026-10-25T00:10:00Z"), try Self.instant("2026-10-25T01:10:00Z"),
            ])
        #expect(vienna.firstInstant(of: twice) == (try Self.instant("2026-10-25T00:10:00Z")))
    }

    @Test(
        "a wall time and its instant agree, all through two years",
        arguments: [
            "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
            "Africa/Casablanca", "Europe/Dublin", "America/Sao_Paulo", "Asia/Gaza", "Pacific/Apia",
        ])
    func roundTrip(name: String) throws {
        let zone = Zone.system(name)
        var instant = try Self.instant("2025-12-20T00:00:00Z")
        let end = instant + .days(760)
        while instant < end {
            #expect(zone.instants(of: zone.local(instant)).contains(instant))
            instant = instant + .minutes(47)
        }
    }

    @Test(
        "the machine's newest data counts, not Foundation's",
        arguments: [
            ("Asia/Kolkata", "2026-06-01T00:00:00Z", 19_800),
            ("America/New_York", "2026-07-01T00:00:00Z", -14_400),
            ("Australia/Lord_Howe", "2026-07-01T00:00:00Z", 37_800),
            ("Europe/Dublin", "2040-07-01T00:00:00Z", 3_600),
            ("Europe/Dublin", "2040-01-01T00:00:00Z", 0),
        ])
    func offsets(name: String, moment: String, offset: Int64) throws {
        #expect(Zone.system(name).offset(at: try Self.instant(moment)) == offset)
    }

    @Test("bytes that are no zone are refused, wherever they are cut off")
    func cutOff() throws {
        let bytes = try #require(systemZones("Europe/Vienna"))
        for count in 0..<bytes.count {
            #expect(throws: Zone.Failure.self) {
                try Zone(name: "x", tzif: Array(bytes.prefix(count)))
            }
        }
        #expect(throws: Zone.Failure.self) { try Zone(name: "x", tzif: Array("hello".utf8)) }
    }

    /// TZif version 2 without transitions, and a footer.
    static func file(footer: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<2 {
            bytes += Array("TZif2".utf8) + Array(repeating: 0, count: 15)
            for count in [0, 0, 0, 0, 1, 4] as [UInt8] { bytes += [0, 0, 0, count] }
            bytes += [0, 0, 0, 0, 0, 0] + Array("LMT\0".utf8)
        }
        return bytes + [10] + Array(footer.utf8) + [10]
    }

    @Test(
        "footers of all forms are read",
        arguments: [
            ("<+03>-3", "2026-07-01T00:00:00Z", 10_800),
            ("IST-5:30", "2026-07-01T00:00:00Z", 19_800),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39_600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z", 36_000),
            ("XXX0YYY,J60,J300", "2024-03-01T01:59:59Z", 0),
            ("XXX0YYY,J60,J300", "2024-03-01T02:00:00Z", 3_600),
            ("XXX0YYY,59,300", "2024-02-29T02:00:00Z", 3_600),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7_200),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3_600),
        ])
    func footers(footer: String, moment: String, offset: Int64) throws {
        let zone = try Zone(name: "x", tzif: Self.file(footer: footer))
        #expect(zone.offset(at: try Self.instant(moment)) == offset)
    }

    @Test(
        "a footer that is no rule is refused",
        arguments: [
            "C-1", "CET", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1CEST,M3.5.0,M10.5.0x",
        ])
    func badFooter(footer: String) {
        #expect(throws: Zone.Failure.self) {
            try Zone(name: "x", tzif: Self.file(footer: footer))
        }
    }
}
