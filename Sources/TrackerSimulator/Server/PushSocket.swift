// One WebSocket of the stand-in (AsyncSocket.java): messages out, pongs, a keep-alive `{}`. It may
// be told something on any thread; what was told first goes out first.

import NIOCore
import NIOWebSocket
import Synchronization

/// A connected client.
final class PushSocket: ChannelInboundHandler, Sendable {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let channel: any Channel
    private let keepAlive: Duration
    private let idle: Duration
    private let heard = Mutex(NIODeadline.now())
    private let isSilent: @Sendable () -> Bool
    private let left: @Sendable (PushSocket) -> Void
    private let waiting = Mutex<[WebSocketFrame]>([])

    /// - Parameter left: the connection has ended.
    init(
        _ channel: any Channel, keepAlive: Duration, idle: Duration,
        isSilent: @escaping @Sendable () -> Bool,
        left: @escaping @Sendable (PushSocket) -> Void
    ) {
        self.channel = channel
        self.keepAlive = keepAlive
        self.idle = idle
        self.isSilent = isSilent
        self.left = left
    }

    /// - Parameter fragment: bytes of a frame at most; nil: one frame.
    func send(_ text: [UInt8], fragment: Int? = nil) {
        let size = max(1, fragment ?? max(1, text.count))
        var frames: [WebSocketFrame] = []
        for start in stride(from: 0, to: max(1, text.count), by: size) {
            let end = min(start + size, text.count)
            frames.append(
                WebSocketFrame(
                    fin: end == text.count, opcode: start == 0 ? .text : .continuation,
                    data: ByteBuffer(bytes: text[start..<end])))
        }
        let wasEmpty = waiting.withLock { waiting in
            defer { waiting += frames }
            return waiting.isEmpty
        }
        // Never at once: the caller may hold a lock that the end of a connection takes.
        if wasEmpty { channel.eventLoop.execute { self.flush() } }
    }

    private func flush() {
        let frames = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for frame in frames { channel.write(frame, promise: nil) }
        channel.flush()
    }

    /// - Parameter gracefully: with a close frame, as a server that goes down; else the network.
    func drop(gracefully: Bool, reason text: String = "Server shutdown") {
        channel.eventLoop.execute { [channel] in
            guard gracefully else { return channel.close(promise: nil) }
            var reason = ByteBuffer()
            reason.write(webSocketErrorCode: .goingAway)
            reason.writeString(text)
            let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: reason)
            channel.writeAndFlush(frame).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let every = TimeAmount.milliseconds(keepAlive.inMilliseconds)
        let task = context.eventLoop.scheduleRepeatedTask(initialDelay: every, delay: every) {
            [self] _ in if !isSilent() { send(Array("{}".utf8)) }
        }
        let often = TimeAmount.milliseconds(max(1, idle.inMilliseconds / 10))
        let watch = context.eventLoop.scheduleRepeatedTask(initialDelay: often, delay: often) {
            [self] _ in endIfIdle()
        }
        context.channel.closeFuture.whenComplete { [self] _ in
            task.cancel()
            watch.cancel()
            left(self)
        }
    }

    private func endIfIdle() {
        guard !isSilent(), NIODeadline.now() - heard.withLock({ $0 }) > .init(idle) else { return }
        drop(gracefully: true, reason: "Idle timeout expired")
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        heard.withLock { $0 = .now() }
        guard !isSilent() else { return }
        switch frame.opcode {
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            var data = frame.unmaskedData
            let code = data.readSlice(length: min(2, data.readableBytes)) ?? ByteBuffer()
            let reply = WebSocketFrame(fin: true, opcode: .connectionClose, data: code)
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(reply)).whenComplete { _ in
                channel.close(promise: nil)
            }
        default: break  // Text is a sign of life (or asks for logs, which nobody has here).
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
