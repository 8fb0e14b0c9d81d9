// How much a copy of an event tells. One event comes by several roads and hands, some of which
// leave parts away: a trimmed webhook without attributes, a socket's event without its device. What
// a later copy knows beyond the first may be what a rule asks for. Attributes are counted, not
// named: copies of one event leave some away, none has others in their place.

extension Event {
    /// What of an event is there, part by part: which objects, and how many attributes each has.
    package struct Fullness: Hashable, Sendable {
        /// As it is stored: a byte of flags, and a byte for each count. Of rows that older programs
        /// wrote only device and position are known.
        package private(set) var bits: Int64

        private static let device: Int64 = 1
        private static let position: Int64 = 2
        private static let geofenceName: Int64 = 4
        private static let geofences: Int64 = 8
        private static let deviceName: Int64 = 16
        private static let kindOfAlarm: Int64 = 32
        private static let isWhole: Int64 = 128
        private static let counts: [Int64] = [8, 16, 24]

        package init(bits: Int64) {
            let isOld = bits & Self.isWhole == 0
            self.bits = isOld ? bits | 0xFFFF_FFFC : bits
        }

        /// Of an event's parts, for who would have to copy it.
        /// - Parameters:
        ///   - device: the number of its attributes; nil: there is none. So is `position`.
        ///   - attributes: the event's own.
        package init(
            device: Int?, deviceName: String?, position: Int?, knowsGeofences: Bool,
            geofenceName: String?, attributes: Attributes
        ) {
            // What a webhook's event has and no other copy: the words of its notification.
            let own = attributes.entries.count - (attributes["message"] == nil ? 0 : 1)
            bits =
                Self.isWhole | (device == nil ? 0 : Self.device)
                | (position == nil ? 0 : Self.position) | (knowsGeofences ? Self.geofences : 0)
                | (geofenceName == nil ? 0 : Self.geofenceName)
                | (deviceName?.isEmpty ?? true ? 0 : Self.deviceName)
                | (attributes["alarm"] == nil ? 0 : Self.kindOfAlarm)
            for (place, count) in zip(Self.counts, [own, position ?? 0, device ?? 0]) {
                bits |= Int64(min(count, 255)) << place
            }
        }

        /// What both know together.
        package func joined(_ other: Fullness) -> Fullness {
            var both = (bits | other.bits) & 255
            for place in Self.counts {
                both |= max(bits >> place & 255, other.bits >> place & 255) << place
            }
            return Fullness(bits: both)
        }
    }
}
