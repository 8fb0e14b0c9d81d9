// What is wrong with a file, where, and what to do about it: the one form in which rule files,
// calendars and the configuration are complained of.

/// One error or warning at one place of one file.
package struct Finding: Hashable, Sendable {
    package var file: String
    /// From 1.
    package var line: Int
    /// From 1, in characters.
    package var column: Int
    package var severity: Severity
    /// A sentence without its full stop; what is wrong first, then what to do.
    package var message: String
    /// The word that was probably meant.
    package var suggestion: String?
    /// The line of the file, for `text`.
    package var source: String

    package enum Severity: String, Sendable, CaseIterable { case error, warning }

    package init(
        file: String, line: Int, column: Int, severity: Severity, message: String,
        suggestion: String? = nil, source: String = ""
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.severity = severity
        self.message = message
        self.suggestion = suggestion
        self.source = source
    }

    /// `file:line:column: error: message; did you mean 'x'?` in one line.
    package var headline: String { "\(place): \(severity.rawValue): \(words)" }

    /// The same for a log, which says by itself how bad it is.
    package var entry: String { "\(place): \(words)" }

    private var place: String { "\(file):\(line):\(column)" }
    private var words: String { message + (suggestion.map { "; did you mean '\($0)'?" } ?? "") }

    /// The headline, and below it the line of the file and a caret.
    package var text: String {
        guard !source.isEmpty else { return headline }
        // Tabs stay, so that the caret stands below its character whatever they are worth.
        let before = source.unicodeScalars.prefix(max(0, column - 1))
        let indent = String(before.map { $0 == "\t" ? "\t" : " " })
        return "\(headline)\n    \(source)\n    \(indent)^"
    }

    /// An array of objects, one a line, for `outcry check --format json`.
    package static func json(_ findings: [Finding]) -> String {
        let objects = findings.map { finding in
            var members = [
                "\"file\": \(quoted(finding.file))", "\"line\": \(finding.line)",
                "\"column\": \(finding.column)",
                "\"severity\": \(quoted(finding.severity.rawValue))",
                "\"message\": \(quoted(finding.message))",
            ]
            if let suggestion = finding.suggestion {
                members.append("\"suggestion\": \(quoted(suggestion))")
            }
            return "  {" + members.joined(separator: ", ") + "}"
        }
        return objects.isEmpty ? "[]" : "[\n" + objects.joined(separator: ",\n") + "\n]"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if scalar.value < 32 {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}

/// Finds the word that was probably meant.
package enum Spelling {
    /// The known word nearest to `word`; nil where none is near.
    package static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        let wanted = Array(word.lowercased().utf8)
        guard wanted.count >= 2, wanted.count <= 64 else { return nil }
        var best: (distance: Int, word: String)?
        for candidate in known {
            let letters = Array(candidate.lowercased().utf8)
            let limit = max(1, min(wanted.count, letters.count) / 3)
            var distance = distance(wanted, letters)
            // A word cut short, or with an ending: `warn`, `vibrations`.
            if wanted.count >= 3, letters.starts(with: wanted) || wanted.starts(with: letters) {
                distance = min(distance, limit)
            }
            guard distance <= limit else { continue }
            // Of two that are as near the first by name, whatever order they come in.
            if best.map({ (distance, candidate) < ($0.distance, $0.word) }) ?? true {
                best = (distance, candidate)
            }
        }
        return best?.word
    }

    /// Insertions, deletions, replacements and swaps of neighbours (Damerau and Levenshtein).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var before: [Int] = []
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row]
            for column in 1...right.count {
                let same = left[row - 1] == right[column - 1]
                var best = min(
                    last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0 : 1))
                if row > 1, column > 1, left[row - 1] == right[column - 2],
                    left[row - 2] == right[column - 1]
                {
                    best = min(best, before[column - 2] + 1)
                }
                current.append(best)
            }
            (before, last) = (last, current)
        }
        return last[right.count]
    }
}
