// The listener: Hummingbird's server with the webhook's handlers in its pipeline, its TLS and its
// graceful stop. What is no webhook goes to the router that it is handed (the pages for people).
package import Alerting
import Foundation
package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOSSL

/// Takes posts at the sources' paths. `run` is a `Service`'s: it returns after a graceful shutdown,
/// when what was in flight is answered.
package final class IntakeServer: Sendable {
    package let counters = IntakeCounters()
    private let configuration: IntakeConfiguration
    private let sources: [WebhookSource]
    private let accept: Accept
    private let responder: RouterResponder<BasicRequestContext>
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let bound = BoundPort()

    /// - Parameters:
    ///   - accept: is called on an event loop and must return at once.
    ///   - router: answers what is not at a source's path; nil: 404.
    ///   - group: not to be shut down before `run` has returned.
    package init(
        configuration: IntakeConfiguration, sources: [WebhookSource],
        accept: @escaping Accept, router: Router<BasicRequestContext>? = nil,
        group: MultiThreadedEventLoopGroup = .singleton, logger: Logger
    ) {
        self.configuration = configuration
        self.sources = sources
        self.accept = accept
        responder = (router ?? Router()).buildResponder()
        self.group = group
        self.logger = logger
    }

    /// The port it listens on, as soon as it does; throws what `run` throws if it never does.
    package var port: Int {
        get async throws { try await bound.value() }
    }

    /// Listens until it is shut down or cancelled. Throws `IntakeError`.
    package func run() async throws {
        do {
            try await listen()
            bound.resolve(.failure(IntakeError.stopped))
        } catch {
            bound.resolve(.failure(error))
            throw error
        }
    }

    private func listen() async throws {
        let connections = Connections(bounds: configuration.bounds, counters: counters)
        let lanes = try await WebhookLanes(group: group, counters: counters, accept: accept)
        let tls = try configuration.tls?.load()
        let (sources, logger, bound) = (sources, logger, bound)
        let builder = HTTPServerBuilder { responder in
            let channel = IntakeChannel(
                http: HTTP1Channel(responder: responder, configuration: IntakeChannel.http),
                sources: sources, lanes: lanes, connections: connections)
            guard let tls else { return KeptChannel(channel) }
            return KeptChannel(try TLSChannel(channel, tlsConfiguration: tls))
        }
        let application = Application(
            responder: responder, server: builder,
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port),
                // As many as may be open: a burst of senders is not turned away by the kernel.
                backlog: configuration.bounds.connections),
            onServerRunning: { channel in
                await Self.ignoreAcceptErrors(channel, logger)
                bound.resolve(.success(channel.localAddress?.port ?? 0))
            },
            eventLoopGroupProvider: .shared(group), logger: logger)

        let every = configuration.bounds.sweep
        let sweep = group.next().scheduleRepeatedTask(initialDelay: every, delay: every) { _ in
            connections.sweep()
        }
        defer {
            sweep.cancel()
            connections.end()
        }
        do {
            try await application.run()
        } catch let error as IOError {
            throw cannotListen(String(cString: strerror(error.errnoCode)))
        } catch let error as SocketAddressError {
            throw cannotListen("\(error)")
        }
    }

    private func cannotListen(_ reason: String) -> IntakeError {
        .cannotListen(address: "\(configuration.host):\(configuration.port)", reason: reason)
    }

    /// An accept that fails (no file descriptor left, a peer that is gone already) would end
    /// Hummingbird's loop over new connections, and with it the server.
    private static func ignoreAcceptErrors(_ channel: any Channel, _ logger: Logger) async {
        do {
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(
                    AcceptErrorHandler(logger: logger), position: .first)
            }.get()
        } catch {
            logger.error("the listener is closed already: \(error)")
        }
    }
}

/// The pipeline of a connection: guard, HTTP, webhook, router.
struct IntakeChannel: ServerChildChannel, HTTPChannelHandler {
    let http: HTTP1Channel
    let sources: [WebhookSource]
    let lanes: WebhookLanes
    let connections: Connections

    var responder: HTTPChannelHandler.Responder { http.responder }

    static let http = HTTP1Channel.Configuration(
        httpDecoderConfiguration: .init(
            maxHeaderFieldSize: Limits.headerBytes, maxHeaderListSize: Limits.headerBytes,
            maxHeaderFieldCount: Limits.headerCount))

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        let connection = Connection(channel)
        if connections.open(connection) {
            channel.closeFuture.whenComplete { _ in connections.close(connection) }
        } else {
            channel.close(promise: nil)
        }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ConnectionGuard(connection))
        }.flatMap {
            http.setup(channel: channel, logger: logger)
        }.flatMapThrowing { value in
            guard let lane = lanes.lane(of: channel.eventLoop) else {
                preconditionFailure("a connection on an event loop of another group")
            }
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(
                type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            // Below the codec to HTTPTypes: a webhook's post has no use for it.
            try pipeline.addHandler(
                WebhookHandler(
                    sources: sources, lane: lane, connection: connection,
                    connections: connections, logger: logger),
                position: .after(decoder))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }
}

private final class AcceptErrorHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.error("a connection could not be accepted: \(error)")
    }
}
