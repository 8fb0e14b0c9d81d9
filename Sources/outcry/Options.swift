// What several commands ask for.

import ArgumentParser
import Foundation
import RelayServer

/// `--config FILE`.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The configuration.",
            discussion: "Default: $OUTCRY_CONFIG, else etc/outcry.yaml, else "
                + "/etc/outcry/outcry.yaml.", valueName: "file"))
    var path: String?

    /// - Parameter secrets: false for commands that need none.
    func read(secrets: Bool) throws -> Configuration {
        try ConfigurationFile(path: resolved(), secrets: secrets).checked()
    }

    func resolved() throws -> String {
        if let path { return path }
        if let path = ProcessInfo.processInfo.environment["OUTCRY_CONFIG"] { return path }
        let places = ["etc/outcry.yaml", "/etc/outcry/outcry.yaml"]
        guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw ConfigurationError("no configuration here; say --config FILE")
        }
        return found
    }
}

extension Int {
    /// `1 error`, `2 errors`.
    func of(_ word: String) -> String { "\(self) \(word)\(self == 1 ? "" : "s")" }
}

/// A number of rows, 1 at least.
struct Count: ExpressibleByArgument, ExpressibleByIntegerLiteral {
    let number: Int

    init?(argument: String) {
        guard let number = Int(argument), number > 0 else { return nil }
        self.number = number
    }
    init(integerLiteral number: Int) { self.number = number }

    var defaultValueDescription: String { String(number) }
}
