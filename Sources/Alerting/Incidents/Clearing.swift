// How incidents end: by their opposite or by `clears` (those who were told may hear it), by a
// person, by time. An opposite counts from the instant after its match on, whatever came first.

extension Incident {
    mutating func end(at now: Instant) {
        state = .cleared
        cleared = now
        pending = nil
        due = nil
    }

    /// Everybody it ever told, once each.
    var everTold: [Told] {
        var seen: Set<Destination> = []
        return (told + toldBefore).filter { seen.insert(Destination($0)).inserted }
    }
}

extension Trigger {
    /// Whether an event is what this listens to.
    /// - Parameter crosses: whether it enters (true) or leaves the rule file's place of this name.
    func fits(_ event: Event, crosses: (String, Bool) -> Bool) -> Bool {
        switch self {
        case .alarm(let kinds):
            event.type == "alarm" && (kinds.map { $0.contains(event.alarm ?? "") } ?? true)
        case .event(let types): !event.isReport && types?.contains(event.type) ?? true
        case .enters(let places): places.contains { crosses($0, true) }
        case .leaves(let places): places.contains { crosses($0, false) }
        case .passes(let bound): event.crossings.contains(Crossing(bound, isInto: true))
        // That is not one event: SourceSilence.
        case .sourceSilent: false
        case .any(let parts): parts.contains { $0.fits(event, crosses: crosses) }
        }
    }
}

extension StepBuilder {
    /// Undoes what an event undoes of an incident, and ends it when nothing is left.
    mutating func undo(
        _ shared: Incident.Shared, of rule: ActiveRule, by happening: Happening, _ memory: Memory
    ) {
        guard shared.value.state != .cleared else { return }
        var incident = shared.value
        incident.deviceName = happening.deviceName
        let before = incident.openMembers.count
        var ender: Incident.Member?
        if let trigger = rule.clears?.when {
            guard index.fits(trigger, happening.event, memory),
                incident.openMembers.allSatisfy({ $0.at < happening.time })
            else { return }
            incident.openMembers = []
        } else {
            for member in incident.openMembers
            where index.undoes(happening.event, member, rule, memory) {
                guard let back = index.crossing(of: member, rule)?.opposite else { continue }
                ender = Incident.Member(back, at: happening.time)
            }
            incident.openMembers.removeAll {
                index.undoes(happening.event, $0, rule, memory)
            }
            guard incident.openMembers.count < before else { return }
        }
        guard incident.openMembers.isEmpty else { return put(incident) }
        if ender == nil, happening.event.isReport {
            ender = happening.event.crossings.first.map { Incident.Member($0, at: happening.time) }
        }
        end(incident, rule, happening, by: ender, isTold: true, memory)
        say(Verdict(rule: rule.id, result: .cleared, incident: incident.id))
    }

    /// Whether a match that is only heard of now was undone by something received before it.
    @inline(__always)
    func isUndone(
        _ rule: ActiveRule, _ member: Incident.Member, _ happening: Happening,
        _ subject: borrowing Subject, _ memory: Memory
    ) -> Bool {
        // Mostly there is nothing that could have.
        guard
            !subject.recent.isEmpty || !happened.isEmpty || !index.boundaries.isEmpty
                || self.happening !== happening
        else { return false }
        return wasUndone(rule, member, happening, copy subject, memory)
    }

    private func wasUndone(
        _ rule: ActiveRule, _ member: Incident.Member, _ happening: Happening, _ subject: Subject,
        _ memory: Memory
    ) -> Bool {
        func undoes(_ event: Event) -> Bool {
            if let trigger = rule.clears?.when {
                return member.at < event.effectiveTime && index.fits(trigger, event, memory)
            }
            return index.undoes(event, member, rule, memory)
        }
        if rule.clears?.when == nil, let crossing = index.crossing(of: member, rule) {
            let back = subject.past(memory).contains {
                $0.time > member.at
                    && index.boundaries.isBeyond(crossing.boundary, $0) == !crossing.isInto
            }
            if back { return true }
        }
        if subject.recent.contains(where: { undoes($0.event) }) { return true }
        if happened.contains(where: undoes) { return true }
        // The step's own event, where it makes an earlier one speak.
        guard let own = self.happening, own.seq != happening.seq else { return false }
        return undoes(own.event)
    }

    /// Ends an incident.
    /// - Parameters:
    ///   - member: the crossing that ended it, if one did.
    ///   - isTold: whether this kind of end is told, where the rule wants it.
    mutating func end(
        _ incident: Incident, _ rule: ActiveRule?, _ happening: Happening?,
        by member: Incident.Member? = nil, isTold: Bool, _ memory: Memory
    ) {
        var incident = incident
        incident.end(at: step.now)
        if isTold, let rule, rule.clears?.notify == true {
            // As in `tell`.
            let index = index
            for told in incident.everTold {
                let destination = Destination(told)
                // The end does not overtake what it ends.
                send(
                    index.item(
                        incident, rule, .cleared, happening, member, template: told.template),
                    to: destination,
                    isGathered: memory.isHeld(incident.id, for: destination))
            }
            incident.held = 0
        }
        put(incident)
    }
}

extension RuleIndex {
    fileprivate func undoes(
        _ event: Event, _ member: Incident.Member, _ rule: ActiveRule, _ memory: Memory
    ) -> Bool {
        guard event.effectiveTime > member.at else { return false }
        if let crossing = crossing(of: member, rule) {
            return event.crossings.contains(crossing.opposite)
        }
        return Opposites.undoes(type: event.type, alarm: event.alarm, member) {
            isAt($0, event, memory)
        }
    }

    fileprivate func fits(_ trigger: Trigger, _ event: Event, _ memory: Memory) -> Bool {
        trigger.fits(event) { place, enters in
            if case .area = book.places[place] {
                return event.crossings.contains(Crossing(.place(place), isInto: enters))
            }
            return event.type == (enters ? Opposites.enter : Opposites.exit)
                && isAt(place, event, memory)
        }
    }

    /// Whether an event happened at a place of the rule file that is kept on the server.
    private func isAt(_ place: String, _ event: Event, _ memory: Memory) -> Bool {
        guard case .server(let geofence) = book.places[place] else { return false }
        let name =
            event.geofenceName ?? memory.nameOfGeofence(event.geofenceId, server: event.server)
        return geofence == name || (event.geofenceId != 0 && geofence == String(event.geofenceId))
    }
}

extension Memory {
    /// Whether a message of an incident is still gathered for a destination.
    func isHeld(_ incident: String, for destination: Destination) -> Bool {
        held[destination]?.deliveries.contains { delivery in
            delivery.items.contains { $0.incident.id == incident }
        } ?? false
    }
}
