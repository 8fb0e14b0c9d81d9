// Rule files → a checked RuleBook, or findings: RULES.md in code. One run says everything that is
// wrong in all files. The road: each file becomes nodes (Document), the names of all sections are
// gathered over all files, then each section is read, then RuleCheck looks at the whole. What
// RULES.md defines and this version does not do is read and checked too, and then refused by name:
// a rule that is silently half obeyed is the worst that can happen to its owner.
import Crypto

/// Rule files, read and checked.
package enum RuleFile {
    /// What rule files refer to and do not contain.
    package struct Surroundings: Sendable {
        package var zones: ZoneReader
        /// The bytes of a file (`.ics`), by its path: that in the rule file, put behind the folder
        /// of the rule file where it is relative. nil: there is none.
        package var readFile: @Sendable (_ path: String) -> [UInt8]?
        /// nil: template names are taken as they come.
        package var templates: Set<String>?
        /// The channels of the configuration; nil: channel names are taken as they come.
        package var channels: Set<ChannelName>?
        /// nil: checked without a configuration.
        package var hasPublicURL: Bool?
        /// The names of all zones, of which a misspelt one may be meant.
        package var zoneNames: @Sendable () -> [String] = { [] }
        /// Contacts that the configuration names (`operator`).
        package var contactsInUse: Set<String>
        /// Names of configured sources of which a rule cannot know whether they are silent.
        package var sourcesWithoutSession: [String] = []
        /// The uniqueIds of the devices in a group that is kept on the server; nil: not known.
        package var serverGroup: @Sendable (_ name: String) -> [String]? = { _ in nil }
        /// The iCalendar text of a calendar that is kept on the server; nil: it is not known.
        package var serverCalendar: @Sendable (_ name: String) -> String? = { _ in nil }

        package init(
            zones: @escaping ZoneReader,
            readFile: @escaping @Sendable (_ path: String) -> [UInt8]? = { _ in nil },
            templates: Set<String>? = nil, channels: Set<ChannelName>? = nil,
            hasPublicURL: Bool? = nil, contactsInUse: Set<String> = []
        ) {
            self.zones = zones
            self.readFile = readFile
            self.templates = templates
            self.channels = channels
            self.hasPublicURL = hasPublicURL
            self.contactsInUse = contactsInUse
        }
    }

    /// A set, and all that is wrong with it.
    package struct Outcome: Sendable {
        /// To be used only where there is no error.
        package var book: RuleBook
        /// By file, in the order in which the files were given, then by place.
        package var findings: [Finding]

        package var hasErrors: Bool { findings.contains { $0.severity == .error } }
    }

    /// Reads and checks one set.
    ///
    /// - Parameter files: in the order in which findings are to be listed; a `path` is written into
    ///   findings as it is.
    package static func load(
        files: [(path: String, text: String)], surroundings: Surroundings
    ) -> Outcome {
        let loader = RuleLoader(files: files, surroundings: surroundings)
        loader.load()
        loader.book.hash = hash(files + loader.calendarFiles)
        return Outcome(book: loader.book, findings: loader.allFindings())
    }

    /// 16 hexadecimal digits of SHA-256 over names and texts of rule and calendar files, whatever
    /// folder they stand in.
    private static func hash(_ files: [(path: String, text: String)]) -> String {
        var hasher = SHA256()
        let named = files.map { (name: $0.path.split(separator: "/").last ?? "", text: $0.text) }
        for file in named.sorted(by: { ($0.name, $0.text) < ($1.name, $1.text) }) {
            // Lengths keep "ab" + "c" apart from "a" + "bc".
            hasher.update(data: Array("\(file.name.utf8.count) \(file.text.utf8.count) ".utf8))
            hasher.update(data: Array(file.name.utf8))
            hasher.update(data: Array(file.text.utf8))
        }
        return hasher.finalize().prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 2 ? digits : "0" + digits
        }.joined()
    }
}

/// One run over one set. A class, for everything in it is shared by the readers of all sections.
final class RuleLoader {
    /// Where a name is defined.
    struct Definition {
        var reader: NodeReader
        var entry: Node.Entry
    }
    typealias Names = [String: Definition]

