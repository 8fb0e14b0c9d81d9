// The open part of Traccar's objects: a flat list of names and values. A list and not a
// dictionary: objects have about ten, and building a hash table for each costs more than it saves.

/// One value of an `attributes` object (domain.md 1.0).
package enum Attribute: Hashable, Sendable {
    case text(String)
    case number(Double)
    case flag(Bool)
    case null
    /// Anything nested, as its JSON text (BikeTrax' `passport` is dropped before it gets here).
    case nested(String)
}

/// The attributes of an event, position or device, in the order in which they came.
package struct Attributes: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    package var entries: [Entry]

    package struct Entry: Hashable, Sendable {
        package var name: String
        package var value: Attribute

        package init(name: String, value: Attribute) {
            self.name = name
            self.value = value
        }
    }

    package init(_ entries: [Entry] = []) { self.entries = entries }
    package init(dictionaryLiteral elements: (String, Attribute)...) {
        entries = elements.map { Entry(name: $0.0, value: $0.1) }
    }

    package var isEmpty: Bool { entries.isEmpty }

    package subscript(name: String) -> Attribute? {
        get {
            for index in entries.indices where entries[index].name == name {
                return entries[index].value
            }
            return nil
        }
        set {
            if let index = entries.firstIndex(where: { $0.name == name }) {
                if let newValue {
                    entries[index].value = newValue
                } else {
                    entries.remove(at: index)
                }
            } else if let newValue {
                entries.append(Entry(name: name, value: newValue))
            }
        }
    }

    /// A flag, also where a re-encoder made it text: `"false"` (domain.md 1.0).
    package func flag(_ name: String) -> Bool? {
        switch self[name] {
        case .flag(let value): value
        case .text("true"): true
        case .text("false"): false
        default: nil
        }
    }

    /// A number, also where a re-encoder made it text: `"97"`.
    package func number(_ name: String) -> Double? {
        switch self[name] {
        case .number(let value): value
        case .text(let text): Double(text)
        default: nil
        }
    }

    package func text(_ name: String) -> String? {
        if case .text(let value) = self[name] { value } else { nil }
    }
}
