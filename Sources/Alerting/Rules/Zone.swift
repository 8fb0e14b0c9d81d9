// Wall time in a zone, from TZif data (RFC 8536) that the caller reads: the system's own, because
// Foundation carries another, older set (Africa/Casablanca is wrong in it since 2026-09-20). The
// file's transitions are extended by its POSIX footer to the end of `horizon`, so that a look-up is
// one binary search in flat arrays and nothing else.

/// Gives the TZif bytes of an IANA zone name (`Europe/Vienna`); nil: there is no such zone.
package typealias ZoneReader = @Sendable (_ name: String) -> [UInt8]?

/// A wall time: a day and the time of that day, as a clock on the wall shows them.
package struct LocalTime: Hashable, Comparable, Sendable {
    /// Days since 1970-01-01.
    package var day: Int64
    /// Milliseconds since the wall clock showed 00:00; below 86 400 000.
    package var millisecond: Int64

    package init(day: Int64, millisecond: Int64) {
        self.day = day
        self.millisecond = millisecond
    }

    /// 0 is Monday.
    package var weekday: Int { Int(((day + 3) % 7 + 7) % 7) }

    package static func < (left: LocalTime, right: LocalTime) -> Bool {
        (left.day, left.millisecond) < (right.day, right.millisecond)
    }
}

/// A time zone. Two of one name are equal: a set reads each name once.
package struct Zone: Hashable, Sendable {
    /// The IANA name.
    package let name: String
    private let table: ZoneTable

    /// No offset, ever.
    package static let utc = Zone(name: "UTC", table: .fixed(0))

    /// Reads a TZif file; throws where the bytes are none, or are cut off.
    package init(name: String, tzif bytes: [UInt8]) throws(Failure) {
        self.init(name: name, table: try ZoneTable(tzif: bytes))
    }

    private init(name: String, table: ZoneTable) {
        self.name = name
        self.table = table
    }

    /// Why bytes are no zone.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package var description: String
        init(_ description: String) { self.description = description }
    }

    package static func == (left: Zone, right: Zone) -> Bool { left.name == right.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// Seconds east of UTC.
    package func offset(at instant: Instant) -> Int64 {
        table.offsets[table.index(at: instant.seconds)]
    }

    /// What a clock on the wall shows.
    package func local(_ instant: Instant) -> LocalTime {
        let local = instant.milliseconds + offset(at: instant) * 1_000
        let day = Instant.floor(local, 86_400_000)
        return LocalTime(day: day, millisecond: local - day * 86_400_000)
    }

    /// The next instant after `instant` at which the offset changes; nil: never again.
    package func nextTransition(after instant: Instant) -> Instant? {
        let next = table.index(at: instant.seconds) + 1
        return next < table.starts.count ? Instant(seconds: table.starts[next]) : nil
    }

    /// The instants at which a clock on the wall shows `local`, in order: one, two where the clock
    /// was put back over it, and where it was put forward over it the one instant at which it
    /// was (a skipped wall time begins at the next instant; RULES.md).
    package func instants(of local: LocalTime) -> [Instant] {
        let wall = local.day * 86_400_000 + local.millisecond
        var found: [Instant] = []
        // No zone is further than 26 h from UTC, so only the offsets in force around count.
        let around = Instant.floor(wall, 1_000)
        var index = table.index(at: around - 26 * 3_600)
        while index < table.starts.count {
            let start = table.starts[index]
            if start > around + 26 * 3_600 { break }
            let offset = table.offsets[index]
            let end = index + 1 < table.starts.count ? table.starts[index + 1] : Int64.max / 4_000
            let instant = wall - offset * 1_000
            if index > 0, start != Int64.min / 4_000 {
                let before = (start + table.offsets[index - 1]) * 1_000
                let after = (start + offset) * 1_000
                if before <= wall, wall < after { found.append(Instant(seconds: start)) }
            }
            if start * 1_000 <= instant, instant < end * 1_000 {
                found.append(Instant(milliseconds: instant))
            }
            index += 1
        }
        return found
    }

    /// The first instant at which a clock on the wall shows `local`, or has passed it.
    package func firstInstant(of local: LocalTime) -> Instant {
        // Every wall time is shown or skipped, so there is one; UTC's stands in otherwise.
        instants(of: local).first
            ?? Instant(milliseconds: local.day * 86_400_000 + local.millisecond)
    }
}
