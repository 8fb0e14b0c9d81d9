// What a rule file says, once it is checked: plain values in which every name is known to exist.
// RULES.md is the contract; RuleFile makes these, RuleSet compiles them for the engine.

/// How bad it is. The order is the severity's.
package enum Severity: String, Comparable, CaseIterable, Sendable, Codable {
    case info, warning, critical

    private var rank: Int {
        switch self {
        case .info: 0
        case .warning: 1
        case .critical: 2
        }
    }
    package static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
}

/// One rule, with its defaults filled in.
package struct Rule: Hashable, Sendable {
    package var id: String
    package var enabled = true
    package var severity = Severity.warning
    package var devices = DeviceSelector.all
    package var when: Trigger
    /// The `while`; nil is true.
    package var condition: Condition?
    /// What a `while` that ends as unknown does: by default critical rules fire, others are quiet.
    package var firesOnUnknown: Bool
    /// It says so itself (`if_unknown: quiet`).
    package var isQuietOutright = false
    package var oncePer: OncePer
    package var late: Late
    package var notify: [NotifyStep] = []
    package var clears: Clears?
    /// For rules that neither their opposite nor `clears` ends.
    package var clearAfter: Duration = .hours(24)
    /// Where it stands: `theft.yaml:14:5`.
    package var place = ""

    package init(id: String, severity: Severity, when: Trigger) {
        self.id = id
        self.severity = severity
        self.when = when
        firesOnUnknown = severity == .critical
        oncePer = .standard(severity)
        late = .standard(severity)
    }
}

/// Which devices a rule is about. Groups are already opened into their members.
package enum DeviceSelector: Hashable, Sendable {
    case all
    /// Names or uniqueIds; `*` and `?` are wildcards. An empty list is no device.
    case matching([String])
}

/// The one thing that happens (`when`). Forms that need timers have no case here: RuleFile refuses
/// them.
package indirect enum Trigger: Hashable, Sendable {
    /// Events of type `alarm` of these kinds; nil: any kind.
    case alarm([String]?)
    /// Events of these types; nil: any type, alarms included.
    case event([String]?)
    /// Names of the rule file: of a `traccar:` place the server's `geofenceEnter`, of one that is
    /// defined in the file the crossing that the device's fixes show.
    case enters([String])
    /// The same with `geofenceExit`.
    case leaves([String])
    /// A bound of the battery or the speed (never a place).
    case passes(Boundary)
    /// A source of events of ours is down for so long.
    case sourceSilent(Duration)
    case any([Trigger])
}

/// `once_per`: how long a rule keeps quiet after it told.
package struct OncePer: Hashable, Sendable {
    /// nil: `none`.
    package var duration: Duration?
    package var by: Set<Dimension>

    package enum Dimension: String, Hashable, Sendable, CaseIterable {
        case device, alarm, place
    }

    package init(duration: Duration?, by: Set<Dimension> = [.device]) {
        self.duration = duration
        self.by = by
    }

    /// RULES.md, *What a rule does* 3.
    package static func standard(_ severity: Severity) -> OncePer {
        switch severity {
        case .critical: OncePer(duration: .minutes(5), by: [.device, .alarm])
        case .warning: OncePer(duration: .minutes(15))
        case .info: OncePer(duration: .hours(1))
        }
    }
}

/// `late`: what an event does that was older than `upTo` when it was received.
package struct Late: Hashable, Sendable {
    package var upTo: Duration
    package var then: Then

    package enum Then: String, Hashable, Sendable, CaseIterable { case mark, digest, log }

    package init(upTo: Duration, then: Then) {
        self.upTo = upTo
        self.then = then
    }

    /// RULES.md, *What a rule does* 4.
    package static func standard(_ severity: Severity) -> Late {
        severity == .critical
            ? Late(upTo: .hours(1), then: .mark) : Late(upTo: .minutes(15), then: .digest)
    }
}

/// One step of `notify`.
package struct NotifyStep: Hashable, Sendable {
    package var to: [String]
    /// nil: every channel that the contact has.
    package var by: [ChannelName.Kind]?
    /// The template's name.
    package var message = "alarm"

    package init(to: [String]) { self.to = to }
}

/// `clears`: what ends the incident, and whether those who were told hear of it.
package struct Clears: Hashable, Sendable {
    package var when: Trigger?
    package var notify = false

    package init(when: Trigger? = nil, notify: Bool = false) {
        self.when = when
        self.notify = notify
    }
}

/// Who hears: a person or a machine of the rule file.
package struct Contact: Hashable, Sendable {
    package var name: String
    package var ways: [Way] = []
    package var language = "en"
    /// The zone in which times are written to this contact; nil: the file's, else UTC.
    package var timezone: String?

    /// One way to reach a contact: a channel and, for mail, an address on it.
    package struct Way: Hashable, Sendable {
        package var channel: ChannelName
        /// The mail address; empty for `http:` and `hook:`, whose name says it all.
        package var address: String

        package init(channel: ChannelName, address: String = "") {
            self.channel = channel
            self.address = address
        }
    }

    package init(name: String) { self.name = name }
}

/// A place of the rule file.
package enum Place: Hashable, Sendable {
    /// Defined in the file: a circle, polygon or line.
    case area(Geofence)
    /// A geofence kept on the server, by its name or its id (`traccar:`).
    case server(String)
}

/// A whole checked set: what RuleFile gives and RuleSet compiles.
package struct RuleBook: Sendable {
    package var rules: [Rule] = []
    package var contacts: [String: Contact] = [:]
    package var places: [String: Place] = [:]
    package var hours: [String: Hours] = [:]
    package var timezone: Zone?
    package var scenarios: [Scenario] = []
    /// Names of groups and calendars that are kept on the server, as the files refer to them.
    package var serverGroups: Set<String> = []
    package var serverCalendars: Set<String> = []
    /// 16 hexadecimal digits over the text of all files: says which rules decided.
    package var hash = ""

    package init() {}
}
