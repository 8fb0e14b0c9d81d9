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
        let digest = SHA256.hash(data: bytes)
        return digest.withUnsafeBytes { base32($0.prefix(16)) }
    }

    /// RFC 4648 §6 in lower case, without padding.
    private static func base32(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(26)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(letter(buffer >> UInt32(bits) & 31))
            }
        }
        if bits > 0 { text.append(letter(buffer << UInt32(5 - bits) & 31)) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func letter(_ value: UInt32) -> UInt8 {
        UInt8(value < 26 ? 97 + value : 24 + value)
    }
}
