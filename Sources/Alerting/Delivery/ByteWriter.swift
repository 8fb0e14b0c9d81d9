// Text as it is made, byte by byte: messages, JSON, lists in columns. Each delivery is a thousand
// appends, and an array would ask at each whether it is shared. This memory has one owner.

/// A growing run of bytes that cannot be copied. What goes in is UTF-8, so what is read out is.
package struct ByteWriter: ~Copyable {
    // Always room for `capacity` bytes, of which `count` are written.
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0
    private var isOwner: Bool

    package init(capacity: Int) {
        self.capacity = max(16, capacity)
        memory = .allocate(capacity: self.capacity)
        isOwner = true
    }

    /// Over memory that lives longer than the writer; what does not fit goes to memory of its own.
    fileprivate init(over lent: UnsafeMutableBufferPointer<UInt8>) {
        capacity = lent.count
        // Without room, nothing is ever written where it points to.
        memory = lent.baseAddress ?? UnsafeMutablePointer(bitPattern: 1).unsafelyUnwrapped
        isOwner = false
    }

    /// Without memory until something is written.
    package init() { self.init(over: UnsafeMutableBufferPointer(start: nil, count: 0)) }

    deinit { if isOwner { memory.deallocate() } }

    // MARK: Reading

    /// A copy.
    package var bytes: [UInt8] { Array(written) }
    /// A copy.
    package var text: String { String(decoding: written, as: UTF8.self) }

    /// What is written, where it lies: until the next change.
    package var written: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: memory, count: count)
    }

    // MARK: Writing

    /// Starts over, in the same memory unless that is more than `bound`.
    package mutating func removeAll(keepingAtMost bound: Int) {
        count = 0
        if capacity > bound { self = ByteWriter() }
    }

    package mutating func append(_ byte: UInt8) {
        ensure(1)
        memory[count] = byte
        count += 1
    }

    /// Of what is written already.
    package mutating func replaceLast(by byte: UInt8) {
        precondition(count > 0, "nothing is written")
        memory[count - 1] = byte
    }

    package mutating func append(_ text: String) { text.withBytes { append($0) } }

    package mutating func append(literal text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// `"name":` of JSON, behind a comma where it `follows` another member: plain ASCII.
    mutating func append(member name: StaticString, follows: Bool) {
        let length = name.utf8CodeUnitCount
        ensure(length + 4)
        var place = memory + count
        if follows {
            place[0] = UInt8(ascii: ",")
            place += 1
        }
        place[0] = UInt8(ascii: "\"")
        (place + 1).update(from: name.utf8Start, count: length)
        place[length + 1] = UInt8(ascii: "\"")
        place[length + 2] = UInt8(ascii: ":")
        count = place + length + 3 - memory
    }

    package mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

    package mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        ensure(bytes.count)
        (memory + count).update(from: start, count: bytes.count)
        count += bytes.count
    }

    /// The number in decimal digits, with zeros before it where it has fewer than `width`.
    package mutating func append(decimal number: Int64, width: Int = 1) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        var digits = 1
        var power: UInt64 = 10
        while digits < 19, rest >= power {
            digits += 1
            power *= 10
        }
        digits = max(digits, width)
        ensure(digits)
        var place = memory + count + digits
        count += digits
        // Two at once: a division costs more than all that is done with its digits.
        while digits > 1 {
            let (hundreds, pair) = rest.quotientAndRemainder(dividingBy: 100)
            let tens = UInt8(truncatingIfNeeded: pair / 10)
            place -= 2
            place[0] = UInt8(ascii: "0") + tens
            place[1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: pair) - tens * 10
            rest = hundreds
            digits -= 2
        }
        if digits == 1 { place[-1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10) }
    }

    /// RFC 3339 in UTC with milliseconds.
    package mutating func append(rfc3339 instant: Instant) {
        ensure(Instant.rfc3339Length)
        count += instant.writeRFC3339(
            to: UnsafeMutableBufferPointer(
                start: memory + count, count: Instant.rfc3339Length))
    }

    private mutating func ensure(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        capacity = max(16, capacity * 2, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: memory, count: count)
        if isOwner { memory.deallocate() }
        memory = larger
        isOwner = true
    }
}

extension String {
    /// Its UTF-8 where it lies: `withUTF8` counts a reference, because it may change the text.
    @inlinable package func withBytes<Result>(_ read: (UnsafeBufferPointer<UInt8>) -> Result)
        -> Result
    {
        if let result = utf8.withContiguousStorageIfAvailable(read) { return result }
        var text = self
        return text.withUTF8(read)
    }

    /// A text that is made by appending: on the stack, where `capacity` is not far beyond a
    /// thousand and enough.
    package init(capacity: Int = 64, _ write: (inout ByteWriter) -> Void) {
        let capacity = Swift.max(16, capacity)
        self = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { lent in
            var writer = ByteWriter(over: lent)
            write(&writer)
            return writer.text
        }
    }
}

/// Eight bytes of a text looked at together, as one number.
extension UInt64 {
    /// A byte at each of the eight places.
    static func each(_ byte: UInt64) -> UInt64 { 0x0101_0101_0101_0101 &* byte }

    /// Has a bit of `each(0x80)` set where a byte below 0x80 is below `bound`, by the borrow of the
    /// subtraction. Bytes behind such a one may have it too: only zero says something of all.
    func flags(below bound: UInt64) -> UInt64 { (self &- Self.each(bound)) & ~self }
}
