// A TCP client that sends bytes as they are written in a test and reads the answers one by one:
// what an HTTP library would never send is what these tests are about.
import Foundation
import NIOCore
import NIOPosix

/// Used by one test at a time.
final class RawClient {
    struct Answer: Equatable {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    struct Ended: Error {}

    private let channel: any Channel
    private var iterator: AsyncStream<ByteBuffer>.Iterator
    private var buffer = ByteBuffer()

    init(port: Int) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Inbox(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        iterator = stream.makeAsyncIterator()
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// A post of `body`, keep-alive unless `extra` says otherwise.
    func post(_ body: String, path: String = "/hooks/a", extra: String = "") async throws {
        try await send(Self.request(body, path: path, extra: extra))
    }

    static func request(
        _ body: String, path: String = "/hooks/a", extra: String = ""
    ) -> String {
        "POST \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\(extra)\r\n\(body)"
    }

    /// The server may have been quicker.
    func close() async throws {
        do { try await channel.close().get() } catch ChannelError.alreadyClosed {}
    }
    func closeOutput() async throws { try await channel.close(mode: .output).get() }

    /// The next answer; throws `Ended` where the server hangs up before it is whole.
    func answer() async throws -> Answer {
        while true {
            if let answer = parse() { return answer }
            guard var more = await iterator.next() else { throw Ended() }
            buffer.writeBuffer(&more)
        }
    }

    /// Waits until the server has closed; what it still sent is thrown away.
    func end() async {
        while await iterator.next() != nil {}
    }

    private func parse() -> Answer? {
        let text = String(buffer: buffer)
        guard let head = text.range(of: "\r\n\r\n") else { return nil }
        let lines = text[..<head.lowerBound].components(separatedBy: "\r\n")
        let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let length = Int(headers["content-length"] ?? "0") ?? 0
        let body = Array(text[head.upperBound...].utf8)
        guard body.count >= length else { return nil }
        let headBytes = text[..<head.upperBound].utf8.count
        buffer.moveReaderIndex(forwardBy: headBytes + length)
        return Answer(
            status: status, headers: headers, body: String(decoding: body[..<length], as: UTF8.self)
        )
    }
}

private final class Inbox: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(unwrapInboundIn(data))
    }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { continuation.finish() }
        context.fireUserInboundEventTriggered(event)
    }
    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        continuation.finish()
        context.close(promise: nil)
    }
}
