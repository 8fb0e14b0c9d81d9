// A template as the relay renders it: names and filters resolved to numbers, text as bytes, written
// straight into one buffer. swift-mustache, which defines what a template means, takes 20 µs for a
// message, three quarters of it in dynamic casts (docs/decisions/0017). This gives the same bytes
// for what TemplateCheck lets pass; what it does not cover is left to the library.

struct TemplateProgram: Sendable {
    /// A step of the program. Plain numbers, for each is looked at by copy: what it says stands in
    /// the lists below.
    fileprivate struct Node {
        enum Kind { case text, value, section, inverted }

        var kind: Kind
        /// Of a text: which of `bytes`.
        var text = 0..<0
        var expression = Expression()
        /// Of a section: behind its body, which follows it.
        var end = 0
    }

    /// `filter(filter(name.name))`.
    fileprivate struct Expression {
        var start = Start.top
        /// The names behind the first one: which of `names`.
        var path = 0..<0
        /// The innermost first: which of `filters`.
        var filters = 0..<0

        enum Start {
            /// `.`
            case top
            /// `.name`: of what is on top, and of nothing around it.
            case topsOwn(TemplateName)
            /// Of the innermost thing that has it.
            case innermost(TemplateName)
            /// Nothing: `last()`.
            case loop
        }
    }

    fileprivate var nodes: [Node] = []
    fileprivate var bytes: [UInt8] = []
    fileprivate var names: [TemplateName] = []
    fileprivate var filters: [TemplateFilter] = []
    fileprivate let escaping: TemplateEscaping

    /// - Parameter text: of a template without findings.
    /// - Returns: nil where the library must render it.
    init?(_ text: String, _ escaping: TemplateEscaping) {
        // The library reads characters: a brace or a line feed that is joined to what stands
        // behind it (an accent, CRLF) is another character. Its line feeds are more than one, too.
        guard text.allSatisfy({ $0.isASCII ? $0 != "\r\n" && $0 != "\r" : !Self.mayMislead($0) })
        else { return nil }
        self.escaping = escaping
        var parser = TemplateParser(text)
        guard parser.parse(inside: nil, onNewLine: true, into: &self) else { return nil }
    }

    private static func mayMislead(_ character: Character) -> Bool {
        character.isNewline || character.unicodeScalars.first?.isASCII == true
    }

    func render(_ view: MessageView) -> String {
        String(capacity: 1_024) { writer in
            var rendering = TemplateRendering(view)
            swap(&rendering.writer, &writer)
            rendering.write(nodes.indices, of: self)
            swap(&rendering.writer, &writer)
        }
    }

    /// nil: a name or filter that is not known.
    fileprivate mutating func expression(_ tag: TemplateTag) -> Expression? {
        guard let (name, filters) = tag.expression else { return nil }
        let names = name.split(separator: ".").map { TemplateName(rawValue: String($0)) }
        let known = names.compactMap(\.self)
        let called = filters.reversed().compactMap { TemplateFilter(rawValue: $0) }
        guard known.count == names.count, called.count == filters.count else { return nil }
        var expression = Expression()
        if let first = known.first {
            expression.start = name.hasPrefix(".") ? .topsOwn(first) : .innermost(first)
        } else {
            expression.start = name == "." ? .top : .loop
        }
        expression.path = Self.add(known.dropFirst(), to: &self.names)
        expression.filters = Self.add(called, to: &self.filters)
        return expression
    }

    fileprivate static func add<T>(_ more: some Sequence<T>, to list: inout [T]) -> Range<Int> {
        let start = list.count
        list += more
        return start..<list.count
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
    /// - Returns: false where the library must render it.
    mutating func parse(
        inside section: TemplateTag?, onNewLine: Bool, into program: inout TemplateProgram
    ) -> Bool {
        var onNewLine = onNewLine
        var indent: ArraySlice<UInt8> = []
        /// Whether the last node is a text that goes on.
        var isInText = false
        func add(_ more: ArraySlice<UInt8>) {
            guard !more.isEmpty else { return }
            let text = TemplateProgram.add(more, to: &program.bytes)
            if isInText {
                let last = program.nodes.count - 1
                program.nodes[last].text = program.nodes[last].text.lowerBound..<text.upperBound
            } else {
                program.nodes.append(.init(kind: .text, text: text))
                isInText = true
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
                guard let expression = program.expression(tag) else { return false }
                program.nodes.append(.init(kind: .value, expression: expression))
                isInText = false
            case .section, .inverted:
                guard let expression = program.expression(tag) else { return false }
                let place = program.nodes.count
                program.nodes.append(
                    .init(
                        kind: tag.kind == .section ? .section : .inverted, expression: expression))
                guard parse(inside: tag, onNewLine: isAlone, into: &program) else { return false }
                program.nodes[place].end = program.nodes.count
                isInText = false
            case .close: return section?.content == tag.content
            case .partial, .delimiter, .pragma, .unclosed: return false
            }
        }
        return section == nil
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
    var writer = ByteWriter()
    private var top = TemplateValue.message
    private var below: [TemplateValue] = []
    /// Only directly inside `{{#items}}`: any other section hides it.
    private var loop: TemplateValue.Loop?

    init(_ view: MessageView) { self.view = view }

    mutating func write(_ nodes: Range<Int>, of program: TemplateProgram) {
        var index = nodes.lowerBound
        while index < nodes.upperBound {
            let node = program.nodes[index]
            index += 1
            switch node.kind {
            case .text:
                program.bytes.withUnsafeBufferPointer {
                    writer.append(UnsafeBufferPointer(rebasing: $0[node.text]))
                }
            case .value:
                if let value = value(of: node.expression, in: program) {
                    program.escaping.append(value.printed, to: &writer)
                }
            case .section:
                write(
                    index..<node.end, of: program, over: value(of: node.expression, in: program))
                index = node.end
            case .inverted:
                write(
                    index..<node.end, of: program, without: value(of: node.expression, in: program))
                index = node.end
            }
        }
    }

    private mutating func write(
        _ body: Range<Int>, of program: TemplateProgram, over value: TemplateValue?
    ) {
        switch value {
        case nil, .flag(false): break
        case .flag(true): write(body, of: program)
        case .items:
            let count = view.facts.delivery.items.count
            for index in 0..<count {
                write(
                    body, of: program, on: .item(index),
                    loop: .init(index: index, isLast: index == count - 1))
            }
        case let value?:
            if !value.isNull { write(body, of: program, on: value, loop: nil) }
        }
    }

    private mutating func write(
        _ body: Range<Int>, of program: TemplateProgram, without value: TemplateValue?
    ) {
        switch value {
        case nil, .flag(false): write(body, of: program)
        case .flag(true): break
        case .items:
            if view.facts.delivery.items.isEmpty { write(body, of: program, on: .items, loop: nil) }
        case let value?:
            if value.isNull { write(body, of: program) }
        }
    }

    private mutating func write(
        _ body: Range<Int>, of program: TemplateProgram, on value: TemplateValue,
        loop: TemplateValue.Loop?
    ) {
        let outer = self.loop
        self.loop = loop
        below.append(top)
        top = value
        write(body, of: program)
        top = below.removeLast()
        self.loop = outer
    }

    private func value(
        of expression: TemplateProgram.Expression, in program: TemplateProgram
    ) -> TemplateValue? {
        guard var value = start(expression.start) else { return nil }
        for place in expression.path {
            guard let next = view.member(program.names[place], of: value) else { return nil }
            value = next
        }
        for place in expression.filters {
            guard let next = view.filtered(value, by: program.filters[place]) else { return nil }
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
