// How a socket's connection is made: TCP, TLS, and the upgrade with the session's cookie. No
// `Origin` is sent: servers since 6.12 take another one than the login's as logged out.
import Alerting
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// A connection that is open.
struct SocketConnection: Sendable {
    let channel: NIOAsyncChannel<WebSocketFrame, WebSocketFrame>
    let verdict: SocketVerdict
}

/// Makes one connection.
struct SocketUpgrade: Sendable {
    let settings: TraccarSocket.Settings
    let server: ServerURL
    let group: MultiThreadedEventLoopGroup
    let cookie: String

    private enum Answer: Sendable {
        case opened(SocketConnection)
        case refused(NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>)
    }

    func connect() async throws(TraccarSocket.End) -> SocketConnection {
        let verdict = SocketVerdict()
        let cancel = CancelledChannel()
        do {
            let answer: Answer = try await withTaskCancellationHandler {
                try await self.exchange(verdict, cancel)
            } onCancel: {
                cancel.close()
            }
            switch answer {
            case .opened(let connection): return connection
            case .refused(let channel):
                throw TraccarSocket.End.refused(status: try await Self.status(of: channel))
            }
        } catch {
            if cancel.isCancelled { throw .cancelled }
            throw verdict.value ?? TraccarSocket.End(connecting: error)
        }
    }

    private func exchange(
        _ verdict: SocketVerdict, _ cancel: CancelledChannel
    ) async throws -> Answer {
        guard let host = server.host, let authority = server.authority else {
            throw TraccarSocket.End.unreachable("the address cannot be used")
        }
        let tls = server.isEncrypted ? try encryption() : nil
        let timeout = TimeAmount(settings.upgradeTimeout)
        let answer = try await ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: host, port: server.port) { channel in
                cancel.hold(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        SilenceWatch(verdict: verdict, upgradeTimeout: timeout))
                    if let tls {
                        // An address is no name: NIOSSL then compares it with the certificate's.
                        let name = Self.isAddress(host) ? nil : host
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    return try configure(channel, authority, verdict)
                }
            }
        return try await answer.get()
    }

    private func configure(
        _ channel: any Channel, _ authority: String, _ verdict: SocketVerdict
    ) throws -> EventLoopFuture<Answer> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Answer>(
            maxFrameSize: settings.messageBytes, enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture { try open(channel, verdict) }
        }
        var headers = HTTPHeaders([("Host", authority), ("User-Agent", "Outcry")])
        headers.add(name: "Cookie", value: cookie)
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: server.target("/api/socket"), headers: headers)
        let upgrade = NIOTypedHTTPClientUpgradeConfiguration(
            upgradeRequestHead: head, upgraders: [upgrader]
        ) { channel in
            // Must complete at once: the head of the answer is held back until it does.
            channel.eventLoop.makeCompletedFuture {
                .refused(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
            }
        }
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: upgrade)
        // The default drops frames that arrive together with the 101, and Traccar's first message,
        // the positions of all devices, often does.
        configuration.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: configuration)
    }

    private func open(_ channel: any Channel, _ verdict: SocketVerdict) throws -> Answer {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(SocketPulse(verdict: verdict, every: TimeAmount(settings.ping)))
        try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: Limits.socketFragments,
                maxAccumulatedFrameSize: settings.messageBytes))
        let watch = try pipeline.context(handlerType: SilenceWatch.self)
        (watch.handler as? SilenceWatch)?.opened(deadAfter: settings.deadAfter, context: watch)
        return .opened(
            SocketConnection(
                channel: try NIOAsyncChannel(wrappingChannelSynchronously: channel),
                verdict: verdict))
    }

    private static func status(
        of channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
    ) async throws -> Int {
        try await channel.executeThenClose { inbound, _ in
            for try await case .head(let head) in inbound { return Int(head.status.code) }
            return 0
        }
    }

    // MARK: - TLS

    private func encryption() throws(TraccarSocket.End) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let ca = settings.ca { configuration.trustRoots = .file(ca) }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let what = settings.ca ?? "the system's authorities"
            throw .notTrusted("no certificates can be read from \(what)")
        }
    }

    private static func isAddress(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil  // Any failure means a name.
    }
}

/// Lets a cancelled task end a connection that is being made.
private final class CancelledChannel: Sendable {
    private struct State {
        var isCancelled = false
        var channels: [any Channel] = []
    }
    private let state = Mutex(State())

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// One for each address that is tried.
    func hold(_ channel: any Channel) {
        let isCancelled = state.withLock { state in
            state.channels.append(channel)
            return state.isCancelled
        }
        if isCancelled { channel.close(promise: nil) }
    }

    func close() {
        let channels = state.withLock { state in
            state.isCancelled = true
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
