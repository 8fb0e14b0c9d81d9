// A tracked thing, as the server describes it (Traccar's model/Device.java; domain.md 1.3).

/// The server's record of a device, with the attributes that BikeTrax adds (`guarded`, …).
package struct Device: Hashable, Sendable {
    package var id: Int64
    package var uniqueId: String
    package var name: String
    /// 0: in no group.
    package var groupId: Int64 = 0
    /// The group's name, where the server told it (not in webhooks).
    package var group: String?
    package var attributes = Attributes()

    package init(id: Int64, uniqueId: String, name: String) {
        self.id = id
        self.uniqueId = uniqueId
        self.name = name
    }
}

/// What a device is to rules and incidents: `deviceId` changes when a tracker is added anew,
/// `uniqueId` does not, and two servers may have the same (DESIGN, deduplication 1).
package struct DeviceKey: Hashable, Sendable, Comparable {
    /// The source's `url`: the name space of the server's ids.
    package var server: String
    package var uniqueId: String

    package init(server: String, uniqueId: String) {
        self.server = server
        self.uniqueId = uniqueId
    }

    /// A bare event of a device that was never seen whole stands for itself.
    package static func standIn(server: String, deviceId: Int64) -> DeviceKey {
        DeviceKey(server: server, uniqueId: "#\(deviceId)")
    }

    package static func < (left: DeviceKey, right: DeviceKey) -> Bool {
        (left.server, left.uniqueId) < (right.server, right.uniqueId)
    }
}
