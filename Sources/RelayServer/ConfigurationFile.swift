// etc/outcry.yaml → Configuration, or findings with their places, as for rule files. Unknown keys
// are errors with a suggestion; what a later version will have is refused, never ignored.

package import Alerting
import Channels
import Foundation
import Intake
import Storage

/// Reads one configuration file.
package struct ConfigurationFile {
    /// What was read; nil where there is an error among the findings.
    package var configuration: Configuration? { hasErrors ? nil : partial }
    /// What could be read, whatever else is wrong: for the rules that it names.
    package private(set) var partial: Configuration?
    package private(set) var findings: [Finding] = []

    let reader: NodeReader
    let folder: URL
    let placeholders: Placeholders

    /// - Parameter secrets: false for commands that need none: what is missing is no error then.
    /// - Throws: `ConfigurationError` where the file cannot be read at all.
    package init(path: String, secrets: Bool = true) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError("cannot read the configuration \(path)")
        }
        let (text, wrong) = SourceText.read([UInt8](bytes), of: path)
        let document = Document(file: path, text: text)
        reader = NodeReader(document)
        folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        placeholders = Placeholders(folder: folder, isStrict: secrets)
        let read = document.roots.count == 1 ? configuration(document.roots[0]) : nil
        if document.roots.count != 1, reader.errors == 0, wrong == nil {
            reader.error(at: Mark(line: 1, column: 1), "expected one map of settings in this file")
        }
        // The line itself is not shown, as it is of a rule file: a secret may stand on it, and what
        // is written here comes into the journal.
        findings = ([wrong].compactMap { $0 } + reader.findings)
            .sorted { ($0.line, $0.column) < ($1.line, $1.column) }
            .map { finding in
                var finding = finding
                finding.source = ""
                return finding
            }
        partial = read
    }

    package var hasErrors: Bool { findings.contains { $0.severity == .error } }

    /// The configuration, or everything that is wrong with the file.
    /// - Throws: `ConfigurationError`, one finding after the other.
    package func checked() throws -> Configuration {
        guard let configuration else {
            let errors = findings.filter { $0.severity == .error }
            throw ConfigurationError(errors.map(\.text).joined(separator: "\n"))
        }
        return configuration
    }

    // MARK: - The file, key by key

    private static let keys = [
        "listen", "admin", "public_url", "tls", "data", "rules", "rules_watch", "templates",
        "operator", "lateness", "heartbeat", "sources", "channels", "retention", "log",
    ]

    private func configuration(_ node: Node) -> Configuration? {
        guard let top = reader.fields(node, of: "the configuration", known: Self.keys) else {
            return nil
        }
        let data = path(required("data", in: top, "the database file, made if it is missing"))
        let rules = path(required("rules", in: top, "the folder of the rule files"))
        guard let data, let rules else { return nil }
        var result = Configuration(data: data, rules: rules)
        result.origin.file = reader.file
        if let entry = top["listen"] { result.listen = address(entry) ?? result.listen }
        if let entry = top["admin"] { result.admin = address(entry) ?? result.admin }
        if result.listen == result.admin, result.listen.port != 0,
            let entry = top["admin"] ?? top["listen"]
        {
            reader.error(
                at: entry.value.mark,
                "'listen' and 'admin' have the same address, \(result.admin); give one another "
                    + "port")
        }
        if !result.admin.isLoopback, let entry = top["admin"] {
            reader.warning(
                at: entry.value.mark,
                "health and metrics are open to everybody who reaches this address")
        }
        result.publicURL = top["public_url"].flatMap { webURL($0) }
        if result.publicURL != nil, let entry = top["public_url"] {
            reader.warning(
                at: entry.mark,
                "messages will link to /incidents/ID below it, and this version has no such page: "
                    + "leave it out, or answer there yourself")
        }
        result.tls = top["tls"].flatMap { tls($0.value) }
        if let entry = top["rules_watch"] { result.watchesRules = reader.flag(entry.value) ?? true }
        result.templates = path(top["templates"])
        result.operatorContact = top["operator"].flatMap { reader.text($0.value, "a contact") }
        for key in ["operator", "rules", "templates"] {
            result.origin.marks[[key]] = top[key]?.value.mark
        }
        if top["operator"] == nil {
            reader.warning(
                at: top.first, "no 'operator': nobody hears when a message cannot be delivered")
        }
        if let entry = top["lateness"] {
            result.lateness = reader.duration(entry.value, zero: true) ?? result.lateness
            if result.lateness > Memory.keepsRecent {
                reader.error(
                    at: entry.value.mark,
                    "'lateness' is 60 s at most: an event is not kept for longer to be judged again"
                )
            }
        }
        result.heartbeat = top["heartbeat"].flatMap { heartbeat($0.value) }
        readSources(top, into: &result)
        if let entry = top["channels"] { readChannels(entry.value, into: &result) }
        if let entry = top["retention"] { readRetention(entry.value, into: &result) }
        checkReach(result, at: top["retention"]?.value["events"]?.value.mark)
        if let entry = top["log"] { readLog(entry.value, into: &result) }
        return result
    }

    private func readRetention(_ node: Node, into result: inout Configuration) {
        let known = ["events", "incidents", "deliveries", "positions"]
        guard let fields = reader.fields(node, of: "retention", known: known) else { return }
        func days(_ key: String, _ target: WritableKeyPath<Configuration, Duration>) {
            guard let entry = fields[key], let value = reader.duration(entry.value) else { return }
            result[keyPath: target] = value
        }
        days("events", \.retention.events)
        days("incidents", \.retention.incidents)
        days("deliveries", \.retention.deliveries)
        days("positions", \.retention.positions)
    }

    /// - Parameter mark: where it is said how long events are kept; nil: nowhere.
    private func checkReach(_ result: Configuration, at mark: Mark?) {
        for source in result.sources {
            guard let session = source.session, session.overlap > result.retention.reach,
                let mark = mark ?? result.origin.marks[["sources", source.name]]
            else { continue }
            reader.error(
                at: mark,
                "the catch-up of source '\(source.name)' asks for events that 'retention' has "
                    + "removed, and what was told would be told again; keep 'events' for its "
                    + "'overlap' and 25h at least")
        }
    }

    private func readLog(_ node: Node, into result: inout Configuration) {
        guard let fields = reader.fields(node, of: "log", known: ["level", "format"]) else {
            return
        }
        if let entry = fields["level"],
            let word = reader.word(
                entry.value, "a level",
                among: Configuration.LogSettings.Level.allCases.map(\.rawValue))
        {
            result.log.level = .init(rawValue: word) ?? .info
        }
        if let entry = fields["format"],
            let word = reader.word(
                entry.value, "a format",
                among: Configuration.LogSettings.Format.allCases.map(\.rawValue))
        {
            result.log.format = .init(rawValue: word) ?? .text
        }
    }

    private func tls(_ node: Node) -> Configuration.TLSFiles? {
        guard let fields = reader.fields(node, of: "tls", known: ["certificate", "key"]),
            let certificate = path(required("certificate", in: fields, "a PEM file")),
            let key = path(required("key", in: fields, "a PEM file"))
        else { return nil }
        return .init(certificate: certificate, key: key)
    }

    private func heartbeat(_ node: Node) -> Heartbeat? {
        guard let fields = reader.fields(node, of: "heartbeat", known: ["url", "every"]),
            let url = required("url", in: fields, "the page to call").flatMap({ webURL($0) })
        else { return nil }
        let every = fields["every"].flatMap { reader.duration($0.value) } ?? .minutes(5)
        if every < .seconds(1), let entry = fields["every"] {
            reader.error(at: entry.value.mark, "'every' is 1 s at least")
        }
        return Heartbeat(url: url, every: every)
    }
}

