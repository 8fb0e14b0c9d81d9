// YAML text → Node, or findings. It reads libyaml's events (which Yams carries) and not Yams' tree,
// for that tree does not say where an alias stands, stops at the first key that is there twice, and
// recurses as deep as the file does. All is bounded: depth, nodes, and what aliases stand for
// (`Limits.yaml…`), so that a small file cannot ask for gigabytes.
import CYaml

/// One YAML file, read.
package struct Document {
    package let file: String
    /// One for each `---` document of the file that holds anything.
    package private(set) var roots: [Node] = []
    package private(set) var findings: [Finding] = []
    /// Whether the rest of the file could not be read: what it defines is not known.
    package private(set) var isCutOff = false

    package let text: SourceText
    private var anchors: [String: (node: Node, size: Int)] = [:]
    /// Maps and lists that stand open.
    private var open: [Open] = []
    private var nodes = 0
    private var aliasNodes = 0
    private var firstAlias: Mark?
    /// Where an alias to nothing stands, which is said: of its value nothing more is to be.
    private(set) var brokenAliases: Set<Mark> = []
    /// Where text in quotes and blocks stands, for tabs that are text.
    private var quoted: [(start: Mark, end: Mark)] = []

    private struct Open {
        var mark: Mark
        var anchor: String?
        var isMap: Bool
        var items: [Node] = []
        var entries: [Node.Entry] = []
        var keys: [String: Mark] = [:]
        /// The key that waits for its value.
        var key: (text: String, mark: Mark)?
        var size = 1
    }

    package init(file: String, text: String) {
        self.file = file
        self.text = SourceText(text)
        guard text.utf8.count <= Limits.ruleFileBytes else {
            let limit = Limits.ruleFileBytes >> 20
            fail(at: Mark(line: 1, column: 1), "the file is larger than \(limit) MiB; split it")
            return
        }
        parse()
        findTabs()
    }

    // MARK: - libyaml

    private mutating func parse() {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            fail(at: Mark(line: 1, column: 1), "there is no memory to read the file")
            return
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        text.bytes.withUnsafeBufferPointer { bytes in
            yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
            var event = yaml_event_t()
            while !isCutOff {
                guard yaml_parser_parse(&parser, &event) == 1 else {
                    explain(parser)
                    return
                }
                let isEnd = event.type == YAML_STREAM_END_EVENT
                take(event)
                yaml_event_delete(&event)
                if isEnd { return }
            }
        }
    }

    private mutating func take(_ event: yaml_event_t) {
        let mark = Mark(event.start_mark)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length),
                as: UTF8.self)
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            if !isPlain { quoted.append((mark, Mark(event.end_mark))) }
            let node = Node(mark: mark, value: .scalar(value, isPlain: isPlain))
            if let anchor = Self.string(scalar.anchor) { anchors[anchor] = (node, 1) }
            add(node, size: 1)
        case YAML_SEQUENCE_START_EVENT:
            push(mark, Self.string(event.data.sequence_start.anchor), isMap: false)
        case YAML_MAPPING_START_EVENT:
            push(mark, Self.string(event.data.mapping_start.anchor), isMap: true)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: pop()
        case YAML_ALIAS_EVENT: addAlias(Self.string(event.data.alias.anchor) ?? "", mark)
        case YAML_DOCUMENT_START_EVENT: anchors = [:]
        default: break
        }
    }

    private static func string(_ pointer: UnsafePointer<yaml_char_t>?) -> String? {
        pointer.map { String(decodingCString: $0, as: UTF8.self) }
    }

    private static func string(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        string(UnsafePointer(pointer))
    }

    // MARK: - The tree

    private mutating func push(_ mark: Mark, _ anchor: String?, isMap: Bool) {
        guard open.count < Limits.yamlDepth else {
            fail(at: mark, "this is nested more than \(Limits.yamlDepth) deep")
            return
        }
        open.append(Open(mark: mark, anchor: anchor, isMap: isMap))
    }

    private mutating func pop() {
        guard let last = open.popLast() else { return }
        let value: Node.Value = last.isMap ? .map(last.entries) : .list(last.items)
        let node = Node(mark: last.mark, value: value)
        if let anchor = last.anchor { anchors[anchor] = (node, last.size) }
        add(node, size: last.size)
    }

    private mutating func addAlias(_ name: String, _ mark: Mark) {
        firstAlias = firstAlias ?? mark
        guard let target = anchors[name] else {
            error(
                at: mark,
                "'*\(name)' is an alias to YAML, and no '&\(name)' stands before it; "
                    + "quote a name that begins with '*': \"*\(name)\"")
            brokenAliases.insert(mark)
            add(Node(mark: mark, value: .scalar("*\(name)", isPlain: false)), size: 1)
            return
        }
        aliasNodes += target.size
        guard aliasNodes <= Limits.yamlAliasNodes else {
            fail(
                at: firstAlias ?? mark,
                "the first alias of many: what the aliases of this file stand for is more than "
                    + "\(Limits.yamlAliasNodes) values; write them out")
            return
        }
        add(target.node, size: target.size, at: mark)
    }

    /// `mark`: where it stands, where that is not where it was written (an alias).
    private mutating func add(_ node: Node, size: Int, at place: Mark? = nil) {
        nodes += 1
        guard nodes <= Limits.yamlNodes else {
            fail(at: node.mark, "the file has more than \(Limits.yamlNodes) values; split it")
            return
        }
        guard var parent = open.popLast() else {
            if !node.isMissing { roots.append(node) }
            return
        }
        parent.size += size
        if !parent.isMap {
            parent.items.append(node)
        } else if let key = parent.key {
            var node = node
            // Nothing has no place of its own: it is missed at its key.
            if node.isMissing { node.mark = key.mark }
            parent.entries.append(Node.Entry(key: key.text, mark: key.mark, value: node))
            parent.key = nil
        } else {
            parent.key = key(from: node, at: place ?? node.mark, in: &parent)
        }
        open.append(parent)
    }

    /// A key that is wrong is noted, and kept under a name that nothing asks for.
    private mutating func key(
        from node: Node, at mark: Mark, in parent: inout Open
    ) -> (text: String, mark: Mark) {
        guard case .scalar(let text, let isPlain) = node.value else {
            error(at: mark, "\(node.description) is no key; a key is a word before a colon")
            return (Self.ignored, mark)
        }
        if text == "<<", isPlain {
            error(at: mark, "'<<' (a merge key) is not read here; write the keys out")
            return (Self.ignored, mark)
        }
        if let first = parent.keys[text] {
            error(
                at: mark,
                "'\(text.abbreviated)' is here twice; it stands at line \(first.line) already")
            return (Self.ignored, mark)
        }
        parent.keys[text] = mark
        return (text, mark)
    }

    /// The key of an entry that was complained of already; readers pass over it.
    package static let ignored = "\u{0}"

    // MARK: - Findings

    private mutating func error(at mark: Mark, _ message: String) {
        guard findings.count < Limits.findings else { return }
        findings.append(
            Finding(
                file: file, line: Int(mark.line), column: Int(mark.column), severity: .error,
                message: message, source: text.line(Int(mark.line))))
    }

    /// An error after which nothing more of the file is read.
    private mutating func fail(at mark: Mark, _ message: String) {
        error(at: mark, message)
        isCutOff = true
        open = []
    }

    private mutating func explain(_ parser: yaml_parser_t) {
        var mark = Mark(parser.problem_mark)
        if parser.error == YAML_READER_ERROR { mark = text.mark(atByte: parser.problem_offset) }
        let problem = parser.problem.map { String(cString: $0) } ?? "it is no YAML"
        let context = parser.context.map { String(cString: $0) } ?? ""
        let explained = YamlProblem.explain(
            problem, context: context, contextMark: Mark(parser.context_mark), mark: mark, text)
        fail(at: explained.mark, explained.message)
    }

    private func isQuoted(_ mark: Mark) -> Bool {
        var low = 0
        var high = quoted.count
        while low < high {
            let middle = (low + high) / 2
            if quoted[middle].start < mark { low = middle + 1 } else { high = middle }
        }
        return low > 0 && mark < quoted[low - 1].end
    }

    /// Tabs outside quotes and comments: YAML takes some and not others, so none is taken here.
    private mutating func findTabs() {
        guard text.bytes.contains(9) else { return }
        var marks: [Mark] = []
        for number in 1...text.lineCount {
            var previous: Unicode.Scalar = " "
            for (offset, character) in text.line(number).unicodeScalars.enumerated() {
                let mark = Mark(line: number, column: offset + 1)
                if character == "\t" || character == "#" {
                    let isText = isQuoted(mark)
                    if !isText, character == "\t" {
                        marks.append(mark)
                        break
                    }
                    if !isText, previous == " " { break }
                }
                previous = character
            }
        }
        for mark in marks.prefix(Limits.findings) {
            // libyaml may have stopped at this very line.
            findings.removeAll { $0.line == Int(mark.line) }
            error(at: mark, "there is a tab here; YAML is indented with blanks")
        }
    }
}

extension Mark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
    }
}
