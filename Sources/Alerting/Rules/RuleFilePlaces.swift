// `places`, `groups` and `contacts` of rule files.

extension RuleLoader {
    // MARK: - Places

    private static let placeKeys = ["center", "radius", "area", "width", "traccar"]

    func readPlaces() {
        for (name, definition) in inOrder(places) {
            let reader = definition.reader
            let value = definition.entry.value
            guard let fields = reader.fields(value, of: "a place", known: Self.placeKeys) else {
                continue
            }
            let forms = fields.entries.filter { ["center", "area", "traccar"].contains($0.key) }
            if forms.count > 1 {
                reader.error(
                    at: forms[1].mark,
                    "'\(forms[1].key)' stands beside '\(forms[0].key)'; a place has one of center, "
                        + "area and traccar")
                continue
            }
            switch forms.first?.key {
            case "center": book.places[name] = readCircle(fields, reader)
            case "area": book.places[name] = readArea(fields, reader)
            case "traccar": book.places[name] = readServerPlace(fields, reader)
            default:
                reader.missing(
                    "center", "area", "traccar", in: fields,
                    "a place has one of: center and radius, area, traccar")
            }
        }
    }

    private func refuse(
        _ keys: [String], beside form: String, in fields: NodeReader.Fields, _ reader: NodeReader
    ) -> Bool {
        let wrong = fields.entries.filter { keys.contains($0.key) }
        for entry in wrong {
            reader.error(at: entry.mark, "'\(entry.key)' does not go with '\(form)'")
        }
        return !wrong.isEmpty
    }

    private func readServerPlace(_ fields: NodeReader.Fields, _ reader: NodeReader) -> Place? {
        guard let entry = fields["traccar"] else { return nil }
        let wrong = refuse(["radius", "width"], beside: "traccar", in: fields, reader)
        guard let name = reader.text(entry.value, "the name or id of a geofence on the server"),
            !wrong
        else { return nil }
        return .server(name)
    }

    private func readCircle(_ fields: NodeReader.Fields, _ reader: NodeReader) -> Place? {
        guard let entry = fields["center"] else { return nil }
        let wrong = refuse(["width"], beside: "center", in: fields, reader)
        let center = readCoordinate(entry.value, reader)
        guard let radiusEntry = fields["radius"] else {
            reader.missing(
                "radius", in: fields, "a place with a 'center' needs a 'radius' such as 80 m")
            return nil
        }
        let radius = reader.measure(radiusEntry.value, .length)
        guard let center, let radius, !wrong else { return nil }
        if radius == 0 {
            reader.warning(at: radiusEntry.value.mark, "this place has no area: its radius is 0")
        }
        return .area(Geofence(center: center, radius: radius))
    }

    /// `[latitude, longitude]`.
    func readCoordinate(_ node: Node, _ reader: NodeReader) -> Coordinate? {
        guard case .list(let items) = node.value, items.count == 2 else {
            reader.error(
                at: node.mark,
                "expected a point [latitude, longitude], found \(node.description)")
            return nil
        }
        // Both are looked at, so that both faults are said.
        let read = (
            reader.number(items[0], "a latitude in degrees"),
            reader.number(items[1], "a longitude in degrees")
        )
        let faults = (
            read.0.flatMap { Geofence.fault(latitude: $0) },
            read.1.flatMap { Geofence.fault(longitude: $0) }
        )
        if let fault = faults.0 { reader.error(at: items[0].mark, fault) }
        if let fault = faults.1 { reader.error(at: items[1].mark, fault) }
        guard case (let latitude?, let longitude?) = read, faults == (nil, nil) else { return nil }
        return Coordinate(latitude: latitude, longitude: longitude)
    }

