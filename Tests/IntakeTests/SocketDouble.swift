// A tracker's server as far as `/api/socket` goes: NIO's own WebSocket server behind real sockets,
// whose talk a test writes.
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

final class SocketDouble: Sendable {
    typealias Talk = @Sendable (_ peer: Peer) async throws -> Void

    /// The server's end of one connection.
    struct Peer: Sendable {
        let head: HTTPRequestHead
        let frames: AsyncThrowingStream<WebSocketFrame, any Error>
        fileprivate let channel: any Channel

        func send(_ text: String) { send(.text, ByteBuffer(string: text)) }
        func send(
            _ opcode: WebSocketOpcode, _ data: ByteBuffer = ByteBuffer(), final: Bool = true
        ) {
            let frame = WebSocketFrame(fin: final, opcode: opcode, data: data)
            channel.writeAndFlush(frame, promise: nil)
        }
        /// Past the WebSocket encoder.
        func sendRaw(_ bytes: [UInt8]) {
            channel.triggerUserOutboundEvent(Coalescer.Raw(bytes: bytes), promise: nil)
        }
        /// Lets what was written so far out, with one flush.
        func release() { channel.triggerUserOutboundEvent(Coalescer.Release(), promise: nil) }
        func hangUp() { channel.close(promise: nil) }
        func nextFrame() async throws -> WebSocketFrame? {
            var iterator = frames.makeAsyncIterator()
            return try await iterator.next()
        }
    }

    let port: Int
    private let channel: any Channel
    private let talks: Task<Void, Never>

    /// - Parameters:
    ///   - holding: nothing leaves, the 101 neither, before `Peer.release`.
    ///   - status: the answer to every upgrade; nil: 101.
    init(
        tls: NIOSSLContext? = nil, holding: Bool = false, status: HTTPResponseStatus? = nil,
        _ talk: @escaping Talk
    ) async throws {
        let (peers, arrived) = AsyncStream.makeStream(of: Peer.self)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(Coalescer(isHolding: holding))
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    let upgrader = NIOWebSocketServerUpgrader(
                        maxFrameSize: 1 << 20,
                        shouldUpgrade: { channel, _ in
                            channel.eventLoop.makeSucceededFuture(status == nil ? [:] : nil)
                        },
                        upgradePipelineHandler: { channel, head in
                            channel.eventLoop.makeCompletedFuture {
                                let (frames, sink) = AsyncThrowingStream.makeStream(
                                    of: WebSocketFrame.self)
                                try channel.pipeline.syncOperations.addHandler(FrameInbox(sink))
                                arrived.yield(Peer(head: head, frames: frames, channel: channel))
                            }
                        })
                    try pipeline.configureHTTPServerPipeline(
                        withServerUpgrade: (
                            upgraders: [upgrader],
                            completionHandler: { context in
                                let pipeline = context.pipeline.syncOperations
                                if let refuser = try? pipeline.handler(type: Refuser.self) {
                                    pipeline.removeHandler(refuser, promise: nil)
                                }
                            }
                        ))
                    try pipeline.addHandler(Refuser(status: status ?? .badRequest))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        talks = Task {
            await withDiscardingTaskGroup { group in
                for await peer in peers {
                    // A talk that breaks off shows at the client's end.
                    group.addTask { try? await talk(peer) }
                }
            }
        }
    }

    func stop() async throws {
        talks.cancel()
        try await channel.close().get()
    }
}

private final class FrameInbox: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    private let sink: AsyncThrowingStream<WebSocketFrame, any Error>.Continuation

    init(_ sink: AsyncThrowingStream<WebSocketFrame, any Error>.Continuation) { self.sink = sink }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        sink.yield(unwrapInboundIn(data))
    }
    func channelInactive(context: ChannelHandlerContext) { sink.finish() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        sink.finish(throwing: error)
        context.close(promise: nil)
    }
}

/// Answers what was not upgraded.
private final class Refuser: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let status: HTTPResponseStatus

    init(status: HTTPResponseStatus) { self.status = status }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let head = HTTPResponseHead(
            version: .http1_1, status: status, headers: ["Content-Length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

/// Holds back what is written, so that a test decides what goes out in one piece. Writes succeed
/// meanwhile: NIO upgrades only when the 101 is out.
private final class Coalescer: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    struct Release: Sendable {}
    struct Raw: Sendable { var bytes: [UInt8] }
    private var held: ByteBuffer?

    init(isHolding: Bool) { held = isHolding ? ByteBuffer() : nil }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard held != nil else { return context.write(data, promise: promise) }
        var bytes = unwrapOutboundIn(data)
        held?.writeBuffer(&bytes)
        promise?.succeed()
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        switch event {
        case let raw as Raw:
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: raw.bytes)), promise: promise)
        case is Release:
            guard let all = held else { return }
            held = nil
            context.writeAndFlush(wrapOutboundOut(all), promise: promise)
        default: context.triggerUserOutboundEvent(event, promise: promise)
        }
    }
}
