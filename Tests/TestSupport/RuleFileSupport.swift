// What tests of rule files share: the system's zones, and a set loaded from texts.
package import Alerting
import Foundation

/// Reads the machine's zone data, as the relay does.
package let systemZones: ZoneReader = { name in
    FileManager.default.contents(atPath: "/usr/share/zoneinfo/" + name).map { [UInt8]($0) }
}

extension Zone {
    /// A zone of the machine; UTC's data where it has none, which then fails the test.
    package static func system(_ name: String) -> Zone {
        // A test that asks for a zone fails on its times where the data is missing.
        (try? Zone(name: name, tzif: systemZones(name) ?? [])) ?? .utc
    }
}

extension RuleFile.Surroundings {
    /// The machine's zones and nothing else.
    package static let tests = RuleFile.Surroundings(zones: systemZones)
}

extension RuleFile {
    /// A set of one file, `rules.yaml`.
    package static func load(
        _ text: String, _ surroundings: Surroundings = .tests
    ) -> Outcome {
        load(files: [("rules.yaml", text)], surroundings: surroundings)
    }
}
