// `notify` of a rule, and the parts of a rule that need timers: those are read and checked as
// RULES.md says, and then refused, because this version does not do them.

extension RuleLoader {
    private static let stepKeys = ["to", "by", "message", "after", "unless"]

    func readNotify(_ draft: inout Draft) {
        let reader = draft.reader
        let isCritical = draft.rule.severity == .critical
        guard let entry = draft.fields["notify"] else {
            if !draft.fields.lacks("notify") {
                hasUnreadSteps = true
            } else if isCritical {
                reader.warning(
                    at: draft.fields.first,
                    "the rule is critical and tells nobody: it has no 'notify'")
            }
            return
        }
        guard let steps = reader.list(entry.value, of: "steps such as { to: owner }") else {
            hasUnreadSteps = true
            return
        }
        if steps.isEmpty, isCritical {
            reader.warning(
                at: entry.value.mark, "the rule is critical and tells nobody: 'notify' is empty")
        }
        for node in steps {
            guard let fields = reader.fields(node, of: "a step of 'notify'", known: Self.stepKeys)
            else {
                hasUnreadSteps = true
                continue
            }
            draft.rule.notify.append(readStep(fields, draft))
        }
    }

    private func readStep(_ fields: NodeReader.Fields, _ draft: Draft) -> NotifyStep {
        let reader = draft.reader
        var step = NotifyStep(to: [])
        if let entry = fields["to"] {
            if case .list(let items) = entry.value.value, items.isEmpty {
                reader.error(at: entry.value.mark, "'to' names nobody")
            }
            step.to = readContactNames(entry.value, reader)
        } else {
            hasUnreadSteps = true
            reader.missing("to", in: fields, "this step has no 'to': the contact that hears")
        }
        if let entry = fields["by"] {
            step.by = readKinds(entry.value, reader)
            checkReach(step, at: entry.value.mark, reader)
        }
        if let entry = fields["message"] {
            step.message = readTemplate(entry.value, reader) ?? step.message
        }
        readAfter(fields, draft)
        return step
    }

