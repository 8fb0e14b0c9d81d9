// The whole decision. `step` is pure: no clock, no I/O, no await; `now` is the input's own. Read
// `step` and `decide` and you know what happens; how is in Incidents (the life of an incident),
// Rules (what matches) and Delivery (who hears).

/// What the engine is given, in this order: events as they were received, commands, timers.
package enum Input: Sendable {
    case event(Event)
    /// A fuller copy of an event already stepped: an event that `while` kept quiet is judged again.
    case copy(Event)
    /// A position or a device without a happening: it is known from now on, and what it crosses is
    /// a happening. The event's type is empty.
    case report(Event)
    /// The server's name of a geofence: places are written by name, positions carry ids.
    case geofence(server: String, id: Int64, name: String)
    /// A source with a session says that it is down (the socket is not connected and the last
    /// catch-up failed), or that it is up. Told at each change and now and then.
    case source(String, isSilent: Bool)
    case command(Command)
    /// A delivery was given up: the operator hears of it.
    case trouble(Trouble, cause: String)
    /// Everything that is due at `now`.
    case timers
}

/// What a person asks of the running relay.
package struct Command: Hashable, Sendable, Codable {
    package enum Action: String, Sendable, Codable {
        case acknowledge, clear
        /// The system's clock was set forward: nobody asks for it, it stands in the inbox where it
        /// happened. What began to wait in this run keeps its remainder (DESIGN, promises); what
        /// is older may have been waiting while the relay was off and its clock stood.
        case clockSet = "clock-set"
    }
    package var action: Action
    /// An incident's id, a rule's id or a device (name or uniqueId): all open incidents of it. Of
    /// `clockSet` by how many milliseconds, and the start of the run in milliseconds since 1970.
    package var target: String
    package var by: String

    package init(action: Action, target: String, by: String) {
        self.action = action
        self.target = target
        self.by = by
    }
}

