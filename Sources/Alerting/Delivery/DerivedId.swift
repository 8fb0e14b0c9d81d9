// Ids are derived, never drawn: a replayed step gives the same rows, and a receiver that sees an
// id twice knows that it is the same message (DESIGN 5). They begin with their moment, so that
// what is made together lies together in the database (docs/decisions/0016).
internal import Crypto

/// Makes an id out of when and what something is, in the form of a ULID in lower case: 48 bits of
/// milliseconds since 1970 and 80 bits of SHA-256, in Crockford's base 32 (26 characters that sort
/// by time; good in mail headers, URLs and file names).
enum DerivedId {
    /// The first 80 bits of a SHA-256.
    struct Digest: Sendable {
        /// 40 bits each: eight letters.
        fileprivate var first: UInt64
        fileprivate var second: UInt64

        /// Of two that are hashed apart, since each is a part of many ids. They have to be of
        /// different kinds, told apart by their first part: equal ones would cancel each other.
        static func ^ (left: Digest, right: Digest) -> Digest {
            Digest(first: left.first ^ right.first, second: left.second ^ right.second)
        }
    }

    /// - Parameter moment: `now` of the step that makes it: the same in a replay.
    static func make(at moment: Instant, _ parts: String...) -> String {
        make(at: moment, digest(of: parts))
    }

    static func make(at moment: Instant, _ digest: Digest) -> String {
        let milliseconds = UInt64(max(0, min(moment.milliseconds, 1 << 48 - 1)))
        return String(unsafeUninitializedCapacity: 26) { text in
            write(milliseconds, letters: 10, at: 0, text)
            write(digest.first, letters: 8, at: 10, text)
            write(digest.second, letters: 8, at: 18, text)
            return 26
        }
    }

    static func digest(_ parts: String...) -> Digest { digest(of: parts) }

    private static func digest(of parts: [String]) -> Digest {
        // The length goes first, so that no two lists of parts make the same bytes.
        let size = parts.reduce(0) { $0 + 4 + $1.utf8.count }
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 4) { bytes in
            var end = 0
            for part in parts {
                let count = part.utf8.count
                bytes.storeBytes(of: UInt32(count).bigEndian, toByteOffset: end, as: UInt32.self)
                UnsafeMutableRawBufferPointer(rebasing: bytes[(end + 4)...])
                    .copyBytes(from: part.utf8)
                end += 4 + count
            }
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
            return hash.finalize().withUnsafeBytes { hash in
                Digest(
                    first: hash[..<5].reduce(0) { $0 << 8 | UInt64($1) },
                    second: hash[5..<10].reduce(0) { $0 << 8 | UInt64($1) })
            }
        }
    }

    private static func write(
        _ bits: UInt64, letters: Int, at start: Int, _ text: UnsafeMutableBufferPointer<UInt8>
    ) {
        var bits = bits
        for place in (start..<start + letters).reversed() {
            text[place] = alphabet[Int(bits & 31)]
            bits >>= 5
        }
    }

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
}
