// A real intake on a free port, with a store whose answers the test decides.
import Alerting
import Foundation
import Logging
import NIOCore
import Synchronization

@testable import Intake

/// Stands in for the store at its seam: keeps what it was handed, and answers at once, later, or
/// with a failure.
final class StoreDouble: Sendable {
    enum Mode: Sendable { case stores, fails, waits, saysDuplicate }
    typealias Done = @Sendable (Result<[Acceptance], AcceptFailure>) -> Void

    private struct State {
        var mode: Mode
        var arrivals: [Arrival] = []
        var batches: [Int] = []
        var held: [(count: Int, done: Done)] = []
    }
    private let state: Mutex<State>
    private let (submissions, submitted) = AsyncStream.makeStream(of: Void.self)

    init(_ mode: Mode = .stores) { state = Mutex(State(mode: mode)) }

    var arrivals: [Arrival] { state.withLock { $0.arrivals } }
    /// How many arrivals each call brought.
    var batches: [Int] { state.withLock { $0.batches } }

    var accept: Accept {
        { arrivals, done in
            let mode = self.state.withLock { state in
                state.arrivals += arrivals
                state.batches.append(arrivals.count)
                if state.mode == .waits { state.held.append((arrivals.count, done)) }
                return state.mode
            }
            switch mode {
            case .stores: done(.success((0..<arrivals.count).map { .stored(seq: Int64($0)) }))
            case .saysDuplicate: done(.success(arrivals.map { _ in .duplicate }))
            case .fails: done(.failure(AcceptFailure("the disk is full")))
            case .waits: break
            }
            self.submitted.yield()
        }
    }

    /// Waits for the next call of `accept`.
    func nextSubmission() async {
        var iterator = submissions.makeAsyncIterator()
        await iterator.next()
    }

    func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Answers what waits, and stores at once from now on.
    func letGo() {
        let held = state.withLock { state in
            state.mode = .stores
            defer { state.held = [] }
            return state.held
        }
        for each in held { each.done(.success((0..<each.count).map { .stored(seq: Int64($0)) })) }
    }
}

extension IntakeBounds {
    /// Long enough for a busy machine, but looked at often.
    static var test: IntakeBounds {
        var bounds = IntakeBounds()
        bounds.sweep = .milliseconds(5)
        return bounds
    }
}

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// One event as a body.
func body(_ id: Int) -> String { #"{"id":\#(id),"type":"alarm","deviceId":1}"# }

/// Runs an intake with a guarded source at /hooks/a and an open one at /hooks/open.
func withIntake(
    _ store: StoreDouble = StoreDouble(), bounds: IntakeBounds = .test, tls: TLSFiles? = nil,
    _ test: (_ server: IntakeServer, _ port: Int) async throws -> Void
) async throws {
    var configuration = IntakeConfiguration(host: "127.0.0.1", port: 0, tls: tls)
    configuration.bounds = bounds
    let server = IntakeServer(
        configuration: configuration,
        sources: [
            WebhookSource(
                name: "a", server: "https://a", path: "/hooks/a", authorization: "Bearer s3cret"),
            WebhookSource(
                name: "open", server: "https://o", path: "/hooks/open", authorization: nil),
        ],
        accept: store.accept, logger: silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        try await test(server, try await server.port)
        group.cancelAll()
    }
}
