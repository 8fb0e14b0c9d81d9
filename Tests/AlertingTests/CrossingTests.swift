import Testing

// Crossings that positions show, against a follower that is too plain to be wrong: one report after
// the other, one boundary at a time, nothing folded.
@testable import Alerting

@Suite("Crossings")
struct CrossingTests {
    private static let battery = Boundary.battery(fallsBelow: 20, clearsAbove: 30)
    private static let speed = Boundary.speed(exceeds: 25, clearsBelow: nil)
    private static let rules: [(id: String, crossing: Crossing)] = [
        ("in", Crossing(.place("home"), isInto: true)),
        ("out", Crossing(.place("home"), isInto: false)),
        ("weak", Crossing(battery, isInto: true)), ("fast", Crossing(speed, isInto: true)),
    ]

    private static func run() -> EngineRun {
        EngineRun(
            .of(
                .of("in", .enters(["home"])) { $0.oncePer.duration = nil },
                .of("out", .leaves(["home"])) { $0.oncePer.duration = nil },
                .of("weak", .passes(battery)) { $0.oncePer.duration = nil },
                .of("fast", .passes(speed)) { $0.oncePer.duration = nil }))
    }

    private struct Told: Hashable, Comparable {
        var rule: String
        var at: Instant
        static func < (left: Told, right: Told) -> Bool {
            (left.at, left.rule) < (right.at, right.rule)
        }
    }

    /// A ride to and fro over the edge of home, with bad fixes and a battery that comes and goes.
    private static func ride(_ count: Int, seed: UInt64) -> [Position] {
        var random = Seeded(seed)
        var north = 0.0
        return (0..<count).map { index in
            north = min(max(north + .random(in: -40...40, using: &random), -50), 220)
            var position = Position(
                coordinate: Coordinate(
                    latitude: RuleBook.home.latitude + north / 111_195,
                    longitude: RuleBook.home.longitude))
            position.deviceTime = EngineRun.start + .seconds(index * 2)
            position.fixTime = position.deviceTime
            position.valid = .random(in: 0..<5, using: &random) > 0
            position.accuracy = [nil, 3, 30, 400].randomElement(using: &random) ?? nil
            position.speed = Speed(kilometresPerHour: .random(in: 10...40, using: &random))
            if Bool.random(using: &random) {
                position.attributes["batteryLevel"] = .number(.random(in: 10...40, using: &random))
            }
            return position
        }
    }

    private static func expected(_ ride: [Position]) -> [Told] {
        guard case .area(let home)? = RuleBook.of().places["home"] else { return [] }
        var told: [Told] = []
        var (isHome, isWeak, isFast): (Bool?, Bool, Bool) = (nil, false, false)
        for position in ride {
            let at = position.deviceTime ?? .distantPast
            let side = home.holds(position.coordinate, accuracy: position.accuracy)
            if position.valid, side != .unknown {
                if let isHome, isHome != (side == .yes) {
                    told.append(Told(rule: isHome ? "out" : "in", at: at))
                }
                isHome = side == .yes
            }
            if let value = position.attributes["batteryLevel"]?.number {
                if value < 20, !isWeak {
                    told.append(Told(rule: "weak", at: at))
                    isWeak = true
                }
                if value > 30 { isWeak = false }
            }
            if position.valid, let value = position.speed?.kilometresPerHour {
                if value > 25, !isFast { told.append(Told(rule: "fast", at: at)) }
                isFast = value > 25
            }
        }
        return told.sorted()
    }

    private static func report(_ position: Position, _ run: inout EngineRun) {
        var event = EngineRun.event("", "Cargo 1")
        event.position = position
        event.received = run.now
        run.step(.report(event))
    }

    private static func told(_ run: EngineRun) -> [Told] {
        run.steps.flatMap(\.deliveries).flatMap(\.items).compactMap { item in
            item.event?.time.map { Told(rule: item.rule, at: $0) }
        }.sorted()
    }

    @Test("in order, each crossing is told and nothing else", arguments: 1...20)
    func inOrder(seed: UInt64) {
        let ride = Self.ride(200, seed: seed)
        var run = Self.run()
        for position in ride {
            run.now = position.deviceTime ?? run.now
            Self.report(position, &run)
        }
        let expected = Self.expected(ride)
        #expect(expected.count > 20)
        #expect(Self.told(run) == expected)
    }

