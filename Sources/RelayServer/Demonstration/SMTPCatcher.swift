// A mail server that keeps what it gets: it stands in for the outside in the demonstration. Enough
// of RFC 5321 for one client that behaves; no TLS, no login, loopback only.

import NIOCore
import NIOPosix
import Synchronization

/// Catches mails on a loopback port of its own.
final class SMTPCatcher: Sendable {
    private let channel: any NIOCore.Channel
    let port: Int

    /// - Parameter caught: called for each mail with its recipient and its text as it came.
    static func start(
        on group: any EventLoopGroup, caught: @escaping @Sendable (_ to: String, String) -> Void
    ) async throws -> SMTPCatcher {
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Conversation(caught))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return SMTPCatcher(channel)
    }

    private init(_ channel: any NIOCore.Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    func stop() async throws { try await channel.close() }

    /// One connection: command lines, and between DATA and the lone dot the mail.
    private final class Conversation: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let caught: @Sendable (String, String) -> Void
        private var line: [UInt8] = []
        private var mail: [String] = []
        private var recipient = ""
        private var inData = false

        init(_ caught: @escaping @Sendable (String, String) -> Void) { self.caught = caught }

        func channelActive(context: ChannelHandlerContext) {
            say("220 catcher ESMTP", context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            for byte in unwrapInboundIn(data).readableBytesView {
                if byte == 10 {
                    if line.last == 13 { line.removeLast() }
                    take(String(decoding: line, as: UTF8.self), context)
                    line = []
                } else if line.count < 4_096 {
                    line.append(byte)
                }
            }
        }

        private func take(_ text: String, _ context: ChannelHandlerContext) {
            if inData {
                if text == "." {
                    inData = false
                    caught(recipient, mail.joined(separator: "\n"))
                    mail = []
                    say("250 2.0.0 kept", context)
                } else if mail.count < 10_000 {
                    mail.append(text.hasPrefix(".") ? String(text.dropFirst()) : text)
                }
                return
            }
            switch text.prefix(4).uppercased() {
            case "EHLO": say("250-catcher\r\n250 8BITMIME", context)
            case "RCPT":
                recipient = String(text.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
                say("250 2.1.5 ok", context)
            case "DATA":
                inData = true
                say("354 go on", context)
            case "QUIT":
                say("221 2.0.0 bye", context)
                context.close(promise: nil)
            default: say("250 2.0.0 ok", context)
            }
        }

        private func say(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
        }
    }
}
