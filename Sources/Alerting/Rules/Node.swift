// A YAML file as the rule language sees it: maps, lists and text, each with its place. Every scalar
// is text, because to YAML 1.1 an unquoted 22:00 is the number 1320 and `no` is false.

/// A place in a file; both count from 1, columns in characters.
package struct Mark: Hashable, Comparable, Sendable {
    package var line: Int32
    package var column: Int32

    package init(line: Int, column: Int) {
        self.line = Int32(clamping: line)
        self.column = Int32(clamping: column)
    }

    package static func < (left: Mark, right: Mark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A value of the file and where it begins. What an alias stands for has the place of its anchor.
package struct Node: Sendable {
    package var mark: Mark
    package var value: Value

    package enum Value: Sendable {
        /// `isPlain`: it was written without quotes.
        case scalar(String, isPlain: Bool)
        case list([Node])
        /// In the file's order; keys are unique.
        case map([Entry])
    }

    /// One `key: value` of a map.
    package struct Entry: Sendable {
        package var key: String
        package var mark: Mark
        package var value: Node

        package init(key: String, mark: Mark, value: Node) {
            self.key = key
            self.mark = mark
            self.value = value
        }
    }

    package init(mark: Mark, value: Value) {
        self.mark = mark
        self.value = value
    }

    /// A `key:` with nothing behind it.
    package var isMissing: Bool {
        if case .scalar("", isPlain: true) = value { true } else { false }
    }

    /// What it is, for error messages.
    package var description: String {
        switch value {
        case .scalar(let text, _): isMissing ? "nothing" : "'\(text.abbreviated)'"
        case .list: "a list"
        case .map: "a map"
        }
    }
}

extension String {
    /// Short enough for an error message, in one line.
    package var abbreviated: String {
        let line = prefix { !$0.isNewline }
        return line.count > 60 || line.endIndex < endIndex ? line.prefix(60) + "…" : self
    }
}
