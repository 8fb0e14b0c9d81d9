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
    /// Not what a command names.
    private let isOfConfiguration: Bool
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

    /// - Parameter hasErrors: the configuration is read in part only: which channels there are is
    ///   not known, and their names are taken as they come.
    package init(
        _ configuration: Configuration, hasErrors: Bool = false, paths: [String]? = nil,
        names: ServerNamesBook? = nil
    ) {
        self.names = names
        self.paths = paths ?? [configuration.rules]
        isOfConfiguration = paths == nil
        templates = configuration.templates
        channels = hasErrors ? nil : configuration.channels
        bodies = configuration.http.sorted { $0.key < $1.key }.compactMap { name, settings in
            settings.bodyTemplate.map { (.http(name), $0) }
        }
        origin = configuration.origin
        publicURL = configuration.publicURL
        operatorName = configuration.operatorContact
        sourcesWithoutSession = configuration.sources.filter { $0.session == nil }.map(\.name)
    }

    /// Without a configuration: templates are looked for in a folder `templates` beside the rules:
    /// beside the files, or beside the folder that they are in.
    package init(paths: [String]) {
        self.paths = paths
        isOfConfiguration = false
        let first = URL(fileURLWithPath: paths.first ?? "rules").standardizedFileURL
        let folder = Self.isFolder(first.path) ? first : first.deletingLastPathComponent()
        let places = [folder, folder.deletingLastPathComponent()]
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
        let (files, wronglyWritten) = try ruleFiles()
        let (library, templateFindings) = try templateLibrary()
        var surroundings = RuleFile.Surroundings(
            zones: Zones.reader, readFile: { Self.bytes($0) },
            templates: library.map { Set($0.names) },
            channels: channels, hasPublicURL: channels == nil ? nil : publicURL != nil,
            contactsInUse: Set([operatorName].compactMap { $0 }))
        surroundings.zoneNames = Zones.names
        surroundings.sourcesWithoutSession = sourcesWithoutSession
        if let names {
            surroundings.serverGroup = { names.group($0) }
            surroundings.serverCalendar = { names.calendar($0) }
        }
        let outcome = RuleFile.load(files: files, surroundings: surroundings)
        let book = outcome.book
        var findings = wronglyWritten + outcome.findings + templateFindings
        for (channel, template) in bodies where library?.hasBody(template) == false {
            findings.append(
                origin.finding(
                    .error, at: ["channels", "http", channel.name, "body"],
                    "body of channel \(channel): there is no templates/\(template)/json.mustache"))
        }
        if let operatorName, book.contacts[operatorName] == nil, !outcome.hasErrors,
            wronglyWritten.isEmpty
        {
            var finding = origin.finding(
                .error, at: ["operator"], "the rules have no contact '\(operatorName)'")
            finding.suggestion = Spelling.nearest(to: operatorName, among: book.contacts.keys)
            findings.append(finding)
        }
        return Read(
            book: book, findings: findings, texts: files, templates: library ?? TemplateLibrary())
    }

    /// The shipped templates and those of the folder, and what is wrong with these; without a
    /// library where the folder is not there, so that no rule is said to name what is not.
    private func templateLibrary() throws -> (TemplateLibrary?, [Finding]) {
        guard let templates else { return (TemplateLibrary(), []) }
        guard Self.isFolder(templates) else {
            return (
                nil,
                [origin.finding(.error, at: ["templates"], "there is no folder \(templates)")]
            )
        }
        var findings: [Finding] = []
        let files = try Self.files(below: templates, suffix: ".mustache").map { name in
            let path = "\(templates)/\(name)"
            guard let bytes = Self.bytes(path) else {
                throw ConfigurationError("cannot read the template \(path)")
            }
            let (text, finding) = SourceText.read(bytes, of: path)
            findings += [finding].compactMap { $0 }
            return (path: name, text: text)
        }
        let library = TemplateLibrary(files: files)
        findings += library.findings.map { finding in
            Finding(
                file: templates + "/" + finding.path, line: finding.line,
                column: finding.column, severity: .error, message: finding.message)
        }
        return (library, findings)
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

    /// Who hears of trouble of the relay's own; nil: nobody. One that the rules do not have is an
    /// error of theirs.
    package func operatorContact(of book: RuleBook) -> Contact? {
        operatorName.flatMap { book.contacts[$0] }
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

    /// Each once, however often it is named, and what is wrong with how they are written.
    private func ruleFiles() throws -> ([(path: String, text: String)], [Finding]) {
        var names: [String] = []
        var seen: Set<String> = []
        for path in paths {
            let found =
                Self.isFolder(path)
                ? Self.files(below: path, suffix: ".yaml").map { "\(path)/\($0)" } : [path]
            names += found.filter { name in
                seen.insert(URL(fileURLWithPath: name).resolvingSymlinksInPath().path).inserted
            }
        }
        let missing =
            names.isEmpty
            ? "no rule files (*.yaml) below \(paths.joined(separator: ", "))"
            : names.first { !FileManager.default.fileExists(atPath: $0) }
                .map { "cannot read the rule file \($0)" }
        if let missing {
            guard isOfConfiguration else { throw ConfigurationError(missing) }
            return ([], [origin.finding(.error, at: ["rules"], missing)])
        }
        var findings: [Finding] = []
        let files = try names.map { name in
            guard let bytes = Self.bytes(name) else {
                throw ConfigurationError("cannot read the rule file \(name)")
            }
            let (text, finding) = SourceText.read(bytes, of: name)
            findings += [finding].compactMap { $0 }
            return (path: name, text: text)
        }
        return (files, findings)
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
        // One that is not of a rule file's line is one line.
        if findings.count == 1, findings[0].source.isEmpty { return words(findings[0]) }
        return
            "the rules have \(findings.count) error\(findings.count == 1 ? "" : "s"):\n"
            + findings.map(words).joined(separator: "\n")
    }
}
