// TCP on 127.0.0.1, as little of it as the tests need: listen on a port (0: any), connect with a
// time limit, write all, read with a time limit. Blocking sockets with SO_RCVTIMEO: a test that
// waits for an answer that never comes ends with an error that says so.

package import Foundation
import Glibc

/// One connected socket; closed by its owner.
package struct LoopbackSocket: Sendable {
    package var descriptor: Int32

    /// Connects to a port of this machine.
    /// - Parameter limit: seconds that any later read or write may take.
    package init(connectTo port: Int, limit: TimeInterval) throws {
        descriptor = try Self.make()
        setLimit(limit)
        var address = Self.address(port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, size)
            }
        }
        guard result == 0 else {
            let reason = errno
            Glibc.close(descriptor)
            throw HarnessError("cannot connect to \(port): \(String(cString: strerror(reason)))")
        }
        var yes: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    init(accepted descriptor: Int32) { self.descriptor = descriptor }

    /// Listens on a port of this machine; 0 takes any free one.
    package static func listen(on port: Int) throws -> (descriptor: Int32, port: Int) {
        let descriptor = try make()
        var yes: Int32 = 1
        // The same port again after `down`, while old connections still linger.
        setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = address(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                Glibc.bind(descriptor, pointer, size) == 0 && Glibc.listen(descriptor, 256) == 0
                    && getsockname(descriptor, pointer, &size) == 0
            }
        }
        guard bound else {
            let reason = errno
            Glibc.close(descriptor)
            throw HarnessError("cannot listen on \(port): \(String(cString: strerror(reason)))")
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// A port that nobody listens on now, for what must be known before it is listened on.
    package static func freePort() throws -> Int {
        let (descriptor, port) = try listen(on: 0)
        Glibc.close(descriptor)
        return port
    }

    package func setLimit(_ seconds: TimeInterval) {
        var time = timeval()
        time.tv_sec = Int(seconds)
        time.tv_usec = Int((seconds - seconds.rounded(.down)) * 1_000_000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(
                descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    package func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw HarnessError("cannot write: errno \(errno)") }
            sent += count
        }
    }

    /// Appends what came to `buffer`; false at the end of the stream.
    package func read(into buffer: inout [UInt8]) throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw HarnessError("nothing came in time") }
            guard count >= 0 else { throw HarnessError("cannot read: errno \(errno)") }
            buffer.append(contentsOf: bytes[0..<count])
            return count > 0
        }
    }

    /// Ends both directions: whoever blocks in `read` on it comes back.
    package func shutdown() { Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }
    package func close() { Glibc.close(descriptor) }

    private static func make() throws -> Int32 {
        // Close-on-exec: a relay started meanwhile must not inherit a sink's listener.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else { throw HarnessError("no socket: errno \(errno)") }
        return descriptor
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}

/// The head and body of one HTTP/1.1 message, as far as tests care.
package struct PlainMessage: Sendable {
    /// `POST /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    package var start: String
    /// Names in small letters; of two with one name the last.
    package var headers: [String: String]
    package var body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }
    package var status: Int { Int(start.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    /// Takes one message from the front of `buffer`; nil while it is not whole.
    /// - Parameter ended: the stream is at its end: a body without a length is what came.
    package static func take(from buffer: inout [UInt8], ended: Bool = false) -> PlainMessage? {
        guard let head = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: buffer[..<head.lowerBound], as: UTF8.self)
            .components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let rest = Array(buffer[head.upperBound...])
        var message = PlainMessage(start: lines[0], headers: headers, body: [])
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            guard let (body, used) = unchunk(rest) else { return nil }
            message.body = body
            buffer = Array(rest[used...])
            return message
        }
        let hasBody = headers["content-length"] != nil || !lines[0].hasPrefix("HTTP/")
        if !hasBody, message.status != 204, !ended { return nil }
        let length = Int(headers["content-length"] ?? "") ?? (hasBody ? 0 : rest.count)
        guard rest.count >= length else { return nil }
        message.body = Array(rest[..<length])
        buffer = Array(rest[length...])
        return message
    }

    private static func unchunk(_ bytes: [UInt8]) -> (body: [UInt8], used: Int)? {
        var body: [UInt8] = []
        var position = 0
        while let line = bytes[position...].firstRange(of: [13, 10]) {
            let text = String(decoding: bytes[position..<line.lowerBound], as: UTF8.self)
            guard let size = Int(text.split(separator: ";").first ?? "", radix: 16),
                bytes.count >= line.upperBound + size + 2
            else { return nil }
            body.append(contentsOf: bytes[line.upperBound..<(line.upperBound + size)])
            position = line.upperBound + size + 2
            if size == 0 { return (body, position) }
        }
        return nil
    }
}
