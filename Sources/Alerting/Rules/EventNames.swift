// Traccar's spellings of event types and alarm kinds (model/Event.java TYPE_*, model/Position.java
// ALARM_*; domain.md 2). Others are allowed, for forks add some, but are probably misspelt. What
// undoes what stands here too: the engine clears by it, the checker asks for it.

/// The event types and alarm kinds that are known.
package enum EventNames {
    package static let alarms: Set<String> = [
        "general", "sos", "vibration", "movement", "lowspeed", "overspeed", "fallDown", "lowPower",
        "lowBattery", "fault", "powerOff", "powerOn", "door", "lock", "unlock", "geofence",
        "geofenceEnter", "geofenceExit", "gpsAntennaCut", "accident", "tow", "idle", "highRpm",
        "hardAcceleration", "hardBraking", "hardCornering", "laneChange", "fatigueDriving",
        "powerCut", "powerRestored", "jamming", "temperature", "parking", "bonnet", "footBrake",
        "fuelLeak", "tampering", "removing",
    ]

    package static let events: Set<String> = [
        "commandResult", "deviceOnline", "deviceOffline", "deviceUnknown", "deviceInactive",
        "queuedCommandSent", "deviceMoving", "deviceStopped", "deviceOverspeed", "deviceFuelDrop",
        "deviceFuelIncrease", "geofenceEnter", "geofenceExit", "geofenceCrossed", "proximityEnter",
        "proximityExit", "unaccompaniedMotion", "alarm", "ignitionOn", "ignitionOff", "maintenance",
        "driverChanged", "media", "textMessage", "test",
    ]

    /// What undoes an event of this type; nil: nothing does.
    package static func opposite(ofEvent type: String) -> String? { eventOpposites[type] }

    /// What undoes an alarm of this kind; nil: nothing does.
    package static func opposite(ofAlarm kind: String) -> String? { alarmOpposites[kind] }

    private static let eventOpposites = [
        "deviceOffline": "deviceOnline", "deviceUnknown": "deviceOnline",
        "deviceInactive": "deviceOnline", "ignitionOn": "ignitionOff",
        "ignitionOff": "ignitionOn", "deviceMoving": "deviceStopped",
        "deviceStopped": "deviceMoving", "proximityEnter": "proximityExit",
        "proximityExit": "proximityEnter", "geofenceEnter": "geofenceExit",
        "geofenceExit": "geofenceEnter",
    ]

    private static let alarmOpposites = [
        "powerCut": "powerRestored", "powerRestored": "powerCut", "powerOff": "powerOn",
        "powerOn": "powerOff", "lock": "unlock", "unlock": "lock",
    ]
}
