// The rules as the engine uses them: RuleIndex finds the few that an event could match, then each
// is judged, cheap conditions first. A value with a memory of its own, for speed only: which
// selectors a device fits, whether hours hold now, what a place said to this event.

package struct RuleSet: Sendable {
    let index: RuleIndex
    private var judge: ConditionJudge
    /// By the device's slot in Memory.
    private var views: [DeviceView] = []
    private var candidates: [Int32] = []
    /// The round in which each rule became a candidate, so that none does twice.
    private var rounds: [UInt32]
    private var round: UInt32 = 0

    /// What a device is to the rules.
    private struct DeviceView: Sendable {
        var name = ""
        var uniqueId = ""
        var selectors: [Int32] = []
    }

    package init(_ book: RuleBook) {
        index = RuleIndex(book)
        judge = ConditionJudge(index.conditions)
        rounds = Array(repeating: 0, count: index.rules.count)
    }

    package var book: RuleBook { index.book }
}

/// What one rule says to one event, before its incident is looked at.
struct Ruling {
    var rule: Int32
    /// Of a match: what matched.
    var form: RuleIndex.Form
    var outcome: Outcome

    enum Outcome {
        case match
        /// `while` ended as false or unknown, and the rule stays quiet: the words that decided.
        case quiet(Truth, words: String)
    }

    var isMatch: Bool { if case .match = outcome { true } else { false } }
}

/// What all rules say to one event.
struct Rulings {
    var list: [Ruling] = []
    /// Something that is still to come could make a rule match that does not now.
    var isOpen = false
    /// The report that places were read from, where it is not the event's own position.
    var placeReport: Report?
}

extension RuleSet {
    /// The ids of the rules that match an event, in order: the pure match, `while` included,
    /// without incidents.
    package mutating func matches(_ event: Event, _ memory: Memory) -> [String] {
        let slot = memory.slot(of: event)
        let known = slot.map { memory.devices[$0] }
        let facts = Facts(event, past: known?.reports ?? [], device: known?.device)
        let uniqueId = event.device?.uniqueId ?? known?.key.uniqueId ?? ""
        let rulings = find(event, uniqueId: uniqueId, slot: slot, facts, memory)
        return rulings.list.filter(\.isMatch).map { index.rules[Int($0.rule)].id }.sorted()
    }

    func kinds(of event: Event, _ memory: Memory) -> EventKinds {
        index.kinds.kinds(
            type: event.type, alarm: event.alarm, geofenceId: event.geofenceId,
            geofenceName: event.geofenceName
                ?? memory.nameOfGeofence(event.geofenceId, server: event.server))
    }

    /// What all rules that could match say to an event.
    mutating func find(
        _ event: Event, uniqueId: String, slot: Int?, _ facts: Facts, _ memory: Memory
    ) -> Rulings {
        var rulings = Rulings()
        let kinds = kinds(of: event, memory)
        let fitting = selectors(
            slot: slot, name: facts.device?.name ?? "", uniqueId: uniqueId)
        judge.begin()
        collect(kinds, fitting, facts, &rulings)
        for number in candidates {
            let rule = index.compiled[Int(number)]
            guard let form = index.form(of: rule, kinds) else { continue }
            guard rule.condition >= 0 else {
                rulings.list.append(Ruling(rule: number, form: form, outcome: .match))
                continue
            }
            let answer = judge.judge(rule.condition, index.conditions, facts, memory)
            if answer.truth == .yes || (answer.truth == .unknown && rule.firesOnUnknown) {
                rulings.list.append(Ruling(rule: number, form: form, outcome: .match))
            } else {
                if answer.isOpen { rulings.isOpen = true }
                let words = index.conditions.words[Int(answer.leaf)]
                rulings.list.append(
                    Ruling(rule: number, form: form, outcome: .quiet(answer.truth, words: words)))
            }
        }
        if let report = judge.placeReport, !report.isOwn { rulings.placeReport = report.report }
        return rulings
    }

