// One message of the socket to values. A server with a million devices sends 20 000 of them a
// second, so the reader keeps its buffers and looks at nothing twice.
import Alerting
import CSimdjson

/// Reads the messages of one connection; not for two threads at a time.
package final class SocketReader {
    private let json = TraccarJSON(depth: Limits.jsonDepth + 2)
    private let server: String
    private let source: String

    /// - Parameters: as of `TraccarLists`.
    package init(server: String, source: String) {
        self.server = server
        self.source = source
    }

    /// Every key of it. Null stands for no list; keys that nobody knows are passed over.
    package func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(TraccarPayload.Refusal) -> SocketMessage {
        try json.parse(bytes)
        guard !cj_is_list(json.reader) else { throw Self.unfit }
        var message = SocketMessage()
        if try enter("devices") {
            try json.forEach(CJ_DEVICES) { item in
                if let device = item.serverDevice() { message.devices.append(device) }
            }
        }
        if try enter("positions") {
            try json.forEach(CJ_POSITIONS) { item in
                if let position = item.readPosition(deviceId: 0) {
                    message.positions.append(position)
                }
            }
        }
        if try enter("events") {
            try json.forEach(CJ_EVENTS) { item in
                let arrival = item.arrival(server: server, source: source, road: .socket)
                if let arrival { message.events.append(arrival) }
            }
        }
        return message
    }

    private static let unfit = TraccarPayload.Refusal(description: "not a message of the socket")

    private func enter(_ key: StaticString) throws(TraccarPayload.Refusal) -> Bool {
        let name = UnsafeRawPointer(key.utf8Start).assumingMemoryBound(to: CChar.self)
        switch cj_enter(json.reader, name) {
        case CJ_ENTERED: return true
        case CJ_ABSENT: return false
        default: throw Self.unfit
        }
    }
}
