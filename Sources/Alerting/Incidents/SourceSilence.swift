// `source: silent`: a source of ours that is down opens an incident of no device, once it has been
// down for as long as a rule says (RULES.md, `when`). It is the one thing that happens by itself
// and has no position: the source says when it goes down and when it is back.

/// A source that is down.
package struct SilentSource: Hashable, Sendable {
    package var since: Instant
    /// Rules that have fired for this silence.
    package var fired: [String]
    /// When the next rule fires; nil: none is left, or the source was not heard of since the start
    /// (what waits then waits for its first word).
    package var due: Instant?
    /// It is back, but was not when `for_at_least` was over: told when such rules speak.
    package var ended: Instant?

    package init(since: Instant, fired: [String] = [], due: Instant? = nil) {
        self.since = since
        self.fired = fired
        self.due = due
    }
}

extension DeviceKey {
    /// In place of a device: incidents of a source are by source. No server has an empty url.
    package static func source(_ name: String) -> DeviceKey {
        DeviceKey(server: "", uniqueId: name)
    }

    package var isSource: Bool { server.isEmpty && !uniqueId.isEmpty }
}

extension Engine {
    /// A source says that it is down, or up.
    mutating func hear(
        ofSource name: String, isSilent: Bool, _ memory: Memory, _ step: inout StepBuilder
    ) {
        let known = memory.sources[name]
        let now = step.step.now
        if isSilent {
            var silence = known ?? SilentSource(since: now)
            if silence.ended != nil {
                // Down again before it was told that it had been.
                fire(silence, of: name, rulesDue(silence, before: .distantFuture), memory, &step)
                silence = SilentSource(since: now)
            }
            silence.due = nextDue(silence).map { max($0, now) }
            if silence != known { step.change(.source(name, silence)) }
            return
        }
        let subject = subject(ofSource: name, memory)
        guard known.map({ $0.ended == nil }) ?? step.hasIncidents(subject, memory) else { return }
        if var silence = known {
            // It was late by less than such rules wait. Of a silence before the start nobody
            // knows when it ended.
            let missed = silence.due == nil ? [] : rulesDue(silence, before: now + lateness)
            silence.ended = now
            silence.fired = rules.index.sourceRules.filter { !missed.contains($0) }
                .map { rules.index.ids[Int($0)] }
            silence.due = nextDue(silence)
            step.change(.source(name, missed.isEmpty ? nil : silence))
        }
        let back = happening(name, isSilent: false, at: now, subject, memory)
        step.about(back)
        step.beginPart()
        for number in rules.index.sourceRules {
            let rule = rules.index.rules[Int(number)]
            if let incident = step.incident(of: rule.id, on: subject, memory) {
                step.undo(incident, of: rule, by: back, memory)
            }
        }
    }

    /// What has been down for long enough.
    mutating func wakeSources(_ memory: Memory, _ step: inout StepBuilder) {
        for name in memory.sourcesDue(at: step.step.now) {
            guard var silence = memory.sources[name] else { continue }
            // At their very moment, too.
            let due = rulesDue(silence, before: step.step.now + .milliseconds(1))
            fire(silence, of: name, due, memory, &step)
            silence.fired += due.map { rules.index.ids[Int($0)] }
            silence.due = nextDue(silence)
            let isOver = silence.ended != nil && silence.due == nil
            step.change(.source(name, isOver ? nil : silence))
        }
    }

    private mutating func fire(
        _ silence: SilentSource, of name: String, _ due: [Int32], _ memory: Memory,
        _ step: inout StepBuilder
    ) {
        guard !due.isEmpty else { return }
        let subject = subject(ofSource: name, memory)
        // Of this source only: another one may have fired in the same step.
        step.happened =
            silence.ended.map {
                [happening(name, isSilent: false, at: $0, subject, memory).event]
            } ?? []
        let began = happening(name, isSilent: true, at: silence.since, subject, memory)
        step.about(began)
        let answers = rules.judge(
            due, began.kinds, Facts(began.event, past: [], known: nil), memory)
        var judgement = Judgement(
            seq: began.seq, device: subject.key, rulesHash: rules.book.hash)
        judgement.verdicts = step.take(answers, subject, memory, began)
        step.step.crossed.append(judgement)
    }

    /// Rules that have not fired for a silence and whose moment lies before another.
    private func rulesDue(_ silence: SilentSource, before limit: Instant) -> [Int32] {
        rules.index.sourceRules.filter { number in
            let rule = rules.index.rules[Int(number)]
            return !silence.fired.contains(rule.id) && moment(rule, silence) < limit
        }
    }

    /// Rules about what did not happen wait `lateness` longer than they say.
    private func moment(_ rule: ActiveRule, _ silence: SilentSource) -> Instant {
        silence.since.shifted(milliseconds: rule.silenceMilliseconds ?? 0) + lateness
    }

    private func nextDue(_ silence: SilentSource) -> Instant? {
        rules.index.sourceRules.map { rules.index.rules[Int($0)] }
            .filter { !silence.fired.contains($0.id) }
            .map { moment($0, silence) }.min()
    }

    private func subject(ofSource name: String, _ memory: Memory) -> Subject {
        let key = DeviceKey.source(name)
        var event = Event(server: key.server, source: name, type: "")
        event.received = .distantPast
        return Subject(
            key: key, slot: memory.slot(of: key), isBare: false, name: name,
            facts: Facts(event, past: [], known: nil), recent: [])
    }

    /// The source going down or coming back, as rules see it: it is as late as it began, which is
    /// not late at all.
    private func happening(
        _ name: String, isSilent: Bool, at moment: Instant, _ subject: Subject, _ memory: Memory
    ) -> Happening {
        var event = Event(server: subject.key.server, source: name, type: "")
        event.time = moment
        event.received = moment
        event.crossings = [Crossing(.source, isInto: isSilent)]
        return Happening(
            event, seq: -moment.milliseconds, subject, rules.kinds(of: event, memory), memory)
    }
}
