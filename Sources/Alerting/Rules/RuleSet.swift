// The rules as the engine uses them: RuleIndex finds the few that an event could match, then each
// is judged, cheap conditions first. A value with a memory of its own, for speed only: which
// selectors a device fits, whether hours hold now, what a place said to this event.

package struct RuleSet: Sendable {
    let index: RuleIndex
    private var judge: ConditionJudge
    /// By the device's slot in Memory.
    private var views: [DeviceView] = []
    /// Rules that the event could match; one may be there several times.
    private var candidates: [Int32] = []

    /// What a device is to the rules.
    private struct DeviceView: Sendable {
        var name = ""
        var uniqueId = ""
        var selectors: [Int32] = []
    }

    package init(_ book: RuleBook) {
        index = RuleIndex(book)
        judge = ConditionJudge(index.conditions)
    }

    package var book: RuleBook { index.book }
}

/// What one rule says to one event, before its incident is looked at.
struct RuleAnswer {
    var rule: Int32
    var outcome: Outcome

    enum Outcome {
        /// What of its `when` matched.
        case match(RuleIndex.Form)
        /// `while` ended as false or unknown, and the rule stays quiet: the node that decided.
        case quiet(Truth, leaf: Int32)
    }

    var isMatch: Bool { if case .match = outcome { true } else { false } }
}

