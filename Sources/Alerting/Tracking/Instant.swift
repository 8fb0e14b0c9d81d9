// A moment on the UTC time line in whole milliseconds. The core never asks what time it is: an
// instant always comes in as an argument (`now:`) or with the data.
package import Foundation

/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
package struct Instant: Hashable, Comparable, Sendable, Codable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    package init(seconds: Int64) { milliseconds = seconds * 1_000 }
    package init(_ date: Date) {
        milliseconds = Int64((date.timeIntervalSince1970 * 1_000).rounded())
    }

    package init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    /// Whole seconds since 1970, rounded down.
    package var seconds: Int64 {
        milliseconds >= 0 ? milliseconds / 1_000 : (milliseconds - 999) / 1_000
    }

    package static let distantPast = Instant(milliseconds: Int64.min / 4)
    package static let distantFuture = Instant(milliseconds: Int64.max / 4)

    package static func < (left: Instant, right: Instant) -> Bool {
        left.milliseconds < right.milliseconds
    }
    package static func + (instant: Instant, duration: Duration) -> Instant {
        Instant(milliseconds: instant.milliseconds + duration.wholeMilliseconds)
    }
    package static func - (instant: Instant, duration: Duration) -> Instant {
        Instant(milliseconds: instant.milliseconds - duration.wholeMilliseconds)
    }
    /// On the roads that every event takes: a `Duration` counts attoseconds in 128 bits, and to
    /// divide them costs more than what it is asked for.
    package func shifted(milliseconds: Int64) -> Instant {
        Instant(milliseconds: self.milliseconds + milliseconds)
    }
    package func shifted(seconds: Int64) -> Instant { shifted(milliseconds: seconds * 1_000) }

    /// How much later `left` is than `right`; negative where it is earlier.
    package static func - (left: Instant, right: Instant) -> Duration {
        .milliseconds(left.milliseconds - right.milliseconds)
    }
}

extension Duration {
    /// Rounded towards zero.
    package var wholeMilliseconds: Int64 {
        let parts = components
        return parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
    }
    /// Rounded towards zero.
    package var wholeSeconds: Int64 { components.seconds }
    package static func minutes(_ count: Int64) -> Duration { .seconds(count * 60) }
    package static func hours(_ count: Int64) -> Duration { .seconds(count * 3_600) }
    package static func days(_ count: Int64) -> Duration { .seconds(count * 86_400) }
}

// MARK: - Text

extension Instant {
    /// RFC 3339 in UTC with milliseconds, as CONFIG.md asks: `2026-11-24T15:00:00.000Z`. What lies
    /// outside the years 0000 to 9999, which RFC 3339 cannot say, is written as their end.
    package var rfc3339: String {
        String(unsafeUninitializedCapacity: Self.rfc3339Length) { writeRFC3339(to: $0) }
    }

    static let rfc3339Length = 24
    private static let firstWritable = days(year: 0, month: 1, day: 1) * 86_400_000
    private static let lastWritable = days(year: 10_000, month: 1, day: 1) * 86_400_000 - 1

    /// - Parameter buffer: of `rfc3339Length` bytes at least.
    /// - Returns: how many were written.
    func writeRFC3339(to buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let moment = min(max(milliseconds, Self.firstWritable), Self.lastWritable)
        let day = Self.floor(moment, 86_400_000)
        let (year, month, dayOfMonth) = Self.civil(days: day)
        let rest = moment - day * 86_400_000
        var next = 0
        func put(_ value: Int64, _ width: Int, then separator: UInt8) {
            var value = value
            for place in stride(from: next + width - 1, through: next, by: -1) {
                buffer[place] = UInt8(48 + value % 10)
                value /= 10
            }
            buffer[next + width] = separator
            next += width + 1
        }
        put(year, 4, then: 45)
        put(month, 2, then: 45)
        put(dayOfMonth, 2, then: 84)
        put(rest / 3_600_000, 2, then: 58)
        put(rest / 60_000 % 60, 2, then: 58)
        put(rest / 1_000 % 60, 2, then: 46)
        put(rest % 1_000, 3, then: 90)
        return next
    }

    /// All the spellings that servers have used (domain.md 1.0): a fraction of 1 to 9 digits or
    /// none; `Z`, `+hh:mm`, `+hhmm` or `+hh`. nil for anything else, and for a time without a zone.
    package init?(rfc3339 text: some StringProtocol) {
        var copy = String(text)
        guard let instant = copy.withUTF8({ Instant(rfc3339: $0) }) else { return nil }
        self = instant
    }

    package init?(rfc3339 bytes: UnsafeBufferPointer<UInt8>) {
        func digits(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for index in from..<(from + count) {
                guard case 48...57 = bytes[index] else { return nil }
                value = value * 10 + Int64(bytes[index] - 48)
            }
            return value
        }
        guard let year = digits(0, 4), let month = digits(5, 2), let day = digits(8, 2),
            let hour = digits(11, 2), let minute = digits(14, 2), let second = digits(17, 2),
            bytes[4] == 45, bytes[7] == 45, bytes[10] == 84 || bytes[10] == 116 || bytes[10] == 32,
            bytes[13] == 58, bytes[16] == 58, (1...12).contains(month), (1...31).contains(day),
            hour <= 24, minute <= 59, second <= 60
        else { return nil }
        var next = 19
        var millis: Int64 = 0
        if next < bytes.count, bytes[next] == 46 {
            next += 1
            var weight: Int64 = 100
            let first = next
            while next < bytes.count, case 48...57 = bytes[next] {
                millis += Int64(bytes[next] - 48) * weight
                weight /= 10
                next += 1
            }
            guard next > first, next - first <= 9 else { return nil }
        }
        guard next < bytes.count else { return nil }
        var offset: Int64 = 0
        switch bytes[next] {
        case 90, 122: next += 1
        case 43, 45:
            guard let hours = digits(next + 1, 2) else { return nil }
            let colon = next + 3 < bytes.count && bytes[next + 3] == 58 ? 1 : 0
            let minutes = digits(next + 3 + colon, 2)
            offset = (hours * 60 + (minutes ?? 0)) * (bytes[next] == 43 ? 60 : -60)
            next += 3 + (minutes == nil ? 0 : 2 + colon)
        default: return nil
        }
        guard next == bytes.count else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        milliseconds =
            (days * 86_400 + hour * 3_600 + minute * 60 + second - offset) * 1_000 + millis
    }

    static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }

    /// Days since 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant's algorithm).
    package static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floor(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    /// The date of a day counted from 1970-01-01: the inverse of `days(year:month:day:)`.
    package static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floor(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
