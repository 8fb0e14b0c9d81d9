// `outcry-bench all`: the figures (a) to (i), and (r) of (d), one after the other, alone on the
// machine if one can.

import Foundation
import TestSupport

extension Bench {
    static func runAll(_ options: Options) throws {
        let build = projectRoot + "/.build"
        let binary = options.text("outcry", build + "/release/outcry")
        let only = options.text("only", "").split(separator: ",").map(String.init)
        let sizes = options.text("rules", "").split(separator: ",").compactMap { Int($0) }
        // (a), (b) and (r) are measured in this process.
        guard
            Set(only).isSubset(of: ["a", "b", "r"]) && !only.isEmpty
                || FileManager.default.isExecutableFile(atPath: binary)
        else { throw BenchError("\(binary) is missing: make build") }
        setenv("OUTCRY_BINARY", URL(fileURLWithPath: binary).path, 1)
        let folder = build + "/bench"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)

        let report = Report()
        let figures = RelayFigures(
            report: report, folder: folder, scale: try options.fraction("scale", 1))
        let connection = ConnectionFigures(
            report: report, folder: folder, scale: figures.scale,
            devices: try options.number("devices", 1_000),
            positions: try options.number("positions", Int(200_000 * figures.scale)))
        let parts: [(name: String, measure: () throws -> Void)] = [
            ("a", { try matching(report, in: folder, only: sizes) }),
            ("b", { try decoding(report) }),
            ("r", { rendering(report) }),
            ("c", figures.intake),
            ("d", figures.endToEnd),
            ("e", figures.memory),
            ("f", figures.ruleCount),
            ("g", figures.start),
            ("h", connection.catchUp),
            ("i", connection.socket),
        ]
        var failed = false
        for part in parts where only.isEmpty || only.contains(part.name) {
            do {
                try part.measure()
            } catch {
                // The others are worth having all the same.
                report.skip("figure_\(part.name)", "\(error)")
                failed = true
            }
        }
        try report.write(to: build + "/bench.json")
        if failed { throw BenchError("not every figure could be measured") }
    }
}
