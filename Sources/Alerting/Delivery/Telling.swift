// Who hears: a rule's `notify` becomes items for destinations, and at the end of the step all that
// goes to one destination becomes one message (RULES.md, *What a rule does* 6).

extension StepBuilder {
    /// Tells a match: to all of `notify` at first, later to those who were told.
    mutating func tell(
        _ telling: Telling, _ incident: inout Incident, _ rule: ActiveRule, _ happening: Happening,
        place: String?, gathers: Bool
    ) {
        let reason = telling == .again ? Reason.again : .first
        let hearers = telling == .again ? incident.told : hearers(of: rule)
        for hearer in hearers {
            var item = item(incident, rule, reason, happening, place: place)
            item.template = hearer.template
            send(
                Outgoing(destination: Destination(hearer), item: item, isGathered: gathers))
        }
        incident.told = hearers
        incident.held = 0
        incident.pending = nil
    }

    /// Tells what was kept quiet and is still true.
    mutating func tellPending(_ incident: inout Incident, _ rule: ActiveRule, _ pending: Item) {
        for hearer in hearers(of: rule) {
            var item = pending
            item.incident = facts(of: incident)
            // It is told now: of those that were held it is not one.
            item.held = max(0, incident.held - 1)
            item.reason = .first
            item.severity = rule.severity
            item.template = hearer.template
            send(Outgoing(destination: Destination(hearer), item: item))
        }
        incident.told = hearers(of: rule)
        incident.held = 0
        incident.pending = nil
    }

    /// Everybody that `notify` names, once for each way, with the template of the first step.
    private func hearers(of rule: ActiveRule) -> [Incident.Told] {
        var found: [Incident.Told] = []
        for step in rule.notify {
            for name in step.to {
                for way in index.book.contacts[name]?.ways ?? []
                where step.by?.contains(way.channel.kind) ?? true {
                    let told = Incident.Told(
                        contact: name, channel: way.channel, address: way.address,
                        template: step.message)
                    if !found.contains(where: { Destination($0) == Destination(told) }) {
                        found.append(told)
                    }
                }
            }
        }
        return found
    }

    /// The facts of an incident for a message.
    func item(
        _ incident: Incident, _ rule: ActiveRule, _ reason: Reason, _ happening: Happening?,
        place: String?
    ) -> Item {
        Item(
            incident: facts(of: incident), rule: rule.id,
            device: incident.device.map {
                Item.DeviceFacts(
                    name: incident.deviceName, uniqueId: $0.uniqueId, group: happening?.group)
            },
            event: happening.map { Item.EventFacts($0.event) },
            position: happening?.event.position.map { Item.PositionFacts($0) },
            place: place ?? happening.flatMap { placeName(of: $0.event) },
            held: incident.held, reason: reason, severity: rule.severity, template: "alarm")
    }

    private func facts(of incident: Incident) -> Item.IncidentFacts {
        Item.IncidentFacts(
            id: incident.id, state: incident.state, opened: incident.opened,
            count: incident.count)
    }

    /// The rule file's name of an event's geofence, else the server's.
    func placeName(of event: Event) -> String? {
        if event.geofenceId != 0, let name = index.fileNames[String(event.geofenceId)] {
            return name
        }
        return event.geofenceName.map { index.fileNames[$0] ?? $0 }
    }
}

// MARK: - Merging

extension StepBuilder {
    private struct Group: Hashable {
        var destination: Destination
        var isGathered: Bool

        init(_ message: Outgoing) {
            destination = message.destination
            isGathered = message.isGathered
        }
    }

    /// The step, with what it tells merged into one message to each destination.
    func finished(_ memory: Memory) -> Step {
        guard !outgoing.isEmpty else { return step }
        var step = step
        for (group, messages) in grouped() {
            let made = deliveries(messages.map(\.item), group, memory)
            step.deliveries += made
            let released = messages.flatMap(\.releases)
            if !released.isEmpty { step.changes.append(.released(released, into: made.first?.id)) }
        }
        return step
    }

    /// What goes where, in the order in which it came up.
    private func grouped() -> [(Group, [Outgoing])] {
        // Nearly always it is one.
        if outgoing.count == 1 { return [(Group(outgoing[0]), outgoing)] }
        var places: [Group: Int] = [:]
        var groups: [(Group, [Outgoing])] = []
        for message in outgoing {
            let group = Group(message)
            if let place = places[group] {
                groups[place].1.append(message)
            } else {
                places[group] = groups.count
                groups.append((group, [message]))
            }
        }
        return groups
    }

