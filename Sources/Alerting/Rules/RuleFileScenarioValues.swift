// What a test of a rule file gives, lets happen and asks: the lines of `given`, `events` and
// `commands`.

extension RuleLoader {
    private static let valueKeys = [
        "armed", "position", "valid", "accuracy", "speed", "battery", "ignition", "moving", "in",
    ]
    private static let happeningKeys = ["alarm", "event", "enters", "leaves"]
    private static let orderKeys = ["ack", "clear", "silence", "fails", "works"]

    func readGiven(_ node: Node, _ reader: NodeReader) -> [Scenario.Given] {
        guard let fields = reader.fields(node, of: "'given'", known: nil) else { return [] }
        return fields.entries.compactMap { entry in
            guard let values = reader.fields(entry.value, of: "what is given", known: nil) else {
                return nil
            }
            let known = Self.valueKeys + ["silent"]
            return Scenario.Given(
                device: entry.key, values: readValues(values.entries, known: known, reader))
        }
    }

    private func readValues(
        _ entries: [Node.Entry], known: [String], _ reader: NodeReader
    ) -> Scenario.Values {
        var values = Scenario.Values()
        for entry in entries {
            let node = entry.value
            switch entry.key {
            case let key where key.contains("."):
                guard let (owner, name) = attributeName(key, at: entry.mark, reader),
                    let text = reader.text(node, "a value")
                else { continue }
                if owner == .event, known.contains("silent") {
                    reader.error(at: entry.mark, "'\(key)' has no event here; 'given' has none")
                    continue
                }
                values.attributes.append(
                    .init(owner: owner, name: name, value: Attribute(scenario: text)))
            case let key where !known.contains(key):
                let what = known.contains("silent") ? "what is given" : "a line of 'events'"
                reader.unknownKey(entry, of: what, known: known + ["device.NAME", "position.NAME"])
            case "armed": values.armed = reader.flag(node)
            case "position": values.position = readCoordinate(node, reader)
            case "valid": values.valid = reader.flag(node)
            case "accuracy": values.accuracy = reader.measure(node, .length)
            case "speed":
                values.speed = reader.measure(node, .speed).map(Speed.init(kilometresPerHour:))
            case "battery": values.battery = reader.measure(node, .share)
            case "ignition": values.ignition = reader.flag(node, yes: "on", no: "off")
            case "moving": values.moving = reader.flag(node)
            case "in": values.inside = readServerPlaces(node, "'in'", reader)
            case "silent": values.silent = reader.duration(node, zero: true)
            default: break
            }
        }
        return values
    }

    /// Names of `traccar:` places; one defined in the file holds a device by its position.
    private func readServerPlaces(
        _ node: Node, _ what: String, _ reader: NodeReader
    ) -> [String]? {
        let errors = reader.errors
        let names = reader.texts(node, "the name of a place").compactMap { name, mark -> String? in
            guard isPlace(name, at: mark, reader) else { return nil }
            switch book.places[name] {
            case .server: return name
            case .area:
                reader.error(
                    at: mark,
                    "\(what) is for places on the server ('traccar:'); '\(name)' is crossed and "
                        + "entered by positions")
                return nil
            case nil: return nil
            }
        }
        return reader.errors == errors ? names : nil
    }

    // MARK: - Events

    func readHappening(_ node: Node, _ reader: NodeReader) -> Scenario.Happening? {
        let errors = reader.errors
        guard let fields = reader.fields(node, of: "a line of 'events'", known: nil) else {
            return nil
        }
        let at = readTime(fields, reader)
        if fields["source"] != nil || fields["connected"] != nil {
            return readSourceLine(fields, at: at ?? .zero, node, reader, errors: errors)
        }
        var line = Scenario.Happening(at: at ?? .zero, device: "", what: .report)
        line.place = reader.place(node.mark)
        if let entry = fields["device"] {
            line.device = reader.text(entry.value, "a device's name or uniqueId") ?? ""
        } else {
            reader.missing("device", in: fields, "this line has no 'device'")
        }
        if let entry = fields["received_at"] {
            line.receivedAt = reader.duration(entry.value, zero: true)
        }
        if let entry = fields["id"] { line.id = reader.text(entry.value, "an id") }
        line.what = readWhat(fields, reader)
        let own = ["at", "device", "received_at", "id"] + Self.happeningKeys
        let rest = fields.entries.filter { !own.contains($0.key) }
        line.values = readValues(rest, known: Self.valueKeys, reader)
        return reader.errors == errors ? line : nil
    }

