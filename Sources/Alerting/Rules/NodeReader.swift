// Reads nodes into values, and notes a finding for what is not as it should be. Each function gives
// nil once it has complained, so that callers go on and every error of a file is said in one run.
// General on purpose: rule files and the configuration are read by the same words.

/// Reads the nodes of one file.
package final class NodeReader {
    package let file: String
    package private(set) var findings: [Finding]
    /// How many errors there are so far, for "has this part gone wrong?".
    package private(set) var errors: Int
    /// Findings beyond `Limits.findings`, which are counted only.
    package private(set) var dropped = 0
    private let text: SourceText
    private let brokenAliases: Set<Mark>
    /// What stands behind several aliases is read several times, and said once.
    private var said: Set<Finding> = []

    /// Takes over what was found when the document was read.
    package init(_ document: Document) {
        file = document.file
        text = document.text
        brokenAliases = document.brokenAliases
        findings = document.findings
        errors = document.findings.filter { $0.severity == .error }.count
    }

    // MARK: - Findings

    package func error(at mark: Mark, _ message: String, suggestion: String? = nil) {
        errors += 1
        note(.error, mark, message, suggestion)
    }

    /// For what the language has and this version has not: refused by name, never ignored, in the
    /// words that the contract asks for.
    package func notSupported(_ what: String, at mark: Mark) {
        error(at: mark, "\(what) is not supported yet")
    }

    package func warning(at mark: Mark, _ message: String, suggestion: String? = nil) {
        note(.warning, mark, message, suggestion)
    }

    private func note(
        _ severity: Finding.Severity, _ mark: Mark, _ message: String, _ suggestion: String?
    ) {
        guard !brokenAliases.contains(mark) else { return }
        guard findings.count < Limits.findings else {
            dropped += 1
            return
        }
        let finding = Finding(
            file: file, line: Int(mark.line), column: Int(mark.column), severity: severity,
            message: message, suggestion: suggestion, source: text.line(Int(mark.line)))
        if said.insert(finding).inserted { findings.append(finding) }
    }

    /// `file:line:column`.
    package func place(_ mark: Mark) -> String { "\(file):\(mark.line):\(mark.column)" }

    // MARK: - Maps and lists

    /// The entries of a map, of which only `known` keys may be there.
    package struct Fields {
        package let mark: Mark
        package let entries: [Node.Entry]
        /// Keys that an unknown one was probably meant to be: they are not missed.
        fileprivate let meant: Set<String>
        /// An entry was complained of when the file was read.
        fileprivate let isTorn: Bool

        package subscript(key: String) -> Node.Entry? { entries.first { $0.key == key } }
        /// Whether it is not there, not even under a misspelt key.
        package func lacks(_ key: String) -> Bool {
            self[key] == nil && !isTorn && !meant.contains(key)
        }
        /// The place of the first key, or of the map: where something missing is said.
        package var first: Mark { entries.first?.mark ?? mark }
    }

    /// - Parameters:
    ///   - what: for messages: `a rule`.
    ///   - known: the keys that there are; nil: any (names).
    ///   - expected: where `known` is nil because the caller looks at them itself: the keys that
    ///     there are.
    package func fields(
        _ node: Node, of what: String, known: [String]?, expected: [String]? = nil
    ) -> Fields? {
        guard case .map(let entries) = node.value else {
            let hint =
                (known ?? expected).map { "; its keys are \(Self.list($0, last: "and"))" } ?? ""
            error(at: node.mark, "\(what) is a map, not \(node.description)\(hint)")
            return nil
        }
        let good = entries.filter { $0.key != Document.ignored }
        var meant: Set<String> = []
        if let known {
            for entry in good where !known.contains(entry.key) {
                unknownKey(entry, of: what, known: known)
                if let nearest = Spelling.nearest(to: entry.key, among: known) {
                    meant.insert(nearest)
                }
            }
        }
        return Fields(
            mark: node.mark, entries: good, meant: meant, isTorn: good.count < entries.count)
    }

    /// Says that a map lacks something, at its first key or at `mark`; not where it is there under
    /// a misspelt key, for that was said.
    package func missing(
        _ keys: String..., in fields: Fields, at mark: Mark? = nil, _ message: String
    ) {
        guard !fields.isTorn, fields.meant.isDisjoint(with: keys) else { return }
        error(at: mark ?? fields.first, message)
    }

    package func unknownKey(_ entry: Node.Entry, of what: String, known: [String]) {
        error(
            at: entry.mark,
            "'\(entry.key.abbreviated)' is no key of \(what); expected \(Self.list(known))",
            suggestion: Spelling.nearest(to: entry.key, among: known))
    }

    /// The items of a list.
    package func list(_ node: Node, of what: String) -> [Node]? {
        guard case .list(let items) = node.value else {
            error(at: node.mark, "expected a list of \(what) in [ ], found \(node.description)")
            return nil
        }
        return items
    }

    /// One item, or a list of them.
    package func oneOrMore(_ node: Node) -> [Node] {
        if case .list(let items) = node.value { items } else { [node] }
    }

    // MARK: - Scalars

    /// Any text but an empty one.
    package func text(_ node: Node, _ what: String) -> String? {
        guard case .scalar(let text, _) = node.value, !text.isEmpty else {
            error(at: node.mark, "expected \(what), found \(node.description)")
            return nil
        }
        return text
    }

    /// One or several texts, none of them empty.
    package func texts(_ node: Node, _ what: String) -> [(text: String, mark: Mark)] {
        oneOrMore(node).compactMap { item in text(item, what).map { ($0, item.mark) } }
    }

    /// `true` or `false`.
    package func flag(_ node: Node, yes: String = "true", no: String = "false") -> Bool? {
        guard case .scalar(let text, _) = node.value, text == yes || text == no else {
            error(
                at: node.mark, "expected \(yes) or \(no), found \(node.description)",
                suggestion: Self.flagMeant(by: node).map { $0 ? yes : no })
            return nil
        }
        return text == yes
    }

    private static func flagMeant(by node: Node) -> Bool? {
        guard case .scalar(let text, _) = node.value else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on", "y": return true
        case "false", "no", "off", "n": return false
        default: return nil
        }
    }

    /// One word of several.
    package func word(_ node: Node, _ what: String, among known: [String]) -> String? {
        guard case .scalar(let text, _) = node.value, known.contains(text) else {
            var suggestion: String?
            if case .scalar(let text, _) = node.value {
                suggestion = Spelling.nearest(to: text, among: known)
            }
            error(
                at: node.mark,
                "expected \(what) (\(Self.list(known))), found \(node.description)",
                suggestion: suggestion)
            return nil
        }
        return text
    }

    /// A number without a unit, for what has none: a count, a degree, an attribute.
    package func number(_ node: Node, _ what: String) -> Double? {
        guard let text = text(node, what) else { return nil }
        guard let value = text.decimal else {
            error(at: node.mark, "expected \(what), found '\(text.abbreviated)'")
            return nil
        }
        return value
    }

    /// A whole number within bounds.
    package func count(_ node: Node, _ what: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(node, what) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            error(
                at: node.mark,
                "expected \(what) from \(range.lowerBound) to \(range.upperBound), "
                    + "found '\(text.abbreviated)'")
            return nil
        }
        return value
    }

    /// Milliseconds, metres, km/h or per cent.
    package func measure(_ node: Node, _ measure: Measure) -> Double? {
        read(node, measure, negative: false)
    }

    /// As `measure`; a bound of a charge may lie below 0 %, where it is never passed.
    func bound(_ node: Node, _ measure: Measure) -> Double? {
        read(node, measure, negative: measure == .share)
    }

    private func read(_ node: Node, _ measure: Measure, negative: Bool) -> Double? {
        guard let text = text(node, measure.example) else { return nil }
        do {
            return try measure.read(text, negative: negative)
        } catch {
            self.error(at: node.mark, error.message)
            return nil
        }
    }

    /// `zero`: whether it may be nothing.
    package func duration(_ node: Node, zero: Bool = false) -> Duration? {
        guard let value = measure(node, .duration) else { return nil }
        guard value > 0 || zero else {
            error(
                at: node.mark, "expected a duration longer than nothing, found \(node.description)")
            return nil
        }
        return .milliseconds(Int64(value.rounded()))
    }

    /// `a, b or c`.
    package static func list(_ words: [String], last: String = "or") -> String {
        guard let final = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " \(last) \(final)"
    }
}
