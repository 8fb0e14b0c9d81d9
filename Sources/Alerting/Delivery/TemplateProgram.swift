// A template as the relay renders it: names and filters resolved to numbers, text as bytes, written
// straight into one buffer. swift-mustache, which defines what a template means, takes 20 µs for a
// message, three quarters of it in dynamic casts (docs/decisions/0017). This gives the same bytes
// for what TemplateCheck lets pass; what it does not cover is left to the library.

struct TemplateProgram: Sendable {
    fileprivate enum Node: Sendable {
        case text([UInt8])
        case value(Expression)
        case section(Expression, [Node])
        case inverted(Expression, [Node])
    }

    /// `filter(filter(name.name))`. A class: a program hands its nodes on by copy.
    fileprivate final class Expression: Sendable {
        let start: Start
        /// The names behind the first one.
        let path: [TemplateName]
        /// The innermost first.
        let filters: [TemplateFilter]

        enum Start: Sendable {
            /// `.`
            case top
            /// `.name`: of what is on top, and of nothing around it.
            case topsOwn(TemplateName)
            /// Of the innermost thing that has it.
            case innermost(TemplateName)
            /// Nothing: `last()`.
            case loop
        }

        init?(_ tag: TemplateTag) {
            guard let (name, filters) = tag.expression else { return nil }
            let names = name.split(separator: ".").map { TemplateName(rawValue: String($0)) }
            let known = names.compactMap(\.self)
            self.filters = filters.reversed().compactMap { TemplateFilter(rawValue: $0) }
            path = Array(known.dropFirst())
            if let first = known.first {
                start = name.hasPrefix(".") ? .topsOwn(first) : .innermost(first)
            } else {
                start = name == "." ? .top : .loop
            }
            guard known.count == names.count, self.filters.count == filters.count else {
                return nil
            }
        }
    }

    fileprivate let nodes: [Node]
    private let escaping: TemplateEscaping

    /// - Parameter text: of a template without findings.
    /// - Returns: nil where the library must render it.
    init?(_ text: String, _ escaping: TemplateEscaping) {
        // The library reads characters: a brace or a line feed that is joined to what stands
        // behind it (an accent, CRLF) is another character. Its line feeds are more than one, too.
        guard text.allSatisfy({ $0.isASCII ? $0 != "\r\n" && $0 != "\r" : !Self.mayMislead($0) })
        else { return nil }
        var parser = TemplateParser(text)
        guard let nodes = parser.parse(inside: nil, onNewLine: true) else { return nil }
        self.nodes = nodes
        self.escaping = escaping
    }

    private static func mayMislead(_ character: Character) -> Bool {
        character.isNewline || character.unicodeScalars.first?.isASCII == true
    }

    func render(_ view: MessageView) -> String {
        String(capacity: 1_024) { writer in
            var rendering = TemplateRendering(view, escaping)
            swap(&rendering.writer, &writer)
            rendering.write(nodes)
            swap(&rendering.writer, &writer)
        }
    }
}

// MARK: - Parsing

/// Cuts a template up as swift-mustache's parser does, with what it makes of lines that hold
/// nothing but a section's tag or a comment.
private struct TemplateParser {
    private let bytes: [UInt8]
    private var tags: [TemplateTag] = []
    private var position = 0
    private var nextTag = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
        var scanner = TemplateScanner(text)
        while let tag = scanner.next() { tags.append(tag) }
    }

    /// Up to the tag that closes `section`, or to the end.
    mutating func parse(inside section: TemplateTag?, onNewLine: Bool) -> [TemplateProgram.Node]? {
        var nodes: [TemplateProgram.Node] = []
        var onNewLine = onNewLine
        var indent: ArraySlice<UInt8> = []
        func add(_ more: ArraySlice<UInt8>) {
            guard !more.isEmpty else { return }
            if case .text(let text)? = nodes.last {
                nodes[nodes.count - 1] = .text(text + more)
            } else {
                nodes.append(.text(Array(more)))
            }
        }
        while position < bytes.count {
            if onNewLine { indent = take(while: Self.isBlank) }
            let end = nextTag < tags.count ? tags[nextTag].start : bytes.count
            let text = take(while: { $0 != UInt8(ascii: "\n") }, before: end)
            if position < end {
                add(indent + text + [UInt8(ascii: "\n")])
                position += 1
                onNewLine = true
                continue
            }
            if !text.isEmpty {
                add(indent + text)
                indent = []
                onNewLine = false
            }
            guard position < bytes.count else { break }
            let tag = tags[nextTag]
            nextTag += 1
            position = tag.end
            let isAlone = tag.kind.mayStandAlone && onNewLine && takeRestOfLine()
            if !isAlone, tag.kind != .comment {
                add(indent)
                indent = []
            }
            onNewLine = isAlone
            switch tag.kind {
            case .comment: break
            case .variable, .unescaped:
                guard let expression = TemplateProgram.Expression(tag) else { return nil }
                nodes.append(.value(expression))
            case .section, .inverted:
                guard let expression = TemplateProgram.Expression(tag),
                    let body = parse(inside: tag, onNewLine: isAlone)
                else { return nil }
                nodes.append(
                    tag.kind == .section
                        ? .section(expression, body) : .inverted(expression, body))
            case .close: return section?.content == tag.content ? nodes : nil
            case .partial, .delimiter, .pragma, .unclosed: return nil
            }
        }
        return section == nil ? nodes : nil
    }

    private mutating func take(
        while isWanted: (UInt8) -> Bool, before end: Int? = nil
    ) -> ArraySlice<UInt8> {
        let start = position
        let end = end ?? bytes.count
        while position < end, isWanted(bytes[position]) { position += 1 }
        return bytes[start..<position]
    }

    /// Whether nothing but blanks follows in the line, which are taken then.
    private mutating func takeRestOfLine() -> Bool {
        if position == bytes.count { return true }
        let start = position
        _ = take(while: Self.isBlank)
        if position < bytes.count, bytes[position] == UInt8(ascii: "\n") {
            position += 1
            return true
        }
        position = start
        return false
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
}

