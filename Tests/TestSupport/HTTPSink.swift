// The receiver of HTTP notifications: real sockets on a port of its own, a thread for each
// connection. It records all that comes, answers as told, can hold its answers back, and can go
// down (listener and connections closed, so that the port refuses) and come up again on the same
// port.

package import Foundation
import Glibc

/// One request as it came.
package struct ReceivedRequest: Sendable {
    package var message: PlainMessage
    /// Seconds of the monotonic clock.
    package var time: TimeInterval
    /// What it was answered; 0 while it is held, or where the sink went down meanwhile.
    package var status: Int

    package var webhookID: String { message.headers["webhook-id"] ?? "" }
}

/// A small HTTP server that says what it was told to say.
package final class HTTPSink: Sendable {
    /// How requests are answered from now on.
    package enum Answer: Sendable {
        case status(Int, headers: [String: String] = [:])
        /// Read the request, answer when this is changed.
        case hold
    }

    fileprivate struct State: Sendable {
        var requests: [ReceivedRequest] = []
        /// The ids of those that were taken.
        var takenIDs: Set<String> = []
        var answer = Answer.status(200)
        var listener: Int32?
        var connections: [Int32: LoopbackSocket] = [:]
        /// Counts the times it came up: what an older life accepted is closed.
        var life = 0
    }

    package let port: Int
    private let state = Watched(State())

    package init() throws {
        let (listener, port) = try LoopbackSocket.listen(on: 0)
        self.port = port
        begin(listener)
    }

    deinit { down() }

    package var url: String { "http://127.0.0.1:\(port)/alerts" }
    package var requests: [ReceivedRequest] { state.current.requests }
    /// Requests that were answered 2xx, in the order in which they came.
    package var taken: [ReceivedRequest] { requests.filter { $0.status / 100 == 2 } }

    package func answer(_ answer: Answer) { state.change { $0.answer = answer } }

    /// Waits until all requests so far fit.
    @discardableResult
    package func wait(_ limit: TimeInterval, until fits: ([ReceivedRequest]) -> Bool) -> Bool {
        state.wait(limit) { fits($0.requests) }
    }

    /// Waits until so many requests were answered 2xx.
    @discardableResult
    package func wait(_ limit: TimeInterval, taken count: Int) -> Bool {
        wait(limit) { $0.count { $0.status / 100 == 2 } >= count }
    }

    /// Waits until so many different notifications were answered 2xx, copies not counted.
    @discardableResult
    package func wait(_ limit: TimeInterval, different count: Int) -> Bool {
        state.wait(limit) { $0.takenIDs.count >= count }
    }

    /// Refuses connections and cuts those that are open.
    package func down() {
        state.change { state in
            if let listener = state.listener {
                // shutdown wakes the thread that blocks in accept; close alone would not.
                Glibc.shutdown(listener, Int32(SHUT_RDWR))
            }
            state.listener = nil
            state.life += 1
            for connection in state.connections.values { connection.shutdown() }
        }
    }

    /// Listens again on the same port.
    package func up() throws {
        guard state.current.listener == nil else { return }
        begin(try LoopbackSocket.listen(on: port).descriptor)
    }

    private func begin(_ listener: Int32) {
        let life = state.change { state in
            state.listener = listener
            return state.life
        }
        Thread.detachNewThread { [state] in
            Self.acceptAll(listener, life, state)
        }
    }

    // MARK: - Threads

    private static func acceptAll(_ listener: Int32, _ life: Int, _ state: Watched<State>) {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0, errno == EINTR || errno == ECONNABORTED { continue }
            guard descriptor >= 0 else { break }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let socket = LoopbackSocket(accepted: descriptor)
            let isAlive = state.change { state in
                guard state.life == life else { return false }
                state.connections[descriptor] = socket
                return true
            }
            guard isAlive else {
                socket.close()
                continue
            }
            Thread.detachNewThread {
                serve(socket, life, state)
                // Removed and closed under the lock: its number may be given anew at once.
                state.change { state in
                    state.connections[descriptor] = nil
                    socket.close()
                }
            }
        }
        close(listener)
    }

    private static func serve(_ socket: LoopbackSocket, _ life: Int, _ state: Watched<State>) {
        var buffer: [UInt8] = []
        do {
            while true {
                while let message = PlainMessage.take(from: &buffer) {
                    try reply(to: message, socket, life, state)
                }
                guard try socket.read(into: &buffer) else { return }
            }
        } catch {
            // The relay was killed or the sink went down: the tests look at what was recorded.
        }
    }

    private static func reply(
        to message: PlainMessage, _ socket: LoopbackSocket, _ life: Int, _ state: Watched<State>
    ) throws {
        let index = state.change { state in
            let time = ProcessInfo.processInfo.systemUptime
            state.requests.append(ReceivedRequest(message: message, time: time, status: 0))
            return state.requests.count - 1
        }
        state.wait(60) { $0.isReleased || $0.life != life }
        let answer = state.change { state -> (Int, [String: String])? in
            guard state.life == life, case .status(let status, let headers) = state.answer else {
                return nil
            }
            // Counted as taken before it is written: the relay may be killed at any moment, and
            // what it then sends again is a duplicate that must carry the same id.
            state.requests[index].status = status
            if status / 100 == 2 { state.takenIDs.insert(state.requests[index].webhookID) }
            return (status, headers)
        }
        guard let (status, headers) = answer else { throw HarnessError("down") }
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        try socket.write(Array("HTTP/1.1 \(status) X\r\n\(lines)Content-Length: 0\r\n\r\n".utf8))
    }
}

extension HTTPSink.State {
    fileprivate var isReleased: Bool {
        switch answer {
        case .status: true
        case .hold: false
        }
    }
}
