// Checks the text of a template before it is parsed: every name and filter is one of
// TemplateShape's, everywhere in the file, also where a sample would never come by. It reads the
// tags itself, because swift-mustache keeps its tokens private and knows no line numbers; and it
// refuses what could recurse (partials), switch off the escaping, or grow without bound.

/// Something wrong with a template file.
package struct TemplateFinding: Hashable, Sendable, CustomStringConvertible {
    /// Below the folder: `alarm/text.de.mustache`.
    package var path: String
    /// From 1.
    package var line: Int
    /// From 1, in bytes.
    package var column: Int
    package var message: String
    /// The file cannot be parsed, or not safely.
    package var isStructural = true

    package var description: String { "\(path):\(line):\(column): error: \(message)" }
}

/// Where a file stands and what it is: `NAME/PART[.LANG].mustache`.
struct TemplatePath: Sendable {
    let path: String
    let name: String
    let key: Key
    var part: TemplatePart { key.part }

    struct Key: Hashable, Sendable {
        let part: TemplatePart
        /// In lower case; empty: of no language.
        let language: String
    }

    static func parse(_ path: String) -> ParseResult {
        func wrong(_ why: String) -> ParseResult {
            .failure(TemplateFinding(path: path, line: 1, column: 1, message: why))
        }
        let folders = path.split(separator: "/", omittingEmptySubsequences: false)
        guard folders.count == 2, !folders[0].isEmpty else {
            return wrong("a template stands at NAME/subject|text|html|json[.LANG].mustache")
        }
        let words = folders[1].split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(words.count), words.last == "mustache" else {
            return wrong(
                "'\(folders[1])' is no part of a template; "
                    + "expected subject, text, html or json, then perhaps .LANG, then .mustache")
        }
        guard let part = TemplatePart(rawValue: String(words[0])) else {
            let names = TemplatePart.allCases.map(\.rawValue)
            return wrong(
                "'\(words[0])' is no part of a template"
                    + suggestion(String(words[0]), among: names))
        }
        let name = String(folders[0])
        guard words.count == 3 else {
            return .success(
                TemplatePath(path: path, name: name, key: Key(part: part, language: "")))
        }
        let language = words[1].lowercased()
        guard (2...11).contains(language.utf8.count),
            language.utf8.allSatisfy({ isLetterOrDigit($0) || $0 == UInt8(ascii: "-") })
        else { return wrong("'\(words[1])' is no language; expected one like de or de-AT") }
        return .success(
            TemplatePath(path: path, name: name, key: Key(part: part, language: language)))
    }

    enum ParseResult {
        case success(TemplatePath)
        case failure(TemplateFinding)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}

/// One walk over the tags of one file.
struct TemplateCheck {
    static func findings(in text: String, at place: TemplatePath) -> [TemplateFinding] {
        guard text.utf8.count <= Limits.templateBytes else {
            return [
                TemplateFinding(
                    path: place.path, line: 1, column: 1,
                    message: "a template has at most \(Limits.templateBytes / 1_024) KiB")
            ]
        }
        var check = TemplateCheck(place: place)
        var scanner = TemplateScanner(text)
        while check.findings.count < Limits.templateFindings, let tag = scanner.next() {
            check.see(tag)
        }
        if let open = check.sections.last {
            check.report(open.tag, "'\(open.tag.content)' is not closed", structural: true)
        }
        return check.findings
    }

    private let place: TemplatePath
    private var findings: [TemplateFinding] = []
    /// The sections around the current tag, with what each put on top: nil where a finding has
    /// been made already (its inside is not judged), or an inverted section, which adds nothing.
    private var sections: [(tag: TemplateTag, shape: TemplateShape?, isOpaque: Bool)] = []

    private init(place: TemplatePath) { self.place = place }

    private mutating func report(_ tag: TemplateTag, _ message: String, structural: Bool = false) {
        findings.append(
            TemplateFinding(
                path: place.path, line: tag.line, column: tag.column, message: message,
                isStructural: structural))
    }

    private mutating func see(_ tag: TemplateTag) {
        switch tag.kind {
        case .comment: break
        case .unclosed: report(tag, "'{{' without its '}}'", structural: true)
        case .variable: printed(tag)
        case .unescaped: unescaped(tag)
        case .section, .inverted: open(tag)
        case .close: close(tag)
        case .partial:
            report(tag, "a template cannot include another one", structural: true)
        case .delimiter, .pragma:
            report(
                tag, "'{{\(tag.kind == .pragma ? "%" : "=")' is not supported here",
                structural: true)
        }
    }

    private mutating func printed(_ tag: TemplateTag) {
        guard let shape = resolve(tag), !shape.isValue else { return }
        let members = shape.members.map { tag.isDot ? $0.name : "\(tag.content).\($0.name)" }
        let filters = shape.filters.map { "\($0.name)(\(tag.content))" }
        let ways = (shape == .items ? ["{{#items}}…{{/items}}"] : members) + filters
        report(
            tag,
            "'\(tag.content)' is not a text by itself; use one of "
                + ways.joined(separator: ", "))
    }

    private mutating func unescaped(_ tag: TemplateTag) {
        switch place.part {
        case .subject, .text: printed(tag)
        case .html, .json:
            let hint = place.part == .json ? " (for '{' before a tag write '{ {{')" : ""
            report(
                tag, "'{{{\(tag.content)}}}' is not escaped; use '{{\(tag.content)}}'\(hint)",
                structural: true)
        }
    }

