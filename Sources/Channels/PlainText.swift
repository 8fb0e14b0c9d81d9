// What texts from outside (a device's name, an event's message, a hook's output) may not carry to
// a header, an environment variable or a terminal: control characters, which end a line or start
// an escape sequence, and bidirectional controls, which show a text in another order than it has.
// One list for mail, HTTP and hooks (CONFIG.md, "What a notification is on the wire").

enum PlainText {
    /// Unicode's explicit bidirectional formatting characters (UAX #9, table 1), the three marks
    /// included.
    static func isBidirectionalControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// C0, DEL and C1; the line and paragraph separators too, which some readers break lines at.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x2028, 0x2029: true
        default: false
        }
    }

    /// One line: each run of line breaks and tabs becomes one space, other controls are removed.
    static func line(_ text: String) -> String {
        if isPlainLine(text) { return text }
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\n" || scalar == "\r" || scalar == "\t" {
                if line.last != " ", !line.isEmpty { line.append(" ") }
            } else if !isControl(scalar), !isBidirectionalControl(scalar) {
                line.append(scalar)
            }
        }
        while line.last == " " { line.removeLast() }
        return String(line)
    }

    /// Several lines: line breaks (all as `\n`) and tabs stay, other controls are removed.
    static func lines(_ text: String) -> String {
        var lines = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { previous = scalar }
            if scalar == "\r" || (scalar == "\n" && previous != "\r") {
                lines.append("\n")
            } else if scalar == "\t" || !(isControl(scalar) || isBidirectionalControl(scalar)) {
                lines.append(scalar)
            }
        }
        return String(lines)
    }

    /// The longest beginning of `text` that has at most `bytes` bytes and ends at a character.
    static func prefix(_ text: String, bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        var end = text.startIndex
        var size = 0
        for index in text.indices {
            size += text[index].utf8.count
            guard size <= bytes else { break }
            end = text.index(after: index)
        }
        return String(text[..<end])
    }

    /// Printable ASCII needs no second look: nearly every text is such.
    private static func isPlainLine(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}
