// One connection to a tracker's server's `/api/socket`, from the upgrade to its end: what comes is
// read and handed on, a ping keeps both sides awake, and silence ends it. Nothing that was missed
// while there was no connection is sent again (domain.md 5): whoever runs this catches up by other
// ways, and decides when to connect anew.
//
// Backpressure goes all the way: the next message is read when the last one was taken, so that a
// fast server fills the kernel's buffers and not our memory.
import Alerting
import NIOCore
import NIOPosix
import NIOWebSocket

/// One connection's settings and its life (`run`); it may be run again and again.
package struct TraccarSocket: Sendable {
    package struct Settings: Sendable {
        /// The source's `url`.
        package var url: String
        /// The source's name.
        package var name: String
        package var ping: Duration = .seconds(30)
        /// Silence of this length ends the connection. Any byte received is a sign of life.
        package var deadAfter: Duration = .seconds(120)
        /// For the connection, and again for TLS and the answer to the upgrade.
        package var upgradeTimeout: Duration = .seconds(Limits.upgradeSeconds)
        /// A PEM file: trusted instead of the system's authorities.
        package var ca: String?
        package var messageBytes = Limits.socketMessageBytes

        package init(url: String, name: String) {
            self.url = url
            self.name = name
        }
    }

    package enum Input: Sendable {
        /// The upgrade succeeded; comes once, first.
        case opened
        /// Never an empty one: keep-alives end here.
        case message(SocketMessage)
        /// A message that cannot be read, and is dropped: why.
        case unreadable(String)
    }

    private let settings: Settings

    package init(_ settings: Settings) { self.settings = settings }

    /// Runs until the connection ends, or the task is cancelled (then the server is told).
    /// - Parameters:
    ///   - cookie: of the session (`TraccarSession.cookie`); a secret.
    ///   - receive: takes one input after the other; the next comes when it has returned.
    package func run(
        cookie: String, receive: @escaping @Sendable (Input) async -> Void
    ) async -> End {
        let upgrade = SocketUpgrade(
            settings: settings, server: ServerURL(settings.url), group: .singleton, cookie: cookie)
        let connection: SocketConnection
        do { connection = try await upgrade.connect() } catch { return error }
        var end: End?
        do {
            try await connection.channel.executeThenClose { inbound, _ in
                await receive(.opened)
                end = await consume(inbound, of: connection, receive)
            }
            return end ?? End(open: nil)
        } catch {
            // That the connection could not be closed in order says less than why it ended.
            return end ?? connection.verdict.value ?? End(open: error)
        }
    }

    private func consume(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>, of connection: SocketConnection,
        _ receive: @Sendable (Input) async -> Void
    ) async -> End {
        let reader = SocketReader(server: settings.url, source: settings.name)
        var failure: (any Error)?
        do {
            for try await frame in inbound {
                switch frame.opcode {
                case .text, .binary:
                    if let input = Self.input(frame, reader) { await receive(input) }
                case .connectionClose: return connection.closed(by: frame)
                // Pings and pongs were dealt with on the way here; others are of extensions.
                default: continue
                }
            }
        } catch {
            failure = error
        }
        if Task.isCancelled { return connection.left() }
        return connection.verdict.value ?? End(open: failure)
    }

    /// nil for a keep-alive.
    private static func input(_ frame: WebSocketFrame, _ reader: SocketReader) -> Input? {
        // Servers do not mask: then this copies nothing.
        let bytes = frame.unmaskedData
        do throws(TraccarPayload.Refusal) {
            let message = try bytes.withUnsafeReadableBytes {
                (bytes) throws(TraccarPayload.Refusal) in try reader.read(bytes)
            }
            return message.isEmpty ? nil : .message(message)
        } catch {
            return .unreadable(error.description)
        }
    }
}

extension SocketConnection {
    /// The server's goodbye, which is answered with the same (RFC 6455 §5.5.1).
    func closed(by frame: WebSocketFrame) -> TraccarSocket.End {
        var data = frame.unmaskedData
        say(goodbye: data)
        let code = data.readWebSocketErrorCode()
        let reason = ForeignWords.line(Array(data.readableBytesView))
        return .closed(code: code.map { UInt16(webSocketErrorCode: $0) }, reason: reason)
    }

    /// Our goodbye: we go away.
    func left() -> TraccarSocket.End {
        var data = ByteBuffer()
        data.write(webSocketErrorCode: .goingAway)
        say(goodbye: data)
        return .cancelled
    }

    /// Not by the channel's writer, which does nothing in a cancelled task.
    private func say(goodbye data: ByteBuffer) {
        let frame = WebSocketFrame(
            fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
        channel.channel.writeAndFlush(frame, promise: nil)
    }
}