    /// Rules whose open incident on the device an event could end.
    mutating func clearable(_ kinds: EventKinds, slot: Int, _ memory: Memory) -> [Int32] {
        guard !index.clearing.isEmpty else { return [] }
        let device = memory.devices[slot]
        let fitting = selectors(
            slot: slot, name: device.device?.name ?? "", uniqueId: device.key.uniqueId)
        nextRound()
        candidates.removeAll(keepingCapacity: true)
        addAll(of: index.clearing, kinds, fitting)
        return candidates
    }

    /// Whether an event of these kinds could end anything.
    func couldClear(_ kinds: EventKinds) -> Bool {
        var could = false
        kinds.forEach { if index.clearing.has($0) { could = true } }
        return could
    }

    /// Whether a crossing without a name may turn out to be one that a rule listens to, once a copy
    /// (the webhook's has the name, the socket's has not) says where it was.
    func waitsForName(_ event: Event, _ memory: Memory) -> Bool {
        index.kinds.listensToCrossings(type: event.type) && event.geofenceName == nil
            && memory.nameOfGeofence(event.geofenceId, server: event.server) == nil
    }

    /// Forgets what it knows of devices: their slots mean others now (another Memory).
    mutating func forgetDevices() { views = [] }

    // MARK: - Candidates

    private mutating func collect(
        _ kinds: EventKinds, _ fitting: [Int32], _ facts: Facts, _ rulings: inout Rulings
    ) {
        nextRound()
        candidates.removeAll(keepingCapacity: true)
        addAll(of: index.matching, kinds, fitting)
        guard !index.guarded.isEmpty else { return }
        let found = judge.reportOfPlace(facts)
        guard let report = found?.report, let fix = report.fix,
            report.accuracy ?? 0 <= PlaceGrid.margin
        else {
            // Not known where: every one of them must be asked.
            addAll(of: index.guarded, kinds, fitting)
            return
        }
        var added: [Int32] = []
        index.grid.forEach(around: fix) { place in
            kinds.forEach { kind in
                index.byPlace.forEach(kind, place) { added.append($0) }
            }
        }
        for rule in added where index.covers(index.compiled[Int(rule)], fitting) { add(rule) }
        // Those that the place left out were not asked: a better fix may still come for them.
        if found?.isOwn != true { rulings.isOpen = rulings.isOpen || hasGuarded(kinds) }
    }

    private func hasGuarded(_ kinds: EventKinds) -> Bool {
        var has = false
        kinds.forEach { if index.guarded.has($0) { has = true } }
        return has
    }

    private mutating func addAll(of buckets: Buckets, _ kinds: EventKinds, _ fitting: [Int32]) {
        kinds.forEach { kind in
            guard buckets.has(kind) else { return }
            buckets.forEach(kind, SelectorTable.all) { add($0) }
            for selector in fitting { buckets.forEach(kind, selector) { add($0) } }
        }
    }

    @inline(__always)
    private mutating func add(_ rule: Int32) {
        guard rounds[Int(rule)] != round else { return }
        rounds[Int(rule)] = round
        candidates.append(rule)
    }

    private mutating func nextRound() {
        round &+= 1
        guard round == 0 else { return }
        for index in rounds.indices { rounds[index] = 0 }
        round = 1
    }

    private mutating func selectors(slot: Int?, name: String, uniqueId: String) -> [Int32] {
        guard let slot else { return index.selectors.selectors(name: name, uniqueId: uniqueId) }
        while views.count <= slot { views.append(DeviceView()) }
        if views[slot].uniqueId != uniqueId || views[slot].name != name {
            views[slot] = DeviceView(
                name: name, uniqueId: uniqueId,
                selectors: index.selectors.selectors(name: name, uniqueId: uniqueId))
        }
        return views[slot].selectors
    }
}
