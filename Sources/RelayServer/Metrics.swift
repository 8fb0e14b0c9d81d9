// `/metrics` in Prometheus' text format 0.0.4. The counters live where things happen; this only
// reads and writes them down. No label ever holds a device, an address or a person.

import Foundation
import Glibc

/// A page of metrics under construction.
struct MetricsPage {
    private(set) var text = ""

    /// One metric with its samples; a sample without labels has an empty list of them.
    mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ samples: [([(String, String)], Double)]
    ) {
        text += "# HELP outcry_\(name) \(help)\n# TYPE outcry_\(name) \(kind.rawValue)\n"
        for (labels, value) in samples {
            let inner = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
            let shown =
                value == value.rounded() && abs(value) < 1e15
                ? String(Int64(value)) : String(value)
            text += "outcry_\(name)\(inner.isEmpty ? "" : "{\(inner)}") \(shown)\n"
        }
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        add(name, kind, help, [([], Double(value))])
    }

    enum Kind: String { case counter, gauge }

    private static func escaped(_ value: String) -> String {
        var result = ""
        // By scalars: to Swift a CR and an LF are one character, and not this one.
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Resident memory of this process in bytes: the second figure of statm (proc(5)).
    static var residentBytes: Int {
        guard let bytes = FileManager.default.contents(atPath: "/proc/self/statm") else { return 0 }
        let figures = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard figures.count > 1, let pages = Int(figures[1]) else { return 0 }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
