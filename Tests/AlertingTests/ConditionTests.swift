// `while`, leaf by leaf and joined: what it looks at, when it is unknown, what is named.
import Testing

@testable import Alerting

@Suite("Conditions")
struct ConditionTests {
    static let now = EngineRun.start
    static let away = Coordinate(latitude: 48.3, longitude: 16.3738)

    /// Judges one condition at an event with these reports before it.
    private func judge(
        _ condition: Condition, past: [Report] = [], device: Device? = nil,
        _ change: (inout Event) -> Void = { _ in }
    ) -> (truth: Truth, leaf: String, isOpen: Bool) {
        var book = RuleBook.of()
        book.hours["never"] = Hours(windows: [], zone: .utc)
        var pool = ConditionPool()
        let root = pool.add(condition, book)
        var judge = ConditionJudge(pool)
        var event = Event(server: EngineRun.server, source: "one", type: "alarm")
        event.time = Self.now
        event.received = Self.now
        change(&event)
        var memory = Memory()
        var step = Step(seq: nil, now: Self.now)
        step.changes = [.geofence(server: EngineRun.server, id: 5, name: "Depot Nord")]
        memory.apply(step)
        judge.begin()
        let answer = judge.judge(
            root, Facts(event, past: past, known: device?.attributes), memory)
        return (answer.truth, pool.words[Int(answer.leaf)], answer.isOpen)
    }

    private func report(_ ago: Duration, _ change: (inout Report) -> Void) -> Report {
        var report = Report(time: Self.now - ago)
        change(&report)
        return report
    }

    // MARK: - Logic

    private static let yes = Condition.attribute(
        .init(owner: .event, name: "x", test: .isNot("1")))
    private static let no = Condition.attribute(
        .init(owner: .event, name: "x", test: .equals("1")))
    private static let unknown = Condition.ignition(true)

    struct Logic: Sendable {
        var condition: Condition
        var truth: Truth
        init(_ condition: Condition, _ truth: Truth) {
            self.condition = condition
            self.truth = truth
        }
    }

    @Test(
        "one false decides all, one true decides any, not of unknown is unknown",
        arguments: [
            Logic(.all([]), .yes), Logic(.any([]), .no),
            Logic(.all([yes, yes]), .yes), Logic(.all([yes, unknown]), .unknown),
            Logic(.all([unknown, no]), .no), Logic(.all([no, unknown]), .no),
            Logic(.any([no, no]), .no), Logic(.any([no, unknown]), .unknown),
            Logic(.any([unknown, yes]), .yes), Logic(.any([yes, unknown]), .yes),
            Logic(.not(yes), .no), Logic(.not(no), .yes), Logic(.not(unknown), .unknown),
            Logic(.not(.all([unknown, no])), .yes), Logic(.not(.any([unknown, no])), .unknown),
        ])
    func kleene(_ row: Logic) {
        #expect(judge(row.condition).truth == row.truth)
    }

    @Test("the leaf that decided is named in the file's words")
    func leaves() {
        let condition = Condition.all([
            .place(["home"], inside: false), .armed(true), .battery(.below(20)),
        ])
        #expect(judge(condition).leaf == "armed: true")
        let armed = judge(condition) { $0.at(48.2082, 16.3738) }
        #expect(armed.leaf == "outside: home" && armed.truth == .no)
        #expect(judge(.not(Self.yes)).leaf == "not: { event.x: is_not 1 }")
        #expect(judge(.stoppedFor(.minutes(5))).leaf == "stopped_for: 5m")
        #expect(judge(.speed(.above(25))).leaf == "speed: above 25 km/h")
        #expect(judge(.hours("never", inside: true)).leaf == "hours: never")
    }

    // MARK: - Place

    @Test("a place looks at the event's own position first, whatever is newer")
    func ownFirst() {
        let newer = report(.zero) { $0.fix = RuleBook.home }
        let result = judge(.place(["home"], inside: true), past: [newer]) { event in
            event.at(Self.away.latitude, Self.away.longitude)
            event.position?.deviceTime = Self.now - .minutes(5)
            event.position?.fixTime = Self.now - .minutes(5)
        }
        #expect(result.truth == .no && !result.isOpen)
    }

