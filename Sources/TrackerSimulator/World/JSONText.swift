// JSON as it is written out: members in the order in which they are given, null members too,
// because Traccar's own writer (Jackson, in its plain configuration) writes them.

/// The text of one JSON value while it grows.
package struct JSONText: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Objects differ in their members between servers.
    package let dialect: Dialect

    package init(_ dialect: Dialect) { self.dialect = dialect }

    package static func of(_ value: some JSONWritable, _ dialect: Dialect) -> [UInt8] {
        var text = JSONText(dialect)
        text.value(value)
        return text.bytes
    }

    package mutating func object(_ members: (inout JSONText) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "{"))
        members(&self)
        bytes.append(UInt8(ascii: "}"))
    }

    package mutating func member(_ name: String, _ value: some JSONWritable) {
        separate()
        quoted(name)
        bytes.append(UInt8(ascii: ":"))
        self.value(value)
    }

    package mutating func value(_ value: some JSONWritable) { value.write(to: &self) }

    package mutating func list<Element: JSONWritable>(_ elements: some Sequence<Element>) {
        separate()
        bytes.append(UInt8(ascii: "["))
        for element in elements { value(element) }
        bytes.append(UInt8(ascii: "]"))
    }

    fileprivate mutating func raw(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    fileprivate mutating func string(_ text: String) {
        separate()
        quoted(text)
    }

    private mutating func quoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<32:
                let hex = String(byte, radix: 16)
                bytes.append(contentsOf: "\\u00\(hex.count == 1 ? "0" : "")\(hex)".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A comma, where something stands before.
    private mutating func separate() {
        guard let last = bytes.last else { return }
        if last != UInt8(ascii: "{"), last != UInt8(ascii: "["), last != UInt8(ascii: ":") {
            bytes.append(UInt8(ascii: ","))
        }
    }
}

/// What can be written as JSON.
package protocol JSONWritable: Sendable {
    func write(to text: inout JSONText)
}

extension Int64: JSONWritable {
    package func write(to text: inout JSONText) { text.raw(String(self)) }
}
extension Int: JSONWritable {
    package func write(to text: inout JSONText) { text.raw(String(self)) }
}
extension Double: JSONWritable {
    package func write(to text: inout JSONText) { text.raw(description) }
}
extension Bool: JSONWritable {
    package func write(to text: inout JSONText) { text.raw(self ? "true" : "false") }
}
extension String: JSONWritable {
    package func write(to text: inout JSONText) { text.string(self) }
}
extension Moment: JSONWritable {
    package func write(to text: inout JSONText) { text.string(self.text) }
}
extension Optional: JSONWritable where Wrapped: JSONWritable {
    package func write(to text: inout JSONText) {
        if let self { text.value(self) } else { text.raw("null") }
    }
}
extension Array: JSONWritable where Element: JSONWritable {
    package func write(to text: inout JSONText) { text.list(self) }
}

/// The open part of Traccar's objects: names and values, in order.
package struct Properties: Hashable, Sendable, ExpressibleByDictionaryLiteral, JSONWritable {
    package enum Value: Hashable, Sendable, JSONWritable {
        case text(String)
        case whole(Int64)
        case number(Double)
        case flag(Bool)
        /// Anything nested, as its JSON text (BikeTrax' `passport`).
        case nested(String)

        package func write(to text: inout JSONText) {
            switch self {
            case .text(let value): text.value(value)
            case .whole(let value): text.value(value)
            case .number(let value): text.value(value)
            case .flag(let value): text.value(value)
            case .nested(let value): text.raw(value)
            }
        }
    }

    package private(set) var entries: [(name: String, value: Value)]

    package init(dictionaryLiteral elements: (String, Value)...) { entries = elements }

    package subscript(name: String) -> Value? {
        get { entries.first { $0.name == name }?.value }
        set {
            entries.removeAll { $0.name == name && newValue == nil }
            guard let newValue else { return }
            if let index = entries.firstIndex(where: { $0.name == name }) {
                entries[index].value = newValue
            } else {
                entries.append((name, newValue))
            }
        }
    }

    package static func == (left: Properties, right: Properties) -> Bool {
        left.entries.elementsEqual(right.entries) { $0 == $1 }
    }
    package func hash(into hasher: inout Hasher) {
        for entry in entries {
            hasher.combine(entry.name)
            hasher.combine(entry.value)
        }
    }

    package func write(to text: inout JSONText) {
        text.object { text in
            for entry in entries { text.member(entry.name, entry.value) }
        }
    }
}
