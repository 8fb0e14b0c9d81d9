// JSON that a sender may well mean but that simdjson refuses, made acceptable, so that no event is
// lost for a spelling: a byte order mark, bytes that are no UTF-8, numbers beyond 64 bits, halves
// of surrogate pairs. It runs only after a refusal, and touches nothing else: what is malformed
// stays malformed. Foundation's JSONSerialization was the other way; it would have to guess a type
// for such numbers, whereas here their digits are kept, as text.
import CSimdjson

enum PayloadRepair {
    /// The same JSON without what `status` complains of; nil where this cannot help.
    static func repaired(_ bytes: [UInt8], after status: cj_status) -> [UInt8]? {
        let made: [UInt8]
        switch status {
        case CJ_BAD_UTF8: made = Array(String(decoding: bytes, as: UTF8.self).utf8)
        case CJ_BAD_NUMBER: made = quotingHugeNumbers(bytes)
        case CJ_BAD_STRING: made = replacingLoneSurrogates(bytes)
        default: return nil
        }
        return made == bytes ? nil : made
    }

    /// Numbers that neither 64 bits nor a double hold become texts of the same digits, which the
    /// decoder reads as numbers where it wants one.
    private static func quotingHugeNumbers(_ bytes: [UInt8]) -> [UInt8] {
        var made: [UInt8] = []
        made.reserveCapacity(bytes.count + 64)
        var scan = StringScan()
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let startsNumber = byte == UInt8(ascii: "-") || isDigit(byte)
            guard !scan.isInString, startsNumber else {
                scan.take(byte)
                made.append(byte)
                index += 1
                continue
            }
            var end = index + 1
            while end < bytes.count, isOfNumber(bytes[end]) { end += 1 }
            let token = bytes[index..<end]
            let isHuge = isBeyond64Bits(token)
            if isHuge { made.append(UInt8(ascii: "\"")) }
            made.append(contentsOf: token)
            if isHuge { made.append(UInt8(ascii: "\"")) }
            index = end
        }
        return made
    }

    private static func isBeyond64Bits(_ token: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: token, as: UTF8.self)
        // A leading zero is malformed JSON, not a huge number.
        let digits = text.hasPrefix("-") ? text.dropFirst() : Substring(text)
        guard let first = digits.utf8.first, isDigit(first),
            first != UInt8(ascii: "0") || digits.utf8.count == 1, let value = Double(text)
        else { return false }
        if value.isInfinite { return true }
        let isWhole = digits.utf8.allSatisfy(isDigit)
        return isWhole && Int64(text) == nil && UInt64(text) == nil
    }

    /// `\uD83D` without its other half becomes `\uFFFD`.
    private static func replacingLoneSurrogates(_ bytes: [UInt8]) -> [UInt8] {
        var made = bytes
        var scan = StringScan()
        var index = 0
        while index < made.count {
            guard scan.isEscaped, made[index] == UInt8(ascii: "u"),
                let unit = hexadecimal(made, index + 1), (0xD800...0xDFFF).contains(unit)
            else {
                scan.take(made[index])
                index += 1
                continue
            }
            let isPair =
                unit < 0xDC00 && index + 6 < made.count && made[index + 5] == UInt8(ascii: "\\")
                && made[index + 6] == UInt8(ascii: "u")
                && hexadecimal(made, index + 7).map { (0xDC00...0xDFFF).contains($0) } == true
            if !isPair { made.replaceSubrange((index + 1)..<(index + 5), with: "FFFD".utf8) }
            let taken = isPair ? 11 : 5
            for byte in made[index..<min(index + taken, made.count)] { scan.take(byte) }
            index += taken
        }
        return made
    }

    private static func hexadecimal(_ bytes: [UInt8], _ start: Int) -> UInt16? {
        guard start + 4 <= bytes.count else { return nil }
        return UInt16(String(decoding: bytes[start..<(start + 4)], as: UTF8.self), radix: 16)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        isDigit(byte) || [".", "e", "E", "+", "-"].contains(UnicodeScalar(byte))
    }
}

/// Whether a byte of a JSON text stands inside a string: the one thing of JSON's grammar that a
/// repair must know.
private struct StringScan {
    private(set) var isInString = false
    /// The next byte is the one behind a backslash.
    private(set) var isEscaped = false

    mutating func take(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\"") {
            isInString.toggle()
        } else if isInString, byte == UInt8(ascii: "\\") {
            isEscaped = true
        }
    }
}
