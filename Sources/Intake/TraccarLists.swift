// Stub: being written.
package import Alerting

package struct TraccarLists: Sendable {
    private let server: String
    private let source: String

    /// - Parameters: `server` is the source's `url`, `source` its name.
    package init(server: String, source: String) {
        self.server = server
        self.source = source
    }

    package typealias Refusal = TraccarPayload.Refusal

    package func message(_ bytes: UnsafeRawBufferPointer) throws(Refusal) -> SocketMessage {
        SocketMessage()
    }
    package func devices(_ bytes: [UInt8]) throws(Refusal) -> [ServerDevice] { [] }
    package func positions(_ bytes: [UInt8]) throws(Refusal) -> [Position] { [] }
    /// `/api/reports/events`; `road` is `.catchUp`.
    package func events(_ bytes: [UInt8]) throws(Refusal) -> [Arrival] { [] }
    package func geofences(_ bytes: [UInt8]) throws(Refusal) -> [ServerGeofence] { [] }
    package func groups(_ bytes: [UInt8]) throws(Refusal) -> [ServerGroup] { [] }
    package func calendars(_ bytes: [UInt8]) throws(Refusal) -> [ServerCalendar] { [] }
    package func notifications(_ bytes: [UInt8]) throws(Refusal) -> [ServerNotification] { [] }
    package func info(_ bytes: [UInt8]) throws(Refusal) -> ServerInfo { ServerInfo(version: nil) }
    package func account(_ bytes: [UInt8]) throws(Refusal) -> ServerAccount {
        ServerAccount(id: 0)
    }
    func isServer(_ bytes: [UInt8]) -> Bool { true }
}
