// The first handler of a connection, below HTTP: it sees the first byte of each request, which the
// decoder would hide until the whole header is there (slow headers are bounded from it), and drops
// what comes in after the last answer, so that a peer that is still sending can read that answer
// before the connection goes (RFC 9112 §9.6).
import NIOCore

final class ConnectionGuard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if connection.phase == .closing { return }
        connection.beginsHead()
        context.fireChannelRead(data)
    }
}
