// Plays a rule file's test against the engine in virtual time and says, in plain words, where what
// was sent differs from what the test expects. It is the same engine as in production: only `now`
// comes from the test.

/// One test, played.
package struct ScenarioRun {
    private let scenario: Scenario
    private let book: RuleBook
    private var engine: Engine
    private var memory = Memory()
    private var devices: [String: Device] = [:]
    private var ids: [String: Int64] = [:]
    private var stepped: [String: Int64] = [:]
    private var nextId: Int64 = 1
    /// The server's ids of the places that the file names.
    private var geofences: [String: Int64] = [:]

    private(set) var messages: [Sent] = []
    private(set) var keptBack: [KeptBack] = []

    /// A message, as the test sees it.
    struct Sent {
        var at: Duration
        var delivery: Delivery
        var isLate: Bool
    }

    /// A match that was kept back, or that `while` could not judge.
    struct KeptBack {
        var at: Duration
        var device: String
        var verdict: Verdict
    }

    private static let server = "scenario"

    /// Plays a scenario against a set and says what differs from what it expects; none: it passed.
    package static func differences(_ scenario: Scenario, in book: RuleBook) -> [String] {
        var run = ScenarioRun(scenario, book)
        run.play()
        return ScenarioVerdict(
            scenario: scenario, book: run.book, messages: run.messages, keptBack: run.keptBack
        ).differences
    }

    init(_ scenario: Scenario, _ wholeBook: RuleBook) {
        self.scenario = scenario
        var book = wholeBook
        if let wanted = scenario.rules { book.rules.removeAll { !wanted.contains($0.id) } }
        self.book = book
        engine = Engine(rules: RuleSet(book))
    }

    // MARK: - Playing

    mutating func play() {
        nameGeofences()
        for given in scenario.given { learn(given) }
        // At one instant: events as written, then commands, then timers.
        var events = Array(scenario.events.enumerated()).sorted {
            let (left, right) = ($0.element.receipt, $1.element.receipt)
            return left != right ? left < right : $0.offset < $1.offset
        }[...]
        var orders = Array(scenario.commands.enumerated()).sorted {
            $0.element.at != $1.element.at
                ? $0.element.at < $1.element.at : $0.offset < $1.offset
        }[...]
        while true {
            let event = events.first?.element.receipt
            let order = orders.first?.element.at
            let timer = memory.nextDue.map { max($0 - scenario.clock, .zero) }
            guard let next = [event, order, timer].compactMap({ $0 }).min(),
                next <= scenario.runFor
            else { return }
            if event == next, let happening = events.popFirst()?.element {
                happen(happening)
            } else if order == next, let order = orders.popFirst()?.element {
                obey(order)
            } else {
                step(.timers, seq: nil, at: next)
            }
        }
    }

    private mutating func step(_ input: Input, seq: Int64?, at time: Duration) {
        let step = engine.step(input, seq: seq, memory, now: scenario.clock + time)
        memory.apply(step)
        for delivery in step.deliveries where delivery.state != .held {
            messages.append(Sent(at: time, delivery: delivery, isLate: isLate(delivery)))
        }
        for judgement in [step.judgement].compactMap({ $0 }) + step.rejudged
            + step.crossed
        {
            for verdict in judgement.verdicts {
                keptBack.append(
                    KeptBack(at: time, device: judgement.device.uniqueId, verdict: verdict))
            }
        }
    }

    private func isLate(_ delivery: Delivery) -> Bool {
        delivery.items.contains { item in
            guard let event = item.event,
                let rule = book.rules.first(where: { $0.id == item.rule })
            else { return false }
            return .milliseconds(event.lateMilliseconds) > rule.late.upTo
        }
    }

    private mutating func obey(_ order: Scenario.Order) {
        switch order.action {
        case .command(let action, let target):
            step(
                .command(Command(action: action, target: target, by: order.by)), seq: nil,
                at: order.at)
        case .fails, .works:
            // A rejected message is a message all the same, and without chains nothing follows.
            break
        }
    }

    // MARK: - Making events

    /// Positions carry the server's ids of places, a rule file mostly names: each name gets an id.
    private mutating func nameGeofences() {
        var seeds = Step(seq: nil, now: scenario.clock)
        for (name, place) in book.places.sorted(by: { $0.key < $1.key }) {
            guard case .server(let geofence) = place else { continue }
            let id = Int64(geofence) ?? geofences[geofence] ?? 1_000_000 + Int64(geofences.count)
            geofences[geofence] = id
            geofences[name] = geofences[name] ?? id
            seeds.changes.append(.geofence(server: Self.server, id: id, name: geofence))
        }
        memory.apply(seeds)
    }

    private mutating func learn(_ given: Scenario.Given) {
        var event = Event(server: Self.server, source: Self.server, type: "")
        event.received = scenario.clock
        event.time = scenario.clock - (given.values.silent ?? .zero)
        fill(&event, device: given.device, given.values)
        // It is known, and crosses nothing.
        var builder = StepBuilder(
            engine.rules.index, seq: nil, now: scenario.clock, lateness: engine.lateness)
        _ = builder.learn(event, memory)
        memory.apply(builder.step)
    }

    private mutating func happen(_ happening: Scenario.Happening) {
        if case .source(let name, let isConnected) = happening.what {
            return step(.source(name, isSilent: !isConnected), seq: nil, at: happening.receipt)
        }
        var event = Event(server: Self.server, source: Self.server, type: "")
        event.time = scenario.clock + happening.at
        event.received = scenario.clock + happening.receipt
        event.id = id(of: happening)
        fill(&event, device: happening.device, happening.values)
        for attribute in happening.values.attributes where attribute.owner == .event {
            event.attributes[attribute.name] = attribute.value
        }
        switch happening.what {
        case .report, .source: return step(.report(event), seq: nil, at: happening.receipt)
        case .alarm(let kind):
            event.type = "alarm"
            event.attributes["alarm"] = .text(kind)
        case .event(let type): event.type = type
        case .enters(let place): cross(&event, Opposites.enter, place)
        case .leaves(let place): cross(&event, Opposites.exit, place)
        }
        if let seq = stepped[event.identity] {
            return step(.copy(event), seq: seq, at: happening.receipt)
        }
        stepped[event.identity] = event.id
        step(.event(event), seq: event.id, at: happening.receipt)
    }

    private mutating func id(of happening: Scenario.Happening) -> Int64 {
        if let id = happening.id, let known = ids[id] { return known }
        nextId += 1
        if let id = happening.id { ids[id] = nextId }
        return nextId
    }

    private func cross(_ event: inout Event, _ type: String, _ place: String) {
        event.type = type
        if case .server(let geofence)? = book.places[place] {
            event.geofenceName = geofence
            event.geofenceId = geofences[geofence] ?? 0
        } else {
            event.geofenceName = place
        }
    }

    /// Adds the device as it is known by now, and the position that the values make.
    private mutating func fill(
        _ event: inout Event, device name: String, _ values: Scenario.Values
    ) {
        var device =
            devices[name]
            ?? Device(id: Int64(devices.count + 1), uniqueId: name, name: name)
        if let armed = values.armed { device.attributes["guarded"] = .flag(armed) }
        for attribute in values.attributes where attribute.owner == .device {
            device.attributes[attribute.name] = attribute.value
        }
        devices[name] = device
        event.device = device
        event.deviceId = device.id
        event.position = position(values, at: event.time)
    }

    private func position(_ values: Scenario.Values, at time: Instant?) -> Position? {
        var attributes = Attributes()
        if let battery = values.battery { attributes["batteryLevel"] = .number(battery) }
        if let ignition = values.ignition { attributes["ignition"] = .flag(ignition) }
        if let moving = values.moving { attributes["motion"] = .flag(moving) }
        for attribute in values.attributes where attribute.owner == .position {
            attributes[attribute.name] = attribute.value
        }
        guard
            !attributes.isEmpty || values.position != nil || values.speed != nil
                || values.inside != nil || values.valid != nil
        else { return nil }
        // Not a number: values without a place (Report.init).
        var position = Position(
            coordinate: values.position ?? Coordinate(latitude: .nan, longitude: .nan))
        position.valid = values.valid ?? true
        position.accuracy = values.accuracy
        position.speed = values.speed
        position.deviceTime = time
        position.fixTime = time
        position.attributes = attributes
        if let inside = values.inside {
            position.geofences = .known(inside.map { geofences[$0] ?? 0 })
        }
        return position
    }
}

extension Scenario.Happening {
    fileprivate var receipt: Duration { receivedAt ?? at }
}
