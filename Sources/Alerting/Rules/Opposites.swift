// What ends what (RULES.md, *Opposites*): an incident that has an opposite clears by it.

enum Opposites {
    /// Of an event type: the types that undo it. Crossings of a place are not here: they are
    /// undone at the same place only.
    static func undoing(type: String) -> [String] { types[type] ?? [] }

    /// Of an alarm kind: the kinds that undo it.
    static func undoing(alarm: String) -> [String] { alarms[alarm].map { [$0] } ?? [] }

    /// Every type, and every alarm kind, that has an opposite.
    static var allTypes: [String] { types.keys.sorted() }
    static var allAlarms: [String] { alarms.keys.sorted() }

    private static let types: [String: [String]] = [
        "deviceOffline": ["deviceOnline"],
        "deviceUnknown": ["deviceOnline"],
        "deviceInactive": ["deviceOnline"],
        "deviceOnline": ["deviceOffline", "deviceUnknown", "deviceInactive"],
        "ignitionOn": ["ignitionOff"],
        "ignitionOff": ["ignitionOn"],
        "deviceMoving": ["deviceStopped"],
        "deviceStopped": ["deviceMoving"],
        "proximityEnter": ["proximityExit"],
        "proximityExit": ["proximityEnter"],
    ]

    private static let alarms: [String: String] = [
        "powerCut": "powerRestored",
        "powerRestored": "powerCut",
        "powerOff": "powerOn",
        "powerOn": "powerOff",
        "lock": "unlock",
        "unlock": "lock",
    ]

    private static let undoable = Set(types.keys).union(alarms.keys)
        .union([Boundary.batteryKind, Boundary.speedKind, Boundary.silentKind])

    static let enter = "geofenceEnter"
    static let exit = "geofenceExit"

    /// Whether a happening undoes what matched before.
    /// - Parameter isAt: whether it happened at the rule file's place of this name.
    static func undoes(
        type: String, alarm: String?, _ member: Incident.Member, isAt: (String) -> Bool
    ) -> Bool {
        if let place = member.place {
            return type == (member.kind == enter ? exit : enter) && isAt(place)
        }
        if let alarm { return undoing(alarm: member.kind).contains(alarm) }
        return undoing(type: member.kind).contains(type)
    }

    /// Whether anything undoes it.
    static func hasOpposite(_ member: Incident.Member) -> Bool {
        member.place != nil || undoable.contains(member.kind)
    }
}
