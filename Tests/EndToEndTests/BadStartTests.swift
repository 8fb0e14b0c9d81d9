// A relay that cannot do its work does not start: exit 78 (EX_CONFIG) and a line that says what is
// wrong and where, before anything listens.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("what keeps it from starting")
    struct BadStartTests {
        /// Something wrong with one folder, and what the line must say.
        struct Mistake: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var says: [String]
            var make: @Sendable (RelayFolder) throws -> Void
        }

        static let mistakes: [Mistake] = [
            Mistake(testDescription: "a missing file of a secret", says: ["webhook-key"]) {
                try FileManager.default.removeItem(atPath: $0.path + "/webhook-key")
            },
            Mistake(
                testDescription: "a missing variable of a secret", says: ["OUTCRY_TEST_UNSET"]
            ) {
                try $0.write(
                    "outcry.yaml",
                    $0.read("outcry.yaml").replacing(
                        "${file:webhook-key}", with: "${env:OUTCRY_TEST_UNSET}"))
            },
            Mistake(testDescription: "a data path that cannot be", says: ["outcry.db"]) {
                try $0.configure(data: "rules/rules.yaml/outcry.db")
            },
            Mistake(testDescription: "a file that is no database", says: ["outcry.db"]) {
                try $0.write("outcry.db", String(repeating: "this is no database ", count: 500))
            },
            Mistake(
                testDescription: "an unknown key",
                says: ["outcry.yaml:1:1", "lisen", "listen"]
            ) {
                try $0.write("outcry.yaml", "lisen: 1\n" + $0.read("outcry.yaml"))
            },
            Mistake(testDescription: "no rules", says: ["rules"]) {
                try FileManager.default.removeItem(atPath: $0.path + "/rules")
            },
            Mistake(testDescription: "a channel that is not there", says: ["fleet-api"]) {
                try $0.write("rules/rules.yaml", EndToEnd.everyAlarm)
            },
        ]

        @Test("exit 78 and one clear line", arguments: mistakes)
        func refused(_ mistake: Mistake) throws {
            let folder = try RelayFolder(rules: "version: 1\nrules: []\n")
            try mistake.make(folder)
            let result = try run(folder)
            #expect(result.exit == .code(78))
            // The line of the file and the caret below it may follow.
            let said = result.errors.split(separator: "\n").filter { line in
                line.hasPrefix("outcry: ") || line.contains(": error: ")
            }
            let fitting = said.filter { line in mistake.says.allSatisfy(line.contains) }
            #expect(fitting.count == 1, "\(result.errors)")
            #expect(Set(said).count == said.count, "nothing is said twice: \(result.errors)")
            #expect(!result.errors.contains("Fatal error"))
        }

        @Test("a bad rule is shown with its place, its line and a caret")
        func badRule() throws {
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm.replacing("once_per", with: "once_pre"))
            let result = try run(folder)
            #expect(result.exit == .code(78))
            #expect(result.errors.contains("rules.yaml:9:5: error: "))
            #expect(result.errors.contains("once_per"))
            #expect(result.errors.contains("^"))
        }

        @Test("a port in use is named")
        func portInUse() throws {
            let taken = try HTTPSink()
            let folder = try RelayFolder(rules: "version: 1\nrules: []\n")
            try folder.configure(listen: "127.0.0.1:\(taken.port)")
            let result = try run(folder)
            #expect(result.exit == .code(78))
            let lines = result.errors.split(separator: "\n")
            #expect(lines.count { $0.contains("127.0.0.1:\(taken.port)") } == 1)
        }

        @Test("a command without its configuration says how it is used")
        func wrongUse() throws {
            #expect(try finish(outcryBinary, ["run", "--confg", "x"]).exit == .code(2))
            #expect(try finish(outcryBinary, ["nonsense"]).exit == .code(2))
            let missing = try finish(outcryBinary, ["run", "--config", "/nowhere/outcry.yaml"])
            #expect(missing.exit == .code(78))
            #expect(missing.errors.contains("/nowhere/outcry.yaml"))
        }

        private func run(_ folder: RelayFolder) throws -> Finished {
            try finish(outcryBinary, ["run", "--config", folder.configuration], within: 20)
        }
    }
}