    private mutating func open(_ tag: TemplateTag) {
        guard sections.count < Limits.templateDepth else {
            report(
                tag, "sections are nested more than \(Limits.templateDepth) deep",
                structural: true)
            return
        }
        let shape = resolve(tag)
        if shape == .items, tag.kind == .section {
            if sections.contains(where: { $0.shape == .item && $0.tag.isItems }) {
                report(tag, "'items' inside 'items' would write each of them for each of them")
            }
            sections.append((tag, .item, false))
        } else if tag.kind == .inverted || shape == .flag {
            sections.append((tag, nil, false))
        } else {
            sections.append((tag, shape, shape == nil))
        }
    }

    private mutating func close(_ tag: TemplateTag) {
        guard let open = sections.popLast() else {
            report(tag, "'{{/\(tag.content)}}' closes nothing", structural: true)
            return
        }
        guard open.tag.content == tag.content else {
            report(
                tag,
                "'{{/\(tag.content)}}' where '{{/\(open.tag.content)}}' was expected "
                    + "(opened in line \(open.tag.line))", structural: true)
            return
        }
    }

    // MARK: - Names

    /// The members of `data` that this part can see.
    private var root: TemplateShape.Names {
        TemplateShape.message.members.filter { name, _ in
            // The parts are made in this order; trouble of the relay's own brings its texts along.
            switch (place.part, name) {
            case (.subject, "subject"), (.subject, "text"), (.text, "text"):
                place.name == TemplateFacts.troubleTemplate
            default: true
            }
        }
    }

    private mutating func resolve(_ tag: TemplateTag) -> TemplateShape? {
        guard let (name, filters) = tag.expression else {
            report(tag, "'{{\(tag.content)}}' is not a well-formed tag", structural: true)
            return nil
        }
        guard filters.count <= Limits.templateFilters else {
            report(tag, "more than \(Limits.templateFilters) filters", structural: true)
            return nil
        }
        // Inside something that is wrong already, nothing can be known.
        if sections.contains(where: \.isOpaque) { return nil }
        guard var shape = look(up: name, tag, isBare: filters.isEmpty) else { return nil }
        // The innermost filter comes first.
        for filter in filters.reversed() {
            guard let next = shape.filtered(by: filter) else {
                let known = shape.filters.map(\.name)
                report(
                    tag,
                    "unknown filter '\(filter)' of \(describe(shape))"
                        + suggestion(filter, among: known))
                return nil
            }
            shape = next
        }
        return shape
    }

    private mutating func look(up name: String, _ tag: TemplateTag, isBare: Bool) -> TemplateShape?
    {
        let top = sections.last { $0.shape != nil }?.shape ?? .message
        if name == "." { return top }
        if name.isEmpty, !isBare {
            // Flags and inverted sections keep the loop; anything else hides it.
            guard let last = sections.last(where: { $0.shape != nil }), last.tag.isItems,
                last.shape == .item
            else {
                report(tag, "'\(tag.content)' is known directly inside '{{#items}}' only")
                return nil
            }
            return .loop
        }
        let onlyTop = name.hasPrefix(".")
        let words = name.split(separator: ".", omittingEmptySubsequences: false)
            .dropFirst(onlyTop ? 1 : 0).map(String.init)
        let scopes = sections.reversed().compactMap { $0.shape?.members } + [root]
        let searched = onlyTop ? Array(scopes.prefix(1)) : scopes
        guard let first = words.first,
            var shape = searched.lazy.compactMap({ $0.first { $0.name == first }?.shape }).first
        else {
            report(tag, unknown(name, scopes: searched))
            return nil
        }
        for (index, word) in words.enumerated().dropFirst() {
            guard let next = shape.member(word) else {
                let path = words[..<index].joined(separator: ".")
                let names = shape.members.map { "\(path).\($0.name)" }
                report(tag, "unknown variable '\(name)'" + suggestion(name, among: names))
                return nil
            }
            shape = next
        }
        return shape
    }

    private func unknown(_ name: String, scopes: [TemplateShape.Names]) -> String {
        if name.hasPrefix("data.") {
            return "unknown variable '\(name)'; the members of 'data' are named directly: "
                + "'\(name.dropFirst(5))'"
        }
        var known: [String] = []
        for (word, shape) in scopes.joined() {
            known.append(word)
            known += shape.members.map { "\(word).\($0.name)" }
        }
        return "unknown variable '\(name)'" + suggestion(name, among: known)
    }

    private func describe(_ shape: TemplateShape) -> String {
        switch shape {
        case .message: "the message"
        case .items: "items"
        case .item: "an item"
        case .incident: "an incident"
        case .device: "a device"
        case .event: "an event"
        case .position: "a position"
        case .text: "a text"
        case .word: "a word"
        case .time: "a time"
        case .number: "a number"
        case .flag: "a yes or no"
        case .loop, .index: "a loop"
        }
    }
}

// MARK: - Suggestions

/// `; did you mean 'x'?`, or what there is, or nothing where there is nothing.
private func suggestion(_ word: String, among names: [String]) -> String {
    let near = names.map { (name: $0, distance: distance(word, $0)) }
        .min { $0.distance < $1.distance }
    if let near, near.distance <= max(1, min(word.utf8.count, 64) / 3) {
        return "; did you mean '\(near.name)'?"
    }
    guard !names.isEmpty else { return "" }
    return "; expected one of " + names.prefix(12).joined(separator: ", ")
}

/// Levenshtein's, of the first 64 bytes, without regard to case.
private func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.lowercased().utf8.prefix(64))
    let right = Array(right.lowercased().utf8.prefix(64))
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let replaced = diagonal + (a == b ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
