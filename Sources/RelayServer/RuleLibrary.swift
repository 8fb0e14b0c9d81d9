// From files to a rule set: the only place where rule files, calendars and templates are
// read from the disk. The core gets bytes.

package import Alerting
import Channels
import Foundation

/// Reads the rules and templates that a configuration, or a command, names.
package struct RuleLibrary: Sendable {
    private let paths: [String]
    private let templates: String?
    /// nil: taken as they come.
    private let channels: Set<ChannelName>?
    private let bodies: [(channel: ChannelName, template: String)]
    private let origin: Configuration.Origin
    private let publicURL: String?
    private let operatorName: String?
    private let sourcesWithoutSession: [String]
    /// What stands on the servers; nil: nobody has asked them.
    private let names: ServerNamesBook?

    /// What was read and is right.
    package struct Loaded: Sendable {
        package var book: RuleBook
        package var renderer: Renderer
    }

    /// What was read, right or wrong.
    package struct Read: Sendable {
        package var book: RuleBook
        package var findings: [Finding]
        /// The rule files.
        var texts: [(path: String, text: String)]
        package var files: Int { texts.count }
        var templates: TemplateLibrary
    }

    package init(
        _ configuration: Configuration, paths: [String]? = nil, names: ServerNamesBook? = nil
    ) throws {
        self.names = names
        self.paths = paths ?? [configuration.rules]
        templates = configuration.templates
        channels = configuration.channels
        bodies = configuration.http.sorted { $0.key < $1.key }.compactMap { name, settings in
            settings.bodyTemplate.map { (.http(name), $0) }
        }
        origin = configuration.origin
        publicURL = configuration.publicURL
        operatorName = configuration.operatorContact
        sourcesWithoutSession = configuration.sources.filter { $0.session == nil }.map(\.name)
    }

    /// Without a configuration: templates are looked for in a folder `templates` beside the rules,
    /// for a single file beside it or beside its folder.
    package init(paths: [String]) throws {
        self.paths = paths
        let first = URL(fileURLWithPath: paths.first ?? "rules").standardizedFileURL
        var places = [first.deletingLastPathComponent()]
        if !Self.isFolder(first.path) { places.append(places[0].deletingLastPathComponent()) }
        templates = places.map { $0.appendingPathComponent("templates").path }
            .first(where: Self.isFolder)
        channels = nil
        bodies = []
        origin = Configuration.Origin()
        publicURL = nil
        operatorName = nil
        sourcesWithoutSession = []
        names = nil
    }

    // MARK: - Reading

    /// Everything that can be said about the files, right or wrong.
    /// - Throws: `ConfigurationError` where a path cannot be read at all.
    package func read() throws -> Read {
        let files = try ruleFiles()
        var templateFiles: [(path: String, text: String)] = []
        if let templates { templateFiles = try Self.templateFiles(below: templates) }
        let library = TemplateLibrary(files: templateFiles)
        var surroundings = RuleFile.Surroundings(
            zones: Zones.reader, readFile: { Self.bytes($0) }, templates: Set(library.names),
            channels: channels, hasPublicURL: channels == nil ? nil : publicURL != nil,
            contactsInUse: Set([operatorName].compactMap { $0 }))
        surroundings.sourcesWithoutSession = sourcesWithoutSession
        if let names {
            surroundings.serverGroup = { names.group($0) }
            surroundings.serverCalendar = { names.calendar($0) }
        }
        let outcome = RuleFile.load(files: files, surroundings: surroundings)
        let book = outcome.book
        var findings = outcome.findings
        findings += library.findings.map { finding in
            Finding(
                file: (templates ?? "templates") + "/" + finding.path, line: finding.line,
                column: finding.column, severity: .error, message: finding.message)
        }
        for (channel, template) in bodies where !library.hasBody(template) {
            findings.append(
                origin.finding(
                    .error, at: ["channels", "http", channel.name, "body"],
                    "body of channel \(channel): there is no templates/\(template)/json.mustache"))
        }
        return Read(book: book, findings: findings, texts: files, templates: library)
    }

    /// The rules, ready to run.
    /// - Throws: `RuleErrors` with every error of every file, or `ConfigurationError`.
    package func load() throws -> Loaded {
        let read = try read()
        let errors = read.findings.filter { $0.severity == .error }
        guard errors.isEmpty else { throw RuleErrors(errors) }
        return Loaded(
            book: read.book,
            renderer: Renderer(library: read.templates, publicURL: publicURL, offset: Zones.offset))
    }

    package func operatorContact(of book: RuleBook) throws -> Contact? {
        guard let operatorName else { return nil }
        guard let contact = book.contacts[operatorName] else {
            throw ConfigurationError("operator: the rules have no contact '\(operatorName)'")
        }
        return contact
    }

    /// Changes when a file does.
    package func stamp() -> [String] {
        let roots = paths + [templates].compactMap { $0 }
        return roots.flatMap { root in
            let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String }
            return ([""] + (names ?? [])).map { name in
                let path = name.isEmpty ? root : root + "/" + name
                // A file that goes while we look is a change all the same.
                let facts = try? FileManager.default.attributesOfItem(atPath: path)
                let time = (facts?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
                return "\(path) \(facts?[.size] ?? 0) \(time)"
            }
        }.sorted()
    }

    // MARK: - Files

    private func ruleFiles() throws -> [(path: String, text: String)] {
        var names: [String] = []
        for path in paths {
            if Self.isFolder(path) {
                names += Self.files(below: path, suffix: ".yaml").map { "\(path)/\($0)" }
            } else {
                names.append(path)
            }
        }
        guard !names.isEmpty else {
            throw ConfigurationError(
                "no rule files (*.yaml) below \(paths.joined(separator: ", "))")
        }
        return try names.map { name in
            guard let bytes = Self.bytes(name) else {
                throw ConfigurationError("cannot read the rule file \(name)")
            }
            return (name, String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func templateFiles(below folder: String) throws -> [(path: String, text: String)]
    {
        guard isFolder(folder) else {
            throw ConfigurationError("templates: there is no folder \(folder)")
        }
        return try files(below: folder, suffix: ".mustache").map { name in
            guard let bytes = bytes("\(folder)/\(name)") else {
                throw ConfigurationError("cannot read the template \(folder)/\(name)")
            }
            return (name, String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func files(below folder: String, suffix: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }
        return (names ?? []).filter { name in
            name.hasSuffix(suffix) && !name.split(separator: "/").contains { $0.hasPrefix(".") }
        }.sorted()
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    private static func bytes(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }
}

/// What is wrong with a rule set: why the relay does not start, or does not take an edit.
package struct RuleErrors: Error, CustomStringConvertible {
    package let findings: [Finding]

    init(_ findings: [Finding]) { self.findings = findings }

    /// For the person at the terminal, with the lines themselves.
    package var description: String { said { $0.text } }
    /// For the log, without them.
    var headlines: String { said { $0.headline } }

    private func said(_ words: (Finding) -> String) -> String {
        "the rules have \(findings.count) error\(findings.count == 1 ? "" : "s"):\n"
            + findings.map(words).joined(separator: "\n")
    }
}
