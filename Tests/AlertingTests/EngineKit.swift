// What the engine's tests share: a small rule book, events by a line, and a run that applies each
// step and remembers what was sent. No clock but the one that a test moves.
@testable import Alerting

/// An engine with its memory, at a moment that only the test moves.
struct EngineRun {
    var engine: Engine
    var memory = Memory()
    var now = EngineRun.start
    var seq: Int64 = 0
    var steps: [Step] = []

    static let start = Instant(milliseconds: 1_781_000_000_000)
    static let server = "https://one.example"

    init(_ book: RuleBook, operator contact: Contact? = nil) {
        engine = Engine(rules: RuleSet(book), operatorContact: contact)
    }

    /// Steps one input at `now` and applies it.
    @discardableResult
    mutating func step(_ input: Input, seq: Int64? = nil) -> Step {
        let step = engine.step(input, seq: seq, memory, now: now)
        memory.apply(step)
        steps.append(step)
        return step
    }

    /// Receives an event now.
    @discardableResult
    mutating func receive(_ event: Event) -> Step {
        seq += 1
        var event = event
        event.received = now
        if event.time == nil { event.time = now }
        if event.id == 0 { event.id = 1_000 + seq }
        return step(.event(event), seq: seq)
    }

    /// An event of this moment that nobody has received yet, to be stepped with its copies.
    func event(_ type: String, id: Int64) -> Event {
        var event = Self.event(type, "Cargo 1")
        event.id = id
        event.time = now
        event.received = now
        return event
    }

    /// An alarm of a device, now or some time ago.
    @discardableResult
    mutating func alarm(
        _ kind: String, _ device: String = "Cargo 1", ago: Duration = .zero,
        change: (inout Event) -> Void = { _ in }
    ) -> Step {
        var event = Self.event("alarm", device)
        event.attributes["alarm"] = .text(kind)
        event.time = now - ago
        change(&event)
        return receive(event)
    }

    @discardableResult
    mutating func event(
        _ type: String, _ device: String = "Cargo 1", ago: Duration = .zero,
        change: (inout Event) -> Void = { _ in }
    ) -> Step {
        var event = Self.event(type, device)
        event.time = now - ago
        change(&event)
        return receive(event)
    }

    @discardableResult
    mutating func order(_ action: Command.Action, _ target: String) -> Step {
        step(.command(Command(action: action, target: target, by: "owner")))
    }

    /// Moves the clock, and wakes the engine whenever something is due on the way.
    mutating func wait(_ duration: Duration) {
        let end = now + duration
        while let due = memory.nextDue, due <= end {
            now = max(now, due)
            step(.timers)
        }
        now = end
    }

    static func event(_ type: String, _ device: String) -> Event {
        var event = Event(server: server, source: "one", type: type)
        event.deviceId = id(of: device)
        event.device = Device(id: event.deviceId, uniqueId: "uid-\(device)", name: device)
        return event
    }

    static func id(of device: String) -> Int64 {
        device.utf8.reduce(7) { ($0 * 31 + Int64($1)) % 100_003 }
    }

    static func key(_ device: String = "Cargo 1") -> DeviceKey {
        DeviceKey(server: server, uniqueId: "uid-\(device)")
    }

    /// Everything that was queued so far, in words: `first shaken to owner`.
    var told: [String] { steps.flatMap(\.told) }

    var verdicts: [Verdict.Result] {
        steps.flatMap { $0.judgement?.verdicts.map(\.result) ?? [] }
    }
}

extension Step {
    var told: [String] {
        deliveries.filter { $0.state == .queued }.map {
            "\($0.reason) \($0.items.map(\.rule).joined(separator: "+")) to \($0.contact)"
        }
    }
    var incidents: [Incident] {
        changes.compactMap { if case .incident(let incident) = $0 { incident.value } else { nil } }
    }
    var results: [String: Verdict.Result] {
        Dictionary(
            (judgement?.verdicts ?? []).map { ($0.rule, $0.result) }, uniquingKeysWith: { $1 })
    }
}

extension Event {
    mutating func at(_ latitude: Double, _ longitude: Double) {
        var position = Position(coordinate: Coordinate(latitude: latitude, longitude: longitude))
        position.deviceTime = time
        position.fixTime = time
        self.position = position
    }
}

extension RuleBook {
    /// Rules with an owner (mail) and a fleet (http) to tell.
    static func of(_ rules: Rule...) -> RuleBook { of(list: rules) }

    static func of(list rules: [Rule]) -> RuleBook {
        var book = RuleBook()
        book.rules = rules
        var owner = Contact(name: "owner")
        owner.ways = [Contact.Way(channel: .email, address: "owner@example.org")]
        var fleet = Contact(name: "fleet")
        fleet.ways = [Contact.Way(channel: .http("fleet-api"))]
        book.contacts = ["owner": owner, "fleet": fleet]
        book.places = [
            "home": .area(Geofence(center: Self.home, radius: 80)),
            "depot": .server("Depot Nord"),
            "yard": .server("17"),
        ]
        book.hash = "0123456789abcdef"
        return book
    }

    static let home = Coordinate(latitude: 48.2082, longitude: 16.3738)
}

extension Rule {
    /// A rule that tells the owner.
    static func of(
        _ id: String, _ when: Trigger, while condition: Condition? = nil,
        _ change: (inout Rule) -> Void = { _ in }
    ) -> Rule {
        of(id, .warning, when, while: condition, change)
    }

    static func of(
        _ id: String, _ severity: Severity, _ when: Trigger,
        while condition: Condition? = nil, _ change: (inout Rule) -> Void = { _ in }
    ) -> Rule {
        var rule = Rule(id: id, severity: severity, when: when)
        rule.condition = condition
        rule.notify = [NotifyStep(to: ["owner"])]
        change(&rule)
        return rule
    }
}

/// A seeded generator (SplitMix64): a failing case can be run again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
