// Names of devices, groups and places are written by strangers. Before they reach a template,
// whatever could fake a line, a header or the direction of the text is taken out, and what is
// absurdly long is cut. The wire form keeps them as they are: JSON escapes them.

/// Makes foreign text harmless in a line of ours.
enum CleanText {
    /// One line: runs of breaks and tabs are a space, other controls and bidirectional marks are
    /// gone; at most `limit` bytes, cut between characters with an ellipsis.
    static func line(_ text: String, limit: Int = Limits.templateFactBytes) -> String {
        clean(text, keepsBreaks: false, limit: limit)
    }

    /// Several lines: line feeds and tabs stay, the rest as in `line`.
    static func lines(_ text: String, limit: Int = Limits.renderedBytes) -> String {
        clean(text, keepsBreaks: true, limit: limit)
    }

    private static func clean(_ text: String, keepsBreaks: Bool, limit: Int) -> String {
        // Nearly every text is short and plain.
        if text.utf8.count <= limit, isPlain(text, keepsBreaks: keepsBreaks) { return text }
        // Cut before as well: a name of a megabyte is not worth looking through to its end.
        let text = cut(text, bytes: limit * 2)
        return cut(filtered(text, keepsBreaks: keepsBreaks), bytes: limit)
    }

    /// A subject: one line without spaces around it, at most so many characters.
    static func subject(_ text: String) -> String {
        let clean = trimmed(line(trimmed(text)))
        // No character is shorter than a byte.
        guard clean.utf8.count > Limits.subjectCharacters,
            clean.count > Limits.subjectCharacters
        else { return clean }
        return clean.prefix(Limits.subjectCharacters - 1) + "…"
    }

    static func trimmed(_ text: String) -> String {
        // Nearly always the ends are ASCII, where a byte is a character.
        let trimmed = text.withBytes { bytes -> String? in
            guard let first = bytes.firstIndex(where: { !isASCIISpace($0) }),
                let last = bytes.lastIndex(where: { !isASCIISpace($0) })
            else { return "" }
            guard bytes[first] < 0x7F, bytes[last] < 0x7F else { return nil }
            if first == 0, last == bytes.count - 1 { return text }
            return String(
                decoding: UnsafeBufferPointer(rebasing: bytes[first...last]), as: UTF8.self)
        }
        if let trimmed { return trimmed }
        guard let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(text[first...last])
    }

    private static func isASCIISpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || 0x09...0x0D ~= byte
    }

    /// Cuts visibly and never inside a scalar, so that what is left is UTF-8.
    static func cut(_ text: String, bytes limit: Int) -> String {
        text.utf8.count > limit ? shortened(text, bytes: limit) : text
    }

    private static func shortened(_ text: String, bytes limit: Int) -> String {
        let ellipsis = "…"
        var end = text.utf8.index(text.startIndex, offsetBy: max(0, limit - ellipsis.utf8.count))
        while text.utf8[end] & 0b1100_0000 == 0b1000_0000 { end = text.utf8.index(before: end) }
        return text[..<end] + ellipsis
    }

    /// Printable ASCII needs no closer look; nearly every text is so.
    private static func isPlain(_ text: String, keepsBreaks: Bool) -> Bool {
        text.withBytes { bytes in
            let raw = UnsafeRawBufferPointer(bytes)
            var index = 0
            while index < raw.count {
                if index + 8 <= raw.count,
                    isPlain(
                        eight: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self),
                        keepsBreaks)
                {
                    index += 8
                    continue
                }
                let byte = raw[index]
                guard byte &- 0x20 <= 0x5E || (keepsBreaks && byte == 0x0A) else { return false }
                index += 1
            }
            return true
        }
    }

    /// Whether each of eight bytes is between 0x20 and 0x7E, or a line feed that is kept. Says no
    /// of some that are (a space behind a line feed): then they are looked at one by one.
    private static func isPlain(eight bytes: UInt64, _ keepsBreaks: Bool) -> Bool {
        let low = UInt64.each(0x7F)
        let above = ((bytes & low) &+ .each(1)) | bytes
        var below = bytes.flags(below: 0x20)
        if keepsBreaks {
            let other = bytes ^ .each(0x0A)
            below &= ((other & low) &+ low) | other
        }
        return (below | above) & .each(0x80) == 0
    }

    private static func filtered(_ text: String, keepsBreaks: Bool) -> String {
        var result = String.UnicodeScalarView()
        var afterBreak = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where keepsBreaks, "\t" where keepsBreaks:
                result.append(scalar)
            case "\r" where keepsBreaks:
                continue
            case "\n", "\r", "\t", "\u{85}", "\u{2028}", "\u{2029}":
                if !afterBreak { result.append(" ") }
                afterBreak = true
                continue
            case _ where isHidden(scalar): continue
            default: result.append(scalar)
            }
            afterBreak = false
        }
        return String(result)
    }

    /// C0, C1, DEL, and what turns the direction of the text around (UAX #9: ALM, LRM, RLM,
    /// embeddings, overrides, isolates).
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
