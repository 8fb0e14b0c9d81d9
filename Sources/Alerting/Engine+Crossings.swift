// What positions cross, as the engine takes it: happenings that no server told. BoundaryTable
// finds them; here they clear and match like events (docs/decisions/0018).

extension Engine {
    /// What the news of a device crossed. What an event's own position crossed when it happened is
    /// the event's; everything else happened by itself.
    func crossings(
        of event: Event, _ subject: Subject, _ memory: Memory
    ) -> (own: [Crossing], others: [Event]) {
        let boundaries = rules.index.boundaries
        guard !boundaries.isEmpty, !subject.news.isEmpty else { return ([], []) }
        let found = boundaries.crossings(
            subject.news, old: memory.reports(subject.slot), all: subject.past(memory))
        var own: [Crossing] = []
        var others: [Event] = []
        for crossed in found {
            let isOwn = subject.facts.own.map(crossed.report.isSame) ?? false
            if isOwn, !event.isReport, crossed.report.time == event.effectiveTime {
                own = crossed.crossings
            } else {
                others.append(
                    Event(crossed, of: event, position: isOwn ? event.position : nil))
            }
        }
        return (own, others)
    }

    /// A report on the other side of what an incident is about ends it, whatever was crossed when:
    /// the place may have been moved in the rule file, a report of the same moment may say better.
    func endBySide(
        _ subject: Subject, _ memory: Memory, _ step: inout StepBuilder
    ) {
        guard !rules.index.boundaries.isEmpty, !subject.news.isEmpty,
            step.hasIncidents(subject, memory)
        else { return }
        step.beginPart()
        for id in Set(step.rulesWithIncidents(subject, memory)).sorted() {
            guard let rule = rules.index.rule(id), rule.clears?.when == nil,
                let incident = step.incident(of: id, on: subject, memory)
            else { continue }
            for member in incident.value.openMembers {
                guard let crossing = rules.index.crossing(of: member, rule),
                    let report = subject.news.first(where: {
                        $0.time > member.at
                            && rules.index.boundaries.isBeyond(crossing.boundary, $0)
                                == !crossing.isInto
                    })
                else { continue }
                let back = CrossedReport(report: report, crossings: [crossing.opposite])
                let event = Event(back, subject, step.step.now)
                let happening = happening(event, subject, memory)
                step.about(happening)
                step.undo(incident, of: rule, by: happening, memory)
                break
            }
        }
    }

    func happening(
        _ crossed: Event, _ subject: Subject, _ memory: Memory
    ) -> Happening {
        // No row of the inbox has a number below 1; of one device each moment is one report.
        Happening(
            crossed, seq: -crossed.effectiveTime.milliseconds, subject,
            rules.kinds(of: crossed, memory), memory)
    }

    mutating func clear(
        by crossed: [Event], _ subject: Subject, _ memory: Memory, _ step: inout StepBuilder
    ) {
        guard !crossed.isEmpty, step.hasIncidents(subject, memory) else { return }
        for event in crossed {
            let happening = happening(event, subject, memory)
            step.about(happening)
            guard rules.couldClear(happening.kinds) else { continue }
            clear(by: happening, subject, memory, &step)
        }
    }

    /// Of a device that was told apart just now: the rules that its stand-in's events have matched
    /// by what is crossed here, before or in this step, when they were judged again.
    private func matched(
        at crossed: Event, _ subject: Subject, _ step: StepBuilder
    ) -> Set<String> {
        Set(
            (subject.recent + step.step.recent).filter { recent in
                recent.event.effectiveTime == crossed.effectiveTime
                    && !Set(recent.event.crossings).isDisjoint(with: crossed.crossings)
            }.flatMap(\.matched))
    }

    mutating func take(
        _ crossed: [Event], _ subject: Subject, _ memory: Memory, _ step: inout StepBuilder
    ) {
        for event in crossed {
            let happening = happening(event, subject, memory)
            step.about(happening)
            let facts = Facts(
                event, past: subject.past(memory), known: step.device(subject, memory)?.attributes)
            var answers = rules.find(happening.kinds, of: subject, facts, memory)
            if subject.rejudgesAll {
                let told = matched(at: event, subject, step)
                answers.list.removeAll { told.contains(rules.index.ids[Int($0.rule)]) }
            }
            var judgement = Judgement(
                seq: happening.seq, device: subject.key, rulesHash: rules.book.hash)
            judgement.verdicts = step.take(answers, subject, memory, happening)
            step.step.crossed.append(judgement)
            guard answers.isOpen || rules.couldClear(happening.kinds) else { continue }
            var kept = Recent(
                seq: happening.seq, device: subject.key, event: event,
                known: facts.deviceAttributes,
                matched: judgement.verdicts.filter(\.isMatch).map(\.rule))
            // The same report may cross one more boundary with what a copy of it tells.
            if let earlier = subject.recent.first(where: { $0.seq == kept.seq }) {
                kept.event.fill(from: earlier.event)
                kept.matched += earlier.matched
            }
            step.keep(kept)
        }
    }
}

extension Event {
    /// A crossing as a happening of its own: it has the time and the position of its report, and
    /// neither type nor id.
    fileprivate init(_ crossed: CrossedReport, of event: Event, position: Position?) {
        self.init(server: event.server, source: event.source, type: "")
        deviceId = event.deviceId
        device = event.device
        // The tracker's own time, so that a broken clock is said.
        time = position?.time ?? crossed.report.deviceTime ?? crossed.report.time
        received = event.received
        road = event.road
        txn = event.txn
        self.position = position ?? Position(crossed.report)
        positionId = self.position?.id ?? 0
        crossings = crossed.crossings
        if effectiveTime != crossed.report.time { time = crossed.report.time }
    }

    /// That a report of the device lies on the other side.
    fileprivate init(_ back: CrossedReport, _ subject: Subject, _ now: Instant) {
        self.init(server: subject.key.server, source: "", type: "")
        time = back.report.time
        received = now
        position = Position(back.report)
        crossings = back.crossings
    }
}
