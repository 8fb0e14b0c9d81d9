// What one value of a payload means. Servers and forwarders spell the same thing in several ways
// (domain.md 1.0): an id as 88, 88.0, 5.0E7 or "97"; a flag as "false"; a moment as text or as
// epoch milliseconds. All of that tolerance stands here, once.
import Alerting
import CSimdjson

extension cj_text {
    var buffer: UnsafeBufferPointer<UInt8> {
        guard let bytes else { return UnsafeBufferPointer(start: nil, count: 0) }
        let start = UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self)
        return UnsafeBufferPointer(start: start, count: count)
    }
    /// simdjson has checked that it is UTF-8.
    var string: String { String(decoding: buffer, as: UTF8.self) }
}

extension cj_value {
    /// Missing or null: the server said nothing.
    var isAbsent: Bool { kind == CJ_MISSING || kind == CJ_NULL }

    /// A server's id; 0 stands for "none" there, nil where there is none or no number.
    var id: Int64? {
        if kind == CJ_INTEGER { return integer }
        if kind == CJ_TEXT, let exact = Int64(text.string) { return exact }
        return number(finite: double).flatMap(Int64.init(exactly:))
    }

    var double: Double? {
        switch kind {
        case CJ_INTEGER, CJ_NUMBER: number
        case CJ_TEXT: Double(text.string)
        default: nil
        }
    }

    /// Text such as "NaN" reads as a number that no rule can compare with.
    var finite: Double? { number(finite: double) }

    private func number(finite value: Double?) -> Double? {
        value.flatMap { $0.isFinite ? $0 : nil }
    }

    var flag: Bool? {
        switch kind {
        case CJ_FLAG: return integer != 0
        case CJ_INTEGER, CJ_NUMBER: return number != 0
        case CJ_TEXT:
            switch text.string.lowercased() {
            case "true", "1": return true
            case "false", "0": return false
            default: return nil
            }
        default: return nil
        }
    }

    /// Text; of a number its digits (forwarders write `uniqueId` as a number). Never empty.
    var words: String? {
        switch kind {
        case CJ_TEXT: text.count == 0 ? nil : text.string
        case CJ_INTEGER: String(integer)
        default: nil
        }
    }

    /// A moment: text as `Instant(rfc3339:)` takes it, or epoch milliseconds.
    var instant: Instant? {
        if kind == CJ_TEXT, let instant = Instant(rfc3339: text.buffer) { return instant }
        // ±8.64e15 ms are the 200 000 years that a JavaScript date spans: more is no moment.
        guard let milliseconds = finite, abs(milliseconds) <= 8.64e15 else { return nil }
        return Instant(milliseconds: Int64(milliseconds))
    }

    /// Of `geofenceIds`. What is in the list and no id is left out.
    func ids(in item: borrowing cj_item) -> [Int64]? {
        guard kind == CJ_LIST else { return nil }
        guard let list = item.list, count > 0 else { return [] }
        let values = UnsafeBufferPointer(start: list + Int(integer), count: count)
        return values.compactMap(\.id)
    }

    var attribute: Attribute {
        switch kind {
        case CJ_TEXT: .text(text.string)
        case CJ_INTEGER, CJ_NUMBER: .number(number)
        case CJ_FLAG: .flag(integer != 0)
        case CJ_NESTED: .nested(text.string)
        default: .null
        }
    }
}

extension cj_range {
    func attributes(in item: borrowing cj_item) -> Attributes {
        guard count > 0, let members = item.members else { return Attributes() }
        let range = UnsafeBufferPointer(start: members + first, count: count)
        return Attributes(
            range.map { Attributes.Entry(name: $0.name.string, value: $0.value.attribute) })
    }
}
