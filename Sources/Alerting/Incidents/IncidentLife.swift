// The life of an incident (RULES.md, *What a rule does* 2 to 4): what a match does to it, whether
// it is told, and when its own timer is due.

/// What a match makes a rule say.
enum Telling: Hashable { case nothing, first, again }

extension Incident {
    /// Takes in a match: the table of RULES.md, row by row.
    /// - Parameter isWithin: whether the rule keeps quiet now (`once_per`).
    mutating func join(isWithin: Bool) -> Telling {
        count += 1
        switch (state, isWithin) {
        case (.cleared, _), (_, true):
            held += 1
            return .nothing
        case (.open, false): return told.isEmpty ? .first : .again
        case (.acknowledged, false):
            state = .open
            toldBefore += told
            told = []
            return .first
        }
    }

    /// A match of one member of the rule's `when`.
    mutating func match(_ member: Member) {
        if let index = openMembers.firstIndex(where: {
            $0.kind == member.kind && $0.place == member.place
        }) {
            openMembers[index].at = max(openMembers[index].at, member.at)
        } else {
            openMembers.append(member)
        }
    }

    /// Whether something that may happen ends it; else `clear_after` does.
    func hasEnd(_ rule: ActiveRule) -> Bool {
        rule.clears?.when != nil || openMembers.allSatisfy(Opposites.hasOpposite)
    }

    /// When its own timer is due, after something touched it at `now`.
    /// - Parameter quietEnd: when it may be told, if it has not been.
    func due(_ rule: ActiveRule, now: Instant, quietEnd: Instant?) -> Instant {
        var due = now.shifted(seconds: Limits.incidentExpiryDays * 86_400)
        if !hasEnd(rule) {
            due = min(due, lastMatch.shifted(milliseconds: rule.clearAfterMilliseconds))
        }
        if let quietEnd, pending != nil { due = min(due, quietEnd) }
        return due
    }
}

extension StepBuilder {
    /// What all answers of an event come to: each match opens or joins an incident. They come in
    /// the order of the rules' ids, so that the same event gives the same step.
    /// - Parameter happening: there if something matched.
    mutating func take(
        _ answers: RuleAnswers, _ subject: Subject, _ memory: Memory,
        _ happening: Happening?
    ) -> [Verdict] {
        guard !answers.list.isEmpty else { return [] }
        beginPart()
        reserve(answers.matches)
        var verdicts: [Verdict] = []
        verdicts.reserveCapacity(answers.list.count)
        for answer in answers.list {
            switch answer.outcome {
            case .quiet(let truth, let leaf):
                verdicts.append(
                    Verdict(
                        rule: index.ids[Int(answer.rule)],
                        result: truth == .unknown ? .unknown : .quiet,
                        leaf: index.conditions.words[Int(leaf)]))
            case .match(let form):
                guard let happening else { continue }
                verdicts.append(
                    match(
                        index.rules[Int(answer.rule)], index.member(form, happening), happening,
                        subject, memory))
            }
        }
        return verdicts
    }

    private mutating func match(
        _ rule: ActiveRule, _ member: Incident.Member, _ happening: Happening, _ subject: Subject,
        _ memory: Memory
    ) -> Verdict {
        let isLate = happening.event.lateMilliseconds > rule.lateMilliseconds
        if isLate, rule.lateThen == .log { return Verdict(rule: rule.id, result: .late) }
        let key = index.stampKey(rule, happening, member)
        let quietEnd = quietEnd(rule, key, memory, slot: subject.slot)
        let before = self.incident(of: rule.id, on: subject, memory)
        // Not by `??`, which would copy it once more.
        let incident = if let before { before.value } else { open(rule, happening) }
        let gathers = isLate && rule.lateThen == .digest
        return join(
            incident, rule, member, happening, subject, memory, key, quietEnd: quietEnd,
            gathers: gathers)
    }

    /// - Parameters:
    ///   - incident: before the match; consumed, since it is large.
    ///   - key: what is stamped where it is told.
    private mutating func join(
        _ incident: consuming Incident, _ rule: ActiveRule, _ member: Incident.Member,
        _ happening: Happening, _ subject: Subject, _ memory: Memory, _ key: StampKey?,
        quietEnd: Instant?, gathers: Bool
    ) -> Verdict {
        let now = step.now
        let isWithin = quietEnd.map { now < $0 } ?? false
        let wasAcknowledged = incident.state == .acknowledged
        let telling = incident.join(isWithin: isWithin)
        incident.lastMatch = max(incident.lastMatch, now)
        incident.severity = rule.severity
        // It may have been given another one since.
        incident.deviceName = happening.deviceName
        if isUndone(rule, member, happening, subject, memory) {
            if incident.openMembers.isEmpty { incident.end(at: now) }
        } else {
            incident.match(member)
        }

        if telling == .nothing {
            if incident.told.isEmpty, incident.state == .open, incident.hasEnd(rule) {
                incident.pending = index.item(incident, rule, .first, happening, member)
            }
        } else {
            tell(telling, &incident, rule, happening, member, gathers: gathers)
            if let key { setStamp(key, now) }
        }
        incident.due =
            incident.state == .cleared
            ? nil : incident.due(rule, now: now, quietEnd: isWithin ? quietEnd : nil)
        let result: Verdict.Result =
            telling != .nothing
            ? (gathers ? .late : .told)
            : wasAcknowledged ? .acknowledged : .oncePer
        let verdict = Verdict(rule: rule.id, result: result, incident: incident.id)
        put(incident)
        return verdict
    }

    private func open(_ rule: ActiveRule, _ happening: Happening) -> Incident {
        Incident(
            id: DerivedId.make(at: step.now, rule.digest ^ happening.digest),
            rule: rule.id, severity: rule.severity, device: happening.device,
            deviceName: happening.deviceName, opened: step.now, count: 0)
    }

    /// When a rule that has told may tell again; nil: it may already.
    /// - Parameter slot: of the stamp's device, where the asker knows it.
    @inline(__always)
    func quietEnd(
        _ rule: ActiveRule, _ key: StampKey?, _ memory: Memory, slot: Int? = nil
    ) -> Instant? {
        guard let key, let span = rule.quietMilliseconds else { return nil }
        return stamp(key, memory, slot: slot)?.shifted(milliseconds: span)
    }
}

extension RuleIndex {
    /// What of a rule's `when` a happening is.
    fileprivate func member(_ form: Form, _ happening: Happening) -> Incident.Member {
        if form.crossing >= 0 {
            return Incident.Member(crossings[Int(form.crossing)], at: happening.time)
        }
        return Incident.Member(
            kind: happening.event.alarm ?? happening.event.type,
            place: form.place < 0 ? nil : crossedPlaces[Int(form.place)], at: happening.time)
    }

    /// What `once_per` counts apart for this match; nil: the rule never keeps quiet.
    fileprivate func stampKey(
        _ rule: ActiveRule, _ happening: Happening, _ member: Incident.Member
    ) -> StampKey? {
        guard rule.quietMilliseconds != nil else { return nil }
        return StampKey(
            rule: rule.id, device: rule.quietsByDevice ? happening.device : nil,
            // A crossing is of no kind, also where the position came with an alarm.
            alarm: rule.quietsByAlarm && member.kind == happening.event.alarm ? member.kind : "",
            place: rule.quietsByPlace
                ? member.place ?? placeName(of: happening.event) ?? "" : "")
    }
}
