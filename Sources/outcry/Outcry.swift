// The commands. Each reads its words, calls into RelayServer and turns errors into one clear line
// and an exit code: 0 done, 1 the check failed, 2 wrong use, 78 the configuration is unusable.

import ArgumentParser
import Foundation
import Glibc
import RelayServer

@main
struct Outcry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outcry",
        abstract: "Relays alarms of GPS trackers: rules in, few and right messages out.",
        version: Version.current,
        subcommands: [
            Run.self, Demo.self, Check.self, Test.self, Events.self, Incidents.self,
            Deliveries.self,
        ])

    /// Wrong use ends with 2 here; ArgumentParser's own EX_USAGE (64) is for nobody's script.
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        OpenFiles.allowMany()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as ConfigurationError {
            fputs("outcry: \(error.description)\n", stderr_)
            Foundation.exit(error.exitCode)
        } catch let error as ExitCode {
            Foundation.exit(error.rawValue)
        } catch {
            let code = exitCode(for: error)
            if code == .success { exit(withError: error) }
            fputs(fullMessage(for: error) + "\n", stderr_)
            Foundation.exit(code == .validationFailure ? 2 : 1)
        }
    }
}

/// Swift 6 does not let C's global variable through; the descriptor is the same.
nonisolated(unsafe) let stderr_ = fdopen(2, "w")  // never changed after start
