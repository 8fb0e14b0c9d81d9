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
        var files: [TemplatePath.Key: CompiledTemplate] = [:]
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
                templates[place.name]?.files[place.key] = checked.template
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
            templates[place.name, default: Template()].files[place.key] =
                CompiledTemplate.make(text, at: place).template
        }
        return templates
    }()

    /// What `message:` may name.
    package var names: [String] { templates.keys.sorted() }

    package func contains(_ name: String) -> Bool { templates[name] != nil }

    /// What `body:` may name: templates that have a `json` part.
    package func hasBody(_ name: String) -> Bool {
        templates[name]?.files.keys.contains { $0.part == .json } ?? false
    }

    /// The part in the contact's language (`de-AT`, then `de`), else the one of no language, else
    /// the English one.
    func part(_ part: TemplatePart, of name: String, language: String) -> CompiledTemplate? {
        guard let files = templates[name]?.files else { return nil }
        func file(_ language: some StringProtocol) -> CompiledTemplate? {
            files[TemplatePath.Key(part: part, language: String(language))]
        }
        let language = language.lowercased()
        return file(language) ?? file(language.prefix { $0 != "-" }) ?? file("") ?? file("en")
    }
}

/// One parsed file.
struct CompiledTemplate: Sendable {
    /// What it means.
    private let mustache: MustacheTemplate
    /// The same, faster; nil where it does not cover the template.
    private let program: TemplateProgram?
    let bytes: Int

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

    func append(_ text: String, to bytes: inout [UInt8]) {
        switch self {
        case .none: bytes.append(contentsOf: text.utf8)
        case .html: Self.appendHTML(text, to: &bytes)
        // What may stand between the quotes of a JSON string.
        case .json: JSONWriter.appendEscaped(text, to: &bytes)
        }
    }

    /// By bytes: swift-mustache's own looks at characters, and a `"` with a combining accent behind
    /// it is another character to Swift, but still the end of an attribute to a browser.
    private static func appendHTML(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): bytes.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "<"): bytes.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): bytes.append(contentsOf: "&gt;".utf8)
            case UInt8(ascii: "\""): bytes.append(contentsOf: "&quot;".utf8)
            case UInt8(ascii: "'"): bytes.append(contentsOf: "&#39;".utf8)
            default: bytes.append(byte)
            }
        }
    }
}

extension TemplateEscaping: MustacheContentType {
    func escapeText(_ text: String) -> String {
        var bytes: [UInt8] = []
        append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
