// `outcry doctor`: one line for each thing that the relay stands on, ok or what to do.

import ArgumentParser
import RelayServer

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at everything that the relay stands on: servers, channels, disk, clock.",
        discussion: """
            Sends no message and changes nothing. Each line is ok, warn or FAIL with what to do. \
            Exits 1 on a FAIL, 0 on warnings alone.
            """)

    @OptionGroup var config: ConfigurationOption

    func run() async throws {
        let isWell = await Doctor(path: try config.resolved()) { print($0) }.run()
        if !isWell { throw ExitCode(1) }
    }
}
