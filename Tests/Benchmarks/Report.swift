// What was measured: a line for each figure as it comes, and all of them in a file at the end.

import Foundation
import Glibc

/// One figure.
struct Figure: Codable {
    var name: String
    var value: Double
    var unit: String
    /// What the issue asks for, as text: `>= 25000`; nil: only told.
    var target: String?
}

/// All figures of a run.
final class Report {
    private(set) var figures: [Figure] = []

    /// Prints a figure and keeps it.
    func add(_ name: String, _ value: Double, _ unit: String, target: String? = nil) {
        figures.append(Figure(name: name, value: value, unit: unit, target: target))
        // Few digits where they would only be noise.
        let digits = value >= 1_000 ? "%.0f" : value >= 10 ? "%.1f" : "%.4f"
        say("\(name)  \(String(format: digits, value))  \(unit)")
    }

    /// Says why a figure is missing.
    func skip(_ name: String, _ reason: String) { say("\(name)  -  skipped: \(reason)") }

    /// At once, also through a pipe: the next figure may take a minute.
    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(figures).write(to: URL(fileURLWithPath: path))
    }
}
