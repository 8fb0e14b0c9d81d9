// `when`: the one thing that happens. What is true, not something that happens, is sent to `while`.

extension RuleLoader {
    static let happenings = [
        "alarm", "event", "enters", "leaves", "battery", "speed", "silent_for", "sequence", "count",
        "source", "clock", "any",
    ]
    static let states = [
        "armed", "hours", "outside_hours", "inside", "outside", "ignition", "moving", "stopped_for",
        "attribute", "not",
    ]
    private static let simple = ["alarm", "event", "enters", "leaves"]
    static let modifiers = ["for_at_least", "unless_followed_by"]

    /// Keys that belong to one form.
    private static let companions = [
        "sequence": ["within", "any_order"], "count": ["more_than", "within"],
    ]

    /// nil: it is missing, has an error, or is refused as not built.
    func readWhen(_ fields: NodeReader.Fields, _ reader: NodeReader) -> Trigger? {
        guard let entry = fields["when"] else {
            reader.missing("when", in: fields, "the rule has no 'when': the one thing that happens")
            return nil
        }
        guard let when = readTriggerMap(entry.value, in: "'when'", reader),
            let form = onlyForm(when, in: "'when'", at: entry.mark, reader)
        else { return nil }
        let errors = reader.errors
        let allowed = Self.companions[form.key] ?? []
        for field in when.entries where field.key != form.key {
            guard !allowed.contains(field.key), !Self.modifiers.contains(field.key) else {
                continue
            }
            wrongKey(field, in: "'when'", known: Self.happenings + Self.modifiers, reader)
        }
        if Self.simple.contains(form.key) || form.key == "any" {
            let trigger = readForm(form, in: "'when'", reader)
            readModifiers(when, form, trigger, reader)
            return reader.errors == errors ? trigger : nil
        }
        let trigger = readTimed(form, when, reader)
        // Whatever was wrong in it comes first; a form that is well is not done yet.
        if trigger == nil, reader.errors == errors {
            reader.notSupported("'\(form.key)'", at: form.mark)
        }
        for key in Self.modifiers where reader.errors == errors {
            if key == "for_at_least", form.key == "source" { continue }
            if let entry = when[key] { reader.notSupported("'\(key)'", at: entry.mark) }
        }
        return reader.errors == errors ? trigger : nil
    }

    private func readTriggerMap(
        _ node: Node, in what: String, _ reader: NodeReader
    ) -> NodeReader.Fields? {
        switch node.value {
        case .map: return reader.fields(node, of: what, known: nil)
        case .list:
            reader.error(
                at: node.mark, "\(what) is one thing that happens; of several write any: [ … ]")
        case .scalar(let text, _):
            let hint =
                EventNames.alarms.contains(text)
                ? "{ alarm: \(text) }"
                : text == "any" || EventNames.events.contains(text)
                    ? "{ event: \(text) }" : "{ alarm: vibration }"
            reader.error(
                at: node.mark, "\(what) is a map such as \(hint), not \(node.description)")
        }
        return nil
    }

    /// The one key that says what happens.
    private func onlyForm(
        _ fields: NodeReader.Fields, in what: String, at mark: Mark, _ reader: NodeReader
    ) -> Node.Entry? {
        let forms = fields.entries.filter { Self.happenings.contains($0.key) }
        guard let form = forms.first else {
            let errors = reader.errors
            for field in fields.entries where !Self.modifiers.contains(field.key) {
                wrongKey(field, in: what, known: Self.happenings, reader)
            }
            if reader.errors == errors {
                reader.error(
                    at: fields.entries.isEmpty ? mark : fields.first,
                    "\(what) needs one thing that happens: \(NodeReader.list(Self.happenings))")
            }
            return nil
        }
        for second in forms.dropFirst() {
            reader.error(
                at: second.mark,
                "'\(second.key)' stands beside '\(form.key)'; \(what) is exactly one thing that "
                    + "happens: of several write any: [ … ]")
        }
        return form
    }

    private func wrongKey(
        _ field: Node.Entry, in what: String, known: [String], _ reader: NodeReader
    ) {
        if Self.states.contains(field.key) {
            reader.error(
                at: field.mark,
                "'\(field.key)' is something that is true, not something that happens; move it "
                    + "under 'while'")
        } else if !Self.happenings.contains(field.key) {
            reader.unknownKey(field, of: what, known: known)
        }
    }

    // MARK: - Events

    /// One of alarm, event, enters, leaves (and any), and nothing beside it.
    func readSimpleTrigger(
        _ node: Node, in what: String, takesAny: Bool, _ reader: NodeReader
    ) -> Trigger? {
        guard let fields = readTriggerMap(node, in: what, reader),
            let form = onlyForm(fields, in: what, at: node.mark, reader)
        else { return nil }
        let known = Self.simple + (takesAny ? ["any"] : [])
        for field in fields.entries where field.key != form.key {
            if Self.modifiers.contains(field.key) {
                reader.error(
                    at: field.mark, "'\(field.key)' is for the whole 'when', not for a part")
            } else {
                wrongKey(field, in: what, known: known, reader)
            }
        }
        guard known.contains(form.key) else {
            reader.error(
                at: form.mark, "'\(form.key)' cannot stand here; expected \(NodeReader.list(known))"
            )
            return nil
        }
        return readForm(form, in: what, reader)
    }

    private func readForm(
        _ form: Node.Entry, in what: String, _ reader: NodeReader
    ) -> Trigger? {
        switch form.key {
        case "alarm": return readKinds(form, isAlarm: true, reader).map(Trigger.alarm)
        case "event": return readKinds(form, isAlarm: false, reader).map(Trigger.event)
        case "enters": return readCrossing(form, reader).map(Trigger.enters)
        case "leaves": return readCrossing(form, reader).map(Trigger.leaves)
        default:
            guard let items = reader.list(form.value, of: "things that happen") else { return nil }
            if items.isEmpty {
                reader.warning(at: form.value.mark, "this rule never fires: 'any' of nothing")
            }
            return .any(
                items.compactMap {
                    readSimpleTrigger($0, in: "a member of 'any'", takesAny: false, reader)
                })
        }
    }

