// Finds the tags of a template, one after the other, with line and column. It reads tags as
// swift-mustache's parser does (same delimiters, same characters in names), without recursion.

/// One `{{…}}`.
struct TemplateTag: Sendable {
    enum Kind: Sendable {
        case variable, unescaped, section, inverted, close, comment, partial, delimiter, pragma
        /// No end was found.
        case unclosed
    }

    let kind: Kind
    /// What stands in it, without its sign and the spaces around.
    let content: String
    let line: Int
    let column: Int
    /// Where its braces begin, and where what follows them does, in bytes.
    let start: Int
    let end: Int

    var isDot: Bool { content == "." }
    var isItems: Bool { content == "items" || content == ".items" }

    /// `f(g(name))` as name and [f, g]; nil where it is not well-formed. The name may be empty
    /// behind a filter (`index()`), and nowhere else.
    var expression: (name: String, filters: [String])? {
        guard content.utf8.allSatisfy(Self.isNameByte) else { return nil }
        var words = content.split(separator: "(", omittingEmptySubsequences: false)
        let filters = words.dropLast().map(String.init)
        guard let last = words.popLast() else { return nil }
        let name = last.prefix { $0 != ")" }
        guard last.dropFirst(name.count).count == filters.count,
            last.dropFirst(name.count).allSatisfy({ $0 == ")" }),
            filters.allSatisfy({ !$0.isEmpty && !$0.contains(")") }),
            !(name.isEmpty && filters.isEmpty)
        else { return nil }
        return (String(name), filters)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: ".-_?()*".utf8.contains(byte)
        }
    }
}

/// Reads the tags in order.
struct TemplateScanner {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var lineStart = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func next() -> TemplateTag? {
        let brace = UInt8(ascii: "{")
        while position + 1 < bytes.count {
            if bytes[position] == brace, bytes[position + 1] == brace { return tag() }
            advance()
        }
        return nil
    }

    private mutating func advance() {
        if bytes[position] == UInt8(ascii: "\n") {
            line += 1
            lineStart = position + 1
        }
        position += 1
    }

    private mutating func tag() -> TemplateTag {
        let (line, column, first) = (line, position - lineStart + 1, position)
        var start = position + 2
        let kind = start < bytes.count ? Self.kind(of: bytes[start]) : .variable
        if kind != .variable { start += 1 }
        // `{{{name}}}`, but `{{&name}}`.
        let triple = kind == .unescaped && bytes[start - 1] == UInt8(ascii: "{")
        guard let end = endOfTag(from: start, braces: triple ? 3 : 2) else {
            position = bytes.count
            return TemplateTag(
                kind: .unclosed, content: "", line: line, column: column, start: first,
                end: position)
        }
        let content = String(decoding: bytes[start..<end], as: UTF8.self)
        while position < end + (triple ? 3 : 2) { advance() }
        return TemplateTag(
            kind: kind, content: CleanText.trimmed(content), line: line, column: column,
            start: first, end: position)
    }

    private func endOfTag(from start: Int, braces: Int) -> Int? {
        var end = start
        while end + braces <= bytes.count {
            if bytes[end..<(end + braces)].allSatisfy({ $0 == UInt8(ascii: "}") }) { return end }
            end += 1
        }
        return nil
    }

    private static func kind(of byte: UInt8) -> TemplateTag.Kind {
        switch byte {
        case UInt8(ascii: "#"): .section
        case UInt8(ascii: "^"): .inverted
        case UInt8(ascii: "/"): .close
        case UInt8(ascii: "!"): .comment
        case UInt8(ascii: "{"), UInt8(ascii: "&"): .unescaped
        case UInt8(ascii: ">"), UInt8(ascii: "<"), UInt8(ascii: "$"): .partial
        case UInt8(ascii: "="): .delimiter
        case UInt8(ascii: "%"): .pragma
        default: .variable
        }
    }
}
