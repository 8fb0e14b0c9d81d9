// `rules` of rule files: one rule, key by key. `when` and `while` stand in files of their own.

extension RuleLoader {
    static let ruleKeys = [
        "id", "enabled", "severity", "devices", "when", "while", "if_unknown", "once_per", "late",
        "notify", "repeat", "clears", "clear_after", "replaces", "unless_open", "group", "digest",
    ]

    /// A rule while it is read.
    struct Draft {
        var rule: Rule
        var fields: NodeReader.Fields
        let reader: NodeReader
        /// Keys that exclude each other, which is said already.
        var excluded: Set<String> = []

        func value(_ key: String) -> Node? { fields[key]?.value }

        /// Of two that exclude each other, of which one is the severity, the second is named.
        func laterOfSeverity(and mark: Mark) -> Mark { max(value("severity")?.mark ?? mark, mark) }
    }

    /// Ids first: rules name each other.
    func readRuleIds(_ items: [(reader: NodeReader, node: Node)]) {
        if items.count > Limits.rules, let last = items.last {
            last.reader.error(
                at: last.node.mark, "the set has more than \(Limits.rules) rules")
        }
        for (reader, node) in items {
            guard case .map(let entries) = node.value,
                let entry = entries.first(where: { $0.key == "id" }),
                case .scalar(let id, _) = entry.value.value, !id.isEmpty
            else { continue }
            let mark = entry.value.mark
            if let first = rules[id] {
                reader.error(
                    at: mark,
                    "the rule '\(id.abbreviated)' is defined twice: here and at "
                        + first.reader.place(first.mark))
            } else {
                rules[id] = (reader, mark)
            }
        }
    }

    func readRules(_ items: [(reader: NodeReader, node: Node)]) {
        book.rules.reserveCapacity(items.count)
        for (reader, node) in items.prefix(Limits.rules) {
            if let rule = readRule(node, reader) { book.rules.append(rule) }
        }
    }

    /// nil: it has an error.
    private func readRule(_ node: Node, _ reader: NodeReader) -> Rule? {
        let errors = reader.errors
        guard let fields = reader.fields(node, of: "a rule", known: Self.ruleKeys) else {
            hasUnreadSteps = true
            return nil
        }
        let id = readId(fields, reader)
        let severity = readSeverity(fields, reader)
        let trigger = readWhen(fields, reader)
        var draft = Draft(
            rule: Rule(id: id ?? "", severity: severity, when: trigger ?? .any([])),
            fields: fields, reader: reader)
        draft.rule.place = reader.place(fields.first)
        if let node = draft.value("enabled") { draft.rule.enabled = reader.flag(node) ?? true }
        if let node = draft.value("devices") { draft.rule.devices = readDevices(node, reader) }
        if let entry = fields["while"] {
            draft.rule.condition = readWhile(entry, reader)
        }
        if let node = draft.value("if_unknown"),
            let fires = reader.flag(node, yes: "fire", no: "quiet")
        {
            draft.rule.firesOnUnknown = fires
            draft.rule.isQuietOutright = !fires
        }
        readOncePer(&draft)
        readLate(&draft)
        readExclusions(&draft)
        readNotify(&draft)
        readClears(&draft)
        if let node = draft.value("clear_after"), let duration = reader.duration(node) {
            draft.rule.clearAfter = duration
        }
        readUnsupported(draft, id: id)
        return reader.errors == errors ? draft.rule : nil
    }

    private func readId(_ fields: NodeReader.Fields, _ reader: NodeReader) -> String? {
        guard let entry = fields["id"] else {
            reader.missing("id", in: fields, "the rule has no 'id'")
            return nil
        }
        guard let id = reader.text(entry.value, "an id such as theft-at-night") else { return nil }
        let isGood = id.utf8.allSatisfy { byte in
            switch byte {
            case 97...122, 48...57, 45: true
            default: false
            }
        }
        guard isGood, id.utf8.count <= 100 else {
            reader.error(
                at: entry.value.mark,
                "the id '\(id.abbreviated)' may have only a-z, 0-9 and '-', and 100 of them",
                suggestion: Self.plainId(id))
            return nil
        }
        return id
    }

    private static func plainId(_ text: String) -> String? {
        let letters = text.lowercased().map { character -> Character in
            character.isASCII && (character.isLetter || character.isNumber) ? character : "-"
        }
        let plain = String(letters.prefix(100))
        return plain.contains { $0 != "-" } ? plain : nil
    }

    private func readSeverity(_ fields: NodeReader.Fields, _ reader: NodeReader) -> Severity {
        guard let entry = fields["severity"] else { return .warning }
        let known = Severity.allCases.map(\.rawValue)
        return reader.word(entry.value, "a severity", among: known)
            .flatMap(Severity.init(rawValue:)) ?? .warning
    }

    // MARK: - Devices

