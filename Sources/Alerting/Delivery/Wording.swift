// The words that filters give and the built-in text is made of, in English and German. Templates
// hold sentences; what depends on the facts (a kind of alarm, a reason, how late) is worded here
// once, so that a template stays short. Other languages read the English words.

/// A language of the built-in words.
package enum Wording: Sendable, Hashable, CaseIterable {
    case english, german

    /// - Parameter language: a contact's `language`: `de`, `de-AT`, `en`, …
    package init(language: String) {
        switch language {
        case "en": self = .english
        case "de": self = .german
        default:
            let primary = language.prefix { $0 != "-" && $0 != "_" }.lowercased()
            self = primary == "de" ? .german : .english
        }
    }

    func pick(_ english: String, _ german: String) -> String {
        switch self {
        case .english: english
        case .german: german
        }
    }
}

// MARK: - What happened

extension Wording {
    /// What an event says, without its device: `vibration alarm`, `left Depot Nord`.
    func what(
        _ event: Item.EventFacts, place: String?, _ position: Item.PositionFacts?
    ) -> String {
        switch event.type {
        case "alarm": return alarm(event.alarm ?? "general")
        case "geofenceEnter":
            guard let place else { return eventType(event.type) }
            return pick("entered \(place)", "hat \(place) erreicht")
        case "geofenceExit":
            guard let place else { return eventType(event.type) }
            return pick("left \(place)", "hat \(place) verlassen")
        case "deviceOverspeed", Boundary.speedKind:
            guard let speed = position?.speedKmh else { return eventType(event.type) }
            return "\(eventType(event.type)) (\(self.speed(speed)))"
        case Boundary.batteryKind:
            guard let share = position?.battery else { return eventType(event.type) }
            return "\(eventType(event.type)) (\(decimal(share, places: 0)) %)"
        default: return eventType(event.type)
        }
    }

    /// Forks and computed attributes add kinds: an unknown one is named as it is.
    func alarm(_ kind: String) -> String {
        guard let words = Self.alarms[kind] else { return pick("alarm: ", "Alarm: ") + kind }
        return pick(words.english, words.german)
    }

    func eventType(_ type: String) -> String {
        guard let words = Self.eventTypes[type] else { return pick("event: ", "Ereignis: ") + type }
        return pick(words.english, words.german)
    }

    typealias Words = (english: String, german: String)

    /// Traccar's kinds (model/Position.java, ALARM_*).
    static let alarms: [String: Words] = [
        "general": ("alarm", "Alarm"),
        "sos": ("SOS alarm", "SOS-Alarm"),
        "vibration": ("vibration alarm", "Erschütterungsalarm"),
        "movement": ("movement alarm", "Bewegungsalarm"),
        "lowspeed": ("low speed alarm", "Alarm: zu langsam"),
        "overspeed": ("overspeed alarm", "Alarm: zu schnell"),
        "fallDown": ("fall alarm", "Sturzalarm"),
        "lowPower": ("low power alarm", "Alarm: Versorgungsspannung niedrig"),
        "lowBattery": ("low battery alarm", "Alarm: Akku schwach"),
        "fault": ("fault alarm", "Störungsalarm"),
        "powerOff": ("switched off", "ausgeschaltet"),
        "powerOn": ("switched on", "eingeschaltet"),
        "door": ("door alarm", "Türalarm"),
        "lock": ("locked", "verriegelt"),
        "unlock": ("unlocked", "entriegelt"),
        "geofence": ("geofence alarm", "Geozonenalarm"),
        "geofenceEnter": ("geofence entered (tracker)", "Geozone erreicht (Tracker)"),
        "geofenceExit": ("geofence left (tracker)", "Geozone verlassen (Tracker)"),
        "gpsAntennaCut": ("GPS antenna cut", "GPS-Antenne getrennt"),
        "accident": ("accident alarm", "Unfallalarm"),
        "tow": ("tow alarm", "Abschleppalarm"),
        "idle": ("idle alarm", "Leerlaufalarm"),
        "highRpm": ("high RPM alarm", "Alarm: Drehzahl zu hoch"),
        "hardAcceleration": ("hard acceleration", "starke Beschleunigung"),
        "hardBraking": ("hard braking", "starkes Bremsen"),
        "hardCornering": ("hard cornering", "scharfe Kurvenfahrt"),
        "laneChange": ("lane change alarm", "Spurwechselalarm"),
        "fatigueDriving": ("driver fatigue alarm", "Müdigkeitsalarm"),
        "powerCut": ("power cut", "Stromversorgung getrennt"),
        "powerRestored": ("power restored", "Stromversorgung wiederhergestellt"),
        "jamming": ("radio jamming", "Funkstörung (Jamming)"),
        "temperature": ("temperature alarm", "Temperaturalarm"),
        "parking": ("parking alarm", "Parkalarm"),
        "bonnet": ("bonnet alarm", "Motorhaubenalarm"),
        "footBrake": ("foot brake alarm", "Fußbremsalarm"),
        "fuelLeak": ("fuel leak alarm", "Kraftstoffverlust"),
        "tampering": ("tampering alarm", "Manipulationsalarm"),
        "removing": ("removal alarm", "Demontagealarm"),
    ]

