// What a relay stands on, for the tests of the doctor: a folder with rules and a configuration, a
// stand-in server, a listener.
import Alerting
import Foundation
import TestSupport
import TrackerSimulator

@testable import RelayServer

enum DoctorSurroundings {
    static let rules = """
        version: 1
        contacts: { workshop: { hook: bell } }
        places: { depot: { traccar: Depot Nord } }
        rules:
          - id: theft
            severity: critical
            when: { alarm: [vibration, jamming] }
            notify: [{ to: workshop }]
          - id: left
            severity: info
            when: { leaves: depot }
            notify: [{ to: workshop }]

        """

    /// A folder with rules and a configuration for a server.
    static func configuration(
        _ url: String, listen: Int, session: String = #"{ token: "${env:OUTCRY_TEST_TOKEN}" }"#,
        authorization: String = "none", ca: String? = nil, hook: String = "/bin/true",
        rules: String = DoctorSurroundings.rules
    ) throws -> Folder {
        setenv("OUTCRY_TEST_TOKEN", World.Account().token, 1)
        let folder = try Folder()
        try folder.write("rules/a.yaml", rules)
        try folder.write(
            "outcry.yaml",
            """
            listen: 127.0.0.1:\(listen)
            data: outcry.db
            rules: rules
            operator: workshop
            sources:
              one:
                url: \(url)
                webhook: { path: /hooks/one, authorization: \(authorization) }
                session: \(session)\(ca.map { "\n    ca: \($0)" } ?? "")
            channels:
              hooks: { bell: { run: [\(hook)] } }
            """)
        return folder
    }

    static func withServer(
        _ dialect: Dialect = .biketrax, tls: TestCertificate? = nil,
        _ change: (inout World) -> Void = { _ in },
        _ test: (Simulator) async throws -> Void
    ) async throws {
        let now: @Sendable () -> Moment = {
            Moment(milliseconds: Timekeeper.wallTime.milliseconds)
        }
        var world = World.standard(dialect, now: now())
        change(&world)
        var configuration = SimulatorConfiguration(world: world)
        configuration.tls = tls.map { ($0.certificate, $0.key) }
        let server = try await Simulator.start(configuration, now: now)
        do { try await test(server) } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

    /// A stand-in for the relay's own listener: it answers a GET at a webhook's path with 405.
    static func listener() throws -> HTTPSink {
        let sink = try HTTPSink()
        sink.answer(.status(405))
        return sink
    }
}

extension Folder {
    var configuration: String { path + "/outcry.yaml" }
}
