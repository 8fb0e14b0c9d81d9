// The receiver: answers 200 to every post and notes when each event's id came first. One thread,
// poll(2); it does as little as it can, for it runs beside what is measured.

import Foundation
import Glibc
import Synchronization

/// Counts notifications as they come.
final class NotificationSink: Sendable {
    /// What came so far.
    struct Arrivals: Sendable {
        var requests = 0
        /// When each event was first told of, by its id, nanoseconds.
        var times: [Int: UInt64] = [:]
        /// Notifications of an event that had been told of before.
        var copies = 0
        var first: UInt64 = 0
        var last: UInt64 = 0
        /// Seconds from the first to the last.
        var span: Double { Double(last - first) / 1e9 }
    }

    let port: Int
    private let listener: Int32
    private let state = Mutex(Arrivals())
    private let isStopped = Mutex(false)

    init(port: Int) throws { (listener, self.port) = try Socket.listen(on: port) }

    var arrivals: Arrivals { state.withLock { $0 } }
    /// How many events were told of.
    var count: Int { state.withLock { $0.times.count } }

    func reset() { state.withLock { $0 = Arrivals() } }
    func stop() { isStopped.withLock { $0 = true } }

    func start() {
        Thread.detachNewThread { [self] in serve() }
    }

    private func serve() {
        var readable = Readable()
        readable.add(listener)
        var buffers: [Int32: ReceiveBuffer] = [:]
        var scratch = [UInt8](repeating: 0, count: 65_536)
        defer {
            for socket in buffers.keys { close(socket) }
            close(listener)
        }
        while !isStopped.withLock({ $0 }) {
            for socket in readable.wait(milliseconds: 200) {
                if socket == listener {
                    while case let accepted = accept(listener, nil, nil), accepted >= 0 {
                        Socket.prepare(accepted)
                        buffers[accepted] = ReceiveBuffer()
                        readable.add(accepted)
                    }
                    continue
                }
                // Taken out, so that the buffer is not copied when it grows.
                guard var buffer = buffers.removeValue(forKey: socket) else { continue }
                let isOpen = buffer.fill(from: socket, scratch: &scratch)
                while let (head, body) = buffer.message() {
                    note(buffer.bytes[(buffer.start + head)..<(buffer.start + head + body)])
                    buffer.drop(head + body)
                    answer(socket)
                }
                if isOpen {
                    buffers[socket] = buffer
                } else {
                    readable.remove(socket)
                    close(socket)
                }
            }
        }
    }

    private static let ok = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)

    private func answer(_ socket: Int32) {
        _ = Self.ok.withUnsafeBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// Notes each event of a notification: `"event":{"id":1000000173,…`.
    private func note(_ body: ArraySlice<UInt8>) {
        let now = nanoseconds()
        let ids = body.withUnsafeBufferPointer(Self.ids)
        state.withLock { state in
            state.requests += 1
            if state.first == 0 { state.first = now }
            state.last = now
            for id in ids {
                if state.times[id] == nil { state.times[id] = now } else { state.copies += 1 }
            }
        }
    }

    /// The numbers behind each `"event":{"id":`. By memchr for the brace, of which there are few.
    private static func ids(in body: UnsafeBufferPointer<UInt8>) -> [Int] {
        guard let start = body.baseAddress else { return [] }
        var ids: [Int] = []
        var position = 0
        while let found = memchr(start + position, Int32(UInt8(ascii: "{")), body.count - position)
        {
            let brace = UnsafeRawPointer(start).distance(to: UnsafeRawPointer(found))
            position = brace + 1
            let isEvent =
                brace >= name.count && body.count - brace > key.count
                && memcmp(start + brace - name.count, name, name.count) == 0
                && memcmp(start + brace + 1, key, key.count) == 0
            if isEvent { ids.append(id(in: body[(brace + 1 + key.count)...])) }
        }
        return ids
    }

    private static let name = Array("\"event\":".utf8)
    private static let key = Array("\"id\":".utf8)

    private static func id(in digits: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        var value = 0
        for byte in digits {
            guard case 48...57 = byte else { break }
            value = value * 10 + Int(byte - 48)
        }
        // Those of the stand-in server begin at 1.
        return value >= EventTemplate.idBase ? value - EventTemplate.idBase : value
    }
}