    private func readArea(_ fields: NodeReader.Fields, _ reader: NodeReader) -> Place? {
        guard let entry = fields["area"] else { return nil }
        var wrong = refuse(["radius"], beside: "area", in: fields, reader)
        var width = Geofence.standardWidth
        let text = reader.text(
            entry.value, "an area such as \"POLYGON ((lat lon, lat lon, lat lon))\"")
        if let widthEntry = fields["width"] {
            if let text, !Geofence.isLine(wkt: text) {
                reader.error(at: widthEntry.mark, "'width' goes with a LINESTRING only")
                wrong = true
            }
            guard let value = reader.measure(widthEntry.value, .length) else { return nil }
            width = value
        }
        guard let text, !wrong else { return nil }
        do {
            let area = try Geofence(wkt: text, width: width)
            if area.isEmpty { reader.warning(at: entry.value.mark, "this place has no area") }
            return .area(area)
        } catch {
            reader.error(at: entry.value.mark, "this area \(error)")
            return nil
        }
    }

    // MARK: - Groups

    func readGroups() {
        for (name, definition) in inOrder(groups) {
            let reader = definition.reader
            let value = definition.entry.value
            if name == "all" {
                reader.error(
                    at: definition.entry.mark, "'all' is every device, and no group's name")
            }
            if case .map = value.value {
                groupsRead[name] = readServerGroup(value, reader)
                continue
            }
            guard let items = reader.list(value, of: "device names") else { continue }
            if items.isEmpty {
                reader.warning(at: value.mark, "the group '\(name.abbreviated)' is empty")
            }
            let errors = reader.errors
            let members = items.compactMap { reader.text($0, "a device's name or uniqueId") }
            if reader.errors == errors { groupsRead[name] = members }
        }
    }

    /// Its members stand on the server: who they are is resolved outside, and the rules are read
    /// anew when that changes. A group that is not known (yet) has none.
    private func readServerGroup(_ node: Node, _ reader: NodeReader) -> [String]? {
        guard let fields = reader.fields(node, of: "a group", known: ["traccar"]) else {
            return nil
        }
        guard let entry = fields["traccar"] else {
            reader.missing("traccar", in: fields, "a group is a list of device names in [ ]")
            return nil
        }
        guard let group = reader.text(entry.value, "the name of a device group on the server")
        else { return nil }
        book.serverGroups.insert(group)
        return surroundings.serverGroup(group) ?? []
    }

    // MARK: - Contacts

    private static let contactKeys = [
        "email", "http", "hook", "language", "timezone", "quiet", "limit",
    ]

    func readContacts() {
        for (name, definition) in inOrder(contacts) {
            let reader = definition.reader
            guard
                let fields = reader.fields(
                    definition.entry.value, of: "a contact", known: Self.contactKeys)
            else { continue }
            let errors = reader.errors
            let contact = readContact(name, fields, definition.entry.mark, reader)
            if reader.errors == errors { book.contacts[name] = contact }
        }
    }

    private func readContact(
        _ name: String, _ fields: NodeReader.Fields, _ mark: Mark, _ reader: NodeReader
    ) -> Contact {
        var contact = Contact(name: name)
        let errors = reader.errors
        for entry in fields.entries {
            switch entry.key {
            case "email":
                for (address, mark) in reader.texts(entry.value, "a mail address")
                where isAddress(address, at: mark, reader) && isConfigured(.email, at: mark, reader)
                {
                    add(Contact.Way(channel: .email, address: address), to: &contact)
                }
            case "http", "hook":
                let kind: ChannelName.Kind = entry.key == "http" ? .http : .hook
                for (text, mark) in reader.texts(entry.value, "the name of a channel") {
                    let channel = ChannelName(kind: kind, name: text)
                    guard isChannelName(text, at: mark, reader),
                        isConfigured(channel, at: mark, reader)
                    else { continue }
                    add(Contact.Way(channel: channel), to: &contact)
                }
            case "language":
                if let language = reader.text(entry.value, "a language such as en or de"),
                    isLanguage(language, at: entry.value.mark, reader)
                {
                    contact.language = language
                }
            case "timezone":
                if let zone = reader.text(entry.value, "a time zone"),
                    self.zone(zone, at: entry.value.mark, reader) != nil
                {
                    contact.timezone = zone
                }
            case "quiet": readQuiet(entry, reader)
            case "limit": readLimit(entry, reader)
            default: break
            }
        }
        let ways = fields.entries.filter { ["email", "http", "hook"].contains($0.key) }
        if let first = ways.first {
            if contact.ways.isEmpty, reader.errors == errors {
                reader.error(
                    at: first.value.mark,
                    "the contact '\(name.abbreviated)' has nothing here to reach it by")
            }
        } else {
            reader.missing(
                "email", "http", "hook", in: fields, at: mark,
                "the contact '\(name.abbreviated)' has no email, http or hook to reach it by")
        }
        return contact
    }

