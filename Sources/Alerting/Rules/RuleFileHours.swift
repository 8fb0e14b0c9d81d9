// `calendars` and `hours` of rule files.

extension RuleLoader {
    // MARK: - Calendars

    func readCalendars() {
        for (name, definition) in inOrder(calendars) {
            let reader = definition.reader
            let value = definition.entry.value
            guard
                let fields = reader.fields(value, of: "a calendar", known: ["file", "traccar"])
            else { continue }
            switch (fields["file"], fields["traccar"]) {
            case (nil, nil):
                reader.missing("file", "traccar", in: fields, "a calendar is { file: NAME.ics }")
            case (.some(let file), nil): calendarsRead[name] = readCalendar(file, reader)
            case (nil, .some(let traccar)):
                calendarsRead[name] = readServerCalendar(traccar, reader)
            case (.some(let file), .some(let traccar)):
                let second = max(file.mark, traccar.mark)
                reader.error(at: second, "a calendar is either a 'file' or 'traccar', not both")
            }
        }
    }

    /// Floating times and whole days are UTC there, as Traccar reads them (domain.md 1.5). One that
    /// is not known (yet) covers nothing; what cannot be read of it is said, and is no error of the
    /// rule file: somebody else may edit it at any time.
    private func readServerCalendar(_ entry: Node.Entry, _ reader: NodeReader) -> Holidays? {
        guard let name = reader.text(entry.value, "the name of a calendar on the server") else {
            return nil
        }
        book.serverCalendars.insert(name)
        guard let text = surroundings.serverCalendar(name) else {
            return Holidays(periods: [], recurring: [])
        }
        let (holidays, problems) = ICalendar.read(text, zone: .utc) { name in
            // As of a file: a zone whose data is broken is as good as none.
            (try? self.zone(named: name)) ?? nil
        }
        for problem in problems {
            reader.warning(
                at: entry.value.mark,
                "line \(problem.line) of the server's calendar '\(name.abbreviated)': "
                    + problem.message)
        }
        return holidays
    }

    private func readCalendar(_ entry: Node.Entry, _ reader: NodeReader) -> Holidays? {
        let mark = entry.value.mark
        guard let path = reader.text(entry.value, "the path of an .ics file") else { return nil }
        let zone = setZone(for: mark, reader)
        let folder = reader.file.lastIndex(of: "/").map { reader.file[...$0] } ?? ""
        let full = path.hasPrefix("/") ? path : folder + path
        guard let bytes = surroundings.readFile(full) else {
            reader.error(at: mark, "the file '\(full)' cannot be read")
            return nil
        }
        guard bytes.count <= Limits.calendarBytes else {
            reader.error(at: mark, "the file '\(full)' is larger than 1 MiB")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            reader.error(at: mark, "the file '\(full)' is not UTF-8 text")
            return nil
        }
        calendarFiles.append((full, text))
        let (holidays, problems) = ICalendar.read(text, zone: zone) { name in
            // A zone whose data is broken is as good as none: the line of the file is named.
            (try? self.zone(named: name)) ?? nil
        }
        let source = SourceText(text)
        for problem in problems {
            otherFindings.append(
                Finding(
                    file: full, line: problem.line, column: 1, severity: .error,
                    message: "the calendar " + problem.message, source: source.line(problem.line)))
        }
        return problems.isEmpty ? holidays : nil
    }

    // MARK: - Hours

    private static let weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    func readHours() {
        for (name, definition) in inOrder(hours) {
            if let hours = readHours(name, definition.entry, definition.reader) {
                book.hours[name] = hours
            }
        }
    }

