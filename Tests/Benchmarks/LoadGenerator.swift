// Posts events over keep-alive connections: closed loop (each connection posts the next as soon as
// it is answered) or open loop at a rate, where latency counts from the moment at which a post was
// due, so that a stalled relay is not flattered (coordinated omission).

import Foundation
import Glibc

/// A sender of unique events.
final class LoadGenerator {
    /// What one run gave.
    struct Run {
        /// From due (closed loop: sent) to answered 200, nanoseconds.
        var answers = Spread([])
        /// When each event was due, by id: the start of its way to the sink.
        var due: [UInt64] = []
        var firstId = 0
        var accepted = 0
        /// Answered otherwise, or not at all.
        var refused = 0
        var seconds = 0.0
        var acceptedPerSecond: Double { seconds > 0 ? Double(accepted) / seconds : 0 }
    }

    private struct Connection {
        var socket: Int32
        var buffer = ReceiveBuffer()
        /// The event under way.
        var event: Int?
    }

    private let port: Int
    private var template: EventTemplate
    private var connections: [Int32: Connection] = [:]
    private var idle: [Int32] = []
    private var readable = Readable()
    private var scratch = [UInt8](repeating: 0, count: 16_384)

    /// - Parameter devices: events go round over so many devices.
    init(
        port: Int, path: String, authorization: String, connections count: Int, devices: Int = 1_000
    ) throws {
        self.port = port
        template = EventTemplate(
            port: port, path: path, authorization: authorization, devices: devices)
        for _ in 0..<count { try open() }
    }

    deinit {
        for socket in connections.keys { close(socket) }
    }

    /// Posts `count` events with ids from `firstId` on.
    /// - Parameter rate: posts per second; 0: as fast as they are answered.
    func run(count: Int, rate: Double, firstId: Int, limit: Duration) throws -> Run {
        var run = Run()
        run.firstId = firstId
        run.due = [UInt64](repeating: 0, count: count)
        var answered = [UInt64]()
        answered.reserveCapacity(count)
        let start = nanoseconds()
        let end = start + UInt64(limit.components.seconds) * 1_000_000_000
        var sent = 0
        var done = 0
        var last = start
        while done < count, nanoseconds() < end {
            while sent < count, let socket = idle.last {
                let now = nanoseconds()
                let due = rate > 0 ? start + UInt64(Double(sent) * 1e9 / rate) : now
                if due > now { break }
                idle.removeLast()
                run.due[sent] = due
                guard send(firstId + sent, sent, on: socket) else {
                    run.refused += 1
                    done += 1
                    sent += 1
                    try reopen(socket)
                    continue
                }
                sent += 1
            }
            let wait = pause(start: start, sent: sent, count: count, rate: rate)
            for socket in readable.wait(milliseconds: wait) {
                let results = try receive(socket)
                for (event, status) in results {
                    done += 1
                    last = nanoseconds()
                    if status == 200 {
                        run.accepted += 1
                        answered.append(last - run.due[event])
                    } else {
                        run.refused += 1
                    }
                }
            }
        }
        run.refused += count - done
        run.seconds = Double(last - start) / 1e9
        run.answers = Spread(answered)
        return run
    }

    /// How long nothing is due, in whole milliseconds; an open loop spins below one.
    private func pause(start: UInt64, sent: Int, count: Int, rate: Double) -> Int32 {
        guard rate > 0, sent < count, !idle.isEmpty else { return 100 }
        let due = start + UInt64(Double(sent) * 1e9 / rate)
        let now = nanoseconds()
        guard due > now else { return 0 }
        if due - now < 1_500_000 {
            var time = timespec()
            time.tv_nsec = Int(min(due - now, 100_000))
            nanosleep(&time, nil)
            return 0
        }
        return Int32((due - now) / 1_000_000) - 1
    }

    private func send(_ id: Int, _ event: Int, on socket: Int32) -> Bool {
        connections[socket]?.event = event
        let bytes = template.request(id: id)
        // A request is smaller than the socket's buffer, and nothing else is in it.
        return bytes.withUnsafeBytes {
            Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count
        }
    }

    /// Takes the answers that came on a connection: (event, status); 0 where it was cut.
    private func receive(_ socket: Int32) throws -> [(Int, Int)] {
        guard var connection = connections[socket] else { return [] }
        // Taken out of the dictionary, so that its buffer is not copied when it grows.
        connections[socket] = nil
        let isOpen = connection.buffer.fill(from: socket, scratch: &scratch)
        var results: [(Int, Int)] = []
        while let (head, body) = connection.buffer.message() {
            let start = connection.buffer.start
            // `HTTP/1.1 200 …`
            let digits = connection.buffer.bytes[(start + 9)..<(start + 12)]
            let status = digits.reduce(0) { $0 * 10 + Int($1) - 48 }
            connection.buffer.drop(head + body)
            if let event = connection.event {
                results.append((event, status))
                connection.event = nil
                idle.append(socket)
            }
        }
        guard isOpen else {
            if let event = connection.event { results.append((event, 0)) }
            idle.removeAll { $0 == socket }
            readable.remove(socket)
            close(socket)
            // A relay that was killed on purpose has no port any more: then it is one fewer.
            try? open()
            if connections.isEmpty { throw BenchError("all connections were closed") }
            return results
        }
        connections[socket] = connection
        return results
    }

    private func reopen(_ socket: Int32) throws {
        connections[socket] = nil
        readable.remove(socket)
        close(socket)
        try open()
    }

    private func open() throws {
        let socket = try Socket.connect(to: port)
        connections[socket] = Connection(socket: socket)
        readable.add(socket)
        idle.append(socket)
    }
}
