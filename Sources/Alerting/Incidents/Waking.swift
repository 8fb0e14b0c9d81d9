// What time does by itself: an incident that told nobody is told when its quiet ends and it is
// still true, one that nothing can end is cleared, one that nobody touched expires, and what was
// gathered is sent. Everything that is due is one step.

extension StepBuilder {
    mutating func wake(_ memory: Memory) {
        let due = memory.due(at: step.now)
        for incident in due.incidents { wake(incident, memory) }
        guard !due.digests.isEmpty else { return }
        let told = due.digests.flatMap { memory.held[$0]?.deliveries ?? [] }.flatMap(\.items)
        let ids = Set(told.map(\.incident.id))
        let before = memory.incidents { ids.contains($0.id) }
        // As this step leaves them.
        let known = Dictionary(
            (before + incidents.map(\.value)).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        for destination in due.digests { release(destination, known, memory) }
    }

    private mutating func wake(_ incident: Incident, _ memory: Memory) {
        guard let rule = index.rule(incident.rule), let pending = incident.pending,
            incident.state == .open
        else { return end(incident, index.rule(incident.rule), nil, isTold: false, memory) }
        // Only what has an end can be known to be true still; and the rule may have been changed
        // to keep quiet for longer since.
        var next = incident
        let key = stampKey(rule, incident, pending)
        let quietEnd = quietEnd(rule, key, memory)
        if incident.hasEnd(rule), quietEnd.map({ $0 <= step.now }) ?? true {
            tellPending(&next, rule, pending)
            if let key { setStamp(key, step.now) }
            next.due = next.due(rule, now: step.now, quietEnd: nil)
            return put(next)
        }
        if !incident.hasEnd(rule) { next.pending = nil }
        let due = next.due(rule, now: next.lastMatch, quietEnd: quietEnd)
        guard due > step.now else { return end(incident, rule, nil, isTold: false, memory) }
        next.due = due
        put(next)
    }

    /// nil: the rule never keeps quiet, any more.
    private func stampKey(
        _ rule: ActiveRule, _ incident: Incident, _ pending: Item
    ) -> StampKey? {
        guard rule.quietMilliseconds != nil else { return nil }
        return StampKey(
            rule: rule.id, device: rule.quietsByDevice ? incident.device : nil,
            alarm: rule.quietsByAlarm ? pending.event?.alarm ?? "" : "",
            place: rule.quietsByPlace ? pending.place ?? "" : "")
    }

    /// The digest of late events for one destination; what is over by now says so.
    /// - Parameter known: the incidents that are open or that this step has touched, by id.
    private mutating func release(
        _ destination: Destination, _ known: [String: Incident], _ memory: Memory
    ) {
        // What else is held for it, until another moment, stays.
        let due = memory.held[destination]?.deliveries.filter { $0.due <= step.now } ?? []
        releaseTroubles(due.filter { $0.trouble != nil })
        for delivery in due {
            for (number, old) in delivery.items.enumerated() {
                var item = old
                item.reason = .digest
                if let now = known[old.incident.id] {
                    item.incident.state = now.state
                    item.incident.count = now.count
                } else {
                    item.incident.state = .cleared
                }
                send(item, to: destination, releases: number == 0 ? delivery.id : nil)
            }
        }
    }
}