extension TemplateTag.Kind {
    fileprivate var mayStandAlone: Bool {
        switch self {
        case .section, .inverted, .close, .comment: true
        case .variable, .unescaped, .partial, .delimiter, .pragma, .unclosed: false
        }
    }
}

// MARK: - Rendering

/// One run of a program: what is on top of what, and what has been written.
private struct TemplateRendering: ~Copyable {
    let view: MessageView
    let escaping: TemplateEscaping
    var writer = ByteWriter()
    private var top = TemplateValue.message
    private var below: [TemplateValue] = []
    /// Only directly inside `{{#items}}`: any other section hides it.
    private var loop: TemplateValue.Loop?

    init(_ view: MessageView, _ escaping: TemplateEscaping) {
        self.view = view
        self.escaping = escaping
    }

    mutating func write(_ nodes: [TemplateProgram.Node]) {
        for node in nodes {
            switch node {
            case .text(let text): writer.append(text)
            case .value(let expression):
                if let value = value(of: expression) { escaping.append(value.printed, to: &writer) }
            case .section(let expression, let body): write(body, over: value(of: expression))
            case .inverted(let expression, let body): write(body, without: value(of: expression))
            }
        }
    }

    private mutating func write(_ body: [TemplateProgram.Node], over value: TemplateValue?) {
        switch value {
        case nil, .flag(false): break
        case .flag(true): write(body)
        case .items:
            let count = view.facts.delivery.items.count
            for index in 0..<count {
                write(
                    body, on: .item(index), loop: .init(index: index, isLast: index == count - 1))
            }
        case let value?:
            if !value.isNull { write(body, on: value, loop: nil) }
        }
    }

    private mutating func write(_ body: [TemplateProgram.Node], without value: TemplateValue?) {
        switch value {
        case nil, .flag(false): write(body)
        case .flag(true): break
        case .items:
            if view.facts.delivery.items.isEmpty { write(body, on: .items, loop: nil) }
        case let value?:
            if value.isNull { write(body) }
        }
    }

    private mutating func write(
        _ body: [TemplateProgram.Node], on value: TemplateValue, loop: TemplateValue.Loop?
    ) {
        let outer = self.loop
        self.loop = loop
        below.append(top)
        top = value
        write(body)
        top = below.removeLast()
        self.loop = outer
    }

    private func value(of expression: TemplateProgram.Expression) -> TemplateValue? {
        guard var value = start(expression.start) else { return nil }
        for name in expression.path {
            guard let next = view.member(name, of: value) else { return nil }
            value = next
        }
        for filter in expression.filters {
            guard let next = view.filtered(value, by: filter) else { return nil }
            value = next
        }
        return value
    }

    private func start(_ start: TemplateProgram.Expression.Start) -> TemplateValue? {
        switch start {
        case .top: return top
        case .topsOwn(let name): return view.member(name, of: top)
        case .innermost(let name):
            if let found = view.member(name, of: top) { return found }
            for value in below.reversed() {
                if let found = view.member(name, of: value) { return found }
            }
            return nil
        case .loop: return loop.map { .loop($0) }
        }
    }
}
