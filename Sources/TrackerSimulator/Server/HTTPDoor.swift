// One HTTP connection of the stand-in: reads a request, has it answered, writes the answer. Jetty's
// bounds on the request's head are kept, because clients that ask for many devices run into them.
// It changes to WebSocket at any request of the connection: NIO's own upgrade handler looks at the
// first only, and aiohttp asks on the connection on which it has logged in.

import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Turns NIO's parts into requests and answers into parts.
final class HTTPDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// An answer, and how long it is to be held back.
    typealias Answering = @Sendable (Request) -> (Answer, after: Duration)

    /// The handlers of HTTP before this one, which go when it is HTTP no more.
    struct Parts {
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        let encoder = HTTPResponseEncoder()
        let pipelining = HTTPServerPipelineHandler()
        let errors = HTTPServerProtocolErrorHandler()
    }

    /// Jetty's `requestHeaderSize`: request line and headers together.
    private static let headLimit = 8_192
    private static let bodyLimit = 1 << 20
    private let answering: Answering
    private let upgrader: NIOWebSocketServerUpgrader
    private let parts = Parts()
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    /// - Parameter upgrader: says who may open a WebSocket, and sets it up.
    init(upgrader: NIOWebSocketServerUpgrader, _ answering: @escaping Answering) {
        self.upgrader = upgrader
        self.answering = answering
    }

    /// Puts itself into a pipeline, behind what makes bytes of HTTP into requests.
    func add(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        try pipeline.addHandlers(
            [parts.encoder, parts.decoder, parts.pipelining, parts.errors, self])
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part):
            if body.count < Self.bodyLimit { body.append(contentsOf: part.readableBytesView) }
        case .end:
            guard let head else { return }
            self.head = nil
            let protocols = head.headers[canonicalForm: "Upgrade"].map { $0.lowercased() }
            if protocols.contains("websocket") {
                upgrade(head, context)
            } else {
                respond(to: head, context)
            }
        }
    }

    private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let (answer, delay) = answer(head)
        if delay > .zero {
            let later = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(delay.inMilliseconds)) {
                let (door, context) = later.value
                door.write(answer, to: head, context)
            }
        } else {
            write(answer, to: head, context)
        }
    }

    private func upgrade(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        upgrader.buildUpgradeResponse(
            channel: context.channel, upgradeRequest: head,
            initialResponseHeaders: [:]
        ).assumeIsolated().whenComplete { [self] result in
            guard case .success(var headers) = result else { return respond(to: head, context) }
            headers.replaceOrAdd(name: "Upgrade", value: "websocket")
            headers.replaceOrAdd(name: "Connection", value: "Upgrade")
            let switching = HTTPResponseHead(
                version: .http1_1, status: .switchingProtocols, headers: headers)
            context.writeAndFlush(wrapOutboundOut(.head(switching)), promise: nil)
            let pipeline = context.pipeline.syncOperations
            let gone: [EventLoopFuture<Void>] = [
                pipeline.removeHandler(parts.decoder), pipeline.removeHandler(parts.pipelining),
                pipeline.removeHandler(parts.errors), pipeline.removeHandler(parts.encoder),
            ]
            EventLoopFuture.andAllSucceed(gone, on: context.eventLoop).assumeIsolated()
                .flatMap { [self] in upgrader.upgrade(context: context, upgradeRequest: head) }
                .whenComplete { _ in pipeline.removeHandler(context: context, promise: nil) }
        }
    }

    private func answer(_ head: HTTPRequestHead) -> (Answer, Duration) {
        let line = head.uri.utf8.count + head.method.rawValue.utf8.count + 11
        let fields = head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        if line > Self.headLimit { return (.text("URI Too Long", status: 414), .zero) }
        if line + fields > Self.headLimit {
            return (.text("Request Header Fields Too Large", status: 431), .zero)
        }
        return answering(Request(head, body: body))
    }

    private func write(_ answer: Answer, to head: HTTPRequestHead, _ context: ChannelHandlerContext)
    {
        guard context.channel.isActive else { return }
        var headers = HTTPHeaders(answer.headers)
        headers.replaceOrAdd(name: "Content-Length", value: String(answer.body.count))
        if !head.isKeepAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: answer.status)
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))),
            promise: nil)
        if !answer.body.isEmpty, head.method != .HEAD {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        if !head.isKeepAlive {
            let channel = context.channel
            written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension Request {
    init(_ head: HTTPRequestHead, body: [UInt8] = []) {
        self.init(
            head.method.rawValue, head.uri, headers: head.headers.map { ($0.name, $0.value) },
            body: body)
    }
}
