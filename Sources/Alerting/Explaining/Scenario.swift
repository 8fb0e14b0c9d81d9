// One test of a rule file (RULES.md, *Tests*): what is known at the start, what happens and what is
// asked, and what must be sent. RuleFile parses and checks it, so every name in it exists; the
// runner plays it against the engine. Times are durations from `clock`, never negative.

/// One entry of `tests:`.
package struct Scenario: Hashable, Sendable {
    package var name: String
    /// Where it stands: `theft.yaml:80:5`.
    package var place = ""
    /// Ids of the rules it narrows the set to; nil: all.
    package var rules: [String]?
    /// The moment that all times count from.
    package var clock: Instant
    /// How long it runs; what is due at exactly this time still happens.
    package var runFor: Duration
    /// What is known of each device at the start; it crosses nothing and fires nothing.
    package var given: [Given] = []
    /// In the file's order, which decides at a tie.
    package var events: [Happening] = []
    /// In the file's order.
    package var commands: [Order] = []
    package var expect: [Expectation] = []

    package init(name: String, clock: Instant, runFor: Duration) {
        self.name = name
        self.clock = clock
        self.runFor = runFor
    }

    /// What a device is known to be, or what one of its reports says. nil: not said.
    package struct Values: Hashable, Sendable {
        /// The device's `guarded`.
        package var armed: Bool?
        package var position: Coordinate?
        /// Whether the fix is valid; not said: it is.
        package var valid: Bool?
        /// Metres.
        package var accuracy: Double?
        package var speed: Speed?
        /// Per cent.
        package var battery: Double?
        package var ignition: Bool?
        package var moving: Bool?
        /// `in`: names of `traccar:` places that hold the device; nil: not known, []: in none.
        package var inside: [String]?
        /// `silent`: how long nothing was heard of it (of `given` only).
        package var silent: Duration?
        /// `device.x`, `position.x` (and of an event `event.x`), in the file's order.
        package var attributes: [NamedAttribute] = []

        package init() {}
    }

    /// An attribute by its full name; text that reads as a number or a flag is one.
    package struct NamedAttribute: Hashable, Sendable {
        package var owner: Condition.AttributeTest.Owner
        package var name: String
        package var value: Attribute

        package init(owner: Condition.AttributeTest.Owner, name: String, value: Attribute) {
            self.owner = owner
            self.name = name
            self.value = value
        }
    }

    /// One entry of `given`.
    package struct Given: Hashable, Sendable {
        /// A name or uniqueId.
        package var device: String
        package var values: Values

        package init(device: String, values: Values) {
            self.device = device
            self.values = values
        }
    }

    /// One line of `events`.
    package struct Happening: Hashable, Sendable {
        /// Where the line stands: `theft.yaml:86:9`.
        package var place = ""
        /// When it happened (the event's own time).
        package var at: Duration
        /// `received_at`; nil: when it happened.
        package var receivedAt: Duration?
        package var device: String
        /// Lines with one `id` are copies of one event; nil: an event of its own.
        package var id: String?
        package var what: What
        /// Its position's values; `armed` is the device's.
        package var values = Values()

        package enum What: Hashable, Sendable {
            /// A report without a happening.
            case report
            /// An event of type `alarm` of this kind.
            case alarm(String)
            /// An event of this type.
            case event(String)
            /// The server's `geofenceEnter` of this `traccar:` place (its name in the file).
            case enters(String)
            /// The server's `geofenceExit`.
            case leaves(String)
            /// A source goes down or comes back; `device` is empty.
            case source(String, isConnected: Bool)
        }

        package init(at: Duration, device: String, what: What) {
            self.at = at
            self.device = device
            self.what = what
        }
    }

    /// One line of `commands`.
    package struct Order: Hashable, Sendable {
        package var place = ""
        package var at: Duration
        /// Who asks; empty for `fails` and `works`.
        package var by: String
        package var action: Action

        package enum Action: Hashable, Sendable {
            /// `ack` and `clear`: the target is a rule's id or a device; of equal names the rule.
            case command(Command.Action, target: String)
            /// `fails`: from then on what is sent to the contact by this channel is rejected.
            case fails(contact: String, channel: ChannelName.Kind)
            case works(contact: String, channel: ChannelName.Kind)
        }

        package init(at: Duration, by: String, action: Action) {
            self.at = at
            self.by = by
            self.action = action
        }
    }

    /// One line of `expect`: one message to each contact in `to`, or (with `held`) a match that was
    /// kept back. Lines without `held` are complete: anything else that is sent fails the test.
    package struct Expectation: Hashable, Sendable {
        package var place = ""
        /// Exact.
        package var at: Duration
        /// One rule, or all that a merged message names, in any order.
        package var rules: [String]
        /// nil: not checked; several: a message over all of them, in any order.
        package var devices: [String]?
        /// Contacts. With `held` it may be empty, or says from whom the match was kept.
        package var to: [String] = []
        /// nil: one message by each channel of the contact.
        package var by: [ChannelName.Kind]?
        /// nil: not checked.
        package var because: Reason?
        /// Why the match was kept back; nil: the line is a message.
        package var held: Held?
        /// nil: not checked.
        package var late: Bool?

        /// What keeps a match back.
        package enum Held: String, Hashable, Sendable, CaseIterable {
            case oncePer = "once_per"
            case late, quiet, limit, group, digest, silence, acknowledged
            case unlessOpen = "unless_open"
            case replaced, unknown
        }

        package init(at: Duration, rules: [String]) {
            self.at = at
            self.rules = rules
        }
    }
}
