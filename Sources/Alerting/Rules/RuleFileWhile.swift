// `while`: what must be true. What happens, and is not true for a time, is sent to `when`.

extension RuleLoader {
    private static let conditionKeys = [
        "armed", "hours", "outside_hours", "inside", "outside", "speed", "battery", "ignition",
        "moving", "stopped_for", "attribute", "any", "not",
    ]

    /// nil: it has an error.
    func readWhile(_ entry: Node.Entry, _ reader: NodeReader) -> Condition? {
        if case .list = entry.value.value {
            reader.error(
                at: entry.value.mark,
                "'while' is a map of what must all be true; of alternatives write any: [ … ]")
            return nil
        }
        return readConditions(entry.value, of: "'while'", reader)
    }

    private func readConditions(
        _ node: Node, of what: String, _ reader: NodeReader
    ) -> Condition? {
        guard
            let fields = reader.fields(node, of: what, known: nil, expected: Self.conditionKeys)
        else { return nil }
        let errors = reader.errors
        if fields.entries.isEmpty { reader.error(at: node.mark, "\(what) has no condition") }
        let conditions = fields.entries.compactMap { readCondition($0, of: what, reader) }
        warnOfContradiction(fields, reader)
        guard reader.errors == errors else { return nil }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    private func readCondition(
        _ entry: Node.Entry, of what: String, _ reader: NodeReader
    ) -> Condition? {
        let value = entry.value
        switch entry.key {
        case "armed": return reader.flag(value).map(Condition.armed)
        case "moving": return reader.flag(value).map(Condition.moving)
        case "ignition": return reader.flag(value, yes: "on", no: "off").map(Condition.ignition)
        case "hours", "outside_hours":
            guard isHours(value, reader), case .scalar(let name, _) = value.value else {
                return nil
            }
            return .hours(name, inside: entry.key == "hours")
        case "inside", "outside":
            return readPlaceNames(value, reader).map { .place($0, inside: entry.key == "inside") }
        case "speed": return readBounds(entry, .speed, reader) { .speed($0) }
        case "battery": return readBounds(entry, .share, reader) { .battery($0) }
        case "stopped_for": return reader.duration(value).map(Condition.stoppedFor)
        case "attribute": return readAttributes(value, reader)
        case "any":
            guard let items = reader.list(value, of: "conditions in { }") else { return nil }
            if items.isEmpty {
                reader.warning(at: value.mark, "this rule never fires: 'any' of nothing is false")
            }
            return .any(
                items.compactMap { readConditions($0, of: "a member of 'any'", reader) })
        case "not": return readConditions(value, of: "'not'", reader).map(Condition.not)
        default:
            if (Self.happenings + Self.modifiers).contains(entry.key) {
                reader.error(
                    at: entry.mark,
                    "'\(entry.key)' is something that happens, not something that is true; move it "
                        + "under 'when'")
            } else {
                reader.unknownKey(entry, of: what, known: Self.conditionKeys)
            }
            return nil
        }
    }

    private func readPlaceNames(_ node: Node, _ reader: NodeReader) -> [String]? {
        if case .map = node.value {
            reader.error(
                at: node.mark,
                "a place has a name: define it under 'places' and write the name here")
            return nil
        }
        if case .list(let items) = node.value {
            let numbers = items.filter { item in
                guard case .scalar(let text, _) = item.value else { return false }
                return text.decimal != nil && places[text] == nil
            }
            if items.isEmpty || items.count == 2 && numbers.count == 2 {
                reader.error(
                    at: node.mark,
                    items.isEmpty
                        ? "this names no place"
                        : "coordinates are no place's name: define one under 'places' and write "
                            + "its name here")
                return nil
            }
        }
        let errors = reader.errors
        var names: [String] = []
        for (name, mark) in reader.texts(node, "the name of a place")
        where isPlace(name, at: mark, reader) {
            if !names.contains(name) { names.append(name) }
        }
        return reader.errors == errors ? names : nil
    }

    /// `{ above }`, `{ below }`, or both for a band.
    private func readBounds(
        _ entry: Node.Entry, _ measure: Measure, _ reader: NodeReader,
        _ make: (Condition.Bound) -> Condition
    ) -> Condition? {
        let what = "'\(entry.key)' under 'while'"
        let crossings = ["falls_below", "clears_above", "exceeds", "clears_below"]
        guard
            let fields = reader.fields(
                entry.value, of: what, known: nil, expected: ["above", "below"])
        else { return nil }
        let errors = reader.errors
        var bounds: [Condition] = []
        var values: [(key: String, value: Double)] = []
        for field in fields.entries {
            switch field.key {
            case "above", "below":
                guard let value = reader.bound(field.value, measure) else { continue }
                values.append((field.key, value))
                warnOfBand(values, measure, at: field.value.mark, reader)
                bounds.append(make(field.key == "above" ? .above(value) : .below(value)))
            case let key where crossings.contains(key):
                reader.error(
                    at: field.mark,
                    "'\(key)' is something that happens, not something that is true; move it under "
                        + "'when', or write above or below")
            default: reader.unknownKey(field, of: what, known: ["above", "below"])
            }
        }
        if fields.entries.isEmpty {
            reader.error(at: fields.mark, "\(what) needs above or below")
        }
        guard reader.errors == errors else { return nil }
        return bounds.count == 1 ? bounds[0] : .all(bounds)
    }

    /// - Parameter values: of one band, so far: at `mark` stands the last one.
    private func warnOfBand(
        _ values: [(key: String, value: Double)], _ measure: Measure, at mark: Mark,
        _ reader: NodeReader
    ) {
        guard let last = values.last else { return }
        if last.key == "above" ? measure == .share && last.value >= 100 : last.value <= 0 {
            return reader.warning(
                at: mark,
                measure == .share
                    ? "\(Self.chargeLies), not \(last.key) \(last.value.brief) %: this never "
                        + "happens"
                    : "nothing is slower than 0 km/h: this never happens")
        }
        if measure == .share, !(0...100).contains(last.value) {
            return reader.warning(
                at: mark,
                "\(Self.chargeLies), and so \(last.key) \(last.value.brief) %: this is always so")
        }
        guard let other = values.first(where: { $0.key != last.key }) else { return }
        let (above, below) = last.key == "above" ? (last, other) : (other, last)
        if above.value >= below.value {
            reader.warning(
                at: mark, "nothing is above the one and below the other: this never happens")
        }
    }

    /// For warnings of a bound that no charge passes.
    static let chargeLies = "a charge lies between 0 % and 100 %"

    /// Of what must all be true: two of which one or the other is.
    private func warnOfContradiction(_ fields: NodeReader.Fields, _ reader: NodeReader) {
        for (one, other) in [("hours", "outside_hours"), ("inside", "outside")] {
            guard let first = fields[one], let second = fields[other] else { continue }
            func names(_ entry: Node.Entry) -> Set<String> {
                Set(
                    reader.oneOrMore(entry.value).compactMap { item in
                        if case .scalar(let name, _) = item.value { name } else { nil }
                    })
            }
            let within = names(first)
            guard !within.isEmpty, within.isSubset(of: names(second)) else { continue }
            let later = max(first.mark, second.mark) == first.mark ? first : second
            reader.warning(
                at: later.value.mark,
                "nothing is '\(one)' and '\(other)' of the same: this is never true")
        }
    }

    // MARK: - Attributes

    private func readAttributes(_ node: Node, _ reader: NodeReader) -> Condition? {
        guard let fields = reader.fields(node, of: "attribute", known: nil) else { return nil }
        let errors = reader.errors
        if fields.entries.isEmpty {
            reader.error(at: node.mark, "'attribute' is { device.NAME: VALUE }")
        }
        let tests = fields.entries.compactMap { readAttribute($0, reader) }
        guard reader.errors == errors else { return nil }
        let conditions = tests.map(Condition.attribute)
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    /// `device.x` and its like; nil: it has no owner, which is then said.
    func attributeName(
        _ text: String, at mark: Mark, _ reader: NodeReader
    ) -> (owner: Condition.AttributeTest.Owner, name: String)? {
        let parts = text.split(separator: ".", maxSplits: 1)
        guard parts.count == 2,
            let owner = Condition.AttributeTest.Owner(rawValue: String(parts[0]))
        else {
            reader.error(
                at: mark,
                "'\(text.abbreviated)' is no attribute; write whose it is: device.NAME, "
                    + "position.NAME or event.NAME")
            return nil
        }
        return (owner, String(parts[1]))
    }

    private func readAttribute(
        _ entry: Node.Entry, _ reader: NodeReader
    ) -> Condition.AttributeTest? {
        guard let (owner, name) = attributeName(entry.key, at: entry.mark, reader) else {
            return nil
        }
        guard case .map = entry.value.value else {
            return reader.text(entry.value, "a value").map {
                Condition.AttributeTest(owner: owner, name: name, test: .equals($0))
            }
        }
        let known = ["above", "below", "is_not"]
        guard let fields = reader.fields(entry.value, of: "an attribute", known: known) else {
            return nil
        }
        guard let field = fields.entries.first else {
            reader.error(at: fields.mark, "expected a value or { above | below | is_not }")
            return nil
        }
        if let second = fields.entries.dropFirst().first(where: { known.contains($0.key) }) {
            reader.error(at: second.mark, "'\(second.key)' stands beside '\(field.key)'; write one")
            return nil
        }
        switch field.key {
        case "above", "below":
            return reader.number(field.value, "a number").map { number in
                let bound: Condition.Bound = field.key == "above" ? .above(number) : .below(number)
                return Condition.AttributeTest(owner: owner, name: name, test: .bound(bound))
            }
        case "is_not":
            return reader.text(field.value, "a value").map {
                Condition.AttributeTest(owner: owner, name: name, test: .isNot($0))
            }
        default: return nil
        }
    }
}
