// Non-blocking TCP and poll over Glibc: what the generator and the sink share. One thread serves
// all its connections, so that on two cores most of the time is left to what is measured.

import Glibc

/// A connected or listening socket on loopback, non-blocking.
enum Socket {
    static func connect(to port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, streams, 0)
        var address = loopback(port)
        // Loopback connects at once; only then does it become non-blocking.
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw BenchError("cannot connect to port \(port): \(String(cString: strerror(errno)))")
        }
        prepare(descriptor)
        return descriptor
    }

    static func listen(on port: Int) throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, streams, 0)
        set(descriptor, SOL_SOCKET, SO_REUSEADDR)
        var address = loopback(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let works = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && Glibc.listen(descriptor, 1_024) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard works else {
            close(descriptor)
            throw BenchError("cannot listen on port \(port): \(String(cString: strerror(errno)))")
        }
        prepare(descriptor)
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// Non-blocking, without Nagle's delay.
    static func prepare(_ descriptor: Int32) {
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    private static let streams = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32) {
        var yes: Int32 = 1
        setsockopt(descriptor, level, option, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}

/// Which of many sockets can be read. poll and not epoll, which Swift's Glibc does not show: for a
/// hundred sockets of which many are ready at once the difference is small.
struct Readable {
    private var polled: [pollfd] = []

    mutating func add(_ socket: Int32) {
        polled.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0))
    }

    mutating func remove(_ socket: Int32) { polled.removeAll { $0.fd == socket } }

    /// Waits at most so long; the sockets that have something, or have ended.
    mutating func wait(milliseconds: Int32) -> [Int32] {
        guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return [] }
        return polled.filter { $0.revents != 0 }.map(\.fd)
    }
}

extension RandomAccessCollection<UInt8> where Index == Int {
    /// Where `wanted` first stands, at `from` or later.
    func place(of wanted: [UInt8], from: Int) -> Int? {
        guard let first = wanted.first, count >= wanted.count else { return nil }
        var index = from
        while index <= endIndex - wanted.count {
            if self[index] == first, self[index..<(index + wanted.count)].elementsEqual(wanted) {
                return index
            }
            index += 1
        }
        return nil
    }
}

/// What one connection has received and not yet used.
struct ReceiveBuffer {
    private(set) var bytes: [UInt8] = []
    private(set) var start = 0

    /// Reads what there is; false when the peer has closed or the connection is broken.
    mutating func fill(from socket: Int32, scratch: inout [UInt8]) -> Bool {
        while true {
            let count = recv(socket, &scratch, scratch.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return true }
            guard count > 0 else { return false }
            if start == bytes.count {
                bytes.removeAll(keepingCapacity: true)
                start = 0
            }
            bytes.append(contentsOf: scratch[0..<count])
            if count < scratch.count { return true }
        }
    }

    /// One HTTP message's head and body lengths, once all of it is there.
    func message() -> (head: Int, body: Int)? {
        guard start < bytes.count, let end = bytes.place(of: Self.blankLine, from: start) else {
            return nil
        }
        let head = end + Self.blankLine.count - start
        let body = contentLength(end)
        return bytes.count - start >= head + body ? (head, body) : nil
    }

    private static let blankLine = Array("\r\n\r\n".utf8)
    private static let lengthName = Array("\r\ncontent-length:".utf8)

    mutating func drop(_ count: Int) { start += count }

    /// The number after `content-length:`, whatever its letters' size; 0 where there is none.
    private func contentLength(_ end: Int) -> Int {
        let name = Self.lengthName
        var index = start
        while index + name.count <= end {
            // Bit 5 is the size of a letter; CR, LF, `-` and `:` have it set or are compared so.
            if bytes[index] == 13,
                (1..<name.count).allSatisfy({
                    bytes[index + $0] | 0x20 == name[$0] | 0x20
                })
            {
                var value = 0
                for byte in bytes[(index + name.count)..<end] {
                    if byte == 32 { continue }
                    guard case 48...57 = byte else { break }
                    value = value * 10 + Int(byte - 48)
                }
                return value
            }
            index += 1
        }
        return 0
    }
}