    private func readWhat(
        _ fields: NodeReader.Fields, _ reader: NodeReader
    ) -> Scenario.Happening.What {
        let forms = fields.entries.filter { Self.happeningKeys.contains($0.key) }
        guard let form = forms.first else { return .report }
        for second in forms.dropFirst() {
            reader.error(
                at: second.mark,
                "'\(second.key)' stands beside '\(form.key)'; one line is one event")
        }
        switch form.key {
        case "alarm", "event":
            let isAlarm = form.key == "alarm"
            let what = isAlarm ? "a kind of alarm" : "a type of event"
            guard let kind = reader.text(form.value, what) else { return .report }
            warnOfUnknown(kind, isAlarm: isAlarm, at: form.value.mark, reader)
            return isAlarm ? .alarm(kind) : .event(kind)
        default:
            guard case .scalar = form.value.value else {
                _ = reader.text(form.value, "the name of a place")
                return .report
            }
            let places = readServerPlaces(form.value, "'\(form.key)'", reader)
            guard let place = places?.first else { return .report }
            return form.key == "enters" ? .enters(place) : .leaves(place)
        }
    }

    private func readSourceLine(
        _ fields: NodeReader.Fields, at: Duration, _ node: Node, _ reader: NodeReader, errors: Int
    ) -> Scenario.Happening? {
        for entry in fields.entries where !["at", "source", "connected"].contains(entry.key) {
            let what = "a line about a source"
            reader.unknownKey(entry, of: what, known: ["at", "source", "connected"])
        }
        let name = fields["source"].flatMap { reader.text($0.value, "the name of a source") }
        let isConnected = fields["connected"].flatMap { reader.flag($0.value) }
        for key in ["source", "connected"] where fields[key] == nil {
            reader.error(at: fields.first, "a line about a source has no '\(key)'")
        }
        guard reader.errors == errors, let name, let isConnected else { return nil }
        var line = Scenario.Happening(
            at: at, device: "", what: .source(name, isConnected: isConnected))
        line.place = reader.place(node.mark)
        return line
    }

    // MARK: - Commands

    func readOrder(_ node: Node, _ reader: NodeReader) -> Scenario.Order? {
        let errors = reader.errors
        let known = ["at", "by", "for", "channel"] + Self.orderKeys
        guard let fields = reader.fields(node, of: "a line of 'commands'", known: known) else {
            return nil
        }
        let at = readTime(fields, reader)
        let forms = fields.entries.filter { Self.orderKeys.contains($0.key) }
        guard let form = forms.first else {
            reader.missing(
                "ack", "clear", "silence", "fails", "works", in: fields,
                "this line asks for nothing; expected \(NodeReader.list(Self.orderKeys))")
            return nil
        }
        for second in forms.dropFirst() {
            reader.error(
                at: second.mark, "'\(second.key)' stands beside '\(form.key)'; write two lines")
        }
        guard let action = readAction(form, fields, reader) else { return nil }
        let by = fields["by"].flatMap { reader.text($0.value, "who asks") }
        var line = Scenario.Order(at: at ?? .zero, by: by ?? "", action: action)
        line.place = reader.place(node.mark)
        return reader.errors == errors ? line : nil
    }

    private func readAction(
        _ form: Node.Entry, _ fields: NodeReader.Fields, _ reader: NodeReader
    ) -> Scenario.Order.Action? {
        let errors = reader.errors
        let isCommand = ["ack", "clear", "silence"].contains(form.key)
        for (key, goesWith) in [
            ("for", form.key == "silence"), ("channel", !isCommand), ("by", isCommand),
        ] where !goesWith {
            guard let entry = fields[key] else { continue }
            reader.error(at: entry.mark, "'\(key)' does not go with '\(form.key)'")
        }
        if isCommand {
            if fields["by"] == nil {
                reader.error(at: fields.first, "this line has no 'by': who asks")
            }
            let target = reader.text(form.value, "a rule or a device")
            if form.key == "silence" {
                if let entry = fields["for"] {
                    _ = reader.duration(entry.value)
                } else {
                    reader.error(at: form.mark, "'silence' needs a 'for' such as 30m")
                }
                if reader.errors == errors { reader.notSupported("'silence'", at: form.mark) }
            }
            guard let target, form.key != "silence" else { return nil }
            return .command(form.key == "ack" ? .acknowledge : .clear, target: target)
        }
        let names = readContactNames(form.value, reader, counts: false)
        guard let channel = fields["channel"] else {
            reader.error(at: form.mark, "'\(form.key)' needs a 'channel': email, http or hook")
            return nil
        }
        let kinds = readKinds(channel.value, reader)
        guard let contact = names.first, let kind = kinds.first else { return nil }
        if names.count > 1 || kinds.count > 1 {
            reader.error(at: form.mark, "'\(form.key)' is about one contact and one channel")
        }
        return form.key == "fails"
            ? .fails(contact: contact, channel: kind) : .works(contact: contact, channel: kind)
    }
}

extension Attribute {
    /// As a test writes it: a number or a flag where the text reads as one.
    fileprivate init(scenario text: String) {
        switch text {
        case "true": self = .flag(true)
        case "false": self = .flag(false)
        case "null": self = .null
        default: self = text.decimal.map { .number($0) } ?? .text(text)
        }
    }
}
