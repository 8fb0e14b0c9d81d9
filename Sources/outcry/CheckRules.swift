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
        if online, config == nil { throw ValidationError("--online needs --config FILE") }
        let file = try config.map { try ConfigurationFile(path: $0, secrets: online) }
        var findings = file?.findings ?? []
        var read: RuleLibrary.Read?
        do {
            read = try library(file)?.read()
        } catch {
            // What was found before is said as well.
            say(findings)
            throw error
        }
        findings += read?.findings ?? []
        if online, let read, let configuration = file?.configuration {
            findings += await OnlineCheck(configuration).findings(for: read)
        }
        say(findings)
        let errors = findings.filter { strict || $0.severity == .error }.count
        let files = read?.files ?? 0
        if format == .text {
            if errors > 0 {
                print("\(errors.of("error")) in \((files + (file == nil ? 0 : 1)).of("file"))")
            } else {
                let rules = read?.book.rules.count ?? 0
                print("\(rules.of("rule")) in \(files.of("file")): all right")
            }
        }
        if errors > 0 { throw ExitCode(1) }
    }

    /// nil: the configuration does not say where the rules are, which is among its findings.
    private func library(_ file: ConfigurationFile?) -> RuleLibrary? {
        guard let file else { return RuleLibrary(paths: paths.isEmpty ? ["rules"] : paths) }
        guard let configuration = file.partial else {
            return paths.isEmpty ? nil : RuleLibrary(paths: paths)
        }
        return RuleLibrary(
            configuration, hasErrors: file.hasErrors, paths: paths.isEmpty ? nil : paths)
    }

    private func say(_ findings: [Finding]) {
        switch format {
        case .json: print(Finding.json(findings))
        case .text: for finding in findings { print(finding.text) }
        }
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
