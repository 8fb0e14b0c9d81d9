// The forms of `when` that are no events: bounds of the battery and the speed, and those that need
// timers. These are read and checked as RULES.md says, and then refused, because this version does
// not do them.

extension RuleLoader {
    /// nil: it has an error, or is not built yet.
    func readTimed(
        _ form: Node.Entry, _ when: NodeReader.Fields, _ reader: NodeReader
    ) -> Trigger? {
        if let entry = when["unless_followed_by"] { readUnlessFollowedBy(entry, reader) }
        var span: Duration?
        if let entry = when["for_at_least"] {
            span = reader.duration(entry.value)
            if ["sequence", "count", "clock"].contains(form.key) {
                reader.error(
                    at: entry.mark,
                    "a \(form.key) has no opposite that ends it: 'for_at_least' cannot be")
            }
        }
        switch form.key {
        case "battery":
            return readCrossedBound(form, .share, "falls_below", "clears_above", reader).map {
                .passes(.battery(fallsBelow: $0.bound, clearsAbove: $0.rearm))
            }
        case "speed":
            return readCrossedBound(form, .speed, "exceeds", "clears_below", reader).map {
                .passes(.speed(exceeds: $0.bound, clearsBelow: $0.rearm))
            }
        case "silent_for": _ = reader.duration(form.value)
        case "sequence":
            let steps = reader.list(form.value, of: "things that happen") ?? []
            for step in steps {
                _ = readSimpleTrigger(step, in: "a step of 'sequence'", takesAny: true, reader)
            }
            if case .list = form.value.value, steps.count < 2 {
                reader.error(at: form.value.mark, "a sequence needs two steps or more")
            }
            readWithin(when, of: form, reader)
            if let order = when["any_order"] { _ = reader.flag(order.value) }
        case "count":
            _ = readSimpleTrigger(form.value, in: "'count'", takesAny: true, reader)
            if let more = when["more_than"] {
                _ = reader.count(more.value, "a number of events", in: 0...10_000)
            } else {
                reader.missing(
                    "more_than", in: when, at: form.mark, "'count' needs a 'more_than' such as 3")
            }
            readWithin(when, of: form, reader)
        case "source":
            _ = reader.word(form.value, "what a source can be", among: ["silent"])
            if when["for_at_least"] == nil {
                reader.missing(
                    "for_at_least", in: when, at: form.mark,
                    "'source: silent' needs a 'for_at_least' such as 10m")
            }
            for source in surroundings.sourcesWithoutSession {
                reader.warning(
                    at: form.mark,
                    "the source '\(source)' has no 'session': it cannot be known to be silent")
            }
            return span.map { .sourceSilent($0) }
        default: readClock(form.value, reader)
        }
        return nil
    }

    /// `battery: { falls_below: 20 %, clears_above: 30 % }` and its like.
    private func readCrossedBound(
        _ form: Node.Entry, _ measure: Measure, _ bound: String, _ rearm: String,
        _ reader: NodeReader
    ) -> (bound: Double, rearm: Double?)? {
        let errors = reader.errors
        let states = ["above", "below"]
        guard
            let fields = reader.fields(
                form.value, of: "'\(form.key)' under 'when'", known: nil, expected: [bound, rearm])
        else { return nil }
        for field in fields.entries where field.key != bound && field.key != rearm {
            if states.contains(field.key) {
                reader.error(
                    at: field.mark,
                    "'\(form.key): { \(field.key) }' is something that is true; move it under "
                        + "'while', or write '\(bound)'")
            } else {
                let what = "'\(form.key)' under 'when'"
                reader.unknownKey(field, of: what, known: [bound, rearm])
            }
        }
        guard let entry = fields[bound] else {
            if !fields.entries.contains(where: { states.contains($0.key) }) {
                reader.error(at: form.mark, "'\(form.key)' needs '\(bound)'")
            }
            return nil
        }
        let value = reader.bound(entry.value, measure)
        if let value {
            warnOfShare(value, measure, at: entry.value.mark, reader)
            if measure == .share, value == 0 {
                reader.warning(
                    at: entry.value.mark, "no charge is below 0 %: this never happens")
            }
        }
        var limit: Double?
        if let second = fields[rearm] {
            limit = reader.bound(second.value, measure)
            if let value, let limit {
                check(limit, rearm, against: value, bound, measure, at: second.value.mark, reader)
            }
        }
        guard let value, reader.errors == errors else { return nil }
        return (value, limit)
    }

    private func check(
        _ limit: Double, _ rearm: String, against value: Double, _ bound: String,
        _ measure: Measure, at mark: Mark, _ reader: NodeReader
    ) {
        guard measure == .share ? limit < value : limit > value else {
            return warnOfShare(limit, measure, at: mark, reader)
        }
        let side = measure == .share ? "below" : "above"
        reader.error(at: mark, "'\(rearm)' lies \(side) '\(bound)'")
    }

    /// A charge below 0 % or above 100 % never comes.
    func warnOfShare(_ value: Double, _ measure: Measure, at mark: Mark, _ reader: NodeReader) {
        if measure == .share, !(0...100).contains(value) {
            reader.warning(
                at: mark, "\(Self.chargeLies), not at \(value.brief) %: this never happens")
        }
    }

    private func readClock(_ node: Node, _ reader: NodeReader) {
        guard case .map = node.value else {
            _ = readClockTime(node, reader)
            return
        }
        guard let fields = reader.fields(node, of: "clock", known: nil) else { return }
        if fields.entries.isEmpty { reader.error(at: node.mark, "'clock' names no time") }
        for entry in fields.entries {
            guard readDays(entry.key, "clock", [], entry, reader) != nil else { continue }
            for item in reader.oneOrMore(entry.value) { _ = readClockTime(item, reader) }
        }
    }
}
