// The index finds exactly the rules that a plain walk over all of them finds.
import Testing

@testable import Alerting

@Suite("Rule set")
struct RuleSetTests {
    /// A matcher that is too plain to be wrong: each rule, each condition, no index, no cache.
    private struct Naive {
        let book: RuleBook

        func matches(_ event: Event, _ memory: Memory) -> [String] {
            book.rules.filter { rule in
                rule.enabled && covers(rule.devices, event)
                    && rule.when.fits(event) { place, enters in
                        guard case .server(let name) = book.places[place],
                            event.type == (enters ? "geofenceEnter" : "geofenceExit")
                        else { return false }
                        let known = memory.nameOfGeofence(event.geofenceId, server: event.server)
                        return name == event.geofenceName ?? known
                            || name == String(event.geofenceId)
                    } && holds(rule, event, memory)
            }.map(\.id).sorted()
        }

        private func covers(_ devices: DeviceSelector, _ event: Event) -> Bool {
            switch devices {
            case .all: true
            case .matching(let names):
                names.contains { name in
                    [event.device?.name ?? "", event.device?.uniqueId ?? ""].contains {
                        Wildcard(name).matches($0)
                    }
                }
            }
        }

        private func holds(_ rule: Rule, _ event: Event, _ memory: Memory) -> Bool {
            guard let condition = rule.condition else { return true }
            let past = memory.slot(of: event).map { memory.devices[$0].reports } ?? []
            switch truth(condition, event, past) {
            case .yes: return true
            case .no: return false
            case .unknown: return rule.firesOnUnknown
            }
        }

        private func truth(_ condition: Condition, _ event: Event, _ past: [Report]) -> Truth {
            let own = event.position.map { Report($0, at: event.timeOfPosition) }
            let before = past.filter { $0.time <= event.effectiveTime }
            func newest(_ hasIt: (Report) -> Bool) -> Report? {
                if let own, hasIt(own) { return own }
                return before.last(where: hasIt)
            }
            switch condition {
            case .all(let parts):
                let truths = parts.map { truth($0, event, past) }
                return truths.contains(.no) ? .no : truths.contains(.unknown) ? .unknown : .yes
            case .any(let parts):
                let truths = parts.map { truth($0, event, past) }
                return truths.contains(.yes) ? .yes : truths.contains(.unknown) ? .unknown : .no
            case .not(let part): return truth(part, event, past).negated
            case .hours(let name, let inside):
                return Truth(
                    book.hours[name].map { $0.state(at: event.effectiveTime).inside == inside })
            case .place(let names, let inside):
                guard let report = newest(\.saysPlace), let fix = report.fix else {
                    return .unknown
                }
                let truths = names.map { name -> Truth in
                    guard case .area(let fence) = book.places[name] else { return .unknown }
                    return fence.holds(fix, accuracy: report.accuracy)
                }
                let isInside: Truth =
                    truths.contains(.yes) ? .yes : truths.contains(.unknown) ? .unknown : .no
                return inside ? isInside : isInside.negated
            case .battery(let bound):
                return Truth(newest { $0.battery != nil }?.battery.map(bound.holds))
            case .armed, .speed, .ignition, .moving, .stoppedFor, .attribute: return .unknown
            }
        }
    }

    private static let types = ["alarm", "deviceOnline", "ignitionOn", "geofenceEnter", "other"]
    private static let alarms = ["vibration", "tow", "sos"]

    private func randomBook(_ generator: inout Seeded, rules count: Int) -> RuleBook {
        var book = RuleBook.of()
        book.places = [
            "depot": .server("Depot Nord"), "yard": .server("17"), "stop": .server("Stop"),
        ]
        for number in 0..<12 {
            let center = Coordinate(
                latitude: Double.random(in: 48...48.3, using: &generator),
                longitude: Double.random(in: 16...16.3, using: &generator))
            let radius = [100.0, 2_000, 60_000][number % 3]
            book.places["p\(number)"] = .area(Geofence(center: center, radius: radius))
        }
        for number in 0..<4 {
            let start = Int.random(in: 0..<24, using: &generator) * 60
            let end = (start + Int.random(in: 1..<12, using: &generator) * 60) % 1_440
            book.hours["h\(number)"] = Hours(
                windows: [Hours.Window(weekdays: Array(0..<7), start: start, end: end)], zone: .utc)
        }
        book.rules = (0..<count).map { number in
            var rule = Rule(
                id: "r\(number)", severity: [.info, .critical][number % 2],
                when: trigger(&generator, depth: 1))
            rule.enabled = number % 17 != 0
            rule.devices = devices(&generator)
            if Bool.random(using: &generator) { rule.condition = condition(&generator, depth: 2) }
            return rule
        }
        return book
    }