/// What all rules say to one event, in the order of their ids.
struct RuleAnswers {
    var list: [RuleAnswer] = []
    var matches = 0
    var hasMatch: Bool { matches > 0 }
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
        let kinds = kinds(of: event, memory)
        let fitting = selectors(
            slot: slot, name: event.device?.name ?? memory.name(slot) ?? "",
            uniqueId: event.device?.uniqueId ?? slot.map { memory.devices[$0].key.uniqueId } ?? "")
        // Most events could match none, and facts are made only of the others. Here and not behind
        // a closure, which would copy the event and the memory.
        guard collect(kinds, fitting) else { return [] }
        let facts = Facts(event, past: memory.reports(slot), known: memory.attributes(slot))
        let answers = judgeCollected(kinds, fitting, facts, memory)
        guard answers.hasMatch else { return [] }
        return answers.list.compactMap { $0.isMatch ? index.ids[Int($0.rule)] : nil }
    }

    func kinds(of event: Event, _ memory: Memory) -> EventKinds {
        guard !event.isReport else {
            return EventKinds(isEvent: false, crossings: index.kinds.kinds(event.crossings))
        }
        var kinds = index.kinds.kinds(
            type: event.type, alarm: event.alarm, geofenceId: event.geofenceId,
            geofenceName: event.geofenceName
                ?? memory.nameOfGeofence(event.geofenceId, server: event.server))
        if !event.crossings.isEmpty { kinds.crossings = index.kinds.kinds(event.crossings) }
        return kinds
    }

    /// What all rules that could match say to an event.
    mutating func find(
        _ kinds: EventKinds, slot: Int?, name: String, uniqueId: String, _ facts: Facts,
        _ memory: Memory
    ) -> RuleAnswers {
        let fitting = selectors(slot: slot, name: name, uniqueId: uniqueId)
        guard collect(kinds, fitting) else { return RuleAnswers() }
        return judgeCollected(kinds, fitting, facts, memory)
    }

    /// Makes the candidates those that the event's kinds and its device leave.
    /// - Returns: whether there are any, or some that its place leaves.
    private mutating func collect(_ kinds: EventKinds, _ fitting: [Int32]) -> Bool {
        if !candidates.isEmpty { candidates.removeAll(keepingCapacity: true) }
        index.matching.collect(kinds, fitting, into: &candidates)
        return !candidates.isEmpty || index.guarded.has(any: kinds)
    }

    /// What the candidates say, with those that the event's place leaves.
    private mutating func judgeCollected(
        _ kinds: EventKinds, _ fitting: [Int32], _ facts: Facts, _ memory: Memory
    ) -> RuleAnswers {
        var answers = RuleAnswers()
        judge.begin()
        if index.guarded.has(any: kinds) { addGuarded(kinds, fitting, facts, &answers) }
        if candidates.count > 1 { candidates.sort() }
        judgeCandidates(kinds, facts, memory, &answers)
        if let report = judge.placeReport, !report.isOwn { answers.placeReport = report.report }
        return answers
    }

    @inline(__always)
    private mutating func judgeCandidates(
        _ kinds: EventKinds, _ facts: Facts, _ memory: Memory, _ answers: inout RuleAnswers
    ) {
        answers.list.reserveCapacity(candidates.count)
        var last: Int32 = -1
        for number in candidates where number != last {
            last = number
            let rule = index.compiled[Int(number)]
            guard let form = index.form(of: rule, kinds) else { continue }
            guard rule.condition >= 0 else {
                answers.list.append(RuleAnswer(rule: number, outcome: .match(form)))
                answers.matches += 1
                continue
            }
            let answer = judge.judge(rule.condition, facts, memory)
            // Disorder never silences: what was forgotten may have said yes.
            let isForgotten =
                facts.isOfExcerpt && !rule.isQuietOutright
                && index.conditions.asksPosition(at: answer.leaf)
            let fires =
                answer.truth == .yes
                || answer.truth == .unknown && (rule.firesOnUnknown || isForgotten)
            if fires {
                answers.list.append(RuleAnswer(rule: number, outcome: .match(form)))
                answers.matches += 1
            } else {
                if answer.isOpen { answers.isOpen = true }
                answers.list.append(
                    RuleAnswer(rule: number, outcome: .quiet(answer.truth, leaf: answer.leaf)))
            }
        }
    }

    /// What these rules say, whose `when` is known to hold.
    mutating func judge(
        _ numbers: [Int32], _ kinds: EventKinds, _ facts: Facts, _ memory: Memory
    ) -> RuleAnswers {
        var answers = RuleAnswers()
        candidates = numbers
        judge.begin()
        judgeCandidates(kinds, facts, memory, &answers)
        return answers
    }

    /// The same, about the device of a step.
    mutating func find(
        _ kinds: EventKinds, of subject: Subject, _ facts: Facts, _ memory: Memory
    ) -> RuleAnswers {
        find(
            kinds, slot: subject.slot, name: subject.name,
            uniqueId: subject.key.uniqueId, facts, memory)
    }

    /// Rules whose open incident an event could end, in the order of their ids.
    /// - Parameter open: the rules that have one.
    func clearable(_ kinds: EventKinds, among open: [String]) -> [Int32] {
        let found = open.compactMap { index.number(ofRule: $0) }
            .filter { index.mayEnd(index.compiled[Int($0)], kinds) }
        guard found.count > 1 else { return found }
        return found.sorted().reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    /// Whether an event of these kinds could end anything.
    func couldClear(_ kinds: EventKinds) -> Bool {
        var could = false
        kinds.forEach { if index.allEndings.contains($0) { could = true } }
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

    /// Rules that ask for `inside`: those of the places around, all where that is not known.
    private mutating func addGuarded(
        _ kinds: EventKinds, _ fitting: [Int32], _ facts: Facts, _ answers: inout RuleAnswers
    ) {
        let found = judge.reportOfPlace(facts)
        guard let report = found?.report, let fix = report.fix,
            report.accuracy ?? 0 <= PlaceGrid.margin
        else {
            // Not known where: every one of them must be asked.
            index.guarded.collect(kinds, fitting, into: &candidates)
            return
        }
        var added: [Int32] = []
        index.grid.forEach(around: fix) { place in
            kinds.forEach { kind in
                index.byPlace.forEach(kind, place) { added.append($0) }
            }
        }
        for rule in added where index.covers(index.compiled[Int(rule)], fitting) {
            candidates.append(rule)
        }
        // Those that the place left out were not asked: a better fix may still come for them.
        if found?.isOwn != true { answers.isOpen = true }
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
