// Numbers with their unit: `15m`, `80 m`, `25 km/h`, `20 %`. A bare number is an error, because
// nobody remembers which unit a bare number has.

/// What a text measures.
package enum Measure: Sendable {
    case duration, length, speed, share

    /// Why a text is no measure of this kind.
    package struct Fault: Error, Hashable, Sendable {
        package var message: String
    }

    /// For error messages: `a duration such as 15m`.
    package var example: String {
        switch self {
        case .duration: "a duration such as 90s, 15m, 12h or 7d"
        case .length: "a length such as 80 m or 1.5 km"
        case .speed: "a speed such as 25 km/h"
        case .share: "a share such as 20 %"
        }
    }

    private var units: [(name: String, factor: Double)] {
        switch self {
        case .duration: [("ms", 1), ("s", 1e3), ("m", 6e4), ("h", 3.6e6), ("d", 8.64e7)]
        case .length: [("m", 1), ("km", 1e3)]
        case .speed: [("km/h", 1)]
        case .share: [("%", 1)]
        }
    }

    /// Longer durations are mistakes, and would overflow far below.
    private static let longestDays = 36_525.0

    /// Milliseconds, metres, km/h or per cent.
    /// - Parameter negative: whether it may be less than nothing: of a bound that is never passed.
    package func read(_ text: String, negative: Bool = false) throws(Fault) -> Double {
        let shown = text.abbreviated
        let number = text.prefix {
            $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-" || $0 == "+")
        }
        let unit = text.dropFirst(number.count).trimmed
        guard let value = Double(number), value.isFinite else {
            throw Fault(message: "'\(shown)' is not \(example)")
        }
        guard !unit.isEmpty else {
            throw Fault(message: "'\(shown)' has no unit; write \(example)")
        }
        guard let factor = units.first(where: { $0.name == unit })?.factor else {
            throw Fault(message: "'\(shown)' has an unknown unit; write \(example)")
        }
        guard value >= 0 || negative else {
            throw Fault(message: "'\(shown)' is negative; write \(example)")
        }
        let result = value * factor
        if case .duration = self, result > Self.longestDays * 8.64e7 {
            throw Fault(message: "'\(shown)' is longer than a century")
        }
        return result
    }
}

extension Double {
    /// For messages: without a fraction where it has none.
    var brief: String { self == rounded() && abs(self) < 1e9 ? String(Int(self)) : String(self) }
}

extension StringProtocol {
    /// A number as people write it: `Double` also takes hexadecimal ones, and words.
    var decimal: Double? {
        let letters = unicodeScalars.filter { $0.properties.isAlphabetic }
        guard
            letters.isEmpty || letters.elementsEqual("e".unicodeScalars)
                || letters.elementsEqual("E".unicodeScalars)
        else { return nil }
        return Double(self).flatMap { $0.isFinite ? $0 : nil }
    }
}
