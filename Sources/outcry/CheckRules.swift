// `outcry check` and `outcry test`: what an edit of a rule file will do, before it does it.

import Alerting
import ArgumentParser
import Foundation
import RelayServer

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check rule files: every error of every file in one run.",
        discussion: """
            PATH is a file, or a folder of which all *.yaml make one set; default: rules. With \
            --config the channels, templates and the configuration itself are checked too. \
            Exits 1 on errors, 0 on warnings alone.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Argument(help: "Rule files or folders.") var paths: [String] = []
    @Option(help: "text or json.") var format = Format.text
    @Flag(help: "Warnings are errors.") var strict = false
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("Check against this configuration.", valueName: "file"))
    var config: String?
    @Flag(help: "Ask the servers whether the names that the rules take from them exist.")
    var online = false

    func run() async throws {
        var findings: [Finding] = []
        if online, config == nil { throw ValidationError("--online needs --config FILE") }
        var library = try RuleLibrary(paths: paths.isEmpty ? ["rules"] : paths)
        var asked: OnlineCheck?
        if let config {
            let file = try ConfigurationFile(path: config, secrets: online)
            findings += file.findings
            if let configuration = file.configuration {
                if online { asked = OnlineCheck(configuration) }
                library = try RuleLibrary(
                    configuration, paths: paths.isEmpty ? [configuration.rules] : paths)
            }
        }
        let read = try library.read()
        findings += read.findings
        if let asked { findings += await asked.findings(for: read) }
        let errors = findings.filter { strict || $0.severity == .error }.count
        switch format {
        case .json: print(Finding.json(findings))
        case .text:
            for finding in findings { print(finding.text) }
            if errors > 0 {
                print("\(errors.of("error")) in \(read.files.of("file"))")
            } else {
                print("\(read.book.rules.count.of("rule")) in \(read.files.of("file")): all right")
            }
        }
        if errors > 0 { throw ExitCode(1) }
    }
}

struct Test: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the tests that stand in rule files.",
        discussion: "PATH as for check; each PATH is a set of its own. Exits 1 if one fails.")

    @Argument(help: "Rule files or folders.") var paths: [String] = []

    func run() throws {
        var passed = 0
        var failed = 0
        for path in paths.isEmpty ? ["rules"] : paths {
            let read = try RuleLibrary(paths: [path]).read()
            let errors = read.findings.filter { $0.severity == .error }
            guard errors.isEmpty else {
                for finding in errors { print(finding.text) }
                failed += 1
                continue
            }
            for scenario in read.book.scenarios {
                let differences = ScenarioRun.differences(scenario, in: read.book)
                if differences.isEmpty {
                    passed += 1
                    continue
                }
                failed += 1
                print("\(scenario.place): failed: \(scenario.name)")
                for difference in differences { print("    \(difference)") }
            }
        }
        print("\(passed.of("test")) passed, \(failed) failed")
        if failed > 0 { throw ExitCode(1) }
    }
}