    let surroundings: RuleFile.Surroundings
    var book = RuleBook()
    private(set) var readers: [NodeReader] = []
    private var roots: [(reader: NodeReader, fields: NodeReader.Fields)] = []
    /// Findings in files that are not rule files: calendars.
    var otherFindings: [Finding] = []

    /// A file could not be read to its end: what is not known may be defined in it.
    private(set) var isIncomplete = false

    // The names of each section, over all files.
    private(set) var hours: Names = [:]
    private(set) var calendars: Names = [:]
    private(set) var places: Names = [:]
    private(set) var groups: Names = [:]
    private(set) var contacts: Names = [:]
    var rules: [String: (reader: NodeReader, mark: Mark)] = [:]

    // What was read; a name that is defined and missing here has an error of its own.
    var calendarsRead: [String: Holidays] = [:]
    var calendarFiles: [(path: String, text: String)] = []
    var groupsRead: [String: [String]] = [:]
    var contactsUsed: Set<String> = []
    /// A `notify` could not be read, so whom it tells is not known.
    var hasUnreadSteps = false
    /// `replaces`, for the search for cycles.
    var replacements: [String: [Replacement]] = [:]
    private var zones: [String: Zone?] = [:]
    private var saidThatZoneIsMissing = false

    /// One name in a rule's `replaces`.
    struct Replacement {
        var rule: String
        var target: String
        var reader: NodeReader
        var key: Mark
        var mark: Mark
    }

    static let sections = [
        "version", "timezone", "hours", "calendars", "places", "groups", "contacts", "rules",
        "tests",
    ]

    init(files: [(path: String, text: String)], surroundings: RuleFile.Surroundings) {
        self.surroundings = surroundings
        for file in files {
            let document = Document(file: file.path, text: file.text)
            let reader = NodeReader(document)
            readers.append(reader)
            if document.isCutOff { isIncomplete = true }
            for root in document.roots {
                if let fields = reader.fields(root, of: "a rule file", known: Self.sections) {
                    roots.append((reader, fields))
                }
            }
        }
    }

    func load() {
        readVersion()
        readTimezone()
        hours = names(of: "hours")
        calendars = names(of: "calendars")
        places = names(of: "places")
        groups = names(of: "groups")
        contacts = names(of: "contacts")
        readCalendars()
        readHours()
        readPlaces()
        readGroups()
        let rules = items(of: "rules")
        readRuleIds(rules)
        readContacts()
        readRules(rules)
        for (reader, node) in items(of: "tests") { readScenario(node, reader) }
        checkSet()
    }

    func allFindings() -> [Finding] {
        var all: [Finding] = []
        for reader in readers {
            all += reader.findings.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
            guard reader.dropped > 0 else { continue }
            all.append(
                Finding(
                    file: reader.file, line: 1, column: 1, severity: .error,
                    message: "has \(reader.dropped) more findings, which are not listed"))
        }
        return all + otherFindings
    }

    // MARK: - The head of a file

    private func readVersion() {
        var found = false
        for (reader, fields) in roots {
            guard let entry = fields["version"] else { continue }
            found = true
            guard let text = reader.text(entry.value, "a version") else { continue }
            if text != "1" {
                reader.error(
                    at: entry.value.mark,
                    "version '\(text.abbreviated)' is not known; this program reads version 1")
            }
        }
        if !found, !isIncomplete, let (reader, fields) = roots.first {
            reader.error(at: fields.first, "no file of the set has 'version: 1'")
        }
    }

    private func readTimezone() {
        var first: (name: String, place: String)?
        for (reader, fields) in roots {
            guard let entry = fields["timezone"],
                let name = reader.text(entry.value, "a time zone such as Europe/Vienna")
            else { continue }
            if let first, first.name != name {
                reader.error(
                    at: entry.value.mark,
                    "'timezone' is '\(name.abbreviated)' here and '\(first.name)' at "
                        + "\(first.place); one set has one")
                continue
            }
            first = first ?? (name, reader.place(entry.value.mark))
            if book.timezone == nil {
                book.timezone = zone(name, at: entry.value.mark, reader)
                // Said once, at the name that is not known.
                if book.timezone == nil { saidThatZoneIsMissing = true }
            }
        }
    }

