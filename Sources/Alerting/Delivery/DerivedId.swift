// Ids are derived, never drawn: a replayed step gives the same rows, and a receiver that sees an
// id twice knows that it is the same message (DESIGN 5). They begin with their moment, so that
// what is made together lies together in the database (docs/decisions/0016).
internal import Crypto

/// Makes an id out of when and what something is, in the form of a ULID in lower case: 48 bits of
/// milliseconds since 1970 and the first 80 bits of a SHA-256, in Crockford's base 32 (26
/// characters that sort by time; good in mail headers, URLs and file names).
enum DerivedId {
    /// - Parameter moment: `now` of the step that makes it: the same in a replay.
    static func make(at moment: Instant, _ parts: String...) -> String {
        let digest = digest(of: parts)
        let milliseconds = UInt64(max(0, min(moment.milliseconds, 1 << 48 - 1)))
        return String(unsafeUninitializedCapacity: 26) { text in
            write(milliseconds, letters: 10, at: 0, text)
            digest.withUnsafeBytes { digest in
                // Twice 40 bits, which are eight letters each.
                for half in 0..<2 {
                    let bits = digest[(5 * half)..<(5 * half + 5)].reduce(0) {
                        $0 << 8 | UInt64($1)
                    }
                    write(bits, letters: 8, at: 10 + 8 * half, text)
                }
            }
            return 26
        }
    }

    private static func digest(of parts: [String]) -> SHA256Digest {
        // The length goes first, so that no two lists of parts make the same bytes.
        let size = parts.reduce(0) { $0 + 4 + $1.utf8.count }
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 4) { bytes in
            var end = 0
            for var part in parts {
                part.withUTF8 { text in
                    bytes.storeBytes(
                        of: UInt32(text.count).bigEndian, toByteOffset: end, as: UInt32.self)
                    UnsafeMutableRawBufferPointer(rebasing: bytes[(end + 4)...])
                        .copyMemory(from: UnsafeRawBufferPointer(text))
                    end += 4 + text.count
                }
            }
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
            return hash.finalize()
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
