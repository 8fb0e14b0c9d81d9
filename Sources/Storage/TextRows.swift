// Small lists inside one column (verdicts, attributes, who was told) in the text format of
// PostgreSQL's COPY: fields end with a tab, rows with a line feed, `\` escapes, `\N` is nothing.
// Written and read in well under a microsecond, where JSONEncoder takes 75, and legible in the
// sqlite3 shell. JSON was left: reading it back at start (10 000 devices) would need a parser.
import Alerting

extension ByteWriter {
    /// Appends a row of a column's text.
    mutating func row(_ fields: String?...) {
        for text in fields { field(known: text) }
        endRow()
    }

    // MARK: One field after the other, without a list of them

    mutating func field(_ text: String) {
        text.withBytes { text in
            // Some that need not be escaped are looked at one by one.
            if Self.firstEscaped(in: UnsafeRawBufferPointer(text), from: 0) == text.count {
                return append(text)
            }
            for byte in text {
                switch byte {
                case tab: append(literal: "\\t")
                case lineFeed: append(literal: "\\n")
                case escape: append(literal: "\\\\")
                default: append(byte)
                }
            }
        }
        append(tab)
    }

    mutating func field(_ number: Int64) {
        append(decimal: number)
        append(tab)
    }

    /// Nothing is not an empty text.
    mutating func field(known text: String?) {
        if let text { field(text) } else { append(literal: "\\N\t") }
    }

    mutating func endRow() { replaceLast(by: lineFeed) }
}

enum TextRows {
    /// The rows of a column; every row has a field at least.
    static func read(_ text: String) -> [[String?]] {
        var rows: [[String?]] = []
        var row: [String?] = []
        var field: [UInt8] = []
        var escaped = false
        var isNone = false
        func end() {
            row.append(isNone ? nil : String(decoding: field, as: UTF8.self))
            field.removeAll(keepingCapacity: true)
            isNone = false
        }
        for byte in text.utf8 {
            if escaped {
                escaped = false
                switch byte {
                case UInt8(ascii: "t"): field.append(tab)
                case UInt8(ascii: "n"): field.append(lineFeed)
                case none: isNone = true
                default: field.append(byte)
                }
                continue
            }
            switch byte {
            case escape: escaped = true
            case tab: end()
            case lineFeed:
                end()
                rows.append(row)
                row.removeAll(keepingCapacity: true)
            default: field.append(byte)
            }
        }
        return rows
    }
}

private let tab = UInt8(ascii: "\t")
private let lineFeed = UInt8(ascii: "\n")
private let escape = UInt8(ascii: "\\")
private let none = UInt8(ascii: "N")

extension Array where Element == String? {
    /// A field that may be missing, in a row that an older program wrote.
    subscript(field index: Int) -> String? { index < count ? self[index] : nil }
}

// MARK: - The core's lists

extension Attributes {
    func write(to column: inout ByteWriter) {
        for entry in entries {
            switch entry.value {
            case .text(let text): column.row(entry.name, "t", text)
            case .number(let number): column.row(entry.name, "n", "\(number)")
            case .flag(let flag): column.row(entry.name, "f", flag ? "1" : "0")
            case .null: column.row(entry.name, "0")
            case .nested(let json): column.row(entry.name, "j", json)
            }
        }
    }

    init(stored text: String) {
        self.init(
            TextRows.read(text).compactMap { row in
                guard let name = row[field: 0] else { return nil }
                let value = row[field: 2] ?? ""
                switch row[field: 1] {
                case "t": return Entry(name: name, value: .text(value))
                case "n": return Double(value).map { Entry(name: name, value: .number($0)) }
                case "f": return Entry(name: name, value: .flag(value == "1"))
                case "j": return Entry(name: name, value: .nested(value))
                default: return Entry(name: name, value: .null)
                }
            })
    }
}

extension Verdict {
    static func write(_ verdicts: [Verdict], to column: inout ByteWriter) {
        for verdict in verdicts {
            column.field(verdict.rule)
            column.field(verdict.result.rawValue)
            column.field(known: verdict.leaf)
            column.field(known: verdict.incident)
            column.endRow()
        }
    }

    static func read(_ text: String) -> [Verdict] {
        TextRows.read(text).compactMap { row in
            guard let rule = row[field: 0], let word = row[field: 1],
                let result = Result(rawValue: word)
            else { return nil }
            return Verdict(
                rule: rule, result: result, leaf: row[field: 2], incident: row[field: 3])
        }
    }
}

extension Incident.Told {
    static func write(_ told: [Incident.Told], to column: inout ByteWriter) {
        for one in told {
            column.field(one.contact)
            column.field(one.channel.description)
            column.field(one.address)
            column.field(one.template)
            column.endRow()
        }
    }

    static func read(_ text: String) -> [Incident.Told] {
        TextRows.read(text).compactMap { row in
            guard let contact = row[field: 0], let channel = row[field: 1].flatMap(ChannelName.init)
            else { return nil }
            return Incident.Told(
                contact: contact, channel: channel, address: row[field: 2] ?? "",
                template: row[field: 3] ?? "")
        }
    }
}

extension Incident.Member {
    static func write(_ members: [Incident.Member], to column: inout ByteWriter) {
        for member in members {
            column.field(member.kind)
            column.field(known: member.place)
            column.field(member.at.milliseconds)
            column.endRow()
        }
    }

    static func read(_ text: String) -> [Incident.Member] {
        TextRows.read(text).compactMap { row in
            guard let kind = row[field: 0], let at = row[field: 2].flatMap(Int64.init) else {
                return nil
            }
            return Incident.Member(
                kind: kind, place: row[field: 1], at: Instant(milliseconds: at))
        }
    }
}
