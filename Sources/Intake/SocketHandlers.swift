// The two handlers of a socket's pipeline: one watches the bytes for silence, one answers and sends
// pings. Both live on the event loop alone; what they decide is left in a `SocketVerdict`.
import NIOCore
import NIOWebSocket
import Synchronization

/// Why a handler has closed the connection: what NIO then says (end of stream, an error of the
/// upgrade) does not tell. The first word counts.
final class SocketVerdict: Sendable {
    private let end = Mutex<TraccarSocket.End?>(nil)

    var value: TraccarSocket.End? { end.withLock { $0 } }
    func set(_ verdict: TraccarSocket.End) { end.withLock { $0 = $0 ?? verdict } }
}

/// Closes the connection where the answer to the upgrade does not come in time, and later where
/// nothing at all comes for too long. Silence counts only while we read: a consumer that is slow
/// makes NIO stop reading, which is no fault of the server's.
final class SilenceWatch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let verdict: SocketVerdict
    private let upgradeTimeout: TimeAmount
    private var silence: Duration?
    /// Since when a read is asked for that nothing has answered; nil: we do not read.
    private var waitingSince: NIODeadline?
    private var isSuspected = false
    private var timer: Scheduled<Void>?

    init(verdict: SocketVerdict, upgradeTimeout: TimeAmount) {
        self.verdict = verdict
        self.upgradeTimeout = upgradeTimeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        arm(upgradeTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    /// The upgrade is done: from now on silence of this length ends the connection.
    func opened(deadAfter: Duration, context: ChannelHandlerContext) {
        silence = deadAfter
        timer?.cancel()
        arm(TimeAmount(deadAfter), context)
    }

    func read(context: ChannelHandlerContext) {
        if waitingSince == nil { waitingSince = .now() }
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        waitingSince = nil
        context.fireChannelReadComplete()
    }

    private func arm(_ amount: TimeAmount, _ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: amount) {
            self.check(context)
        }
    }

    private func check(_ context: ChannelHandlerContext) {
        guard let silence else {
            verdict.set(.unreachable("the upgrade is not answered in time"))
            return context.close(promise: nil)
        }
        let limit = TimeAmount(silence)
        let silent = waitingSince.map { NIODeadline.now() - $0 } ?? .zero
        guard silent >= limit else {
            isSuspected = false
            return arm(limit - silent, context)
        }
        // The loop itself may have stood still (a machine that was suspended): what waits in the
        // kernel is read before the second look.
        guard isSuspected else {
            isSuspected = true
            return arm(min(.seconds(1), .nanoseconds(limit.nanoseconds / 8)), context)
        }
        verdict.set(.silent(silence))
        context.close(promise: nil)
    }
}

/// Sends a ping now and then, so that no server or proxy in between takes the connection for idle,
/// answers pings, whatever the consumer is doing, and ends what is no WebSocket.
final class SocketPulse: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let verdict: SocketVerdict
    private let every: TimeAmount
    private var timer: Scheduled<Void>?

    init(verdict: SocketVerdict, every: TimeAmount) {
        self.verdict = verdict
        self.every = every
    }

    func handlerAdded(context: ChannelHandlerContext) { arm(context) }
    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    private func arm(_ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: every) {
            self.send(.ping, ByteBuffer(), context)
            self.arm(context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .ping: send(.pong, frame.unmaskedData, context)
        case .pong: break
        default: context.fireChannelRead(data)
        }
    }

    /// What the decoder refuses is answered with the code for it, and ends the connection. Not by
    /// NIO's own handler: it closes first and tells the error to nobody.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        verdict.set(TraccarSocket.End(open: error))
        if let error = error as? NIOWebSocketError {
            var data = ByteBuffer()
            data.write(
                webSocketErrorCode: error == .invalidFrameLength
                    ? .messageTooLarge : .protocolError)
            send(.connectionClose, data, context)
        }
        context.close(promise: nil)
    }

    private func send(
        _ opcode: WebSocketOpcode, _ bytes: ByteBuffer, _ context: ChannelHandlerContext
    ) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: bytes)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}
