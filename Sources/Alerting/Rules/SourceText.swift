// The text of a file by lines, and libyaml's complaints in plain words. Columns are characters as
// libyaml counts them: Unicode scalars.

/// The text of a file; a byte order mark at its start is dropped.
package struct SourceText: Sendable {
    let bytes: [UInt8]
    /// Where each line begins.
    private let starts: [Int]

    package init(_ text: String) { self.init(Array(text.utf8)) }

    private init(_ bytes: [UInt8]) {
        var bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        self.bytes = bytes
        var starts = [0]
        for index in bytes.indices where bytes[index] == 10 { starts.append(index + 1) }
        self.starts = starts
    }

    /// The text of a file, and what is wrong with how it is written: a letter that is no UTF-8 is
    /// another letter than the person meant, and no name with it would be found.
    package static func read(_ bytes: [UInt8], of file: String) -> (text: String, Finding?) {
        func finding(_ mark: Mark, _ message: String) -> Finding {
            Finding(
                file: file, line: Int(mark.line), column: Int(mark.column), severity: .error,
                message: message)
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
            || bytes.prefix(2).contains(0)
        {
            let mark = Mark(line: 1, column: 1)
            return ("", finding(mark, "this file is written as UTF-16; save it as UTF-8"))
        }
        var rest = bytes.makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        var offset = 0
        while true {
            switch parser.parseScalar(from: &rest) {
            case .valid(let scalar): offset += scalar.count
            case .emptyInput: return (String(decoding: bytes, as: UTF8.self), nil)
            case .error:
                let text = SourceText(bytes)
                var wrong = finding(
                    text.mark(atByte: offset),
                    "this letter is not written as UTF-8; save the file as UTF-8")
                wrong.source = text.line(wrong.line)
                return (String(decoding: bytes, as: UTF8.self), wrong)
            }
        }
    }

    var lineCount: Int { starts.count }

    /// The text of a line, from 1, without its end; empty behind the last. Long lines are cut.
    package func line(_ number: Int) -> String {
        guard starts.indices.contains(number - 1) else { return "" }
        var line = bytes[starts[number - 1]...].prefix { $0 != 10 }
        if line.last == 13 { line = line.dropLast() }
        return String(String(decoding: line, as: UTF8.self).prefix(200))
    }

    /// The character at a mark; nil behind the end of its line.
    func character(at mark: Mark) -> Character? {
        guard mark.column >= 1 else { return nil }
        return line(Int(mark.line)).unicodeScalars.dropFirst(Int(mark.column) - 1).first
            .map(Character.init)
    }

    func mark(atByte offset: Int) -> Mark {
        let before = bytes.prefix(max(0, min(offset, bytes.count)))
        let line = before.reduce(into: 1) { $0 += $1 == 10 ? 1 : 0 }
        let start = before.lastIndex(of: 10).map { $0 + 1 } ?? 0
        // Continuation bytes of UTF-8 are no characters of their own.
        let column = before[start...].reduce(into: 1) { $0 += $1 & 0xC0 == 0x80 ? 0 : 1 }
        return Mark(line: line, column: column)
    }
}

/// libyaml's problems, said so that a person who knows no parser can mend the file.
enum YamlProblem {
    static func explain(
        _ problem: String, context: String, contextMark: Mark, mark: Mark, _ text: SourceText
    ) -> (mark: Mark, message: String) {
        let here = text.character(at: mark)
        let before = text.character(at: Mark(line: Int(mark.line), column: Int(mark.column) - 1))
        if before == "$", here == "{" {
            let start = Mark(line: Int(mark.line), column: Int(mark.column) - 1)
            return (start, "'${…}' inside { } must be quoted: \"${…}\", for a brace ends the text")
        }
        if context == "while scanning an alias" {
            return (contextMark, "a text that begins with '*' must be quoted: \"*…\"")
        }
        if context == "while scanning an anchor" {
            return (contextMark, "a text that begins with '&' must be quoted: \"&…\"")
        }
        switch problem {
        case "found character that cannot start any token":
            if here == "\t" { return (mark, "there is a tab here; YAML is indented with blanks") }
            let name = here.map { "'\($0)'" } ?? "this"
            return (mark, "a text that begins with \(name) must be quoted")
        case "found unexpected end of stream", "found unexpected document indicator":
            return (contextMark, "the quote that begins here is not closed")
        case "mapping values are not allowed in this context":
            return (
                mark,
                "there is a ':' where none may be: the line is indented too far, or its text "
                    + "must be quoted"
            )
        case "could not find expected ':'":
            return (
                contextMark, "this has no ':' with a blank behind it; a line here is 'key: value'"
            )
        case "did not find expected key":
            return (
                mark,
                "this is not indented as the keys above it, or a ',' or '\"' is missing before"
            )
        case "did not find expected '-' indicator":
            return (mark, "this is not indented as the '-' of the list above it")
        case "did not find expected ',' or ']'":
            return (
                mark,
                "there is no ',' or ']' here: the list that begins at \(place(contextMark)) "
                    + "is not closed"
            )
        case "did not find expected ',' or '}'":
            return (
                mark, "there is no ',' or '}' here: the '{' at \(place(contextMark)) is not closed"
            )
        case "control characters are not allowed":
            return (mark, "there is a control character here, which no text file may have")
        case "did not find expected <document start>":
            return (mark, "there is text behind the end of the content; is a line not indented?")
        case "did not find expected node content":
            return (
                mark,
                "there is nothing where a value is expected: a ',', '-' or bracket too many, or a "
                    + "text that must be quoted"
            )
        case "did not find expected comment or line break"
        where context == "while scanning a block scalar":
            return (
                mark,
                "'>' and '|' end their line, for they begin a text of several lines; a text that "
                    + "begins with one is quoted"
            )
        case _
        where context == "while parsing a quoted scalar" && problem.contains("escape")
            || problem.contains("hexdecimal"):
            return (
                mark,
                "in double quotes a '\\' stands for another character: write it twice, or quote "
                    + "the text by '…'"
            )
        case _ where problem.contains("max_nest_level"):
            return (mark, "this is nested more than \(Limits.yamlDepth) deep")
        default:
            let where_ = context.isEmpty ? "" : " (\(context))"
            return (mark, "this is no YAML: \(problem)\(where_)")
        }
    }

    private static func place(_ mark: Mark) -> String { "line \(mark.line):\(mark.column)" }
}
