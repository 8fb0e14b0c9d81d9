// Says where the relay listens, once both listeners do: in the log, and to a spectator.

import Alerting
import Intake
import Logging
import ServiceLifecycle
import Synchronization

/// Waits for the two listeners.
final class Ports: Sendable {
    private let configuration: Configuration
    private let logger: Logger
    private let listening: @Sendable (Int, Int) -> Void
    private let admin: AsyncStream<Int>
    private let found: AsyncStream<Int>.Continuation
    private let isListening = Atomic(false)

    init(
        _ configuration: Configuration, _ logger: Logger,
        _ listening: @escaping @Sendable (_ webhook: Int, _ admin: Int) -> Void
    ) {
        self.configuration = configuration
        self.logger = logger
        self.listening = listening
        (admin, found) = AsyncStream.makeStream(of: Int.self)
    }

    /// Whether events are taken: from when both listen until the relay ends.
    var areOpen: Bool { isListening.load(ordering: .relaxed) }

    func bound(admin port: Int) { found.yield(port) }

    /// Ends with the relay; a service that returns would end it.
    func announce(_ intake: IntakeServer) async throws {
        try await untilShutdown { [self] in
            let webhook = try await intake.port
            guard let admin = await self.admin.first(where: { _ in true }) else { return }
            isListening.store(true, ordering: .relaxed)
            defer { isListening.store(false, ordering: .relaxed) }
            logger.info(
                "listening",
                metadata: [
                    "webhook": "\(Address(host: configuration.listen.host, port: webhook))",
                    "admin": "\(Address(host: configuration.admin.host, port: admin))",
                    "version": "\(Version.current)",
                ])
            listening(webhook, admin)
            try await gracefulShutdown()
        }
    }
}
