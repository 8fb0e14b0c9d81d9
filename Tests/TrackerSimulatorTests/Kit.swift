// What the tests of the stand-in share: a running one, and a WebSocket client that is nobody
// else's: RFC 6455 by hand over a blocking socket.

import Foundation
import TestSupport
import Testing

@testable import TrackerSimulator

let wall: @Sendable () -> Moment = {
    Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
}

/// A running stand-in for the length of a test.
func withSimulator(
    _ dialect: Dialect = .biketrax, fleet: Int = 0,
    _ change: (inout SimulatorConfiguration) -> Void = { _ in },
    _ test: (Simulator) async throws -> Void
) async throws {
    var configuration = SimulatorConfiguration(
        world: .standard(dialect, fleet: fleet, now: wall()))
    change(&configuration)
    let simulator = try await Simulator.start(configuration, now: wall)
    do { try await test(simulator) } catch {
        try await simulator.stop()
        throw error
    }
    try await simulator.stop()
}

extension World.Action {
    /// One report at the depot.
    static func said(
        _ device: Int64, _ alarms: String..., age: Duration = .zero, at place: Place = World.depot
    ) -> World.Action {
        var report = World.Report(device, at: place)
        report.alarms = alarms
        report.age = age
        return .report(report)
    }
}

/// Runs what blocks on a thread that may.
func offPool<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: body)) }
    }
}

/// A message's or an answer's JSON.
func object(_ text: some Sequence<UInt8>) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any])
}
func list(_ text: some Sequence<UInt8>) throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(text)) as? [[String: Any]])
}

extension Simulator {
    /// Logs in with the standard account: the cookie.
    func login() throws -> String {
        let answer = try PlainHTTP(port: port).send(
            "POST", "/api/session",
            headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array("email=owner%40example.org&password=secret".utf8))
        let cookie = try #require(answer.headers["set-cookie"])
        return String(cookie.prefix { $0 != ";" })
    }

    func connect() throws -> WebSocketProbe { try WebSocketProbe(port, cookie: login()) }
}

/// The client's side of one WebSocket.
final class WebSocketProbe {
    struct Frame: Equatable {
        var isLast: Bool
        var opcode: UInt8
        var data: [UInt8]
    }
    struct Refused: Error { var status: Int }

    private let socket: LoopbackSocket
    private var buffer: [UInt8] = []

    /// - Parameter socket: a connection that has carried requests before; nil: a new one.
    init(_ port: Int, cookie: String?, on socket: LoopbackSocket? = nil) throws {
        self.socket = try socket ?? LoopbackSocket(connectTo: port, limit: 10)
        let cookieLine = cookie.map { "Cookie: \($0)\r\n" } ?? ""
        try self.socket.write(
            Array(
                """
                GET /api/socket HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUpgrade: websocket\r\n\
                Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(cookieLine)\r\n
                """.utf8))
        while buffer.firstRange(of: Array("\r\n\r\n".utf8)) == nil {
            guard try self.socket.read(into: &buffer) else { throw Refused(status: 0) }
        }
        let end = buffer.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? 0
        let head = String(decoding: buffer[..<end], as: UTF8.self)
        let status = Int(head.split(separator: " ")[1]) ?? 0
        guard status == 101 else { throw Refused(status: status) }
        // RFC 6455 §1.3 has this pair.
        #expect(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        buffer.removeSubrange(..<end)
    }

    deinit { socket.close() }

    /// The next frame; nil at the end of the connection.
    func frame() throws -> Frame? {
        while true {
            if let frame = take() { return frame }
            guard try socket.read(into: &buffer) else { return nil }
        }
    }

    private func take() -> Frame? {
        guard buffer.count >= 2 else { return nil }
        var (length, start) = (Int(buffer[1] & 0x7f), 2)
        if length >= 126 {
            let count = length == 126 ? 2 : 8
            guard buffer.count >= 2 + count else { return nil }
            length = buffer[2..<(2 + count)].reduce(0) { $0 << 8 | Int($1) }
            start += count
        }
        guard buffer.count >= start + length else { return nil }
        defer { buffer.removeSubrange(..<(start + length)) }
        return Frame(
            isLast: buffer[0] & 0x80 != 0, opcode: buffer[0] & 0x0f,
            data: Array(buffer[start..<(start + length)]))
    }

    /// The next message's key and objects; nil for a keep-alive.
    func message() throws -> (key: String, objects: [[String: Any]])? {
        let frame = try #require(try frame())
        let object = try object(frame.data)
        guard let (key, value) = object.first else { return nil }
        return (key, try #require(value as? [[String: Any]]))
    }

    func send(opcode: UInt8, _ text: String) throws {
        let mask: [UInt8] = [1, 2, 3, 4]
        let data = text.utf8.enumerated().map { $1 ^ mask[$0 % 4] }
        try socket.write([0x80 | opcode, 0x80 | UInt8(data.count)] + mask + data)
    }

    func setLimit(_ seconds: TimeInterval) { socket.setLimit(seconds) }
}
