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
            Run.self, Demo.self, Check.self, Test.self, DoctorCommand.self, Events.self,
            Incidents.self, Deliveries.self, Simulate.self,
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
            say("outcry: \(error.description)")
            Foundation.exit(error.exitCode)
        } catch let error as ExitCode {
            Foundation.exit(error.rawValue)
        } catch {
            let code = exitCode(for: error)
            if code == .success { exit(withError: error) }
            say(fullMessage(for: error))
            Foundation.exit(code == .validationFailure ? 2 : 1)
        }
    }
}

/// One line for people, behind whatever was logged.
private func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
