// An HTTP receiver that keeps what it gets: it stands in for the outside in the demonstration. Its
// first answer is 503, to show that nothing is lost by that.

import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// Catches posts on a loopback port of its own.
final class HTTPCatcher: Sendable {
    /// One post: what it told, and how it was answered.
    struct Caught: Sendable {
        var type: String
        var subject: String
        var status: Int
    }

    private let posts = Atomic<Int>(0)
    private let caught: @Sendable (Caught) -> Void

    init(caught: @escaping @Sendable (Caught) -> Void) { self.caught = caught }

    /// Runs until it is cancelled.
    func run(listening: @escaping @Sendable (Int) -> Void) async throws {
        let router = Router()
        router.post("alerts") { [self] request, _ -> HTTPResponse.Status in
            take(try await request.body.collect(upTo: 1 << 20))
        }
        var logger = Logger(label: "catcher")
        logger.logLevel = .critical
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { listening($0.localAddress?.port ?? 0) }, logger: logger)
        try await application.run()
    }

    private func take(_ body: ByteBuffer) -> HTTPResponse.Status {
        struct Told: Decodable {
            struct Inner: Decodable { var subject: String }
            var type: String
            var data: Inner
        }
        let isFirst = posts.add(1, ordering: .relaxed).oldValue == 0
        // What is no notification of ours is none of the demonstration's business.
        let told = try? JSONDecoder().decode(Told.self, from: Data(body.readableBytesView))
        let status: HTTPResponse.Status = isFirst ? .serviceUnavailable : .ok
        caught(
            Caught(
                type: told?.type ?? "?", subject: told?.data.subject ?? "?", status: status.code))
        return status
    }
}
