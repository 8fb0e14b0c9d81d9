// Columns for a terminal. Controls in a cell become blanks: a device's name is not to move a
// cursor.

/// Rows that are lined up when they are printed.
struct Table {
    private enum Line {
        case row([String])
        case note(String)
    }
    private let head: [String]
    private var lines: [Line] = []

    init(_ head: [String]) { self.head = head }

    mutating func add(_ cells: [String]) { lines.append(.row(cells.map(Self.clean))) }

    /// A line of its own below the last row.
    mutating func note(_ text: String) { lines.append(.note(Self.clean(text))) }

    /// - Parameter empty: what is said where there is no row.
    func text(empty: String) -> String {
        guard !lines.isEmpty else { return empty }
        var widths = head.map(\.count)
        for case .row(let cells) in lines {
            for (index, cell) in cells.enumerated() {
                widths[index] = max(widths[index], cell.count)
            }
        }
        func line(_ cells: [String]) -> String {
            var result = ""
            for (index, cell) in cells.enumerated() {
                result += cell
                if index < cells.count - 1 {
                    result += String(repeating: " ", count: widths[index] - cell.count + 2)
                }
            }
            return result
        }
        return
            ([line(head)]
            + lines.map { entry in
                switch entry {
                case .row(let cells): line(cells)
                case .note(let text): text
                }
            }).joined(separator: "\n")
    }

    /// One line that moves nothing: controls, bidirectional ones and line ends become blanks.
    static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: " "
                    default: scalar
                    }
                }))
    }
}