    /// A zone by its IANA name; nil where there is none, which is then said.
    func zone(_ name: String, at mark: Mark, _ reader: NodeReader) -> Zone? {
        do {
            if let zone = try zone(named: name) { return zone }
            reader.error(
                at: mark,
                "'\(name.abbreviated)' is no time zone; write its IANA name, such as Europe/Vienna",
                suggestion: Spelling.nearest(to: name, among: surroundings.zoneNames()))
        } catch {
            reader.error(at: mark, "the data of time zone '\(name.abbreviated)' \(error)")
        }
        return nil
    }

    /// nil: there is no zone of that name.
    func zone(named name: String) throws(Zone.Failure) -> Zone? {
        if let known = zones[name] { return known }
        // The name becomes a path: nothing but the letters of zone names may be in it.
        let isName =
            !name.isEmpty && !name.hasPrefix("/") && !name.contains("..")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122: true
                default: "/_+-".utf8.contains(byte)
                }
            }
        var zone: Zone?
        if name == "UTC" {
            zone = .utc
        } else if isName, let bytes = surroundings.zones(name) {
            zone = try Zone(name: name, tzif: bytes)
        }
        zones[name] = .some(zone)
        return zone
    }

    /// The set's zone, for a clock time or calendar at `mark`; where there is none, that is said
    /// once, and UTC stands in so that reading goes on.
    func setZone(for mark: Mark, _ reader: NodeReader) -> Zone {
        if let zone = book.timezone { return zone }
        if !saidThatZoneIsMissing, !isIncomplete {
            saidThatZoneIsMissing = true
            reader.error(
                at: mark,
                "a clock time needs a zone; write 'timezone: Europe/Vienna' (or yours) at the top")
        }
        return .utc
    }

    // MARK: - Sections

    /// The definitions of a section over all files; a name defined twice is said at the second.
    private func names(of section: String) -> Names {
        var names: Names = [:]
        for (reader, fields) in roots {
            guard let entry = fields[section], !entry.value.isMissing,
                let definitions = reader.fields(entry.value, of: "'\(section)'", known: nil)
            else { continue }
            for definition in definitions.entries {
                if let first = names[definition.key] {
                    reader.error(
                        at: definition.mark,
                        "'\(definition.key.abbreviated)' is defined twice: here and at "
                            + first.reader.place(first.entry.mark))
                } else {
                    names[definition.key] = Definition(reader: reader, entry: definition)
                }
            }
        }
        return names
    }

    private func items(of section: String) -> [(reader: NodeReader, node: Node)] {
        var items: [(reader: NodeReader, node: Node)] = []
        for (reader, fields) in roots {
            guard let entry = fields[section], !entry.value.isMissing else { continue }
            guard let list = reader.list(entry.value, of: section) else {
                hasUnreadSteps = true
                continue
            }
            items += list.map { (reader, $0) }
        }
        return items
    }

    /// Definitions in the order of the files, so that findings and results are always the same.
    func inOrder(_ names: Names) -> [(name: String, definition: Definition)] {
        let order = Dictionary(
            uniqueKeysWithValues: readers.enumerated().map { (ObjectIdentifier($1), $0) })
        return names.map { (name: $0.key, definition: $0.value) }.sorted { left, right in
            let leftFile = order[ObjectIdentifier(left.definition.reader)] ?? 0
            let rightFile = order[ObjectIdentifier(right.definition.reader)] ?? 0
            if leftFile != rightFile { return leftFile < rightFile }
            return left.definition.entry.mark < right.definition.entry.mark
        }
    }

    /// Says that a name is not defined, unless it may stand in a file that could not be read.
    func unknown(
        _ what: String, _ name: String, at mark: Mark, _ reader: NodeReader,
        known: some Sequence<String>
    ) {
        guard !isIncomplete else { return }
        let verb = what == "hours" ? "are" : "is"
        reader.error(
            at: mark, "no \(what) \(verb) called '\(name.abbreviated)'",
            suggestion: Spelling.nearest(to: name, among: known))
    }
}