    @Test("out of order by ten seconds at most, nobody misses a crossing", arguments: 1...20)
    func disorder(seed: UInt64) {
        let ride = Self.ride(200, seed: seed)
        var random = Seeded(seed)
        var run = Self.run()
        let arrivals = ride.map { position in
            (
                position,
                (position.deviceTime ?? run.now) + .seconds(Int.random(in: 0...10, using: &random))
            )
        }.sorted { $0.1 < $1.1 }
        for (position, now) in arrivals {
            run.now = now
            Self.report(position, &run)
        }
        let missed = Set(Self.expected(ride)).subtracting(Self.told(run))
        #expect(missed == [])
    }

    @Test("a memory that was read back goes on where it was", arguments: 1...5)
    func readBack(seed: UInt64) {
        let ride = Self.ride(200, seed: seed)
        var run = Self.run()
        for (index, position) in ride.enumerated() {
            run.now = position.deviceTime ?? run.now
            Self.report(position, &run)
            guard index % 17 == 0 else { continue }
            var record = MemoryRecord()
            record.devices = run.memory.devices.map {
                .init(
                    key: $0.key, deviceId: $0.deviceId, device: $0.device,
                    firstKnown: $0.firstKnown,
                    reports: $0.reports)
            }
            record.incidents = run.memory.incidents { _ in true }
            run.memory = Memory(record)
        }
        #expect(Self.told(run) == Self.expected(ride))
    }

    @Test("a long stay at the edge, or without a fix, does not forget on which side it began")
    func longStay() {
        var run = Self.run()
        func report(_ change: (inout Position) -> Void) {
            run.now = run.now + .seconds(30)
            var position = Position(coordinate: RuleBook.home)
            position.deviceTime = run.now
            position.fixTime = run.now
            change(&position)
            Self.report(position, &run)
        }
        report { _ in }
        for _ in 0..<50 { report { $0.valid = false } }
        for _ in 0..<50 { report { $0.accuracy = 500 } }
        #expect(Self.told(run) == [])
        report { $0.coordinate.latitude += 0.01 }
        #expect(Self.told(run).map(\.rule) == ["out"])
    }

    @Test("the same report by two roads crosses once, also where the second knows more")
    func copies() {
        var run = Self.run()
        var ride = Self.ride(1, seed: 1)[0]
        ride.valid = true
        ride.accuracy = nil
        ride.coordinate = RuleBook.home
        ride.attributes["batteryLevel"] = nil
        Self.report(ride, &run)
        ride.deviceTime = EngineRun.start + .seconds(60)
        ride.fixTime = ride.deviceTime
        ride.coordinate.latitude += 0.01
        ride.speed = Speed(kilometresPerHour: 1)
        run.now = EngineRun.start + .seconds(60)
        Self.report(ride, &run)
        ride.attributes["batteryLevel"] = .number(50)
        Self.report(ride, &run)
        #expect(Self.told(run).filter { $0.rule == "out" }.count == 1)
    }

    @Test("a crossing that `while` kept quiet is judged again with what comes behind it")
    func judgedAgain() {
        var run = EngineRun(
            .of(.of("out", .leaves(["home"]), while: .ignition(false))))
        var position = Position(coordinate: RuleBook.home)
        position.deviceTime = run.now
        position.fixTime = run.now
        position.attributes["ignition"] = .flag(true)
        Self.report(position, &run)
        run.now = run.now + .seconds(60)
        position.attributes = Attributes()
        position.deviceTime = run.now
        position.fixTime = run.now
        position.coordinate.latitude += 0.01
        Self.report(position, &run)
        #expect(run.told == [])
        run.now = run.now + .seconds(5)
        run.event("ignitionOff", ago: .seconds(10))
        #expect(run.told == ["first out to owner"])
    }

    @Test("the message says what was crossed, where and how much")
    func words() throws {
        var run = Self.run()
        var ride = Self.ride(1, seed: 1)[0]
        ride.valid = true
        ride.accuracy = nil
        ride.attributes["batteryLevel"] = .number(18)
        ride.speed = Speed(kilometresPerHour: 31)
        ride.coordinate = RuleBook.home
        Self.report(ride, &run)
        let wording = Wording(language: "en")
        let items = run.steps.flatMap(\.deliveries).flatMap(\.items)
        #expect(items.map { $0.what(wording) }.sorted() == ["battery (18 %)", "speed (31 km/h)"])
        run.now = run.now + .seconds(60)
        ride.deviceTime = run.now
        ride.fixTime = run.now
        ride.coordinate.latitude += 0.01
        var alarm = EngineRun.event("alarm", "Cargo 1")
        alarm.attributes["alarm"] = .text("tow")
        alarm.position = ride
        run.receive(alarm)
        let left = try #require(run.steps.last?.deliveries.first?.items.first)
        #expect(left.what(wording) == "left home")
        // The server knows of an alarm, not of this.
        #expect(left.event?.id == 0)
        #expect(left.place == "home")
    }
}
