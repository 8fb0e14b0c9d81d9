// Zones for messages: read once each from the system's database.

import Alerting
import Foundation
import Synchronization

/// Offsets of wall times from UTC.
enum Zones {
    private static let known = Mutex<[String: Zone?]>([:])

    /// Seconds east of UTC; 0 for a zone that the system does not have.
    static let offset: ZoneOffset = { name, instant in
        let zone = known.withLock { known in
            if let zone = known[name] { return zone }
            let zone = FileManager.default.contents(atPath: "/usr/share/zoneinfo/\(name)")
                // A zone that cannot be read is told of by the checker; UTC stands in here.
                .flatMap { try? Zone(name: name, tzif: [UInt8]($0)) }
            known[name] = .some(zone)
            return zone
        }
        return zone.map { Int($0.offset(at: instant)) } ?? 0
    }
}
