// The examples of the contract: every file of `wrong/` gives exactly what its `.expect` says, and
// those of `right/` nothing but "not supported yet". They stand beside the project, not in it, and
// where they are missing there is nothing to run.
import Alerting
import Foundation
import TestSupport
import Testing

@Suite("Rule files by example")
struct RuleFileExamplesTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "shared/examples")

    static func names(_ kind: String, suffix: String) -> [String] {
        // No folder: the tests over it are skipped.
        let files = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appending(path: kind).path)
        return (files ?? []).filter { $0.hasSuffix(suffix) }.sorted()
    }

    static func load(_ kind: String, _ name: String) throws -> RuleFile.Outcome {
        let text = try String(
            contentsOf: folder.appending(path: "\(kind)/\(name)"), encoding: .utf8)
        let surroundings = RuleFile.Surroundings(
            zones: systemZones, templates: ["alarm", "theft", "left-place", "battery", "silent"])
        return RuleFile.load(files: [(name, text)], surroundings: surroundings)
    }

    @Test(
        "a wrong file gives the findings that it is there for, and no other",
        arguments: names("wrong", suffix: ".yaml"))
    func wrong(name: String) throws {
        let expectFile = Self.folder.appending(
            path: "wrong/" + name.replacing(".yaml", with: ".expect"))
        let expected = try String(contentsOf: expectFile, encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: " ", maxSplits: 2).map(String.init) }
        var left = try Self.load("wrong", name).findings
        for line in expected {
            let index = left.firstIndex { finding in
                "\(finding.line):\(finding.column)" == line[0]
                    && finding.severity.rawValue == line[1]
                    && finding.headline.lowercased().contains(line[2].lowercased())
            }
            guard let index else {
                Issue.record("missing: \(line.joined(separator: " ")); \(left.map(\.headline))")
                continue
            }
            left.remove(at: index)
        }
        #expect(left.map(\.headline) == [])
    }

    @Test(
        "a right file has no finding but what is not supported yet",
        arguments: names("right", suffix: ".yaml"))
    func right(name: String) throws {
        let findings = try Self.load("right", name).findings
        let others = findings.filter { !$0.message.hasSuffix("is not supported yet") }
        #expect(others.map(\.headline) == [])
        if ["01", "02", "09", "17"].contains(String(name.prefix(2))) {
            #expect(findings.map(\.headline) == [])
        }
    }
}