    /// The inner nil is `any`.
    private func readKinds(
        _ form: Node.Entry, isAlarm: Bool, _ reader: NodeReader
    ) -> [String]?? {
        if case .list(let items) = form.value.value, items.isEmpty {
            reader.warning(at: form.value.mark, "this rule never fires: the list is empty")
        }
        let errors = reader.errors
        var kinds: [String] = []
        var isAny = false
        let what = isAlarm ? "a kind of alarm such as vibration" : "a type of event"
        for (kind, mark) in reader.texts(form.value, what) {
            if kind == "any" {
                isAny = true
                continue
            }
            warnOfUnknown(kind, isAlarm: isAlarm, at: mark, reader)
            if !kinds.contains(kind) { kinds.append(kind) }
        }
        guard reader.errors == errors else { return nil }
        return .some(isAny ? nil : kinds)
    }

    /// Forks add kinds, so an unknown one is no error.
    func warnOfUnknown(_ kind: String, isAlarm: Bool, at mark: Mark, _ reader: NodeReader) {
        let (known, others) =
            isAlarm
            ? (EventNames.alarms, EventNames.events) : (EventNames.events, EventNames.alarms)
        guard !known.contains(kind) else { return }
        let what = isAlarm ? "kind of alarm" : "type of event"
        if isAlarm, kind == "shock" {
            reader.warning(
                at: mark, "'shock' is sent no more since Traccar 4.15", suggestion: "vibration")
        } else if others.contains(kind) {
            let form = isAlarm ? "event" : "alarm"
            reader.warning(
                at: mark, "'\(kind)' is no known \(what); write it as { \(form): \(kind) }")
        } else {
            reader.warning(
                at: mark, "'\(kind.abbreviated)' is no known \(what)",
                suggestion: Spelling.nearest(to: kind, among: known.sorted()))
        }
    }

    /// Names of places; one with an error of its own is passed over.
    private func readCrossing(_ form: Node.Entry, _ reader: NodeReader) -> [String]? {
        let errors = reader.errors
        var names: [String] = []
        for (name, mark) in reader.texts(form.value, "the name of a place")
        where isPlace(name, at: mark, reader) {
            if book.places[name] != nil, !names.contains(name) { names.append(name) }
        }
        if case .list(let items) = form.value.value, items.isEmpty {
            reader.warning(at: form.value.mark, "this rule never fires: it names no place")
        }
        return reader.errors == errors ? names : nil
    }

    func isPlace(_ name: String, at mark: Mark, _ reader: NodeReader) -> Bool {
        guard places[name] == nil else { return true }
        unknown("place", name, at: mark, reader, known: places.keys)
        return false
    }

    // MARK: - Modifiers

    private func readModifiers(
        _ when: NodeReader.Fields, _ form: Node.Entry, _ trigger: Trigger?, _ reader: NodeReader
    ) {
        let before = reader.errors
        if let entry = when["for_at_least"] {
            let errors = reader.errors
            _ = reader.duration(entry.value)
            if let trigger, let lonely = Self.withoutOpposite(trigger) {
                reader.error(
                    at: entry.mark,
                    "'for_at_least' needs something that can end, and nothing undoes \(lonely) "
                        + "(no opposite); 'unless_followed_by' may be meant")
            }
            // A form with an error is complained of already, and enough.
            if reader.errors == errors, trigger != nil {
                reader.notSupported("'for_at_least'", at: entry.mark)
            }
        }
        guard let entry = when["unless_followed_by"] else { return }
        readUnlessFollowedBy(entry, reader)
        if reader.errors == before { reader.notSupported("'unless_followed_by'", at: entry.mark) }
    }

    func readUnlessFollowedBy(_ entry: Node.Entry, _ reader: NodeReader) {
        let known = Self.simple + ["within"]
        guard let fields = reader.fields(entry.value, of: "unless_followed_by", known: known)
        else { return }
        let forms = fields.entries.filter { Self.simple.contains($0.key) }
        if let form = forms.first {
            _ = readForm(form, in: "'unless_followed_by'", reader)
            for second in forms.dropFirst() {
                reader.error(at: second.mark, "'\(second.key)' stands beside '\(form.key)'")
            }
        } else {
            reader.error(at: fields.first, "needs one of \(NodeReader.list(Self.simple))")
        }
        readWithin(fields, of: entry, reader)
    }

    func readWithin(
        _ fields: NodeReader.Fields, of form: Node.Entry, _ reader: NodeReader
    ) {
        if let within = fields["within"] {
            _ = reader.duration(within.value)
        } else {
            reader.missing(
                "within", in: fields, at: form.mark, "'\(form.key)' needs a 'within' such as 3m")
        }
    }

    /// A member of a trigger that nothing undoes, for the message; nil: each has an opposite.
    static func withoutOpposite(_ trigger: Trigger) -> String? {
        switch trigger {
        case .alarm(nil): "'alarm: any'"
        case .event(nil): "'event: any'"
        case .alarm(.some(let kinds)):
            kinds.first { EventNames.opposite(ofAlarm: $0) == nil }.map { "alarm '\($0)'" }
        case .event(.some(let types)):
            types.first { EventNames.opposite(ofEvent: $0) == nil }.map { "event '\($0)'" }
        case .enters, .leaves, .passes, .sourceSilent: nil
        case .any(let members): members.lazy.compactMap(withoutOpposite).first
        }
    }
}