    /// Traccar's types (model/Event.java, TYPE_*), and the bounds of rule files (`Crossing.kind`).
    static let eventTypes: [String: Words] = [
        "battery": ("battery", "Akku"),
        "speed": ("speed", "Geschwindigkeit"),
        "sourceSilent": ("no connection to the server", "keine Verbindung zum Server"),
        "sourceConnected": ("connected again", "wieder verbunden"),
        "alarm": ("alarm", "Alarm"),
        "commandResult": ("command result", "Antwort auf einen Befehl"),
        "deviceOnline": ("online again", "wieder online"),
        "deviceOffline": ("offline", "offline"),
        "deviceUnknown": ("status unknown", "Status unbekannt"),
        "deviceInactive": ("inactive", "inaktiv"),
        "queuedCommandSent": ("queued command sent", "Befehl aus der Warteschlange gesendet"),
        "deviceMoving": ("moving", "bewegt sich"),
        "deviceStopped": ("stopped", "steht"),
        "deviceOverspeed": ("too fast", "zu schnell"),
        "deviceFuelDrop": ("fuel drop", "Kraftstoffabfall"),
        "deviceFuelIncrease": ("fuel increase", "Kraftstoffzunahme"),
        "geofenceEnter": ("entered a geofence", "hat eine Geozone erreicht"),
        "geofenceExit": ("left a geofence", "hat eine Geozone verlassen"),
        "geofenceCrossed": ("crossed a geofence", "hat eine Geozone durchquert"),
        "proximityEnter": ("close to its companion", "nahe beim Begleiter"),
        "proximityExit": ("far from its companion", "vom Begleiter entfernt"),
        "unaccompaniedMotion": ("moving unaccompanied", "bewegt sich ohne Begleiter"),
        "ignitionOn": ("ignition on", "Zündung an"),
        "ignitionOff": ("ignition off", "Zündung aus"),
        "maintenance": ("maintenance due", "Wartung fällig"),
        "driverChanged": ("driver changed", "Fahrer gewechselt"),
        "media": ("media received", "Aufnahme empfangen"),
        "textMessage": ("text message", "Textnachricht"),
        "test": ("test", "Test"),
    ]
}

// MARK: - Why it is told

extension Wording {
    /// What the message says of an item, in a few words; the subject is made of it.
    @inline(__always)
    func headline(_ item: Item, what: String) -> String {
        switch item.reason {
        case .cleared: return pick("\(item.rule) is over", "\(item.rule) ist vorbei")
        case .corrected:
            return pick(
                "\(item.rule) is over (corrected)", "\(item.rule) ist vorbei (berichtigt)")
        case .again: return what + over(item, else: pick(", again", ", erneut"))
        case .repeat: return what + over(item, else: pick(" (reminder)", " (Erinnerung)"))
        case .escalation:
            return what + over(item, else: pick(" (no answer yet)", " (noch keine Antwort)"))
        case .drill: return pick("drill: ", "Probe: ") + what
        case .first, .digest: return what + over(item, else: "")
        }
    }

    /// What is over when it is told says so (RULES.md, *What a rule does* 2 and 8).
    @inline(__always)
    private func over(_ item: Item, else other: String) -> String {
        item.incident.state == .cleared ? pick(" (over already)", " (schon vorbei)") : other
    }

    func reason(_ reason: Reason) -> String {
        switch reason {
        case .first: pick("first message", "erste Meldung")
        case .again: pick("it happened again", "es ist erneut passiert")
        case .repeat: pick("reminder", "Erinnerung")
        case .escalation: pick("nobody has answered yet", "bisher hat niemand geantwortet")
        case .cleared: pick("it is over", "es ist vorbei")
        case .corrected:
            pick(
                "a report that came late shows that it is over",
                "eine verspätete Meldung zeigt, dass es vorbei ist")
        case .digest: pick("gathered", "gesammelt")
        case .drill: pick("a drill: nothing has happened", "eine Probe: es ist nichts passiert")
        }
    }

    func severity(_ severity: Severity) -> String {
        switch severity {
        case .info: pick("info", "Hinweis")
        case .warning: pick("warning", "Warnung")
        case .critical: pick("critical", "kritisch")
        }
    }

    func state(_ state: Incident.State) -> String {
        switch state {
        case .open: pick("open", "offen")
        case .acknowledged: pick("acknowledged", "bestätigt")
        case .cleared: pick("over", "vorbei")
        }
    }
}