    private func devices(_ generator: inout Seeded) -> DeviceSelector {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0, 1: .all
        case 2: .matching([])
        case 3: .matching(["Bike ?", "uid-Bike 3"])
        case 4: .matching(["*1", "Bike 1", "*"].shuffled(using: &generator).dropLast())
        default: .matching(["Bike \(Int.random(in: 0..<8, using: &generator))"])
        }
    }

    private func trigger(_ generator: inout Seeded, depth: Int) -> Trigger {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 6), using: &generator) {
        case 0: .alarm(nil)
        case 1: .alarm([Self.alarms.randomElement(using: &generator) ?? ""])
        case 2: .event(nil)
        case 3: .event(Array(Self.types.shuffled(using: &generator).prefix(2)))
        case 4: .enters(["depot", "yard"].shuffled(using: &generator))
        case 5: .leaves(["stop"])
        default:
            .any([
                trigger(&generator, depth: depth - 1), trigger(&generator, depth: depth - 1),
            ])
        }
    }

    private func condition(_ generator: inout Seeded, depth: Int) -> Condition {
        func place() -> String { "p\(Int.random(in: 0..<12, using: &generator))" }
        switch Int.random(in: 0..<(depth > 0 ? 8 : 4), using: &generator) {
        case 0: return .hours("h\(Int.random(in: 0..<4, using: &generator))", inside: true)
        case 1, 4: return .place([place(), place()], inside: true)
        case 2: return .place([place()], inside: Bool.random(using: &generator))
        case 3: return .battery(.below(Double.random(in: 0...100, using: &generator)))
        case 5: return .not(condition(&generator, depth: depth - 1))
        case 6:
            return .any([
                condition(&generator, depth: depth - 1), condition(&generator, depth: depth - 1),
            ])
        default:
            return .all([
                condition(&generator, depth: depth - 1), .place([place()], inside: true),
                condition(&generator, depth: depth - 1),
            ])
        }
    }

    private func randomEvent(_ generator: inout Seeded, at now: Instant) -> Event {
        let device = "Bike \(Int.random(in: 0..<12, using: &generator))"
        var event = EngineRun.event(Self.types.randomElement(using: &generator) ?? "", device)
        event.received = now
        event.time = now - .seconds(Int64.random(in: 0..<200_000, using: &generator))
        if event.type == "alarm" {
            event.attributes["alarm"] = .text(Self.alarms.randomElement(using: &generator) ?? "")
        }
        if event.type.hasPrefix("geofence") {
            event.geofenceId = [17, 18].randomElement(using: &generator) ?? 0
            event.geofenceName = [nil, "Depot Nord", "Hof"].randomElement(using: &generator) ?? nil
        }
        guard Int.random(in: 0..<4, using: &generator) > 0 else { return event }
        event.at(
            Double.random(in: 47.9...48.4, using: &generator),
            Double.random(in: 15.9...16.4, using: &generator))
        event.position?.valid = Int.random(in: 0..<8, using: &generator) > 0
        event.position?.accuracy = [nil, 0, 30, 5_000].randomElement(using: &generator) ?? nil
        if Bool.random(using: &generator) {
            event.position?.attributes["batteryLevel"] = .number(
                Double.random(in: 0...100, using: &generator))
        }
        return event
    }

    @Test("the index matches what a plain walk over all rules matches", arguments: 1...12)
    func sameAsNaive(seed: Int) {
        var generator = Seeded(UInt64(seed))
        let book = randomBook(&generator, rules: 80)
        var set = RuleSet(book)
        let naive = Naive(book: book)
        var engine = Engine(rules: RuleSet(RuleBook()))
        var memory = Memory()
        var now = EngineRun.start
        var found = 0
        for seq in 1...150 {
            now = now + .seconds(60)
            let event = randomEvent(&generator, at: now)
            let matches = set.matches(event, memory)
            #expect(matches == naive.matches(event, memory), "event \(seq) of seed \(seed)")
            found += matches.count
            memory.apply(engine.step(.event(event), seq: Int64(seq), memory, now: now))
        }
        #expect(found > 100)
    }

    @Test(
        "wildcards take any text and any one character",
        arguments: [
            ("*", "", true), ("Bike ?", "Bike 7", true), ("Bike ?", "Bike 77", false),
            ("*7", "Bike 7", true), ("B*k*7", "Bike 7", true), ("b*", "Bike", false),
            ("a*b*c", "aXbXbXd", false), ("Rad ?", "Rad é", true), ("?", "", false),
            ("**a", "bba", true),
        ])
    func wildcards(_ pattern: String, _ text: String, _ fits: Bool) {
        #expect(Wildcard(pattern).matches(text) == fits)
    }

    @Test("a device that was renamed is matched by its new name from then on")
    func renamed() {
        var run = EngineRun(
            .of(.of("shaken", .alarm(nil)) { $0.devices = .matching(["Old*"]) }))
        func told(as name: String) -> Int {
            run.alarm("tow", "Bike") { $0.device?.name = name }.told.count
        }
        #expect(told(as: "Old 1") == 1)
        run.wait(.hours(1))
        #expect(told(as: "New 1") == 0)
        #expect(told(as: "Old 2") == 1)
    }

    @Test("places around a pole, across the antimeridian and of a country's size are found")
    func grid() {
        func point(_ latitude: Double, _ longitude: Double) -> Coordinate {
            Coordinate(latitude: latitude, longitude: longitude)
        }
        let places: [(center: Coordinate, radius: Double, inside: Coordinate)] = [
            (point(89.9, 0), 50_000, point(89.95, 120)),
            (point(10, 179.99), 5_000, point(10, -179.99)),
            (point(48, 14), 300_000, point(48.2, 16.3)),
            (point(-33.9, 18.4), 10, point(-33.9, 18.4)),
        ]
        var grid = PlaceGrid()
        for (number, place) in places.enumerated() {
            let fence = Geofence(center: place.center, radius: place.radius)
            grid.add(Int32(number), box: fence.boundingBox)
        }
        for (number, place) in places.enumerated() {
            var found: [Int32] = []
            grid.forEach(around: place.inside) { found.append($0) }
            #expect(found == [Int32(number)])
        }
    }
}
