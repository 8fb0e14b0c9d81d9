// What rules listen to, as small numbers: each event type, alarm kind and crossing that a rule
// names is a kind. An event is turned into its (mostly at most five) kinds once; from there on the
// matching compares integers only.

/// The kinds of one event; -1 where no rule listens to such a thing.
struct EventKinds: Equatable {
    /// The kind of "any event", which every event has.
    static let any: Int32 = 0

    /// Whether it is an event at all: a report without a happening has crossings only.
    var isEvent = true
    var type: Int32 = -1
    var alarm: Int32 = -1
    /// The crossing of a geofence, by its name and by its id.
    var namedPlace: Int32 = -1
    var numberedPlace: Int32 = -1
    /// What its position crossed.
    var crossings: [Int32] = []

    @inline(__always)
    func contains(_ kind: Int32) -> Bool {
        kind == type || kind == alarm || kind == namedPlace || kind == numberedPlace
            || (kind == Self.any && isEvent) || (!crossings.isEmpty && crossings.contains(kind))
    }

    @inline(__always)
    func forEach(_ body: (Int32) -> Void) {
        if isEvent { body(Self.any) }
        if type >= 0 { body(type) }
        if alarm >= 0 { body(alarm) }
        if namedPlace >= 0 { body(namedPlace) }
        if numberedPlace >= 0, numberedPlace != namedPlace { body(numberedPlace) }
        for crossing in crossings { body(crossing) }
    }
}

struct KindTable: Sendable {
    private var types: [String: Int32] = [:]
    private var alarms: [String: Int32] = [:]
    private var entering = Crossings()
    private var leaving = Crossings()
    private var crossings: [Crossing: Int32] = [:]
    private(set) var count: Int32 = 1

    private struct Crossings: Sendable {
        var byName: [String: Int32] = [:]
        var byId: [Int64: Int32] = [:]
        var isEmpty: Bool { byName.isEmpty }
    }

    // MARK: Compiling

    mutating func intern(type: String) -> Int32 {
        if let kind = types[type] { return kind }
        types[type] = next()
        return count - 1
    }

    mutating func intern(alarm: String) -> Int32 {
        if let kind = alarms[alarm] { return kind }
        alarms[alarm] = next()
        return count - 1
    }

    /// The crossing of a geofence of the server, written by its name or its id.
    mutating func intern(crossing geofence: String, enters: Bool) -> Int32 {
        if let kind = (enters ? entering : leaving).byName[geofence] { return kind }
        let kind = next()
        let id = Int64(geofence).flatMap { String($0) == geofence ? $0 : nil }
        if enters {
            entering.byName[geofence] = kind
            if let id { entering.byId[id] = kind }
        } else {
            leaving.byName[geofence] = kind
            if let id { leaving.byId[id] = kind }
        }
        return kind
    }

    mutating func intern(_ crossing: Crossing) -> Int32 {
        if let kind = crossings[crossing] { return kind }
        crossings[crossing] = next()
        return count - 1
    }

    private mutating func next() -> Int32 {
        count += 1
        return count - 1
    }

    // MARK: Asking

    /// - Parameter geofenceName: the name in the event, or the one that Memory has of its id.
    func kinds(
        type: String, alarm: String?, geofenceId: Int64, geofenceName: String?
    ) -> EventKinds {
        var kinds = EventKinds()
        kinds.type = types[type] ?? -1
        if let alarm { kinds.alarm = alarms[alarm] ?? -1 }
        if type == Opposites.enter, !entering.isEmpty {
            look(entering, geofenceId, geofenceName, &kinds)
        } else if type == Opposites.exit, !leaving.isEmpty {
            look(leaving, geofenceId, geofenceName, &kinds)
        }
        return kinds
    }

    /// Those of a report's crossings that a rule listens to.
    func kinds(_ crossed: [Crossing]) -> [Int32] { crossed.compactMap { crossings[$0] } }

    private func look(
        _ crossings: Crossings, _ id: Int64, _ name: String?, _ kinds: inout EventKinds
    ) {
        if let name { kinds.namedPlace = crossings.byName[name] ?? -1 }
        if id != 0 { kinds.numberedPlace = crossings.byId[id] ?? -1 }
    }

    /// Whether some rule listens to a crossing by the geofence's name.
    func listensToCrossings(type: String) -> Bool {
        type == Opposites.enter ? !entering.isEmpty : type == Opposites.exit && !leaving.isEmpty
    }
}
