// Calls the account's webhook: one connection and one post for each event, 5 seconds for an
// answer, 200 or 201 is success, and nothing is ever sent again. http only: what is tried here is
// the relay, not its certificate.

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// What became of one post.
package struct WebhookPost: Sendable {
    package enum Outcome: Sendable, Equatable {
        case accepted
        /// Answered otherwise.
        case refused(Int)
        /// No whole answer within the time.
        case unanswered
        /// Never sent, by a fault that is on.
        case lost
    }
    package var event: Int64
    /// `X-PowTxn`.
    package var transaction: String
    package var outcome: Outcome
}

/// Posts at most so many at once; the rest waits.
final class WebhookSender: Sendable {
    struct Post: Sendable {
        var url: String
        var key: String?
        var transaction: String
        var body: [UInt8]
        var done: @Sendable (WebhookPost.Outcome) -> Void
    }

    private static let atOnce = 32
    private let group: any EventLoopGroup
    private let state = Mutex<(waiting: [Post], next: Int, running: Int)>(([], 0, 0))

    init(on group: any EventLoopGroup) { self.group = group }

    /// Posts that have no outcome yet.
    var pending: Int { state.withLock { $0.waiting.count - $0.next + $0.running } }

    func send(_ post: Post) {
        state.withLock { $0.waiting.append(post) }
        startNext()
    }

    private func startNext() {
        let post = state.withLock { state -> Post? in
            guard state.running < Self.atOnce, state.next < state.waiting.count else { return nil }
            state.running += 1
            state.next += 1
            let post = state.waiting[state.next - 1]
            if state.next == state.waiting.count { (state.waiting, state.next) = ([], 0) }
            return post
        }
        guard let post else { return }
        let answered = group.next().makePromise(of: Int.self)
        answered.futureResult.whenComplete { [self] result in
            state.withLock { $0.running -= 1 }
            switch result {
            case .success(200), .success(201): post.done(.accepted)
            case .success(let status): post.done(.refused(status))
            case .failure: post.done(.unanswered)
            }
            startNext()
        }
        start(post, answered)
    }

    private func start(_ post: Post, _ answered: EventLoopPromise<Int>) {
        guard let parts = URLComponents(string: post.url), parts.scheme == "http",
            let host = parts.host
        else { return answered.fail(ChannelError.unknownLocalAddress) }
        let port = parts.port ?? 80
        let path = (parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath)
        let uri = path + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
        var headers = HTTPHeaders([
            ("Host", "\(host):\(port)"), ("Content-Type", "application/json"),
            ("Content-Length", String(post.body.count)), ("X-PowTxn", post.transaction),
            ("Connection", "close"),
        ])
        if let key = post.key { headers.add(name: "Authorization", value: key) }
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: uri, headers: headers)
        let body = post.body
        ClientBootstrap(group: answered.futureResult.eventLoop)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        Conversation(head, body, answered))
                }
            }
            .connect(host: host, port: port)
            .whenFailure { answered.fail($0) }
    }

    /// One post and its answer.
    private final class Conversation: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundOut = HTTPClientRequestPart

        private let head: HTTPRequestHead
        private let body: [UInt8]
        private let answered: EventLoopPromise<Int>
        private var status: Int?
        private var deadline: Scheduled<Void>?

        init(_ head: HTTPRequestHead, _ body: [UInt8], _ answered: EventLoopPromise<Int>) {
            self.head = head
            self.body = body
            self.answered = answered
        }

        func channelActive(context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            let channel = context.channel
            deadline = context.eventLoop.scheduleTask(in: .seconds(5)) {
                channel.close(promise: nil)
            }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): status = Int(head.status.code)
            case .body: break
            case .end:
                answered.succeed(status ?? 0)
                context.close(promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            deadline?.cancel()
            answered.fail(ChannelError.eof)  // Nothing where it has been answered.
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            answered.fail(error)
            context.close(promise: nil)
        }
    }
}
