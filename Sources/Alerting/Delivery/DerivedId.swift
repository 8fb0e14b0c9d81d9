// Ids are derived, never drawn: a replayed step gives the same rows, and a receiver that sees an
// id twice knows that it is the same message (DESIGN 5).
internal import Crypto

/// Makes an id out of what something is: the first 128 bits of a SHA-256 in base 32, lower case
/// (26 characters, good in mail headers, URLs and file names).
enum DerivedId {
    static func make(_ parts: String...) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        for part in parts {
            // The length goes first, so that no two lists of parts make the same bytes.
            withUnsafeBytes(of: UInt32(part.utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: part.utf8)
        }
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize().withUnsafeBytes { digest in
            base32(
                high: UInt64(bigEndian: digest.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }

    /// RFC 4648 §6 in lower case, without padding: 128 bits are 25 letters and three bits, which
    /// two zeros fill up to one more.
    private static func base32(high: UInt64, low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 26) { text in
            var (high, low) = (high, low)
            for index in 0..<26 {
                text[index] = letter(high >> 59)
                high = high << 5 | low >> 59
                low <<= 5
            }
            return 26
        }
    }

    private static func letter(_ value: UInt64) -> UInt8 {
        UInt8(value < 26 ? 97 + value : 24 + value)
    }
}