    private func add(_ way: Contact.Way, to contact: inout Contact) {
        if !contact.ways.contains(way) { contact.ways.append(way) }
    }

    private func isAddress(_ text: String, at mark: Mark, _ reader: NodeReader) -> Bool {
        guard MailSyntax.isAddress(Substring(text)) else {
            // The address itself is a person's: it is not repeated.
            let isPlain = text.utf8.allSatisfy { $0 < 0x80 }
            reader.error(
                at: mark,
                isPlain
                    ? "this 'email' is no mail address; write one such as name@example.org"
                    : "a mail address has letters from a to z only; write a domain's other form "
                        + "(xn--…), or another address")
            return false
        }
        return true
    }

    private func isChannelName(_ text: String, at mark: Mark, _ reader: NodeReader) -> Bool {
        guard !text.contains("://") else {
            reader.error(
                at: mark,
                "an address does not stand here but in the configuration; write the channel's name")
            return false
        }
        return true
    }

    private func isConfigured(_ channel: ChannelName, at mark: Mark, _ reader: NodeReader) -> Bool {
        guard let channels = surroundings.channels, !channels.contains(channel) else { return true }
        guard channel.kind != .email else {
            reader.error(at: mark, "the configuration has no channel 'email'")
            return false
        }
        let known = channels.filter { $0.kind == channel.kind }.map(\.name).sorted()
        reader.error(
            at: mark,
            "the configuration has no \(channel.kind.rawValue) channel "
                + "'\(channel.name.abbreviated)'",
            suggestion: Spelling.nearest(to: channel.name, among: known))
        return false
    }

    private func isLanguage(_ text: String, at mark: Mark, _ reader: NodeReader) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let isGood =
            parts.allSatisfy { part in
                (1...8).contains(part.count)
                    && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            } && (2...3).contains(parts[0].count) && parts[0].allSatisfy(\.isLowercase)
        if !isGood {
            reader.error(
                at: mark, "'\(text.abbreviated)' is no language; write its code, such as en or de")
        }
        return isGood
    }

    private func readQuiet(_ entry: Node.Entry, _ reader: NodeReader) {
        guard isHours(entry.value, reader) else { return }
        reader.notSupported("'quiet'", at: entry.mark)
    }

    /// `20 per 1h`.
    private func readLimit(_ entry: Node.Entry, _ reader: NodeReader) {
        guard let text = reader.text(entry.value, "a limit such as 20 per 1h") else { return }
        let parts = text.split(separator: " ")
        guard parts.count == 3, parts[1] == "per", let count = Int(parts[0]), count >= 1,
            let duration = try? Measure.duration.read(String(parts[2])), duration > 0
        else {  // What was wrong with the duration is in the example.
            reader.error(
                at: entry.value.mark,
                "'\(text.abbreviated)' is no limit; write one such as 20 per 1h")
            return
        }
        reader.notSupported("'limit'", at: entry.mark)
    }

    /// Whether a node is the name of hours that have no error of their own.
    func isHours(_ node: Node, _ reader: NodeReader) -> Bool {
        guard let name = reader.text(node, "the name of hours") else { return false }
        guard hours[name] != nil else {
            unknown("hours", name, at: node.mark, reader, known: hours.keys)
            return false
        }
        return book.hours[name] != nil
    }
}
