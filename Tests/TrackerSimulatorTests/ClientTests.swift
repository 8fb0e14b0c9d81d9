// The proof that the stand-in is honest: clients that other people wrote for the real servers log
// in, read, and are told. Skipped where their packages are not (no PyPI).

import Foundation
import TestSupport
import Testing

@testable import TrackerSimulator

@Suite("real third-party clients", .serialized, .timeLimit(.minutes(1)))
struct ClientTests {
    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "clients.py").path

    private func run<Found: Decodable & Sendable>(
        _ client: String, _ simulator: Simulator, as: Found.Type
    ) async throws -> Found {
        let port = String(simulator.port)
        let done = try await offPool {
            try finish(Python.path, [Self.script, client, port], within: 50)
        }
        let text = try #require(
            done.output.split(separator: "\n").last, "it says nothing: \(done.errors.suffix(2_000))"
        )
        #expect(done.exit == .code(0), "\(done.errors.suffix(2_000))")
        return try JSONDecoder().decode(Found.self, from: Data(text.utf8))
    }

    struct BikeTraxFound: Decodable, Sendable {
        var devices: [[Either]]
        var statuses: [String]
        var place: [Double]
        var battery: Double
        var guarded, stolen, alarm: Bool
        var subscription: String
        var trips, track, updates: Int
        var refusal: String?
    }

    @Test(
        "aiobiketrax logs in, reads, arms and follows the socket",
        .enabled(if: Python.has("aiobiketrax")))
    func aiobiketrax() async throws {
        try await withSimulator { simulator in
            simulator.remember(Scene.ownRide(), from: wall() - .ofHours(2))
            let found = try await run("aiobiketrax", simulator, as: BikeTraxFound.self)
            #expect(found.devices.map(\.last) == ["Cargo 1", "Courier 7", "City 3"])
            #expect(found.statuses == ["offline", "online"])
            #expect(found.place == [World.depot.latitude, World.depot.longitude])
            #expect(found.battery == 90)
            #expect(found.guarded && found.stolen && found.alarm)
            #expect(found.subscription == "trial")
            #expect(found.trips == 2 && found.track > 50 && found.updates > 3)
            #expect(found.refusal == "AuthenticationError")
            #expect(simulator.socketsOpened == 1)
        }
    }

    struct TraccarFound: Decodable, Sendable {
        var server: String
        var devices: [[Either]]
        var positions: [Int]
        var geofences: [String]
        var status: String
        var keys: [[String]]
        var pushed, reported: [Int]
        var messages: [String]
        var alarms: [String]
        var end: String
        var refusal: String?
    }

    @Test(
        "pytraccar logs in, reads, is told and reads the report",
        .enabled(if: Python.has("pytraccar")))
    func pytraccar() async throws {
        try await withSimulator(.traccar6) { simulator in
            let found = try await run("pytraccar", simulator, as: TraccarFound.self)
            #expect(found.server == Dialect.traccar6.version)
            #expect(found.devices.map(\.last) == ["Cargo 1", "Courier 7", "City 3"])
            #expect(found.positions == [1, 2, 3])
            #expect(found.geofences == ["Depot Nord", "Old Town", "Canal"])
            #expect(found.status == "connected")
            #expect(found.keys.first == ["positions"])
            #expect(found.keys.contains(["events"]) && found.keys.contains(["devices"]))
            #expect(!found.pushed.isEmpty && Set(found.pushed).isSubset(of: found.reported))
            #expect(found.messages.allSatisfy { $0.hasPrefix("Cargo 1 alarm: movement at ") })
            #expect(!found.alarms.isEmpty && found.alarms.allSatisfy { $0 == "alarm" })
            #expect(found.end == "TraccarConnectionException")
            #expect(found.refusal == "TraccarAuthenticationException")
        }
    }

    /// A number or a text.
    enum Either: Decodable, Sendable, Equatable, ExpressibleByStringLiteral {
        case number(Int)
        case text(String)

        init(stringLiteral text: String) { self = .text(text) }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {  // Else it is the text.
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }
}
