// The socket against a real WebSocket server: what comes, how it ends, and that it never hangs.
// Times are short here and long in the program; no test waits for longer than its bound.
import Alerting
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization
import TestSupport
import Testing

@testable import Intake

// One after the other: what one of them does to an event loop is no other's silence.
@Suite("The socket of a tracker's server", .serialized, .timeLimit(.minutes(1)))
struct SocketTests {
    /// What a run received, and how it ended.
    struct Run: Sendable {
        var opened = 0
        var messages: [SocketMessage] = []
        var unreadable: [String] = []
        var end = TraccarSocket.End.cancelled
    }

    static func settings(_ url: String) -> TraccarSocket.Settings {
        var settings = TraccarSocket.Settings(url: url, name: "a")
        settings.ping = .seconds(20)
        settings.deadAfter = .seconds(20)
        return settings
    }

    static func run(
        _ settings: TraccarSocket.Settings, cookie: String = "JSESSIONID=s3cret",
        also: @escaping @Sendable (TraccarSocket.Input) async -> Void = { _ in }
    ) async -> Run {
        let result = Mutex(Run())
        let end = await TraccarSocket(settings).run(cookie: cookie) { input in
            result.withLock { run in
                switch input {
                case .opened: run.opened += 1
                case .message(let message): run.messages.append(message)
                case .unreadable(let why): run.unreadable.append(why)
                }
            }
            await also(input)
        }
        return result.withLock { run in
            run.end = end
            return run
        }
    }

    /// Runs once against a server that talks, both ended.
    static func run(
        holding: Bool = false, status: HTTPResponseStatus? = nil,
        adapt: (inout TraccarSocket.Settings) -> Void = { _ in },
        also: @escaping @Sendable (TraccarSocket.Input) async -> Void = { _ in },
        _ talk: @escaping SocketDouble.Talk
    ) async throws -> Run {
        let server = try await SocketDouble(holding: holding, status: status, talk)
        var settings = settings("http://127.0.0.1:\(server.port)")
        adapt(&settings)
        let result = await run(settings, also: also)
        try await server.stop()
        return result
    }

    static func close(_ peer: SocketDouble.Peer, _ code: WebSocketErrorCode = .goingAway) {
        var data = ByteBuffer()
        data.write(webSocketErrorCode: code)
        data.writeString("Idle timeout\r\nexpired")
        peer.send(.connectionClose, data)
    }

    static func position(_ id: Int) -> String {
        #"{"positions":[{"id":\#(id),"deviceId":1,"latitude":51.5,"longitude":7.5,"valid":true}]}"#
    }

    // MARK: - What comes

