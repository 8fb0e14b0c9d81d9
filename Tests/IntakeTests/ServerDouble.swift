// A tracker's server as far as HTTP goes: real sockets, answers that a test decides, and a record of
// what was asked. With it `plainFetch`, which carries a request out as libcurl does in the relay.
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport

@testable import Intake

final class ServerDouble: Sendable {
    struct Request: Sendable {
        var method: String
        /// With its query.
        var target: String
        var headers: [(name: String, value: String)]
        var body: String

        var path: String { String(target.prefix { $0 != "?" }) }
        func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    struct Answer: Sendable {
        var status: Int
        var headers: [(String, String)] = []
        var body = ""

        static func json(_ body: String, cookie: String? = nil) -> Answer {
            var headers = [("Content-Type", "application/json")]
            if let cookie { headers.append(("Set-Cookie", "\(cookie); Path=/; HttpOnly")) }
            return Answer(status: 200, headers: headers, body: body)
        }
        static func status(_ status: Int, _ body: String = "") -> Answer {
            Answer(status: status, body: body)
        }
    }

    let port: Int
    private let channel: any Channel
    private let asked: Recorder

    final class Recorder: Sendable {
        let requests = Mutex<[Request]>([])
    }

    init(_ answer: @escaping @Sendable (Request) -> Answer) async throws {
        let asked = Recorder()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        AnsweringHandler { request in
                            asked.requests.withLock { $0.append(request) }
                            return answer(request)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.asked = asked
        port = channel.localAddress?.port ?? 0
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { asked.requests.withLock { $0 } }

    func stop() async throws { try await channel.close().get() }
}

private final class AnsweringHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: (ServerDouble.Request) -> ServerDouble.Answer
    private var request: ServerDouble.Request?

    init(_ answer: @escaping (ServerDouble.Request) -> ServerDouble.Answer) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = ServerDouble.Request(
                method: head.method.rawValue, target: head.uri,
                headers: head.headers.map { ($0.name, $0.value) }, body: "")
        case .body(let bytes): request?.body += String(buffer: bytes)
        case .end:
            guard let request else { return }
            let answer = answer(request)
            var headers = HTTPHeaders(answer.headers)
            headers.replaceOrAdd(name: "Content-Length", value: "\(answer.body.utf8.count)")
            let head = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
            // Every request comes over a connection of its own here.
            context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        }
    }
}

/// A request over a socket of its own, on a thread that may block.
let plainFetch: Fetch = { request throws(FetchFailure) in
    let result = await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            continuation.resume(
                returning: Result { try exchange(request) }.mapError { error in
                    error as? FetchFailure ?? .unreachable("\(error)")
                })
        }
    }
    return try result.get()
}

private func exchange(_ request: FetchRequest) throws -> FetchAnswer {
    guard let url = URLComponents(string: request.url), let port = url.port else {
        throw FetchFailure.unreachable("no port")
    }
    let socket = try LoopbackSocket(connectTo: port, limit: 5)
    defer { socket.close() }
    var target = url.percentEncodedPath
    if let query = url.percentEncodedQuery { target += "?\(query)" }
    var head = "\(request.method.rawValue) \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
    for (name, value) in request.headers { head += "\(name): \(value)\r\n" }
    head += "Connection: close\r\nContent-Length: \(request.body.count)\r\n\r\n"
    try socket.write(Array(head.utf8) + request.body)
    var bytes: [UInt8] = []
    while try socket.read(into: &bytes) {}
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
        throw FetchFailure.unreachable("the connection broke")
    }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        .components(separatedBy: "\r\n")
    let body = Array(bytes[end.upperBound...])
    guard body.count <= request.limit else { throw FetchFailure.tooLarge }
    return FetchAnswer(
        status: Int(lines[0].split(separator: " ")[1]) ?? 0,
        headers: lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces))
        }, body: body)
}
