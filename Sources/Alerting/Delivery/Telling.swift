// Who hears: a rule's `notify` becomes items for destinations, and at the end of the step all that
// goes to one destination becomes one message (RULES.md, *What a rule does* 6).

extension StepBuilder {
    /// Tells a match: to all of `notify` at first, later to those who were told.
    mutating func tell(
        _ telling: Telling, _ incident: inout Incident, _ rule: ActiveRule, _ happening: Happening,
        _ member: Incident.Member, gathers: Bool
    ) {
        let reason = telling == .again ? Reason.again : .first
        let hearers = telling == .again ? incident.told : rule.hearers
        // What makes an item may not look at the builder while it is made into it.
        let index = index
        for hearer in hearers {
            send(
                index.item(incident, rule, reason, happening, member, template: hearer.template),
                to: Destination(hearer), isGathered: gathers)
        }
        incident.told = hearers
        incident.held = 0
        incident.pending = nil
    }

    /// Tells what was kept quiet and is still true.
    mutating func tellPending(_ incident: inout Incident, _ rule: ActiveRule, _ pending: Item) {
        var item = pending
        item.incident = Item.IncidentFacts(incident)
        // It is told now: of those that were held it is not one.
        item.held = max(0, incident.held - 1)
        item.reason = .first
        item.severity = rule.severity
        for hearer in rule.hearers {
            item.template = hearer.template
            send(item, to: Destination(hearer))
        }
        incident.told = rule.hearers
        incident.held = 0
        incident.pending = nil
    }
}

extension RuleIndex {
    /// The facts of an incident for a message.
    /// - Parameter member: what of the rule's `when` matched, or the crossing that ended it; nil:
    ///   it was ended otherwise.
    func item(
        _ incident: Incident, _ rule: ActiveRule, _ reason: Reason, _ happening: Happening?,
        _ member: Incident.Member?, template: String = "alarm"
    ) -> Item {
        Item(
            incident: Item.IncidentFacts(incident), rule: rule.id,
            occurrence: occurrence(incident, happening, member),
            place: member?.place ?? happening.flatMap { placeName(of: $0.event) },
            held: incident.held, reason: reason, severity: rule.severity, template: template)
    }

    private func occurrence(
        _ incident: Incident, _ happening: Happening?, _ member: Incident.Member?
    ) -> Item.Occurrence.Shared {
        guard let happening else {
            return Item.Occurrence.Shared(
                Item.Occurrence(of: incident.device, named: incident.deviceName))
        }
        let said = happening.occurrence.value.event
        if let crossed = member?.kind, let said, crossed != said.alarm ?? said.type {
            // A crossing that its position shows is named in place of the event that brought the
            // position: the server knows nothing of it.
            var occurrence = happening.occurrence.value
            occurrence.event?.id = 0
            occurrence.event?.type = crossed
            occurrence.event?.alarm = nil
            return Item.Occurrence.Shared(occurrence)
        }
        return happening.occurrence
    }

    /// The rule file's name of an event's geofence, else the server's.
    func placeName(of event: Event) -> String? {
        if event.geofenceId != 0, let name = fileNames[String(event.geofenceId)] { return name }
        return event.geofenceName.map { fileNames[$0] ?? $0 }
    }
}

// MARK: - Merging

extension StepBuilder {
    /// The step, with what it tells merged into one message to each destination.
    mutating func finished(_ memory: Memory) -> Step {
        for place in parcels.indices {
            sortItems(of: place)
            let first = step.deliveries.count
            deliver(parcels[place], memory)
            guard !parcels[place].releases.isEmpty else { continue }
            let into = first < step.deliveries.count ? step.deliveries[first].id : nil
            step.changes.append(.released(parcels[place].releases, into: into))
        }
        // Out of the builder, not copied from it.
        var finished = Step(seq: nil, now: step.now)
        swap(&finished, &step)
        return finished
    }

    /// By their places: items are large, and mostly in order, for rules match in that of their ids.
    private mutating func sortItems(of place: Int) {
        let items = parcels[place].items
        guard items.indices.dropFirst().contains(where: { Item.leads(items, $0, $0 - 1) }) else {
            return
        }
        parcels[place].items = items.indices.sorted { Item.leads(items, $0, $1) }.map { items[$0] }
    }

    private mutating func deliver(_ parcel: Parcel, _ memory: Memory) {
        let items = parcel.items
        guard items.count > Limits.itemsPerMessage else {
            return deliver(items, 0, parcel.address, memory)
        }
        for (number, first) in stride(from: 0, to: items.count, by: Limits.itemsPerMessage)
            .enumerated()
        {
            let end = min(first + Limits.itemsPerMessage, items.count)
            deliver(Array(items[first..<end]), number, parcel.address, memory)
        }
    }

    /// - Parameter number: of the messages to this address in this step.
    private mutating func deliver(
        _ items: [Item], _ number: Int, _ address: Parcel.Address, _ memory: Memory
    ) {
        let to = address.destination
        let contact = index.book.contacts[to.contact]
        var delivery = Delivery(
            id: DerivedId.make(
                at: step.now, "delivery", to.contact, to.address, to.channel.kind.rawValue,
                to.channel.name, items[0].reason.rawValue, items[0].incident.id,
                cause.isEmpty ? happening?.identity ?? "" : cause,
                address.isGathered ? "gathered" : "", String(number)),
            contact: to.contact, channel: to.channel, address: to.address,
            reason: items[0].reason,
            severity: items.reduce(items[0].severity) { max($0, $1.severity) },
            template: items[0].template, language: contact?.language ?? "en",
            timezone: contact?.timezone ?? index.book.timezone?.name ?? "UTC",
            items: items, rulesHash: index.book.hash, created: step.now)
        if address.isGathered {
            delivery.state = .held
            delivery.reason = .digest
            // With what is gathered already; the relay's own trouble waits for another moment.
            let gathered = memory.held[to]?.deliveries.filter { $0.trouble == nil }.map(\.due)
            delivery.due = gathered?.min() ?? step.now + .seconds(Limits.lateDigestSeconds)
        }
        step.deliveries.append(delivery)
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