    @Test("the upgrade shows the cookie, and no Origin; messages come in order; a close is told")
    func talk() async throws {
        let heads = Mutex<[HTTPRequestHead]>([])
        let run = try await Self.run { peer in
            heads.withLock { $0.append(peer.head) }
            peer.send(#"{"positions":[]}"#)
            peer.send("{}")
            for id in 1...50 { peer.send(Self.position(id)) }
            peer.send(.binary, ByteBuffer(string: Self.position(51)))
            Self.close(peer)
        }
        let head = try #require(heads.withLock { $0 }.first)
        #expect(head.uri == "/api/socket")
        #expect(head.headers["Cookie"] == ["JSESSIONID=s3cret"])
        #expect(head.headers["Host"].first?.hasPrefix("127.0.0.1:") == true)
        #expect(!head.headers.contains(name: "Origin"))
        #expect(run.opened == 1)
        #expect(run.messages.flatMap(\.positions).map(\.id) == Array(1...51))
        #expect(run.end == .closed(code: 1001, reason: "Idle timeout"))
        #expect(run.end.description == "the server closed the socket: 1001 Idle timeout")
    }

    @Test("frames that arrive together with the 101 are read", arguments: 1...5)
    func together(_: Int) async throws {
        let run = try await Self.run(holding: true) { peer in
            for id in 1...5 { peer.send(Self.position(id)) }
            peer.release()
            peer.send(Self.position(6))
            Self.close(peer)
        }
        #expect(run.messages.flatMap(\.positions).map(\.id) == Array(1...6))
    }

    @Test("fragments make one message, with a ping in between; a pong is answered to it")
    func fragments() async throws {
        let pong = Mutex<String?>(nil)
        let run = try await Self.run { peer in
            let bytes = Array(Self.position(7).utf8)
            peer.send(.text, ByteBuffer(), final: false)
            peer.send(.continuation, ByteBuffer(bytes: bytes[..<10]), final: false)
            peer.send(.ping, ByteBuffer(string: "are you there?"))
            peer.send(.continuation, ByteBuffer(bytes: bytes[10...]))
            let frame = try await peer.nextFrame()
            if let frame, frame.opcode == .pong {
                pong.withLock { $0 = String(buffer: frame.unmaskedData) }
            }
            Self.close(peer)
        }
        #expect(run.messages.flatMap(\.positions).map(\.id) == [7])
        #expect(pong.withLock { $0 } == "are you there?")
    }

    @Test("a message of many megabytes is read, one beyond the bound ends the connection")
    func large() async throws {
        let padding = ByteBuffer(repeating: 32, count: 15 << 20)
        let position = ByteBuffer(string: Self.position(8))
        let run = try await Self.run { peer in
            peer.send(.text, padding, final: false)
            peer.send(.continuation, position)
            var whole = padding
            whole.writeImmutableBuffer(position)
            peer.send(.text, whole)
            Self.close(peer)
        }
        #expect(run.messages.flatMap(\.positions).map(\.id) == [8, 8])
        let bounded = { (settings: inout TraccarSocket.Settings) in
            settings.messageBytes = 16 << 20
        }
        let single = try await Self.run(adapt: bounded) { peer in
            peer.send(.text, ByteBuffer(repeating: 32, count: (16 << 20) + 1))
        }
        #expect(single.end == .tooLarge)
        let inPieces = try await Self.run(adapt: bounded) { peer in
            peer.send(.text, padding, final: false)
            peer.send(.continuation, padding)
        }
        #expect(inPieces.end == .tooLarge)
    }

    @Test("the last positions of a large fleet are one message, and it is read")
    func fleet() async throws {
        let count = 60_000
        // As long as a real one: what else a position has is passed over.
        let rest = String(repeating: "x", count: 400)
        var text = #"{"positions":["#
        for id in 1...count {
            text += id > 1 ? "," : ""
            text += #"{"id":\#(id),"deviceId":\#(id),"latitude":51.5,"longitude":7.5,"#
            text += #""protocol":"\#(rest)"}"#
        }
        text += "]}"
        let message = ByteBuffer(string: text)
        #expect(message.readableBytes > 24 << 20)
        let run = try await Self.run { peer in
            peer.send(.text, message)
            Self.close(peer)
        }
        #expect(run.messages.map(\.positions.count) == [count])
        #expect(run.messages.last?.positions.last?.deviceId == Int64(count))
    }

    @Test("a message that cannot be read is told of and dropped; the next one comes")
    func unreadable() async throws {
        let run = try await Self.run { peer in
            peer.send(#"{"events":[{"id":1,"s3cret"#)
            peer.send(Self.position(9))
            Self.close(peer)
        }
        #expect(run.unreadable.count == 1 && run.unreadable[0].hasPrefix("not JSON"))
        #expect(!run.unreadable[0].contains("s3cret"))
        #expect(run.messages.flatMap(\.positions).map(\.id) == [9])
    }

    // MARK: - How it ends

    @Test("an upgrade that is refused gives the status", arguments: [401, 404, 503])
    func refused(_ status: Int) async throws {
        let run = try await Self.run(status: .init(statusCode: status)) { _ in }
        #expect(run.end == .refused(status: status) && run.opened == 0)
        #expect(run.end.description.hasPrefix("the server refuses the socket: \(status)"))
    }

    @Test("a server that is not there, an address that is none")
    func unreachable() async throws {
        let port = try LoopbackSocket.freePort()
        let run = await Self.run(Self.settings("http://127.0.0.1:\(port)"))
        #expect(run.end == .unreachable("Connection refused"))
        for url in ["", "ftp://x", "nonsense"] {
            let end = await Self.run(Self.settings(url)).end
            #expect(end == .unreachable("the address cannot be used"))
        }
        let unknown = await Self.run(Self.settings("http://no-such-host.invalid")).end
        #expect(unknown == .unreachable("the server's name cannot be resolved"))
    }

    @Test("an upgrade that is never answered ends in time")
    func neverAnswered() async throws {
        let (listener, port) = try LoopbackSocket.listen(on: 0)
        defer { Glibc.close(listener) }
        var settings = Self.settings("http://127.0.0.1:\(port)")
        settings.upgradeTimeout = .milliseconds(50)
        let run = await Self.run(settings)
        #expect(run.end == .unreachable("the upgrade is not answered in time"))
    }

    @Test("a server that says nothing any more is given up; pings go out before")
    func silent() async throws {
        let pings = Atomic(0)
        let run = try await Self.run {
            $0.ping = .milliseconds(100)
            $0.deadAfter = .milliseconds(1_000)
        } _: { peer in
            // NIO's server does not answer pings by itself.
            peer.send(Self.position(1))
            while let frame = try await peer.nextFrame() {
                if frame.opcode == .ping { pings.add(1, ordering: .relaxed) }
            }
        }
        #expect(run.end == .silent(.milliseconds(1_000)))
        #expect(run.messages.count == 1)
        #expect(pings.load(ordering: .relaxed) > 0)
    }

    @Test("a pong is a sign of life")
    func pongs() async throws {
        let run = try await Self.run {
            $0.ping = .milliseconds(100)
            $0.deadAfter = .milliseconds(2_000)
        } _: { peer in
            // 30 pings take longer than the silence that would have ended it.
            for _ in 0..<30 {
                guard let frame = try await peer.nextFrame() else { return }
                peer.send(.pong, frame.unmaskedData)
            }
            Self.close(peer)
        }
        #expect(run.end == .closed(code: 1001, reason: "Idle timeout"))
    }

    @Test("a consumer that is slow is not taken for silence of the server")
    func slowConsumer() async throws {
        let run = try await Self.run {
            $0.deadAfter = .milliseconds(800)
        } also: { input in
            guard case .message(let message) = input, message.positions[0].id == 1 else { return }
            // As a store that is busy for longer than the silence that ends a connection.
            await withCheckedContinuation { continuation in
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(1_500)) {
                    continuation.resume()
                }
            }
        } _: { peer in
            for id in 1...200 { peer.send(Self.position(id)) }
            Self.close(peer)
        }
        #expect(run.messages.count == 200)
        #expect(run.end == .closed(code: 1001, reason: "Idle timeout"))
    }

    @Test("a server that hangs up, and one that speaks no WebSocket after the upgrade")
    func broken() async throws {
        let run = try await Self.run { peer in
            peer.send(Self.position(1))
            peer.hangUp()
        }
        #expect(run.end == .broken("the server hung up"))
        let nonsense = try await Self.run { peer in
            peer.sendRaw(Array("HTTP/1.1 500 Internal Server Error\r\n\r\n".utf8))
        }
        guard case .broken = nonsense.end else {
            Issue.record("\(nonsense.end)")
            return
        }
    }

    @Test("a task that is cancelled says goodbye, wherever it stands")
    func cancelled() async throws {
        let goodbye = Watched<WebSocketOpcode?>(nil)
        let server = try await SocketDouble { peer in
            peer.send(Self.position(1))
            let frame = try await peer.nextFrame()
            goodbye.change { $0 = frame?.opcode }
        }
        let (came, first) = AsyncStream.makeStream(of: Void.self)
        let open = Task {
            await Self.run(Self.settings("http://127.0.0.1:\(server.port)")) { input in
                if case .message = input { first.yield() }
            }
        }
        for await _ in came { break }
        open.cancel()
        #expect(await open.value.end == .cancelled)
        #expect(goodbye.wait(10) { $0 == .connectionClose })
        try await server.stop()

        let (listener, port) = try LoopbackSocket.listen(on: 0)
        defer { Glibc.close(listener) }
        let connecting = Task { await Self.run(Self.settings("http://127.0.0.1:\(port)")) }
        connecting.cancel()
        #expect(await connecting.value.end == .cancelled)
    }

    // MARK: - TLS

    private static func context(_ certificate: TestCertificate) throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile(certificate.certificate).map {
                    .certificate($0)
                },
                privateKey: .privateKey(
                    try NIOSSLPrivateKey(file: certificate.key, format: .pem))))
    }

    private static func secure(
        _ certificate: TestCertificate, host: String, ca: String?
    ) async throws -> TraccarSocket.End {
        let server = try await SocketDouble(tls: context(certificate)) { peer in
            peer.send(position(1))
            close(peer)
        }
        var settings = settings("https://\(host):\(server.port)")
        settings.ca = ca
        let run = await run(settings)
        try await server.stop()
        return run.end
    }

    @Test("over TLS the certificate is verified", .enabled(if: TLSTests.hasTools))
    func tls() async throws {
        let certificate = try TestCertificate()
        let ca = certificate.certificate
        for host in ["127.0.0.1", "localhost"] {
            let end = try await Self.secure(certificate, host: host, ca: ca)
            #expect(end == .closed(code: 1001, reason: "Idle timeout"))
            let untrusted = try await Self.secure(certificate, host: host, ca: nil)
            #expect(untrusted == .notTrusted("it was made by nobody who is trusted here"))
        }
        let foreign = try TestCertificate(host: "DNS:other.example.org")
        for host in ["127.0.0.1", "localhost"] {
            let end = try await Self.secure(foreign, host: host, ca: foreign.certificate)
            #expect(end == .notTrusted("it is for another name than the server's"))
        }
        let missing = try await Self.secure(certificate, host: "localhost", ca: "/nowhere.pem")
        #expect(missing == .notTrusted("no certificates can be read from /nowhere.pem"))
    }
}