    private func readHours(
        _ name: String, _ entry: Node.Entry, _ reader: NodeReader
    ) -> Hours? {
        let errors = reader.errors
        guard case .map = entry.value.value else {
            reader.error(
                at: entry.value.mark,
                "hours are a map such as { daily: \"22:00-06:00\" }, not "
                    + entry.value.description)
            return nil
        }
        guard let fields = reader.fields(entry.value, of: "hours", known: nil) else { return nil }
        var windows: [Hours.Window] = []
        var except: [Holidays] = []
        var zone: Zone?
        var clock: Mark?
        for field in fields.entries {
            switch field.key {
            case "timezone":
                zone = reader.text(field.value, "a time zone").flatMap {
                    self.zone($0, at: field.value.mark, reader)
                }
            case "except": except = readExcept(field.value, reader)
            default:
                guard
                    let days = readDays(field.key, "hours", ["timezone", "except"], field, reader)
                else { continue }
                for node in reader.oneOrMore(field.value) {
                    clock = clock ?? node.mark
                    guard let window = readWindow(node, days, reader) else { continue }
                    windows.append(window)
                    if window.isEmpty {
                        reader.warning(
                            at: node.mark, "these hours are empty: they end where they begin")
                    }
                }
            }
        }
        if windows.isEmpty, reader.errors == errors {
            reader.warning(at: entry.mark, "the hours '\(name.abbreviated)' are empty")
        }
        if fields["timezone"] == nil { zone = setZone(for: clock ?? entry.mark, reader) }
        guard let zone, reader.errors == errors else { return nil }
        return Hours(windows: windows, zone: zone, except: except)
    }

    private func readExcept(_ node: Node, _ reader: NodeReader) -> [Holidays] {
        reader.texts(node, "the name of a calendar").compactMap { name, mark in
            guard calendars[name] != nil else {
                unknown("calendar", name, at: mark, reader, known: calendars.keys)
                return nil
            }
            return calendarsRead[name]
        }
    }

    /// `daily`, `mon`, `mon-fri`; 0 is Monday.
    func readDays(
        _ key: String, _ what: String, _ others: [String], _ entry: Node.Entry,
        _ reader: NodeReader
    ) -> [Int]? {
        if key == "daily" { return Array(0..<7) }
        let ends = key.split(separator: "-", omittingEmptySubsequences: false).map {
            Self.weekdays.firstIndex(of: String($0))
        }
        if ends.count == 1, let day = ends[0] { return [day] }
        if ends.count == 2, let first = ends[0], let last = ends[1] {
            let count = (last - first + 7) % 7 + 1
            return (0..<count).map { (first + $0) % 7 }
        }
        reader.error(
            at: entry.mark,
            "'\(key.abbreviated)' is no key of \(what); expected daily, a weekday (mon … sun), a "
                + "range (mon-fri)\(others.isEmpty ? "" : ", " + NodeReader.list(others))",
            suggestion: Spelling.nearest(to: key, among: ["daily"] + Self.weekdays + others))
        return nil
    }

    private func readWindow(
        _ node: Node, _ days: [Int], _ reader: NodeReader
    ) -> Hours.Window? {
        guard let text = reader.text(node, "hours such as \"22:00-06:00\"") else { return nil }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let start = Self.minute(ends[0]), start < 1_440,
            let end = Self.minute(ends[1])
        else {
            var hint = Self.minute(text[...]) == nil ? "" : ", a beginning and an end"
            if text.contains("–") || text.contains("—") { hint = " with a plain hyphen" }
            reader.error(
                at: node.mark,
                "'\(text.abbreviated)' is no range of hours; write \"22:00-06:00\"\(hint)")
            return nil
        }
        return Hours.Window(weekdays: days, start: start, end: end)
    }

    /// The minute of the day of `7:30` or `07:30`, up to `24:00`; nil for anything else.
    static func minute(_ text: Substring) -> Int? {
        let parts = text.trimmed.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
            parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
            hour < 24 || (hour == 24 && minute == 0)
        else { return nil }
        return hour * 60 + minute
    }

    /// `"20:00"`.
    func readClockTime(_ node: Node, _ reader: NodeReader) -> Int? {
        guard let text = reader.text(node, "a time of day such as \"20:00\"") else { return nil }
        guard let minute = Self.minute(text[...]), minute < 1_440 else {
            reader.error(
                at: node.mark,
                "'\(text.abbreviated)' is no time of day; write one such as \"20:00\"")
            return nil
        }
        _ = setZone(for: node.mark, reader)
        return minute
    }
}
