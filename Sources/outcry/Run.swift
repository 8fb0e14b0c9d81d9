// `outcry run`: the relay itself. `outcry demo`: the relay with everything around it played.

import Alerting
import ArgumentParser
import Foundation
import Logging
import RelayServer

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the relay until SIGTERM.",
        discussion: "Exits 0 after it has drained, 78 when the configuration is unusable.")

    @OptionGroup var config: ConfigurationOption

    func run() async throws {
        let file = try ConfigurationFile(path: try config.resolved())
        let configuration = try file.checked()
        let logger = LogFormat.start(configuration.log)
        for finding in file.findings { logger.warning("\(finding.entry)") }
        Scheduling.finishTurns()
        let relay = try await Relay(configuration, logger: logger)
        do {
            try await relay.run()
        } catch let error as ConfigurationError {
            throw error
        } catch {
            // What fails here failed to listen: a port in use, an address that is not ours.
            throw ConfigurationError("\(error)")
        }
        logger.info("stopped")
    }
}

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show it: a ride and a theft, posted to a relay of its own.",
        discussion: """
            Needs no configuration and leaves nothing behind. It plays the shipped rules: run it \
            in the project's folder, or say where they are.
            """)

    @Option(help: "The shipped rule files.") var rules = "rules"

    func run() async throws {
        guard FileManager.default.fileExists(atPath: rules) else {
            throw ConfigurationError(
                "the demonstration plays the shipped rules, and there is no '\(rules)' here: "
                    + "run it in the project's folder, or say --rules FOLDER")
        }
        _ = LogFormat.start(.quiet)
        try await Demonstration(rules: rules).run()
    }
}
