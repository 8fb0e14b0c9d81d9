// Templates: `NAME/{subject,text,html,json}[.LANG].mustache`, the shipped ones and a user's folder
// that adds to them and replaces them by name. All of them are scanned, checked and parsed when the
// library is made; rendering only looks up. swift-mustache stays inside the Template… files.
import Mustache

/// The parts of a template, by their file names.
package enum TemplatePart: String, Sendable, CaseIterable {
    case subject, text, html, json
}

/// All templates that there are. Made at start and at each reload; never changed.
package struct TemplateLibrary: Sendable {
    /// What is wrong with the user's files, in order of path and line. A file with an error is not
    /// used; its template's other parts are.
    package let findings: [TemplateFinding]
    private let templates: [String: Template]

    private struct Template: Sendable {
        /// A handful, which are looked through faster than hashed: each message asks twice.
        private(set) var files: [(key: TemplatePath.Key, template: CompiledTemplate)] = []

        subscript(part: TemplatePart, language: String) -> CompiledTemplate? {
            for index in files.indices
            where files[index].key.part == part && files[index].key.language == language {
                return files[index].template
            }
            return nil
        }

        mutating func put(_ template: CompiledTemplate?, at key: TemplatePath.Key) {
            files.removeAll { $0.key == key }
            if let template { files.append((key, template)) }
        }
    }

    /// - Parameter files: of the user's folder: path below it and text. A template of the user's
    ///   replaces the shipped one of that name whole, so that no language and no HTML of the old
    ///   one shines through.
    package init(files: [(path: String, text: String)] = []) {
        var findings: [TemplateFinding] = []
        var templates = Self.shipped
        var replaced = Set<String>()
        for (path, text) in files.sorted(by: { $0.path < $1.path }) {
            switch TemplatePath.parse(path) {
            case .failure(let finding): findings.append(finding)
            case .success(let place):
                if replaced.insert(place.name).inserted { templates[place.name] = Template() }
                let checked = CompiledTemplate.make(text, at: place)
                findings += checked.findings
                templates[place.name]?.put(checked.template, at: place.key)
            }
        }
        self.templates = templates
        self.findings = findings
    }

    private static let shipped: [String: Template] = {
        var templates: [String: Template] = [:]
        for (path, text) in shippedTemplates {
            // The shipped ones are checked by a test: nothing is lost here.
            guard case .success(let place) = TemplatePath.parse(path) else { continue }
            templates[place.name, default: Template()]
                .put(CompiledTemplate.make(text, at: place).template, at: place.key)
        }
        return templates
    }()

    /// What `message:` may name.
    package var names: [String] { templates.keys.sorted() }

    package func contains(_ name: String) -> Bool { templates[name] != nil }

    /// What `body:` may name: templates that have a `json` part.
    package func hasBody(_ name: String) -> Bool {
        templates[name]?.files.contains { $0.key.part == .json } ?? false
    }

    /// The part in the contact's language (`de-AT`, then `de`), else the one of no language, else
    /// the English one.
    func part(_ part: TemplatePart, of name: String, language: String) -> CompiledTemplate? {
        guard let template = templates[name] else { return nil }
        if let exact = template[part, language] { return exact }
        let language = language.lowercased()
        if let exact = template[part, language] { return exact }
        if let dash = language.utf8.firstIndex(of: UInt8(ascii: "-")),
            let primary = template[part, String(language[..<dash])]
        {
            return primary
        }
        return template[part, ""] ?? template[part, "en"]
    }
}

/// One parsed file.
final class CompiledTemplate: Sendable {
    /// What it means.
    private let mustache: MustacheTemplate
    /// The same, faster; nil where it does not cover the template.
    private let program: TemplateProgram?
    let bytes: Int

    private init(mustache: MustacheTemplate, program: TemplateProgram?, bytes: Int) {
        self.mustache = mustache
        self.program = program
        self.bytes = bytes
    }

    /// Checks, then parses: the parser recurses with the nesting, so it only sees bounded ones.
    static func make(
        _ text: String, at place: TemplatePath
    ) -> (template: CompiledTemplate?, findings: [TemplateFinding]) {
        let findings = TemplateCheck.findings(in: text, at: place)
        if findings.contains(where: \.isStructural) { return (nil, findings) }
        do {
            _ = contentTypes
            let escaping = TemplateEscaping(place.part)
            // The pragma stands on a line of its own, which leaves nothing behind; line numbers
            // are one more than the file's.
            let pragma = "{{% CONTENT_TYPE: \(escaping.rawValue) }}\n"
            // Behind a brace at the very end its parser looks for more and fails.
            let ended = text + (text.hasSuffix("{") ? "\n" : "")
            let template = CompiledTemplate(
                mustache: try MustacheTemplate(string: pragma + ended),
                program: findings.isEmpty ? TemplateProgram(ended, escaping) : nil,
                bytes: text.utf8.count)
            guard place.part == .json, findings.isEmpty else { return (template, findings) }
            return (template, TemplateBody.findings(of: template, at: place))
        } catch let error as MustacheTemplate.ParserError {
            let finding = TemplateFinding(
                path: place.path, line: max(1, error.context.lineNumber - 1), column: 1,
                message: "this is not a mustache template: \(error.error)")
            return (nil, findings + [finding])
        } catch {
            let finding = TemplateFinding(
                path: place.path, line: 1, column: 1,
                message: "this is not a mustache template: \(error)")
            return (nil, findings + [finding])
        }
    }

    func render(_ view: MessageView) -> String {
        program?.render(view) ?? renderByLibrary(view)
    }

    var isCovered: Bool { program != nil }

    func renderByLibrary(_ view: MessageView) -> String {
        mustache.render(LibraryValue(message: view, value: .message))
    }

    /// swift-mustache knows content types by name, process-wide; the names are ours alone.
    private static let contentTypes: Void = {
        for escaping in [TemplateEscaping.html, .json] {
            MustacheContentTypes.register(escaping, named: escaping.rawValue)
        }
    }()
}

/// What becomes of what a tag prints. The names are those by which swift-mustache knows them.
enum TemplateEscaping: String {
    case none = "TEXT"
    case html = "OUTCRY-HTML"
    case json = "OUTCRY-JSON"

    init(_ part: TemplatePart) {
        switch part {
        case .subject, .text: self = .none
        case .html: self = .html
        case .json: self = .json
        }
    }

    func append(_ text: String, to writer: inout ByteWriter) {
        switch self {
        case .none: writer.append(text)
        case .html: Self.appendHTML(text, to: &writer)
        // What may stand between the quotes of a JSON string.
        case .json: writer.append(escaped: text)
        }
    }

    /// By bytes: swift-mustache's own looks at characters, and a `"` with a combining accent behind
    /// it is another character to Swift, but still the end of an attribute to a browser.
    private static func appendHTML(_ text: String, to writer: inout ByteWriter) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): writer.append(literal: "&amp;")
            case UInt8(ascii: "<"): writer.append(literal: "&lt;")
            case UInt8(ascii: ">"): writer.append(literal: "&gt;")
            case UInt8(ascii: "\""): writer.append(literal: "&quot;")
            case UInt8(ascii: "'"): writer.append(literal: "&#39;")
            default: writer.append(byte)
            }
        }
    }
}

extension TemplateEscaping: MustacheContentType {
    func escapeText(_ text: String) -> String {
        String(capacity: text.utf8.count) { append(text, to: &$0) }
    }
}
