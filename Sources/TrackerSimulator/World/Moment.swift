// A moment on the simulated server's clock, and how Traccar's JSON and its parameters spell it. A
// type of its own, not Alerting's: what judges the relay must not share its reading of dates.

import Foundation
import Glibc

/// Milliseconds since 1970, UTC.
package struct Moment: Hashable, Comparable, Sendable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Moment, right: Moment) -> Bool {
        left.milliseconds < right.milliseconds
    }
    package static func + (moment: Moment, duration: Duration) -> Moment {
        Moment(milliseconds: moment.milliseconds + duration.inMilliseconds)
    }
    package static func - (moment: Moment, duration: Duration) -> Moment {
        Moment(milliseconds: moment.milliseconds - duration.inMilliseconds)
    }
    package static func - (left: Moment, right: Moment) -> Duration {
        .milliseconds(left.milliseconds - right.milliseconds)
    }

    /// As a server writes it since Jackson 2.10: `2026-05-01T10:11:12.000+00:00`.
    package var text: String {
        var seconds = Int(milliseconds / 1_000)
        var rest = Int(milliseconds % 1_000)
        if rest < 0 { (seconds, rest) = (seconds - 1, rest + 1_000) }
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(29)
        func put(_ value: Int, _ width: Int, then separator: String) {
            var weight = width == 4 ? 1_000 : width == 3 ? 100 : 10
            while weight > 0 {
                bytes.append(UInt8(48 + value / weight % 10))
                weight /= 10
            }
            bytes.append(contentsOf: separator.utf8)
        }
        put(Int(parts.tm_year) + 1_900, 4, then: "-")
        put(Int(parts.tm_mon) + 1, 2, then: "-")
        put(Int(parts.tm_mday), 2, then: "T")
        put(Int(parts.tm_hour), 2, then: ":")
        put(Int(parts.tm_min), 2, then: ":")
        put(Int(parts.tm_sec), 2, then: ".")
        put(rest, 3, then: "+00:00")
        return String(decoding: bytes, as: UTF8.self)
    }

    /// As HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
    package var httpDate: String {
        var seconds = Int(milliseconds / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        // Names of days and months are English in the C locale, which nothing here leaves.
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A request's parameter: a zone is a must (Traccar hands it to Java's ISO_OFFSET_DATE_TIME);
    /// nil for anything else.
    package init?(parameter text: String) {
        let date = #/(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?/#
        let zone = #/(?:Z|([+-])(\d\d):?(\d\d))/#
        guard let first = text.prefixMatch(of: date),
            let last = text[first.range.upperBound...].wholeMatch(of: zone)
        else { return nil }
        let found = first.output
        func number(_ part: Substring?) -> Int { part.flatMap { Int($0) } ?? 0 }
        var parts = tm()
        parts.tm_year = Int32(number(found.1) - 1_900)
        parts.tm_mon = Int32(number(found.2) - 1)
        parts.tm_mday = Int32(number(found.3))
        parts.tm_hour = Int32(number(found.4))
        parts.tm_min = Int32(number(found.5))
        parts.tm_sec = Int32(number(found.6))
        let fraction = number((found.7 ?? "").prefix(3).padded)
        let minutes = number(last.output.2) * 60 + number(last.output.3)
        let offset = last.output.1 == "-" ? minutes * -60 : minutes * 60
        milliseconds = Int64(timegm(&parts) - offset) * 1_000 + Int64(fraction)
    }
}

extension Substring {
    /// A fraction's first digits as thousandths: `5` is 500.
    fileprivate var padded: Substring { self + String(repeating: "0", count: 3 - count) }
}

extension Duration {
    /// Rounded towards zero.
    package var inMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
    package static func ofMinutes(_ count: Double) -> Duration { .seconds(count * 60) }
    package static func ofHours(_ count: Double) -> Duration { .seconds(count * 3_600) }
}