    private func deliveries(_ items: [Item], _ group: Group, _ memory: Memory) -> [Delivery] {
        let cause = cause.isEmpty ? happening?.identity ?? "" : cause
        let sorted = items.sorted(by: Self.leads)
        let chunks = stride(from: 0, to: sorted.count, by: Limits.itemsPerMessage).map {
            sorted[$0..<min($0 + Limits.itemsPerMessage, sorted.count)]
        }
        return chunks.enumerated().compactMap { number, items in
            guard let lead = items.first else { return nil }
            let to = group.destination
            let contact = index.book.contacts[to.contact]
            var delivery = Delivery(
                id: DerivedId.make(
                    at: step.now,
                    "delivery", to.contact, to.address, to.channel.description,
                    lead.reason.rawValue, lead.incident.id, cause,
                    group.isGathered ? "gathered" : "", String(number)),
                contact: to.contact, channel: to.channel, address: to.address,
                reason: lead.reason, severity: items.map(\.severity).max() ?? lead.severity,
                template: lead.template, language: contact?.language ?? "en",
                timezone: contact?.timezone ?? index.book.timezone?.name ?? "UTC",
                items: Array(items), rulesHash: index.book.hash, created: step.now)
            if group.isGathered {
                delivery.state = .held
                delivery.reason = .digest
                delivery.due =
                    memory.held[to]?.due ?? step.now + .seconds(Limits.lateDigestSeconds)
            }
            return delivery
        }
    }

    /// The order of items: the first one gives the message its reason and its template. What began
    /// goes before what ended (a message says `cleared` only where it says nothing else), then the
    /// severity decides, then the rule.
    private static func leads(_ left: Item, _ right: Item) -> Bool {
        let leftEnds = left.reason == .cleared
        let rightEnds = right.reason == .cleared
        if leftEnds != rightEnds { return rightEnds }
        if left.severity != right.severity { return left.severity > right.severity }
        if left.rule != right.rule { return left.rule < right.rule }
        return left.incident.id < right.incident.id
    }
}

// MARK: - Trouble

extension StepBuilder {
    /// Tells the operator of trouble of the relay's own: of each kind at once, and what comes
    /// within the hour behind it in one message at its end.
    mutating func cryOut(_ trouble: Trouble, to contact: Contact?, _ memory: Memory) {
        guard let contact else { return }
        let key = StampKey(rule: "outcry:\(trouble.kind.rawValue)", device: nil)
        let quietEnd = memory.stamp(key).map { $0 + .hours(1) } ?? step.now
        if quietEnd <= step.now { setStamp(key, step.now) }
        for way in contact.ways {
            var delivery = Delivery(
                id: DerivedId.make(
                    at: step.now,
                    "trouble", contact.name, way.address, way.channel.description,
                    trouble.kind.rawValue, cause),
                contact: contact.name, channel: way.channel, address: way.address, reason: .first,
                severity: .warning, template: "trouble", language: contact.language,
                timezone: contact.timezone ?? index.book.timezone?.name ?? "UTC", items: [],
                rulesHash: index.book.hash, created: step.now)
            delivery.trouble = trouble
            if quietEnd > step.now {
                delivery.state = .held
                delivery.due = quietEnd
            }
            step.deliveries.append(delivery)
        }
    }

    /// Sends what was held of trouble for one destination as one message.
    mutating func releaseTroubles(_ held: [Delivery]) {
        let troubles = held.compactMap(\.trouble)
        guard let first = troubles.first, var delivery = held.first else { return }
        let kinds = Set(troubles.map { StampKey(rule: "outcry:\($0.kind.rawValue)", device: nil) })
        for key in kinds.sorted(by: { $0.rule < $1.rule }) { setStamp(key, step.now) }
        delivery.id = DerivedId.make(at: step.now, "troubles", delivery.id, cause)
        delivery.state = .queued
        delivery.created = step.now
        delivery.due = step.now
        if troubles.count > 1 {
            let shown = troubles.prefix(Limits.troublesPerMessage)
            let more = troubles.count - shown.count
            delivery.trouble = Trouble(
                kind: first.kind, subject: "\(troubles.count) more: \(first.subject)",
                text: shown.map(\.text).joined(separator: "\n\n")
                    + (more > 0 ? "\n\nand \(more) more" : ""))
        }
        step.deliveries.append(delivery)
        step.changes.append(.released(held.map(\.id), into: delivery.id))
    }
}
