// A step in the making: the changes so far, what they make of incidents and stamps before anybody
// has applied them, and what is to be told to whom. Its parts are extensions beside the subject
// they are about (Learning, IncidentLife, Clearing, Waking, Commands, Telling).

struct StepBuilder {
    let index: RuleIndex
    var step: Step
    /// What makes this step's messages unlike any other step's; of an event it is not set, for
    /// only events that are told need it.
    var cause = ""
    /// The event that this step is about, once something comes of it.
    private(set) var happening: Happening?
    /// All that this step is about, where that is more than one event.
    var happened: [Event] = []
    /// Incidents as this step leaves them, the latest word last.
    private(set) var incidents: [Incident.Shared] = []
    /// How many of them, and of the changes, are of earlier parts of the step: what one event's
    /// matches change is of rules that it does not come to again.
    private var earlierIncidents = 0
    private var earlierChanges = 0
    /// What rules said besides their matches.
    private(set) var verdicts: [Verdict] = []
    /// In the order in which they came up.
    var parcels: [Parcel] = []
    /// Where the parcel of each address is; made when there are several.
    private var parcelPlaces: [Parcel.Address: Int] = [:]

    /// What goes to one destination in one message.
    struct Parcel {
        var address: Address
        var items: [Item]
        /// Held deliveries that it takes the place of.
        var releases: [String] = []

        struct Address: Hashable {
            var destination: Destination
            /// It waits for the digest of late events.
            var isGathered: Bool
        }
    }

    /// How far out of order reports may still come.
    let lateness: Duration

    init(_ index: RuleIndex, seq: Int64?, now: Instant, lateness: Duration) {
        self.index = index
        self.lateness = lateness
        step = Step(seq: seq, now: now)
    }

    /// Notes what the step is about; the first one stays.
    @discardableResult
    mutating func about(_ made: @autoclosure () -> Happening) -> Happening {
        if let happening { return happening }
        let new = made()
        happening = new
        return new
    }

    @inline(__always)
    func hasIncidents(_ subject: Subject, _ memory: Memory) -> Bool {
        !incidents.isEmpty || subject.slot.map { !memory.devices[$0].incidents.isEmpty } ?? false
    }

    /// The rules that may have one, by their ids.
    @inline(__always)
    func rulesWithIncidents(_ subject: Subject, _ memory: Memory) -> [String] {
        let open = subject.slot.map { memory.devices[$0].incidents.keys } ?? []
        return incidents.isEmpty ? open : incidents.map { $0.value.rule } + open
    }

    /// What is known of the device, by this step too.
    func device(_ subject: Subject, _ memory: Memory) -> Device? {
        for case .device(subject.key, _, let device, _) in step.changes { return device }
        return memory.device(subject.slot)
    }

    mutating func change(_ change: Change) { step.changes.append(change) }
    mutating func say(_ verdict: Verdict) { verdicts.append(verdict) }

    /// - Parameter item: made in its place, for it is large.
    @inline(__always)
    mutating func send(
        _ item: @autoclosure () -> Item, to destination: Destination, isGathered: Bool = false,
        releases held: String? = nil
    ) {
        let place = parcel(for: .init(destination: destination, isGathered: isGathered))
        parcels[place].items.append(item())
        if let held { parcels[place].releases.append(held) }
    }

    private mutating func parcel(for address: Parcel.Address) -> Int {
        // Nearly always it is one.
        if let last = parcels.last, last.address == address { return parcels.count - 1 }
        if parcels.count == 1 { parcelPlaces[parcels[0].address] = 0 }
        if let place = parcelPlaces[address] { return place }
        parcels.append(Parcel(address: address, items: []))
        if parcels.count > 1 { parcelPlaces[address] = parcels.count - 1 }
        return parcels.count - 1
    }

    mutating func keep(_ recent: Recent) {
        if let index = step.recent.firstIndex(where: { $0.seq == recent.seq }) {
            step.recent[index] = recent
        } else {
            step.recent.append(recent)
        }
    }

    mutating func put(_ incident: consuming Incident) {
        let shared = Incident.Shared(incident)
        incidents.append(shared)
        change(.incident(shared))
    }

    /// Makes room for so many matches more: each is an incident and perhaps a stamp.
    mutating func reserve(_ matches: Int) {
        guard matches > 0 else { return }
        incidents.reserveCapacity(incidents.count + matches)
        step.changes.reserveCapacity(step.changes.count + 2 * matches)
    }

    /// Begins a part of the step (an event's matches): what was changed so far counts from now on.
    mutating func beginPart() {
        earlierIncidents = incidents.count
        earlierChanges = step.changes.count
    }

    /// The open or acknowledged incident of a rule on a device (or a source: one step may be about
    /// several).
    @inline(__always)
    func incident(
        of rule: String, on subject: borrowing Subject, _ memory: Memory
    ) -> Incident.Shared? {
        for changed in incidents[..<earlierIncidents].reversed()
        where changed.value.rule == rule && changed.value.device == subject.key {
            return changed.value.state == .cleared ? nil : changed
        }
        guard let slot = subject.slot else { return nil }
        return memory.devices[slot].incidents[rule]?.incident
    }

    mutating func setStamp(_ key: StampKey, _ moment: Instant?) {
        change(.stamp(key, moment))
    }

    /// - Parameter slot: of the stamp's device, where the asker knows it.
    @inline(__always)
    func stamp(_ key: StampKey, _ memory: Memory, slot: Int? = nil) -> Instant? {
        for case .stamp(key, let moment) in step.changes[..<earlierChanges].reversed() {
            return moment
        }
        return memory.stamp(key, slot: slot)
    }
}
