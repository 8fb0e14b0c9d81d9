// The workload that the peers were measured with: a generator of events, neutral rules and the
// matches that every engine must find. It stands beside the project (../shared/bench/gen.py), and
// what needs it is skipped where it is missing. Here its rules become rule files of ours.

import Alerting
import Foundation
import Intake
import TestSupport

/// Events and rules of one seed, made once and kept in a folder.
struct Workload {
    /// The first of them are what `expected-N.json` tells of.
    let events: [Event]
    private let folder: String

    /// nil where the generator is missing.
    init?(in parent: String) throws {
        let generator = projectRoot + "/../shared/bench/gen.py"
        guard FileManager.default.fileExists(atPath: generator) else { return nil }
        folder = parent + "/workload"
        if !FileManager.default.fileExists(atPath: folder + "/expected-10000.json") {
            let made = try finish("python3", [generator, folder, "10000", "42"], within: 300)
            guard made.exit == .code(0) else { throw BenchError("gen.py failed: \(made.errors)") }
        }
        events = try Self.read(folder + "/events.jsonl")
    }

    /// What must be found over the first `eventsUsed` events.
    struct Expected: Decodable {
        var total: Int
        var eventsUsed: Int
        /// Of lines `eventid:ruleid,ruleid…`.
        var sha256: String
    }

    func expected(_ count: Int) throws -> Expected {
        try JSONDecoder().decode(Expected.self, from: bytes("expected-\(count).json"))
    }

    /// The neutral rules as a rule book, read from a rule file of ours.
    func book(_ count: Int) throws -> RuleBook {
        let rules = try JSONDecoder().decode(
            [NeutralRule].self, from: bytes("rules-\(count).json"))
        let outcome = RuleFile.load(
            files: [("workload.yaml", Self.text(rules))],
            surroundings: .init(zones: { name in
                FileManager.default.contents(atPath: "/usr/share/zoneinfo/" + name).map(Array.init)
            }))
        guard !outcome.hasErrors else {
            throw BenchError(outcome.findings.prefix(3).map(\.text).joined(separator: "\n"))
        }
        return outcome.book
    }

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
    }

    private static func read(_ path: String) throws -> [Event] {
        let payload = TraccarPayload()
        let text = try Data(contentsOf: URL(fileURLWithPath: path))
        return try text.split(separator: 10).map { line in
            let reading = try Array(line).withUnsafeBytes {
                try payload.read($0, server: "https://iot.example.org", source: "bench")
            }
            guard var event = reading.arrivals.first?.event, let time = event.time else {
                throw BenchError("a line of \(path) is no event")
            }
            // Received at once: nothing here is late.
            event.received = time
            // The workload's own test of places knows no accuracy, so neither may ours.
            event.position?.accuracy = nil
            return event
        }
    }
}

/// A rule of the workload: all that is not null must hold.
struct NeutralRule: Decodable {
    var id: String
    var eventTypes: [String]
    var devices: [Int]?
    var alarms: [String]?
    var window: Window?
    var geofence: Geofence?

    struct Window: Decodable { var from, to: String }
    struct Geofence: Decodable {
        var id: String
        var circle: Circle?
        var polygon: [[Double]]?
    }
    struct Circle: Decodable { var lat, lon, radiusM: Double }
}

extension Workload {
    /// A rule file of ours that says the same.
    static func text(_ rules: [NeutralRule]) -> String {
        var hours: [String: String] = [:]
        var places = ""
        var list = ""
        for rule in rules {
            var conditions: [String] = []
            if let window = rule.window {
                let name = "h-\(window.from)-\(window.to)".replacing(":", with: "")
                hours[name] = "{ daily: \"\(window.from)-\(window.to)\" }"
                conditions.append("hours: \(name)")
            }
            if let geofence = rule.geofence {
                places += "  \(geofence.id): \(Self.area(geofence))\n"
                conditions.append("inside: \(geofence.id)")
            }
            let devices = rule.devices.map { numbers in
                // As the generator writes them: 15 digits.
                "[" + numbers.map { "\"\(860_000_000_000_000 + $0)\"" }.joined(separator: ", ")
                    + "]"
            }
            // Alarm kinds are wanted of alarms only, whatever other types the rule names.
            let when =
                rule.alarms.map { "alarm: [\($0.joined(separator: ", "))]" }
                ?? "event: [\(rule.eventTypes.joined(separator: ", "))]"
            list += """
                  - id: \(rule.id)
                    severity: info
                    devices: \(devices ?? "all")
                    when: { \(when) }
                \(conditions.isEmpty ? "" : "    while: { \(conditions.joined(separator: ", ")) }\n")\
                    once_per: none
                    notify: [{ to: fleet }]

                """
        }
        let windows = hours.sorted { $0.key < $1.key }.map { "  \($0): \($1)\n" }.joined()
        return """
            version: 1
            timezone: Europe/Berlin
            \(windows.isEmpty ? "" : "hours:\n" + windows)\
            \(places.isEmpty ? "" : "places:\n" + places)\
            contacts:
              fleet: { http: fleet-api }
            rules:
            \(list)
            """
    }

    private static func area(_ geofence: NeutralRule.Geofence) -> String {
        if let circle = geofence.circle {
            return "{ center: [\(circle.lat), \(circle.lon)], radius: \(circle.radiusM) m }"
        }
        let points = geofence.polygon ?? []
        // A ring ends where it began.
        let ring = (points + points.prefix(1)).map { "\($0[0]) \($0[1])" }.joined(separator: ", ")
        return "{ area: \"POLYGON ((\(ring)))\" }"
    }
}