/// Decides. It has no state but what makes it fast: the same inputs with the same memory give the
/// same step, whatever it has seen before.
package struct Engine: Sendable {
    package internal(set) var rules: RuleSet
    /// How far out of order messages may come without costing anybody an alarm.
    package let lateness: Duration
    /// Who hears of trouble of the relay's own; nil: nobody.
    package let operatorContact: Contact?

    package init(
        rules: RuleSet, lateness: Duration = .seconds(10), operatorContact: Contact? = nil
    ) {
        self.rules = rules
        self.lateness = lateness
        self.operatorContact = operatorContact
    }

    /// What one input does. Nothing has happened until it is stored and applied to `memory`.
    /// - Parameter seq: the inbox row of an event; nil for timers.
    package mutating func step(
        _ input: Input, seq: Int64?, _ memory: Memory, now: Instant
    ) -> Step {
        var step = StepBuilder(rules.index, seq: seq, now: now, lateness: lateness)
        switch input {
        case .event(let event):
            decide(event, seq: seq ?? 0, memory, &step)
        case .copy(let event):
            step.cause = "copy|\(event.identity)|\(seq ?? 0)|\(now.milliseconds)"
            completeEarlier(event, memory, &step)
        case .report(let event):
            step.cause = "report|\(event.identity)|\(now.milliseconds)"
            decide(report: event, memory, &step)
        case .geofence(let server, let id, let name):
            if memory.nameOfGeofence(id, server: server) != name {
                step.step.changes.append(.geofence(server: server, id: id, name: name))
            }
        case .source(let name, let isSilent):
            step.cause = "source|\(name)|\(now.milliseconds)"
            hear(ofSource: name, isSilent: isSilent, memory, &step)
        case .command(let command):
            step.cause =
                "\(command.action)|\(command.target)|\(command.by)|\(seq ?? 0)|\(now.milliseconds)"
            step.obey(command, memory)
        case .trouble(let trouble, let cause):
            step.cause = cause
            step.cryOut(trouble, to: operatorContact, memory)
        case .timers:
            step.cause = "timers|\(now.milliseconds)"
            step.wake(memory)
            wakeSources(memory, &step)
        }
        return step.finished(memory)
    }

    /// One event: what it teaches, what it ends, what of earlier events it makes speak, and what
    /// it matches itself.
    private mutating func decide(
        _ received: Event, seq: Int64, _ memory: Memory, _ step: inout StepBuilder
    ) {
        let subject = step.learn(received, memory)
        // Most cross nothing, and are not copied.
        guard !rules.index.boundaries.isEmpty, !subject.news.isEmpty else {
            return decide(received, seq: seq, subject, others: [], memory, &step)
        }
        var event = received
        let others: [Event]
        (event.crossings, others) = crossings(of: received, subject, memory)
        if !others.isEmpty { step.happened = [event] + others }
        decide(event, seq: seq, subject, others: others, memory, &step)
    }

    /// - Parameter others: what the news of the device crossed beside the event.
    private mutating func decide(
        _ event: Event, seq: Int64, _ subject: Subject, others: [Event], _ memory: Memory,
        _ step: inout StepBuilder
    ) {
        let kinds = rules.kinds(of: event, memory)
        let couldClear = rules.couldClear(kinds)
        func happening() -> Happening { Happening(event, seq: seq, subject, kinds, memory) }
        let answers = rules.find(kinds, of: subject, subject.facts, memory)

        if couldClear, step.hasIncidents(subject, memory) {
            clear(by: step.about(happening()), subject, memory, &step)
        }
        clear(by: others, subject, memory, &step)
        endBySide(subject, memory, &step)
        if !subject.recent.isEmpty {
            step.about(happening())
            judgeAgain(subject, memory, &step)
        }
        let matching = answers.hasMatch ? step.about(happening()) : nil
        var verdicts = step.take(answers, subject, memory, matching)
        if !step.verdicts.isEmpty { verdicts = step.verdicts + verdicts }

        // What its position crosses, if a copy brings one, is this event's.
        let mayCross = event.position == nil && !rules.index.boundaries.isEmpty
        let waitsForKind = event.type == "alarm" && event.alarm == nil
        let isNameless = subject.name == subject.key.uniqueId
        if answers.isOpen || subject.isBare || isNameless || couldClear || mayCross || waitsForKind
            || rules.waitsForName(event, memory)
        {
            step.keep(
                Recent(
                    seq: seq, device: subject.key, event: event,
                    known: subject.isBare ? nil : subject.facts.deviceAttributes,
                    matched: verdicts.compactMap { $0.isMatch ? $0.rule : nil }))
        }
        step.step.judgement = Judgement(
            seq: seq, device: subject.key, fix: answers.placeReport,
            attributes: event.device?.attributes.isEmpty ?? true
                ? subject.facts.deviceAttributes : nil,
            rulesHash: rules.book.hash, verdicts: verdicts)
        take(others, subject, memory, &step)
    }

    /// A position or a device without a happening: what it crosses is one.
    private mutating func decide(
        report event: Event, _ memory: Memory, _ step: inout StepBuilder
    ) {
        let subject = step.learn(event, memory)
        let crossed = crossings(of: event, subject, memory).others
        step.happened = crossed
        clear(by: crossed, subject, memory, &step)
        endBySide(subject, memory, &step)
        judgeAgain(subject, memory, &step)
        take(crossed, subject, memory, &step)
    }

    /// Clearings come first inside a step.
    mutating func clear(
        by happening: Happening, _ subject: Subject, _ memory: Memory, _ step: inout StepBuilder
    ) {
        step.beginPart()
        let open = step.rulesWithIncidents(subject, memory)
        for number in rules.clearable(happening.kinds, among: open) {
            let rule = rules.index.rules[Int(number)]
            guard let incident = step.incident(of: rule.id, on: subject, memory) else {
                continue
            }
            step.undo(incident, of: rule, by: happening, memory)
        }
    }

    private func mayBeJudged(_ recent: Recent, _ step: StepBuilder) -> Bool {
        step.step.now - recent.event.received <= lateness
    }

    /// "Disorder never silences": what a fix, an event or a fuller copy says now may make an event
    /// speak that `while` kept quiet within the last `lateness`.
    private mutating func judgeAgain(
        _ subject: Subject, _ memory: Memory, _ step: inout StepBuilder
    ) {
        for recent in subject.recent {
            let moment = recent.event.effectiveTime
            let isWhole = subject.rejudgesAll || subject.completed == recent.seq
            // Only reports that are not later than the event can change what was said of it.
            guard mayBeJudged(recent, step),
                isWhole || subject.news.contains(where: { $0.time <= moment })
            else { continue }
            let facts = Facts(
                recent.event, past: subject.past(memory),
                known: recent.known ?? step.device(subject, memory)?.attributes)
            let kinds = rules.kinds(of: recent.event, memory)
            var answers = rules.find(kinds, of: subject, facts, memory)
            answers.list.removeAll { answer in
                !answer.isMatch
                    || recent.matched.contains(rules.index.ids[Int(answer.rule)])
            }
            guard !answers.list.isEmpty || isWhole else { continue }
            let earlier = Happening(recent.event, seq: recent.seq, subject, kinds, memory)
            let verdicts = step.take(answers, subject, memory, earlier)
            var kept = recent
            kept.device = subject.key
            kept.matched += verdicts.filter(\.isMatch).map(\.rule)
            step.keep(kept)
            // It is another device's now, also where no rule says anything new.
            guard !verdicts.isEmpty || recent.device != subject.key else { continue }
            var judgement = Judgement(
                seq: recent.seq, device: subject.key, rulesHash: rules.book.hash)
            judgement.fix = answers.placeReport
            judgement.verdicts = verdicts
            if recent.event.isReport {
                step.step.crossed.append(judgement)
            } else {
                step.step.rejudged.append(judgement)
            }
        }
    }

    /// A copy of an event that knows more than the one that was stepped: it matches what the event
    /// would have matched, and ends what it would have ended.
    private mutating func completeEarlier(
        _ copy: Event, _ memory: Memory, _ step: inout StepBuilder
    ) {
        var subject = step.learn(copy, memory)
        let index = subject.recent.firstIndex { $0.event.identity == copy.identity }
        var whole = copy
        // Of an event that is not judged any more, what the copy shows happened by itself.
        let isJudged = index.map { mayBeJudged(subject.recent[$0], step) } ?? false
        if !isJudged { whole.type = "" }
        let crossed: [Event]
        (whole.crossings, crossed) = crossings(of: whole, subject, memory)
        step.happened = crossed
        if let index {
            subject.recent[index].event.fill(from: whole)
            subject.completed = subject.recent[index].seq
            let event = subject.recent[index].event
            step.happened.append(event)
            let happening = step.about(
                Happening(
                    event, seq: subject.recent[index].seq, subject, rules.kinds(of: event, memory),
                    memory))
            if step.hasIncidents(subject, memory) { clear(by: happening, subject, memory, &step) }
        }
        clear(by: crossed, subject, memory, &step)
        endBySide(subject, memory, &step)
        judgeAgain(subject, memory, &step)
        take(crossed, subject, memory, &step)
    }
}

extension Event {
    /// Takes over what a copy of the same event has and this one lacks.
    package mutating func fill(from copy: Event) {
        device = device ?? copy.device
        position = position ?? copy.position
        geofenceName = geofenceName ?? copy.geofenceName
        txn = txn ?? copy.txn
        crossings += copy.crossings.filter { !crossings.contains($0) }
        attributes.fill(from: copy.attributes)
        if let more = copy.device {
            device?.attributes.fill(from: more.attributes)
            if device?.name.isEmpty ?? false { device?.name = more.name }
        }
        if let more = copy.position?.attributes { position?.attributes.fill(from: more) }
    }
}

extension Attributes {
    fileprivate mutating func fill(from copy: Attributes) {
        for entry in copy.entries where self[entry.name] == nil { entries.append(entry) }
    }
}