    @Test("without one it looks at the newest report that is not later than the event")
    func newestReport() {
        let home = report(.minutes(2)) { $0.fix = RuleBook.home }
        let away = report(.minutes(1)) { $0.fix = Self.away }
        let later = report(.minutes(-1)) { $0.fix = RuleBook.home }
        let silent = report(.seconds(1)) { $0.battery = 50 }
        let inside = Condition.place(["home"], inside: true)
        #expect(judge(inside, past: [home, away, silent, later]).truth == .no)
        #expect(judge(inside, past: [home, silent, later]).truth == .yes)
        #expect(judge(inside, past: [later]).truth == .unknown)
        #expect(judge(inside, past: [home]).isOpen)
    }

    @Test("a place is unknown where the fix may not be used or its circle touches the edge")
    func unknownPlace() {
        let inside = Condition.place(["home"], inside: true)
        let changes: [(inout Position) -> Void] = [
            { $0.valid = false },
            { $0.fixTime = Self.now - .seconds(1) },
            { $0.accuracy = 100 },
        ]
        for change in changes {
            let result = judge(inside) { event in
                event.at(48.2082, 16.3738)
                if var position = event.position {
                    change(&position)
                    event.position = position
                }
            }
            #expect(result.truth == .unknown)
        }
        let exact = judge(inside) { event in
            event.at(48.2082, 16.3738)
            event.position?.accuracy = 20
        }
        #expect(exact.truth == .yes)
        // An unusable fix is the newest word about the place: an older one is not asked instead.
        let older = report(.minutes(1)) { $0.fix = RuleBook.home }
        let bad = report(.seconds(5)) { $0.unusableFix = true }
        #expect(judge(inside, past: [older, bad]).truth == .unknown)
    }

    @Test("a place on the server is in the fix's geofenceIds; a missing key is unknown")
    func serverPlace() {
        func geofences(_ geofences: Position.Geofences, _ place: String) -> Truth {
            judge(.place([place], inside: true)) { event in
                event.at(1, 1)
                event.position?.geofences = geofences
            }.truth
        }
        #expect(geofences(.known([5]), "depot") == .yes)
        #expect(geofences(.known([6]), "depot") == .no)
        #expect(geofences(.known([17]), "yard") == .yes)
        #expect(geofences(.known([]), "depot") == .no)
        #expect(geofences(.unknown, "depot") == .unknown)
    }

    @Test("of several places one is enough to be inside, and all count for outside")
    func severalPlaces() {
        let result = judge(.place(["home", "yard"], inside: false)) { event in
            event.at(Self.away.latitude, Self.away.longitude)
        }
        // Not at home, but nothing says whether in the yard.
        #expect(result.truth == .unknown)
        let home = judge(.place(["yard", "home"], inside: true)) { $0.at(48.2082, 16.3738) }
        #expect(home.truth == .yes)
    }

    // MARK: - Values

