// Ids are a server's own: what is known of them is kept by server and id.

/// Something for each id of each server. There are few servers, and nearly always one: to
/// compare their names costs less than to hash one each time.
struct ServerIds<Value: Sendable>: Sendable {
    private var servers: [String] = []
    private var values: [[Int64: Value]] = []

    subscript(id: Int64, server: String) -> Value? {
        get { servers.firstIndex(of: server).flatMap { values[$0][id] } }
        set {
            guard let place = servers.firstIndex(of: server) else {
                servers.append(server)
                return values.append(newValue.map { [id: $0] } ?? [:])
            }
            values[place][id] = newValue
        }
    }
}
