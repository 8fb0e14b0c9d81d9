// A blocking HTTP client of one keep-alive connection: what a tracker's server does that posts to
// the relay, and what `curl` does to its admin pages. Every call is bounded in time. It never
// retries by itself: whether a post was answered is what the tests are about.

package import Foundation

/// One keep-alive connection to a port of this machine.
package final class PlainHTTP {
    private let port: Int
    private let limit: TimeInterval
    private var socket: LoopbackSocket?
    private var buffer: [UInt8] = []

    package init(port: Int, limit: TimeInterval = 10) {
        self.port = port
        self.limit = limit
    }

    deinit { socket?.close() }

    /// Sends one request and reads its answer.
    /// - Throws: `HarnessError` where no whole answer came; the connection is closed then.
    package func send(
        _ method: String, _ path: String, headers: [String: String] = [:], body: [UInt8] = []
    ) throws -> PlainMessage {
        var all = ["Host": "127.0.0.1:\(port)"]
        if method != "GET" {
            all["Content-Length"] = String(body.count)
            all["Content-Type"] = "application/json"
        }
        all.merge(headers) { $1 }
        let head = all.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        return try exchange(Array("\(method) \(path) HTTP/1.1\r\n\(head)\r\n".utf8) + body)
    }

    package func get(_ path: String, headers: [String: String] = [:]) throws -> PlainMessage {
        try send("GET", path, headers: headers)
    }

    /// Sends bytes as they are and reads one answer: for what a well-behaved client never sends.
    package func exchange(_ bytes: [UInt8]) throws -> PlainMessage {
        do {
            let socket = try self.socket ?? LoopbackSocket(connectTo: port, limit: limit)
            self.socket = socket
            try socket.write(bytes)
            while true {
                if let message = PlainMessage.take(from: &buffer) {
                    if message.headers["connection"]?.lowercased() == "close" { close() }
                    return message
                }
                guard try socket.read(into: &buffer) else {
                    let last = PlainMessage.take(from: &buffer, ended: true)
                    close()
                    if let last { return last }
                    throw HarnessError("the connection was closed before the answer")
                }
            }
        } catch {
            close()
            throw error
        }
    }

    package func close() {
        socket?.close()
        socket = nil
        buffer = []
    }
}
