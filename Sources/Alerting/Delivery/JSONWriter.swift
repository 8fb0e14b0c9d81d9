// Writes JSON straight into bytes. It stands on the hot road of every delivery, where Foundation's
// JSONEncoder takes 65 µs for one event (docs/ARCHITECTURE.md): here a whole message is a few
// hundred appends. It only writes: what is read, is read by simdjson or JSONDecoder.

/// Appends JSON to `bytes`. Commas are its own affair: a value or a name after another gets one.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    /// Whether the next value or name follows another one in its object or list.
    private var needsComma = false

    package init(capacity: Int = 1_024) { bytes.reserveCapacity(capacity) }

    // MARK: - Structure

    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        members(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func list<Elements: Sequence>(
        of elements: Elements, _ write: (inout JSONWriter, Elements.Element) -> Void
    ) {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        for element in elements { write(&self, element) }
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// The name of the member whose value comes next: one of ours, plain ASCII, never escaped.
    package mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(
            contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// The same for a name that somebody else chose.
    package mutating func name(ofAttribute name: String) {
        value(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    // MARK: - Values

    package mutating func value(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        Self.appendEscaped(text, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    package mutating func value(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        needsComma = true
    }

    package mutating func value(_ number: Int64) {
        separate()
        bytes.append(decimal: number)
        needsComma = true
    }

    /// What is JSON already.
    package mutating func value(raw json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
        needsComma = true
    }

    /// The shortest text that reads back as the same number. JSON has no infinity and no NaN: they
    /// are 0, so callers leave such values out where that would be a lie.
    package mutating func value(_ number: Double) {
        separate()
        needsComma = true
        guard number.isFinite else {
            bytes.append(UInt8(ascii: "0"))
            return
        }
        // Whole numbers up to 2^53 are exact; Swift would write `48.0`.
        if let whole = Int64(exactly: number), whole.magnitude <= 1 << 53 {
            bytes.append(decimal: whole)
        } else {
            bytes.append(contentsOf: number.description.utf8)
        }
    }

    /// Milliseconds since 1970: how instants are stored.
    package mutating func value(milliseconds instant: Instant) { value(instant.milliseconds) }

    /// RFC 3339 in UTC: how instants go out.
    package mutating func value(rfc3339 instant: Instant) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        instant.appendRFC3339(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    // MARK: - Escaping

    /// What stands between the quotes of a JSON string (RFC 8259 §7). A Swift string is valid UTF-8
    /// already, and all that JSON asks to escape is ASCII: bytes, not characters, decide, so that a
    /// quote with a combining accent behind it is escaped as well.
    package static func appendEscaped(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { source in
            var start = 0
            for index in source.indices where mustEscape(source[index]) {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start..<index]))
                appendEscape(of: source[index], to: &bytes)
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start...]))
        }
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
    }

    private static func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            for digit in [byte >> 4, byte & 15] {
                bytes.append(digit < 10 ? 48 + digit : 87 + digit)
            }
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

extension [UInt8] {
    /// The number in decimal digits, with zeros before it where it has fewer than `width`.
    mutating func append(decimal number: Int64, width: Int = 1) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        // 20 digits hold every UInt64.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var first = 20
            repeat {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0 || 20 - first < width
            append(contentsOf: UnsafeBufferPointer(rebasing: digits[first...]))
        }
    }
}