    @Test("armed is the device's `guarded`, else the position's `armed`, else unknown")
    func armed() {
        func device(_ attributes: Attributes) -> Device {
            var device = Device(id: 1, uniqueId: "u", name: "n")
            device.attributes = attributes
            return device
        }
        let past = [report(.minutes(1)) { $0.armed = true }]
        #expect(judge(.armed(true)).truth == .unknown)
        #expect(judge(.armed(true), past: past).truth == .yes)
        #expect(
            judge(.armed(true), past: past, device: device(["guarded": .flag(false)])).truth == .no)
        #expect(
            judge(.armed(true), past: past, device: device(["guarded": .text("true")])).truth
                == .yes)
        #expect(judge(.armed(false), past: past, device: device(["other": .null])).truth == .no)
    }

    @Test("the speed of an invalid fix is unknown, and nothing before anything was heard")
    func speed() {
        let fast = Condition.speed(.above(25))
        let past = [report(.minutes(1)) { $0.speed = Speed(kilometresPerHour: 30) }]
        #expect(judge(fast).truth == .unknown)
        #expect(judge(fast, past: past).truth == .yes)
        let invalid = judge(fast, past: past) { event in
            event.at(1, 1)
            event.position?.speed = Speed(kilometresPerHour: 30)
            event.position?.valid = false
        }
        #expect(invalid.truth == .unknown)
        #expect(judge(.speed(.above(30)), past: past).truth == .no)
        #expect(judge(.battery(.below(20))).truth == .unknown)
        let battery = judge(.battery(.below(20))) { event in
            event.at(1, 1)
            event.position?.attributes = ["batteryLevel": .text("19")]
        }
        #expect(battery.truth == .yes)
    }

    @Test("moving and ignition are at the newer of position and event, at one time the position")
    func newerWord() {
        let position = report(.minutes(2)) { $0.moving = true }
        let stopped = report(.minutes(1)) {
            $0.moving = false
            $0.ofEvent = true
        }
        let moving = Condition.moving(true)
        #expect(judge(moving).truth == .unknown)
        #expect(judge(moving, past: [position]).truth == .yes)
        #expect(judge(moving, past: [position, stopped]).truth == .no)
        var sameTime = position
        sameTime.time = stopped.time
        var past: [Report] = []
        past.insert(sameTime)
        past.insert(stopped)
        #expect(judge(moving, past: past).truth == .yes)
        #expect(judge(.ignition(true)) { $0.type = "ignitionOn" }.truth == .yes)
        let contradicted = judge(.ignition(true)) { event in
            event.type = "ignitionOn"
            event.at(1, 1)
            event.position?.attributes = ["ignition": .flag(false)]
        }
        #expect(contradicted.truth == .no)
    }

    @Test("stopped_for counts from the first report that says it stands")
    func stoppedFor() {
        let past = [
            report(.minutes(9)) { $0.moving = true },
            report(.minutes(8)) { $0.moving = false },
            report(.minutes(5)) { $0.battery = 50 },
            report(.minutes(1)) { $0.moving = false },
        ]
        #expect(judge(.stoppedFor(.minutes(8)), past: past).truth == .yes)
        #expect(judge(.stoppedFor(.minutes(9)), past: past).truth == .no)
        #expect(judge(.stoppedFor(.minutes(1)), past: []).truth == .unknown)
        let moving = past + [report(.seconds(1)) { $0.moving = true }]
        #expect(judge(.stoppedFor(.seconds(1)), past: moving).truth == .no)
    }

    @Test(
        "attributes compare by value, absent ones equal nothing, absent objects are unknown",
        arguments: [
            (Attribute.number(2), Condition.AttributeTest.Test.equals("2.0"), Truth.yes),
            (.text("2"), .equals("2"), .yes), (.text("two"), .equals("2"), .no),
            (.flag(true), .equals("true"), .yes), (.flag(true), .isNot("true"), .no),
            (.number(3), .bound(.above(2)), .yes), (.text("3"), .bound(.below(2)), .no),
            (.text("x"), .bound(.below(2)), .no), (.null, .equals("x"), .no),
            (.text("x"), .isNot("y"), .yes),
        ])
    func attributes(_ value: Attribute, _ test: Condition.AttributeTest.Test, _ truth: Truth) {
        let condition = Condition.attribute(.init(owner: .event, name: "x", test: test))
        #expect(judge(condition) { $0.attributes = ["x": value] }.truth == truth)
    }

    @Test("an attribute of an object that we do not have is unknown")
    func absent() {
        func test(_ owner: Condition.AttributeTest.Owner) -> Truth {
            judge(.attribute(.init(owner: owner, name: "x", test: .isNot("1")))).truth
        }
        #expect(test(.event) == .yes)
        #expect(test(.device) == .unknown)
        #expect(test(.position) == .unknown)
    }
}
