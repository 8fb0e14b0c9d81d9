// `tests` of rule files: the frame of a scenario and what it expects. What is given, happens and is
// asked stands in RuleFileScenarioValues.

extension RuleLoader {
    private static let scenarioKeys = [
        "name", "rules", "clock", "run_for", "given", "events", "commands", "expect",
    ]
    private static let expectationKeys = [
        "at", "rule", "device", "to", "by", "because", "held", "late",
    ]

    func readScenario(_ node: Node, _ reader: NodeReader) {
        let errors = reader.errors
        guard let fields = reader.fields(node, of: "a test", known: Self.scenarioKeys) else {
            return
        }
        for key in ["name", "clock", "run_for", "expect"] where fields[key] == nil {
            reader.missing(key, in: fields, "the test has no '\(key)'")
        }
        var scenario = Scenario(name: "", clock: .distantPast, runFor: .zero)
        scenario.place = reader.place(fields.first)
        if let entry = fields["name"] { scenario.name = reader.text(entry.value, "a name") ?? "" }
        if let entry = fields["rules"] {
            scenario.rules = readRuleNames(entry.value, reader)
        }
        if let entry = fields["clock"], let clock = readMoment(entry.value, reader) {
            scenario.clock = clock
        }
        if let entry = fields["run_for"], let duration = reader.duration(entry.value) {
            scenario.runFor = duration
        }
        if let entry = fields["given"] { scenario.given = readGiven(entry.value, reader) }
        scenario.events = lines(of: "events", fields, reader).compactMap {
            readHappening($0, reader)
        }
        scenario.commands = lines(of: "commands", fields, reader).compactMap {
            readOrder($0, reader)
        }
        scenario.expect = lines(of: "expect", fields, reader).compactMap {
            readExpectation($0, runFor: fields["run_for"] == nil ? nil : scenario.runFor, reader)
        }
        if reader.errors == errors { book.scenarios.append(scenario) }
    }

    private func lines(
        of key: String, _ fields: NodeReader.Fields, _ reader: NodeReader
    ) -> [Node] {
        guard let entry = fields[key] else { return [] }
        return reader.list(entry.value, of: "lines in { }") ?? []
    }

    private func readMoment(_ node: Node, _ reader: NodeReader) -> Instant? {
        guard let text = reader.text(node, "a moment such as \"2026-10-25T02:10:00+02:00\"") else {
            return nil
        }
        guard let instant = Instant(rfc3339: text), Self.isInCalendar(text) else {
            reader.error(
                at: node.mark,
                "'\(text.abbreviated)' is no moment with its offset; write one such as "
                    + "\"2026-10-25T02:10:00+02:00\"")
            return nil
        }
        return instant
    }

    /// What servers send is taken as it comes; what a person writes is to be a day that there is.
    private static func isInCalendar(_ text: String) -> Bool {
        let date = text.prefix(10).split(separator: "-").compactMap { Int64($0) }
        guard date.count == 3 else { return false }
        let days = Instant.days(year: date[0], month: date[1], day: date[2])
        return Instant.civil(days: days) == (date[0], date[1], date[2])
    }

    private func readRuleNames(_ node: Node, _ reader: NodeReader) -> [String] {
        reader.texts(node, "the id of a rule").compactMap { name, mark in
            guard rules[name] != nil else {
                unknown("rule", name, at: mark, reader, known: rules.keys)
                return nil
            }
            return name
        }
    }

    /// `at`, which each line has.
    func readTime(_ fields: NodeReader.Fields, _ reader: NodeReader) -> Duration? {
        guard let entry = fields["at"] else {
            reader.missing("at", in: fields, "this line has no 'at'")
            return nil
        }
        return reader.duration(entry.value, zero: true)
    }

    // MARK: - Expectations

    private func readExpectation(
        _ node: Node, runFor: Duration?, _ reader: NodeReader
    ) -> Scenario.Expectation? {
        let errors = reader.errors
        guard
            let fields = reader.fields(node, of: "a line of 'expect'", known: Self.expectationKeys)
        else { return nil }
        let at = readTime(fields, reader)
        if let at, let runFor, runFor > .zero, at > runFor, let entry = fields["at"] {
            reader.error(at: entry.value.mark, "this is later than 'run_for': it never comes")
        }
        var line = Scenario.Expectation(at: at ?? .zero, rules: [])
        line.place = reader.place(node.mark)
        if let entry = fields["rule"] {
            line.rules = readRuleNames(entry.value, reader)
            if case .list(let items) = entry.value.value, items.isEmpty {
                reader.error(at: entry.value.mark, "'rule' names no rule")
            }
        } else {
            reader.missing("rule", in: fields, "this line has no 'rule'")
        }
        if let entry = fields["device"] {
            line.devices = reader.texts(entry.value, "a device").map(\.text)
        }
        if let entry = fields["to"] {
            line.to = readContactNames(entry.value, reader, counts: false)
        }
        if let entry = fields["by"] {
            line.by = readKinds(entry.value, reader)
        }
        if let entry = fields["because"] {
            let known = Reason.allCases.map(\.rawValue)
            line.because = reader.word(entry.value, "a reason", among: known)
                .flatMap(Reason.init(rawValue:))
        }
        if let entry = fields["held"] {
            let known = Scenario.Expectation.Held.allCases.map(\.rawValue)
            line.held = reader.word(entry.value, "what kept it back", among: known)
                .flatMap(Scenario.Expectation.Held.init(rawValue:))
        }
        if let entry = fields["late"] { line.late = reader.flag(entry.value) }
        let saysWho = fields["to"] != nil || fields["held"] != nil
        if !saysWho {
            reader.missing(
                "to", "held", in: fields,
                "this line says neither who is told ('to') nor what kept it ('held')")
        } else if line.held == nil, line.to.isEmpty, reader.errors == errors, let to = fields["to"]
        {
            reader.error(at: to.value.mark, "'to' names nobody")
        }
        return reader.errors == errors ? line : nil
    }
}
