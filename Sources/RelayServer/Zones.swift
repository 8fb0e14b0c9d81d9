// Time zones from the system's database: for the rules, and for messages, which keep each.

import Alerting
import Foundation
import Synchronization

/// Offsets of wall times from UTC.
enum Zones {
    private static let known = Mutex<[String: Zone?]>([:])

    /// The bytes of a zone: from the system's database, which Debian keeps current; Foundation
    /// carries its own, older one.
    static let reader: ZoneReader = { name in
        guard isZone(name) else { return nil }
        return FileManager.default.contents(atPath: "/usr/share/zoneinfo/\(name)")
            .map { [UInt8]($0) }
    }

    /// Every name that the system has.
    static let names: @Sendable () -> [String] = {
        let root = "/usr/share/zoneinfo"
        let files = FileManager.default.enumerator(atPath: root)
        var names: [String] = []
        while let name = files?.nextObject() as? String {
            let isFolder = files?.fileAttributes?[.type] as? FileAttributeType == .typeDirectory
            if isZone(name), !isFolder { names.append(name) }
        }
        return names.sorted()
    }

    /// Beside the zones there are tables and two copies of all zones, in small letters, and a zone
    /// that stands for none.
    private static func isZone(_ name: String) -> Bool {
        name.first?.isUppercase == true && !name.contains(".") && name != "Factory"
    }

    /// Seconds east of UTC; 0 for a zone that the system does not have.
    static let offset: ZoneOffset = { name, instant in
        let zone = known.withLock { known in
            if let zone = known[name] { return zone }
            // A zone that cannot be read is told of by the checker; UTC stands in here.
            let zone = reader(name).flatMap { try? Zone(name: name, tzif: $0) }
            known[name] = .some(zone)
            return zone
        }
        return zone.map { Int($0.offset(at: instant)) } ?? 0
    }
}