extension Node {
    /// An entry of a map; nil where there is none, or this is no map.
    subscript(key: String) -> Entry? { entries.first { $0.key == key } }

    /// Of a map; of anything else none.
    var entries: [Entry] { if case .map(let entries) = value { entries } else { [] } }
}

// MARK: - Words that every part uses

extension ConfigurationFile {
    func required(_ key: String, in fields: NodeReader.Fields, _ what: String) -> Node.Entry? {
        if let entry = fields[key], !entry.value.isMissing { return entry }
        reader.error(at: fields[key]?.mark ?? fields.first, "'\(key)' is missing: \(what)")
        return nil
    }

    /// A text with its placeholders resolved.
    func text(_ entry: Node.Entry, _ what: String) -> String? {
        guard let text = reader.text(entry.value, what) else { return nil }
        do {
            return try placeholders.resolve(text)
        } catch {
            reader.error(at: entry.value.mark, error.message)
            return nil
        }
    }

    /// A text that must not be shown; one that stands in the file itself is a warning.
    func secret(_ entry: Node.Entry) -> Secret? {
        if case .scalar(let text, _) = entry.value.value, text != "none",
            !Placeholders.contains(text)
        {
            reader.warning(
                at: entry.value.mark,
                "'\(entry.key)' is a secret and stands here in the open; use ${env:NAME} or "
                    + "${file:PATH}")
        }
        return text(entry, "a text").map { Secret($0) }
    }

    /// A path, relative to the file's folder.
    func path(_ entry: Node.Entry?) -> String? {
        guard let entry, let text = text(entry, "a path") else { return nil }
        return URL(fileURLWithPath: text, relativeTo: folder).standardizedFileURL.path
    }

    /// A file of PEM certificates, which a server's is verified with.
    func authorities(_ entry: Node.Entry?) -> String? {
        guard let entry, let path = path(entry) else { return nil }
        // A command that needs no secrets may run where the file is not.
        guard placeholders.isStrict, case .scalar(let written, _) = entry.value.value else {
            return path
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            reader.error(at: entry.value.mark, "cannot read the file \(written)")
            return nil
        }
        guard Authorities.areReadable([UInt8](bytes)) else {
            reader.error(
                at: entry.value.mark, "there are no PEM certificates in the file \(written)")
            return nil
        }
        return path
    }

    func address(_ entry: Node.Entry) -> Address? {
        guard let text = text(entry, "an address such as 127.0.0.1:8642") else { return nil }
        if placeholders.isOpen(text) { return nil }
        guard let address = Address(text) else {
            reader.error(at: entry.value.mark, "expected host:port, such as 127.0.0.1:8642")
            return nil
        }
        return address
    }

    func webURL(_ entry: Node.Entry) -> String? {
        guard let text = text(entry, "an address such as https://example.org") else { return nil }
        if placeholders.isOpen(text) { return text }
        guard let parts = URLComponents(string: text), parts.host?.isEmpty == false,
            let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme)
        else {
            reader.error(at: entry.value.mark, "expected http://… or https://…")
            return nil
        }
        // One server however its host is written: it is the name space of its ids.
        let rest = text.dropFirst(scheme.count + 3)
        var authority = rest.prefix { !"/?#".contains($0) }.lowercased()
        let path = rest.dropFirst(authority.count)
        let usual = scheme == "https" ? ":443" : ":80"
        if authority.hasSuffix(usual) { authority.removeLast(usual.count) }
        let url = "\(scheme)://\(authority)\(path)"
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }
}
