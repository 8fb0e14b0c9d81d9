// Writes JSON straight into bytes. It stands on the hot road of every delivery, where Foundation's
// JSONEncoder takes 65 µs for one event (docs/ARCHITECTURE.md): here a whole message is a few
// hundred appends. It only writes: what is read, is read by simdjson or JSONDecoder.

/// Appends JSON. Commas are its own affair: a value or a name after another gets one.
package struct JSONWriter: ~Copyable {
    private var out: ByteWriter
    /// Whether the next value or name follows another one in its object or list.
    private var needsComma = false

    package init(capacity: Int = 1_024) { out = ByteWriter(capacity: capacity) }

    /// Appends to what `writer` has: it is taken until `end(in:)` gives it back.
    init(taking writer: inout ByteWriter) {
        out = ByteWriter()
        swap(&out, &writer)
    }
    mutating func end(in writer: inout ByteWriter) { swap(&out, &writer) }

    package var bytes: [UInt8] { out.bytes }
    package var text: String { out.text }

    // MARK: - Structure

    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        separate()
        out.append(UInt8(ascii: "{"))
        needsComma = false
        members(&self)
        out.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func list<Element>(
        of elements: [Element], _ write: (inout JSONWriter, Element) -> Void
    ) {
        separate()
        out.append(UInt8(ascii: "["))
        needsComma = false
        for element in elements { write(&self, element) }
        out.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// The name of the member whose value comes next: one of ours, plain ASCII, never escaped.
    package mutating func name(_ name: StaticString) {
        out.append(member: name, follows: needsComma)
        needsComma = false
    }

    /// The same for a name that somebody else chose.
    package mutating func name(ofAttribute name: String) {
        value(name)
        out.append(UInt8(ascii: ":"))
        needsComma = false
    }

    private mutating func separate() {
        if needsComma { out.append(UInt8(ascii: ",")) }
    }

    // MARK: - Values

    package mutating func value(_ text: String) {
        separate()
        out.append(UInt8(ascii: "\""))
        out.append(escaped: text)
        out.append(UInt8(ascii: "\""))
        needsComma = true
    }

    package mutating func value(_ flag: Bool) {
        separate()
        out.append(literal: flag ? "true" : "false")
        needsComma = true
    }

    package mutating func value(_ number: Int64) {
        separate()
        out.append(decimal: number)
        needsComma = true
    }

    /// What is JSON already.
    package mutating func value(raw json: String) {
        separate()
        out.append(json)
        needsComma = true
    }

    /// The shortest text that reads back as the same number. JSON has no infinity and no NaN: they
    /// are 0, so callers leave such values out where that would be a lie.
    package mutating func value(_ number: Double) {
        separate()
        needsComma = true
        guard number.isFinite else {
            out.append(UInt8(ascii: "0"))
            return
        }
        // Whole numbers up to 2^53 are exact; Swift would write `48.0`.
        if let whole = Int64(exactly: number), whole.magnitude <= 1 << 53 {
            out.append(decimal: whole)
        } else {
            out.append(number.description)
        }
    }

    /// Milliseconds since 1970: how instants are stored.
    package mutating func value(milliseconds instant: Instant) { value(instant.milliseconds) }

    /// RFC 3339 in UTC: how instants go out.
    package mutating func value(rfc3339 instant: Instant) {
        separate()
        out.append(UInt8(ascii: "\""))
        out.append(rfc3339: instant)
        out.append(UInt8(ascii: "\""))
        needsComma = true
    }
}

// MARK: - Escaping

extension ByteWriter {
    /// What stands between the quotes of a JSON string (RFC 8259 §7). A Swift string is valid UTF-8
    /// already, and all that JSON asks to escape is ASCII: bytes, not characters, decide, so that a
    /// quote with a combining accent behind it is escaped as well.
    package mutating func append(escaped text: String) {
        text.withBytes { bytes in
            var start = 0
            while true {
                let end = Self.firstEscaped(in: UnsafeRawBufferPointer(bytes), from: start)
                append(UnsafeBufferPointer(rebasing: bytes[start..<end]))
                guard end < bytes.count else { return }
                append(escapeOf: bytes[end])
                start = end + 1
            }
        }
    }

    /// Where the first byte stands that must be escaped; behind the last where there is none.
    package static func firstEscaped(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count {
            let found = escaped(in: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count, !mustEscape(bytes[index]) { index += 1 }
        return index
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
    }

    /// A bit for each of eight bytes that must be. The lowest one is right; those above it may be
    /// of bytes that need not be (`UInt64.flags`).
    private static func escaped(in eight: UInt64) -> UInt64 {
        let found =
            eight.flags(below: 0x20) | (eight ^ .each(0x22)).flags(below: 1)
            | (eight ^ .each(0x5C)).flags(below: 1) | (eight ^ .each(0x7F)).flags(below: 1)
        return found & .each(0x80)
    }

    private mutating func append(escapeOf byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        default:
            append(literal: "u00")
            for digit in [byte >> 4, byte & 15] { append(digit < 10 ? 48 + digit : 87 + digit) }
        }
    }
}

// MARK: - Members

extension JSONWriter {
    package mutating func member(_ name: StaticString, _ text: String) {
        self.name(name)
        value(text)
    }
    package mutating func member(_ name: StaticString, _ number: Int64) {
        self.name(name)
        value(number)
    }
    package mutating func member(_ name: StaticString, _ number: Double) {
        self.name(name)
        value(number)
    }
    package mutating func member(_ name: StaticString, _ flag: Bool) {
        self.name(name)
        value(flag)
    }

    /// What is not known is left out, never null.
    package mutating func member(known name: StaticString, _ text: String?) {
        if let text { member(name, text) }
    }
    package mutating func member(known name: StaticString, milliseconds instant: Instant?) {
        guard let instant else { return }
        self.name(name)
        value(milliseconds: instant)
    }
    package mutating func member(known name: StaticString, rfc3339 instant: Instant?) {
        guard let instant else { return }
        self.name(name)
        value(rfc3339: instant)
    }
}
