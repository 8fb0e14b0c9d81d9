// A step in the making: the changes so far, what they make of incidents and stamps before anybody
// has applied them, and what is to be told to whom. Its parts are extensions beside the subject
// they are about (Learning, IncidentLife, Clearing, Waking, Commands, Telling).

struct StepBuilder {
    let index: RuleIndex
    var step: Step
    /// What makes this step's messages unlike any other step's; of an event it is not set, for
    /// only events that are told need it.
    var cause = ""
    /// The event that this step is about.
    var happening: Happening?
    /// Incidents of the step's device as this step leaves them, by rule; a cleared one is gone.
    private(set) var incidents: [String: Incident] = [:]
    private var stamps: [StampKey: Instant] = [:]
    /// What rules said besides their matches.
    private(set) var verdicts: [Verdict] = []
    private(set) var outgoing: [Outgoing] = []

    /// One incident's part in a message to one destination.
    struct Outgoing {
        var destination: Destination
        var item: Item
        /// It waits for the digest of late events.
        var isGathered = false
        /// Held deliveries that it takes the place of.
        var releases: [String] = []
    }

    init(_ index: RuleIndex, seq: Int64?, now: Instant) {
        self.index = index
        step = Step(seq: seq, now: now)
    }

    mutating func change(_ change: Change) { step.changes.append(change) }
    mutating func say(_ verdict: Verdict) { verdicts.append(verdict) }
    mutating func send(_ message: Outgoing) { outgoing.append(message) }

    mutating func keep(_ recent: Recent) {
        if let index = step.recent.firstIndex(where: { $0.seq == recent.seq }) {
            step.recent[index] = recent
        } else {
            step.recent.append(recent)
        }
    }

    mutating func put(_ incident: Incident) {
        incidents[incident.rule] = incident
        change(.incident(incident))
    }

    /// The open or acknowledged incident of a rule on the step's device.
    func incident(of rule: String, slot: Int?, _ memory: Memory) -> Incident? {
        if let changed = incidents[rule] { return changed.state == .cleared ? nil : changed }
        return slot.flatMap { memory.devices[$0].incidents[rule] }
    }

    mutating func setStamp(_ key: StampKey, _ moment: Instant?) {
        stamps[key] = moment
        change(.stamp(key, moment))
    }

    func stamp(_ key: StampKey, _ memory: Memory) -> Instant? {
        stamps[key] ?? memory.stamp(key)
    }
}
