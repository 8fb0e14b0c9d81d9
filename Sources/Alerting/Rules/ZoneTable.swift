// The transitions of one zone as two flat arrays, and how they are read: TZif version 2 or later
// (RFC 8536 §3) with the POSIX TZ string of its footer (§3.3) for the years after the last
// transition. Bytes come from the file system and are not trusted: each read is bounded.

/// From `starts[i]` (seconds since 1970) on, the zone is `offsets[i]` seconds east of UTC.
struct ZoneTable: Sendable {
    /// Ascending; the first is before any instant.
    private(set) var starts: ContiguousArray<Int64>
    private(set) var offsets: ContiguousArray<Int64>

    /// The last year into which the footer's rule is carried: further than any timer waits.
    private static let horizonYear: Int64 = 2_200

    static func fixed(_ offset: Int64) -> ZoneTable {
        ZoneTable(starts: [.min / 4_000], offsets: [offset])
    }

    private init(starts: ContiguousArray<Int64>, offsets: ContiguousArray<Int64>) {
        self.starts = starts
        self.offsets = offsets
    }

    /// The last entry that starts at or before `second`.
    @inline(__always)
    func index(at second: Int64) -> Int {
        starts.withUnsafeBufferPointer { starts in
            var low = 0
            var high = starts.count
            while high - low > 1 {
                let middle = (low + high) / 2
                if starts[middle] <= second { low = middle } else { high = middle }
            }
            return low
        }
    }

    init(tzif bytes: [UInt8]) throws(Zone.Failure) {
        var reader = Reader(bytes: bytes)
        let first = try reader.header()
        guard first.version >= 2 else {
            throw Zone.Failure("is TZif version 1, which ends in 2038; version 2 is needed")
        }
        try reader.skip(first.size(timeBytes: 4))
        let counts = try reader.header()
        var times: [Int64] = []
        for _ in 0..<counts.transitions { times.append(try reader.integer(bytes: 8)) }
        var kinds: [Int] = []
        for _ in 0..<counts.transitions { kinds.append(Int(try reader.byte())) }
        var kindOffsets: [Int64] = []
        for _ in 0..<counts.types {
            kindOffsets.append(try reader.integer(bytes: 4))
            try reader.skip(2)
        }
        try reader.skip(
            counts.characters + counts.leaps * 12 + counts.standard + counts.universal)
        guard let initial = kindOffsets.first, kinds.allSatisfy({ $0 < kindOffsets.count }) else {
            throw Zone.Failure("has a transition to a local time type that it does not define")
        }
        starts = [.min / 4_000]
        offsets = [initial]
        for (time, kind) in zip(times, kinds) where time > .min / 4_000 {
            guard starts.count == 1 || time > starts[starts.count - 1] else {
                throw Zone.Failure("has transitions out of order")
            }
            append(time, kindOffsets[kind])
        }
        let footer = try reader.footer()
        if !footer.isEmpty { try extend(by: PosixZone(footer)) }
    }

    /// Transitions that change nothing (a new abbreviation) are left out.
    private mutating func append(_ time: Int64, _ offset: Int64) {
        guard offset != offsets[offsets.count - 1] else { return }
        starts.append(time)
        offsets.append(offset)
    }

    private mutating func extend(by rule: PosixZone) {
        let last = starts[starts.count - 1]
        guard let summer = rule.summer else {
            append(max(last, -1) + 1, rule.offset)
            return
        }
        let firstYear = max(1_970, Instant.civil(days: Instant.floor(last, 86_400)).year)
        for year in firstYear...max(firstYear, Self.horizonYear) {
            let begins = summer.begins.second(in: year) - rule.offset
            let ends = summer.ends.second(in: year) - summer.offset
            let changes =
                begins < ends
                ? [(begins, summer.offset), (ends, rule.offset)]
                : [(ends, rule.offset), (begins, summer.offset)]
            for (time, offset) in changes where time > last { append(time, offset) }
        }
    }
}

// MARK: - TZif

extension ZoneTable {
    /// Reads big-endian values, and says so where the bytes end too early.
    private struct Reader {
        var bytes: [UInt8]
        var next = 0

        struct Header {
            var version: Int
            var universal = 0
            var standard = 0
            var leaps = 0
            var transitions = 0
            var types = 0
            var characters = 0

            func size(timeBytes: Int) -> Int {
                transitions * (timeBytes + 1) + types * 6 + characters
                    + leaps * (timeBytes + 4) + standard + universal
            }
        }

        mutating func header() throws(Zone.Failure) -> Header {
            guard bytes.count - next >= 44, bytes[next..<(next + 4)].elementsEqual("TZif".utf8)
            else { throw Zone.Failure("is no TZif file") }
            let version = bytes[next + 4]
            next += 20
            var header = Header(version: version == 0 ? 1 : Int(version) - 48)
            header.universal = try count()
            header.standard = try count()
            header.leaps = try count()
            header.transitions = try count()
            header.types = try count()
            header.characters = try count()
            return header
        }

        private mutating func count() throws(Zone.Failure) -> Int {
            let value = try integer(bytes: 4)
            guard value >= 0, value <= bytes.count else {
                throw Zone.Failure("is a TZif file that is cut off")
            }
            return Int(value)
        }

        mutating func byte() throws(Zone.Failure) -> UInt8 {
            guard next < bytes.count else { throw Zone.Failure("is a TZif file that is cut off") }
            next += 1
            return bytes[next - 1]
        }

        mutating func integer(bytes width: Int) throws(Zone.Failure) -> Int64 {
            var value: UInt64 = 0
            for _ in 0..<width { value = value << 8 | UInt64(try byte()) }
            return width == 4
                ? Int64(Int32(truncatingIfNeeded: value)) : Int64(truncatingIfNeeded: value)
        }

        mutating func skip(_ width: Int) throws(Zone.Failure) {
            guard width <= bytes.count - next else {
                throw Zone.Failure("is a TZif file that is cut off")
            }
            next += width
        }

        /// The text between two line ends; empty where the zone has no rule for later years.
        mutating func footer() throws(Zone.Failure) -> String {
            guard try byte() == 10, let end = bytes[next...].firstIndex(of: 10) else {
                throw Zone.Failure("is a TZif file without its footer")
            }
            return String(decoding: bytes[next..<end], as: UTF8.self)
        }
    }
}
