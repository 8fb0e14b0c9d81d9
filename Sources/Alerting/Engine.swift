// The whole decision. `step` is pure: no clock, no I/O, no await; `now` is the input's own.

/// What the engine is given, in this order: events as they were received, commands, timers.
package enum Input: Sendable {
    case event(Event)
    /// A fuller copy of an event already stepped: an event that `while` kept quiet is judged again.
    case copy(Event)
    case command(Command)
    /// A delivery was given up: the operator hears of it.
    case trouble(Trouble, cause: String)
    /// Everything that is due at `now`.
    case timers
}

/// What a person asks of the running relay.
package struct Command: Hashable, Sendable, Codable {
    package enum Action: String, Sendable, Codable { case acknowledge, clear }
    package var action: Action
    /// An incident's id, a rule's id or a device (name or uniqueId): all open incidents of it.
    package var target: String
    package var by: String

    package init(action: Action, target: String, by: String) {
        self.action = action
        self.target = target
        self.by = by
    }
}
