// What the tests of the stand-in share: a running one, a clock, and a WebSocket client that is
// nobody else's: RFC 6455 by hand over a blocking socket.

import Foundation
import TestSupport

@testable import TrackerSimulator

let wall: @Sendable () -> Moment = {
    Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
}

/// A running stand-in for the length of a test.
func withSimulator(
    _ dialect: Dialect = .biketrax, fleet: Int = 0,
    _ change: (inout SimulatorConfiguration) -> Void = { _ in },
    _ test: (Simulator) async throws -> Void
) async throws {
    var configuration = SimulatorConfiguration(
        world: .standard(dialect, fleet: fleet, now: wall()))
    change(&configuration)
    let simulator = try await Simulator.start(configuration, now: wall)
    do { try await test(simulator) } catch {
        try await simulator.stop()
        throw error
    }
    try await simulator.stop()
}

extension World {
    func report(_ device: Int64, alarms: [String] = []) -> Action {
        var report = Report(device, at: Self.depot)
        report.alarms = alarms
        return .report(report)
    }
}
