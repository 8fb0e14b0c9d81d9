// What people do to incidents. They take the same road as events: there is no second way to change
// an incident.

extension StepBuilder {
    mutating func obey(_ command: Command, _ memory: Memory) {
        if command.action == .clockSet {
            let numbers = command.target.split(separator: " ").compactMap { Int64($0) }
            guard numbers.count == 2, numbers[0] > 0 else { return }
            return change(
                .clockSet(
                    forward: .milliseconds(numbers[0]), since: Instant(milliseconds: numbers[1])))
        }
        for incident in targets(of: command.target, memory) {
            switch command.action {
            case .clockSet: break
            case .acknowledge: acknowledge(incident)
            case .clear:
                end(incident, index.rule(incident.rule), nil, isTold: true, memory)
                // Only a person's clearing ends `once_per` early.
                for stamp in memory.stamps(ofRule: incident.rule, device: incident.device) {
                    setStamp(stamp, nil)
                }
            }
        }
    }

    /// By incident, else by rule, else by device: of two equal names the rule.
    private func targets(of target: String, _ memory: Memory) -> [Incident] {
        let named = memory.incidents { $0.id == target }
        if !named.isEmpty { return named }
        let ofRule = memory.incidents { $0.rule == target }
        if !ofRule.isEmpty || index.rule(target) != nil { return ofRule }
        return memory.incidents { $0.deviceName == target || $0.device?.uniqueId == target }
    }

    private mutating func acknowledge(_ incident: Incident) {
        guard incident.state == .open else { return }
        var acknowledged = incident
        acknowledged.state = .acknowledged
        // Who acknowledged has seen it: it is not told when its quiet ends.
        acknowledged.pending = nil
        if let rule = index.rule(incident.rule) {
            acknowledged.due = acknowledged.due(rule, now: step.now, quietEnd: nil)
        }
        put(acknowledged)
    }
}