    private func readDevices(_ node: Node, _ reader: NodeReader) -> DeviceSelector {
        if case .list(let items) = node.value, items.isEmpty {
            reader.warning(at: node.mark, "this rule never fires: it covers no device")
            return .matching([])
        }
        var patterns: [String] = []
        var isAll = false
        for (name, mark) in reader.texts(node, "all, a group, or a device's name or uniqueId") {
            if name == "all" {
                isAll = true
            } else if groups[name] != nil {
                // A group that is missing here has an error of its own.
                patterns += groupsRead[name] ?? []
            } else {
                patterns.append(name)
                warnOfMisspeltGroup(name, at: mark, reader)
            }
        }
        return isAll ? .all : .matching(patterns)
    }

    /// Any text may be a device's name, so a misspelt group cannot be known for one; but a name
    /// like a group's, of small letters and hyphens, is hardly anything else.
    private func warnOfMisspeltGroup(_ name: String, at mark: Mark, _ reader: NodeReader) {
        let isLikeAGroup = name.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 }
        guard isLikeAGroup, !isIncomplete, name.utf8.count > 3,
            let nearest = Spelling.nearest(to: name, among: groups.keys)
        else { return }
        reader.warning(
            at: mark, "no group is called '\(name)', so it is taken for a device's name",
            suggestion: nearest)
    }

    // MARK: - How often, how late

    private func readOncePer(_ draft: inout Draft) {
        guard let node = draft.value("once_per") else { return }
        let reader = draft.reader
        guard case .map = node.value else {
            if let duration = readDurationOrNone(node, reader) {
                draft.rule.oncePer = OncePer(duration: duration.value)
            }
            return
        }
        guard let fields = reader.fields(node, of: "once_per", known: ["for", "by"]) else { return }
        guard let forEntry = fields["for"] else {
            reader.missing("for", in: fields, "'once_per' needs a 'for' such as 15m")
            return
        }
        if let duration = readDurationOrNone(forEntry.value, reader) {
            draft.rule.oncePer = OncePer(duration: duration.value)
        }
        guard let by = fields["by"] else { return }
        let known = OncePer.Dimension.allCases.map(\.rawValue)
        let words = reader.oneOrMore(by.value).compactMap { item in
            reader.word(item, "what is counted apart", among: known)
        }
        draft.rule.oncePer.by = Set(words.compactMap(OncePer.Dimension.init(rawValue:)))
        if draft.rule.oncePer.by.isEmpty, reader.oneOrMore(by.value).isEmpty {
            reader.error(at: by.value.mark, "'by' is empty; write [device], or leave it out")
        }
    }

    /// A duration, or `none` (a value of nil).
    private func readDurationOrNone(
        _ node: Node, _ reader: NodeReader
    ) -> (value: Duration?, Void)? {
        if case .scalar("none", _) = node.value { return (nil, ()) }
        guard case .scalar(let text, _) = node.value, !text.isEmpty else {
            reader.error(
                at: node.mark, "expected a duration such as 15m, or none, found \(node.description)"
            )
            return nil
        }
        if ["no", "never", "off", "false"].contains(text.lowercased()) {
            reader.error(
                at: node.mark, "expected a duration such as 15m, or none, found '\(text)'",
                suggestion: "none")
            return nil
        }
        return reader.duration(node).map { ($0, ()) }
    }

    private func readLate(_ draft: inout Draft) {
        guard let node = draft.value("late") else { return }
        let reader = draft.reader
        guard let fields = reader.fields(node, of: "late", known: ["up_to", "then"]) else { return }
        if let entry = fields["up_to"], let duration = reader.duration(entry.value, zero: true) {
            draft.rule.late.upTo = duration
        }
        if let entry = fields["then"] {
            let known = Late.Then.allCases.map(\.rawValue)
            guard
                let word = reader.word(entry.value, "what a late event does", among: known)
                    .flatMap(Late.Then.init(rawValue:))
            else { return }
            if word == .digest, draft.rule.severity == .critical {
                reader.error(
                    at: draft.laterOfSeverity(and: entry.value.mark),
                    "a critical message is never gathered: 'then' is mark or log here")
            }
            draft.rule.late.then = word
        }
        if fields.entries.isEmpty {
            reader.error(at: fields.mark, "'late' is { up_to: 15m, then: mark }")
        }
    }

    // MARK: - Clearing

    private func readClears(_ draft: inout Draft) {
        guard let node = draft.value("clears") else { return }
        let reader = draft.reader
        guard let fields = reader.fields(node, of: "clears", known: ["when", "notify"]) else {
            return
        }
        var clears = Clears()
        if let entry = fields["when"] {
            clears.when = readSimpleTrigger(entry.value, in: "'clears'", takesAny: true, reader)
        }
        if let entry = fields["notify"] { clears.notify = reader.flag(entry.value) ?? false }
        if fields.entries.isEmpty {
            reader.error(at: fields.mark, "'clears' is { when: { … }, notify: true }")
        }
        draft.rule.clears = clears
    }
}