    /// Names of contacts that exist.
    /// `counts`: whether being named makes a contact one that is used.
    func readContactNames(
        _ node: Node, _ reader: NodeReader, counts: Bool = true
    ) -> [String] {
        var names: [String] = []
        for (name, mark) in reader.texts(node, "the name of a contact") {
            guard contacts[name] != nil else {
                unknown("contact", name, at: mark, reader, known: contacts.keys)
                // The contact that was meant is not one that nobody uses.
                if let meant = Spelling.nearest(to: name, among: contacts.keys) {
                    contactsUsed.insert(meant)
                }
                continue
            }
            if counts { contactsUsed.insert(name) }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    func readKinds(_ node: Node, _ reader: NodeReader) -> [ChannelName.Kind] {
        let known = ChannelName.Kind.allCases.map(\.rawValue)
        var kinds: [ChannelName.Kind] = []
        for item in reader.oneOrMore(node) {
            guard
                let kind = reader.word(item, "a kind of channel", among: known)
                    .flatMap(ChannelName.Kind.init(rawValue:))
            else { continue }
            if !kinds.contains(kind) { kinds.append(kind) }
        }
        if case .list(let items) = node.value, items.isEmpty {
            reader.error(at: node.mark, "'by' names no channel; leave it out to use all")
        }
        return kinds
    }

    /// Of the channels in `by` those that a contact has are used; none at all is an error.
    private func checkReach(_ step: NotifyStep, at mark: Mark, _ reader: NodeReader) {
        guard let kinds = step.by, !kinds.isEmpty else { return }
        for name in step.to {
            // One that is missing here has an error of its own.
            guard let contact = book.contacts[name] else { continue }
            let has = contact.ways.map(\.channel.kind)
            if !kinds.contains(where: has.contains) {
                let words = ChannelName.Kind.allCases.filter(has.contains).map(\.rawValue)
                reader.error(
                    at: mark,
                    "'\(name)' is not reached by "
                        + NodeReader.list(kinds.map(\.rawValue)) + "; it has "
                        + NodeReader.list(words, last: "and")
                )
            }
        }
    }

    private func readTemplate(_ node: Node, _ reader: NodeReader) -> String? {
        guard let name = reader.text(node, "the name of a template") else { return nil }
        if let templates = surroundings.templates, !templates.contains(name) {
            reader.error(
                at: node.mark, "no template is called '\(name.abbreviated)'",
                suggestion: Spelling.nearest(to: name, among: templates.sorted()))
        }
        return name
    }

    private func readAfter(_ fields: NodeReader.Fields, _ draft: Draft) {
        let reader = draft.reader
        let unless = fields["unless"]
        let errors = reader.errors
        if let unless {
            _ = reader.word(
                unless.value, "what stops the step", among: ["acknowledged", "cleared"])
        }
        guard let after = fields["after"] else {
            if let unless, reader.errors == errors {
                reader.notSupported("'unless'", at: unless.mark)
            }
            return
        }
        if let duration = reader.duration(after.value, zero: true),
            duration >= .days(Limits.incidentExpiryDays)
        {
            reader.warning(
                at: after.value.mark,
                "this step never comes: its incident expires after \(Limits.incidentExpiryDays) d"
            )
        }
        if reader.errors == errors, !draft.excluded.contains("after") {
            reader.notSupported("'after'", at: after.mark)
        }
    }

    // MARK: - What needs timers

    /// What is gathered starts no chain: `group` and `digest` exclude `after` and `repeat`. Of two
    /// that exclude each other the second is named, and neither is refused besides.
    func readExclusions(_ draft: inout Draft) {
        var chain = [draft.fields["repeat"]].compactMap { $0 }
        if case .list(let steps) = draft.value("notify")?.value {
            for case .map(let entries) in steps.map(\.value) {
                chain += entries.filter { $0.key == "after" }.prefix(1)
            }
        }
        for gathering in [draft.fields["group"], draft.fields["digest"]].compactMap({ $0 }) {
            for link in chain {
                draft.reader.error(
                    at: max(gathering.mark, link.mark),
                    "'\(link.key)' and '\(gathering.key)' exclude each other: what is gathered "
                        + "starts no chain")
                draft.excluded.formUnion([link.key, gathering.key])
            }
        }
    }

    /// Everything else of a rule that RULES.md defines.
    func readUnsupported(_ draft: Draft, id: String?) {
        if let entry = draft.fields["repeat"] {
            refuse(entry, draft) { readRepeat(entry, draft) }
        }
        if let entry = draft.fields["replaces"] { readReplaces(entry, draft, id: id) }
        if let entry = draft.fields["unless_open"] {
            refuse(entry, draft) { _ = readRuleName(entry.value, draft.reader) }
        }
        if let entry = draft.fields["group"] {
            refuse(entry, draft) {
                readGathering(entry, draft)
                readGroupWait(entry.value, draft.reader)
            }
        }
        if let entry = draft.fields["digest"] {
            refuse(entry, draft) {
                readGathering(entry, draft)
                readDigest(entry.value, draft.reader)
            }
        }
    }

    /// Refuses what `entry` says, unless reading it has found an error in it.
    private func refuse(_ entry: Node.Entry, _ draft: Draft, _ read: () -> Void) {
        let errors = draft.reader.errors
        read()
        if draft.reader.errors == errors, !draft.excluded.contains(entry.key) {
            draft.reader.notSupported("'\(entry.key)'", at: entry.mark)
        }
    }

    private func readRepeat(_ entry: Node.Entry, _ draft: Draft) {
        let reader = draft.reader
        let keys = ["every", "at_most", "until"]
        guard let fields = reader.fields(entry.value, of: "repeat", known: keys) else { return }
        if let every = fields["every"] {
            _ = reader.duration(every.value)
        } else {
            reader.missing("every", in: fields, "'repeat' needs an 'every' such as 10m")
        }
        if let most = fields["at_most"] {
            _ = reader.count(most.value, "how many repeats", in: 1...12)
        }
        if let until = fields["until"],
            let word = reader.word(
                until.value, "what ends it", among: ["acknowledged", "cleared"]),
            word == "acknowledged", surroundings.hasPublicURL == false
        {
            reader.warning(
                at: until.value.mark,
                "nobody can acknowledge by a link: the configuration has no public_url")
        }
    }

    private func readRuleName(_ node: Node, _ reader: NodeReader) -> String? {
        guard let name = reader.text(node, "the id of a rule") else { return nil }
        guard rules[name] != nil else {
            unknown("rule", name, at: node.mark, reader, known: rules.keys)
            return nil
        }
        return name
    }

    /// The refusal waits for RuleCheck: a rule in a cycle has an error of its own.
    private func readReplaces(_ entry: Node.Entry, _ draft: Draft, id: String?) {
        let reader = draft.reader
        let items = reader.oneOrMore(entry.value)
        if items.isEmpty { reader.error(at: entry.value.mark, "'replaces' names no rule") }
        for item in items {
            guard let target = readRuleName(item, reader), let id else { continue }
            replacements[id, default: []].append(
                Replacement(
                    rule: id, target: target, reader: reader, key: entry.mark, mark: item.mark))
        }
    }

    private func readGathering(_ entry: Node.Entry, _ draft: Draft) {
        guard draft.rule.severity == .critical else { return }
        draft.reader.error(
            at: draft.laterOfSeverity(and: entry.mark),
            "a critical message never waits: '\(entry.key)' is not for critical rules")
    }

    private func readGroupWait(_ node: Node, _ reader: NodeReader) {
        guard let fields = reader.fields(node, of: "group", known: ["wait"]) else { return }
        guard let wait = fields["wait"] else {
            reader.missing("wait", in: fields, "'group' needs a 'wait' such as 10m")
            return
        }
        _ = reader.duration(wait.value)
    }

    private func readDigest(_ node: Node, _ reader: NodeReader) {
        let keys = ["daily", "weekly", "every", "drop_if_cleared"]
        guard let fields = reader.fields(node, of: "digest", known: keys) else { return }
        let forms = fields.entries.filter { keys.dropLast().contains($0.key) }
        if forms.isEmpty {
            reader.missing(
                "daily", "weekly", "every", in: fields,
                "'digest' needs one of daily, weekly and every")
        } else if forms.count > 1 {
            reader.error(
                at: forms[1].mark,
                "'\(forms[1].key)' stands beside '\(forms[0].key)'; a digest has one")
        }
        if let daily = fields["daily"] { _ = readClockTime(daily.value, reader) }
        if let every = fields["every"] { _ = reader.duration(every.value) }
        if let weekly = fields["weekly"] { readWeekly(weekly.value, reader) }
        if let drop = fields["drop_if_cleared"] { _ = reader.flag(drop.value) }
    }

    /// `"mon 08:00"`.
    private func readWeekly(_ node: Node, _ reader: NodeReader) {
        guard let text = reader.text(node, "a day and a time such as \"mon 08:00\"") else { return }
        let parts = text.split(separator: " ")
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        guard parts.count == 2, days.contains(String(parts[0])),
            let minute = Self.minute(parts[1]), minute < 1_440
        else {
            reader.error(
                at: node.mark,
                "'\(text.abbreviated)' is no day and time; write one such as \"mon 08:00\"")
            return
        }
        _ = setZone(for: node.mark, reader)
    }
}
