// Parts of the relay as services: started with the group, stopped when the group is.

import ServiceLifecycle

/// Something that runs until it is shut down by itself.
struct RunService: Service {
    let body: @Sendable () async throws -> Void

    init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

    func run() async throws { try await body() }
}

/// Runs `start`, waits for the shutdown, runs `stop`.
struct LoopService: Service {
    let start: @Sendable () -> Void
    let stop: @Sendable () async -> Void

    func run() async throws {
        start()
        try await gracefulShutdown()
        await stop()
    }
}

/// Runs `body` until the relay is shut down: then it is cancelled, which is no failure.
func untilShutdown(_ body: @escaping @Sendable () async throws -> Void) async throws {
    do {
        try await cancelWhenGracefulShutdown(body)
    } catch is CancellationError {
        return
    }
}
