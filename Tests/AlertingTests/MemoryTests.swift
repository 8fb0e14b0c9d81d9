// What is remembered, in what bounds, and that a memory read back decides as the one before did.
import Testing

@testable import Alerting

@Suite("Memory")
struct MemoryTests {
    @Test("reports stay in order and in bounds, and what the oldest knew is not lost")
    func reports() {
        var run = EngineRun(.of())
        run.event("deviceStopped") { event in
            event.at(48.3, 16.3)
            event.position?.attributes = ["batteryLevel": .number(12)]
        }
        let stopped = run.now
        for _ in 0..<50 {
            run.wait(.seconds(60))
            run.event("x") { event in
                event.at(48.2082, 16.3738)
                event.position?.attributes = ["motion": .flag(false)]
            }
        }
        let device = run.memory.devices[0]
        #expect(device.reports.count <= Limits.reportsPerDevice)
        #expect(device.reports == device.reports.sorted(by: Report.inOrder))
        var event = EngineRun.event("x", "Cargo 1")
        event.received = run.now
        event.time = run.now
        let facts = Facts(event, past: device.reports, known: nil)
        #expect(facts.newest { $0.battery != nil }?.report.battery == 12)
        #expect(facts.standsSince() == stopped)
    }

    @Test("a report that comes late goes to its place")
    func lateReport() {
        var run = EngineRun(.of())
        for ago in [Int64(0), 30, 10, 20] {
            run.event("x", ago: .seconds(ago)) { $0.at(48, Double(ago)) }
        }
        #expect(run.memory.devices[0].reports.compactMap(\.fix?.longitude) == [30, 20, 10, 0])
    }

    @Test("a device with few reports takes over a stand-in with many", arguments: 1...17)
    func manyNews(_ own: Int) {
        var run = EngineRun(.of())
        func report(_ run: inout EngineRun, isBare: Bool, id: Int64?) {
            run.wait(.seconds(60))
            run.event("x") { event in
                event.deviceId = id ?? event.deviceId
                event.device?.id = event.deviceId
                if isBare { event.device = nil }
                event.at(48, 16)
            }
        }
        for _ in 0..<own { report(&run, isBare: false, id: nil) }
        for _ in 0..<12 { report(&run, isBare: true, id: 12) }
        report(&run, isBare: false, id: 12)
        for _ in 0..<20 { report(&run, isBare: false, id: 12) }
        let device = run.memory.devices[0]
        #expect(device.deviceId == 12)
        #expect(device.reports.count <= Limits.reportsPerDevice)
        #expect(device.reports == device.reports.sorted(by: Report.inOrder))
    }

    @Test("nothing is written of a device of which nothing new is known")
    func onlyChanges() {
        var run = EngineRun(.of())
        #expect(run.event("deviceOnline").changes.count == 1)
        run.wait(.seconds(1))
        #expect(run.event("deviceOnline").changes.isEmpty)
        run.wait(.seconds(1))
        let armed = run.event("deviceOnline") {
            $0.device?.attributes = ["guarded": .flag(true)]
        }
        #expect(armed.changes.count == 1)
        // A description without attributes takes none away.
        #expect(run.event("deviceOnline").changes.isEmpty)
    }

    @Test("a device that was added anew keeps its key, and bare events follow its new deviceId")
    func newDeviceId() {
        var run = EngineRun(.of())
        run.event("deviceOnline")
        run.event("deviceOnline") { event in
            event.deviceId = 900
            event.device?.id = 900
        }
        let step = run.event("deviceOffline") { event in
            event.deviceId = 900
            event.device = nil
        }
        #expect(step.judgement?.device == EngineRun.key())
        #expect(run.memory.devices.count == 1)
    }

    @Test("the same ids on another server are another device")
    func servers() {
        var run = EngineRun(.of(.of("shaken", .alarm(nil))))
        run.alarm("tow")
        #expect(run.alarm("tow") { $0.server = "https://two.example" }.told.count == 1)
        #expect(run.memory.openIncidents == 2)
        #expect(run.memory.devices.count == 2)
    }

    @Test("a bare event of a device that was never seen whole stands for itself")
    func standIn() {
        var run = EngineRun(.of(.of("shaken", .alarm(nil))))
        let step = run.alarm("tow") { event in
            event.device = nil
            event.deviceId = 7
        }
        #expect(step.judgement?.device.uniqueId == "#7")
        #expect(step.told.count == 1)
    }

    @Test("events are kept for a while only, and no more than fit")
    func recent() {
        var run = EngineRun(.of(.of("off", .event(["deviceOffline"]))))
        for _ in 0..<200 { run.event("deviceOnline") }
        #expect(run.memory.devices[0].recent.count == Limits.recentEventsPerDevice)
        run.wait(.minutes(2))
        run.event("x")
        #expect(run.memory.devices[0].recent.isEmpty)
    }

    @Test("a memory that was read back decides as the one before it did")
    func readBack() {
        let book = RuleBook.of(
            .of("off", .event(["deviceOffline"])) { $0.clears = Clears(notify: true) },
            .of("late", .warning, .alarm(["tow"])),
            .of("away", .warning, .alarm(["sos"]), while: .place(["home"], inside: false)))
        var run = EngineRun(book)
        var record = Record()
        func receive(_ step: Step, _ event: Event? = nil) { record.note(step, event) }
        receive(run.event("deviceOffline"))
        run.wait(.seconds(30))
        receive(run.alarm("tow", ago: .hours(2)))
        receive(run.alarm("sos"))

        var restarted = run
        restarted.memory = Memory(record.memory)
        #expect(restarted.memory.openIncidents == run.memory.openIncidents)
        #expect(restarted.memory.nextDue == run.memory.nextDue)
        var both = [run, restarted]
        for index in both.indices {
            both[index].event("ignitionOn", ago: .seconds(1)) { $0.at(48.3, 16.3) }
            both[index].event("deviceOnline")
            both[index].event("deviceOffline")
            both[index].wait(.hours(1))
            both[index].order(.clear, "off")
        }
        #expect(both[0].told == both[1].told)
        #expect(both[0].steps.flatMap(\.deliveries) == both[1].steps.flatMap(\.deliveries))
        #expect(both[0].told.contains("digest late to owner"))
        #expect(both[0].told.contains("first away to owner"))
    }

    @Test("what a position crossed right before a restart is known behind it")
    func crossingsReadBack() {
        let book = RuleBook.of(
            .of("left", .leaves(["home"]), while: .ignition(false)) { $0.firesOnUnknown = false },
            .of("lock", .alarm(["lock"])) { $0.clears = Clears(when: .enters(["home"])) })
        var run = EngineRun(book)
        var record = Record()
        for latitude in [48.2082, 48.3, 48.2082, 48.3] {
            run.wait(.seconds(2))
            let step = run.event("deviceMoving") { $0.at(latitude, 16.3738) }
            #expect(step.told.isEmpty)
            record.note(step, nil)
        }
        run.wait(.seconds(1))
        var restarted = run
        restarted.memory = restarted.engine.memory(of: record.memory)
        var both = [run, restarted]
        for index in both.indices {
            // Over already: it came home since. And of the two times that it left both are told.
            both[index].alarm("lock", ago: .seconds(4))
            both[index].event("ignitionOff", ago: .seconds(6))
        }
        #expect(both[0].told == both[1].told)
        #expect(both[0].told == ["first lock to owner", "first left to owner"])
        #expect(both[0].steps.suffix(2).map(\.results) == both[1].steps.suffix(2).map(\.results))
        #expect(both.map { $0.memory.incidents { $0.rule == "lock" }.count } == [0, 0])
    }

    private static let again = RuleBook.of(
        .of("left", .leaves(["home"])) { $0.oncePer.duration = nil },
        .of("fast", .passes(.speed(exceeds: 20, clearsBelow: nil))) { $0.oncePer.duration = nil })

    @Test(
        "a crossing that was another event's, or nobody's, is not made anew behind a restart",
        arguments: [
            // Two events of one position; one that comes in between later.
            [(48.2082, 8), (48.3, 4), (48.3, 4)], [(48.3, 4), (48.2082, 8)],
        ])
    func crossingsOfOthers(rides: [(latitude: Double, ago: Int)]) {
        var run = EngineRun(Self.again)
        var record = Record()
        for ride in rides {
            record.note(
                run.event("deviceMoving", ago: .seconds(ride.ago)) {
                    $0.at(ride.latitude, 16.3738)
                },
                nil)
        }
        #expect(run.told == ["first left to owner"])
        expectSame(run, record) { run in
            run.event("deviceMoving", ago: .seconds(6)) { $0.at(48.2082, 16.3738) }
        }
    }

    @Test("nothing is crossed at a report into which older ones are folded")
    func crossingsOfFolded() {
        var run = EngineRun(Self.again)
        var record = Record()
        func alarm(_ run: inout EngineRun, ago: Int) -> Step {
            run.alarm("tow", ago: .seconds(ago)) { event in
                event.at(48.3, 16.3)
                event.position?.speed = Speed(kilometresPerHour: 30)
            }
        }
        for ago in (1...20).reversed() { record.note(alarm(&run, ago: ago * 30), nil) }
        #expect(run.told == ["first fast to owner"])
        expectSame(run, record) { _ = alarm(&$0, ago: 3_600) }
    }

    /// That what comes is decided alike by a memory that was read back.
    private func expectSame(
        _ run: EngineRun, _ record: Record, _ then: (inout EngineRun) -> Void
    ) {
        var restarted = run
        restarted.memory = restarted.engine.memory(of: record.memory)
        var both = [run, restarted]
        for index in both.indices { then(&both[index]) }
        #expect(both[0].told == both[1].told)
        #expect(
            both[0].memory.incidents { _ in true } == both[1].memory.incidents { _ in true })
    }

    @Test("set forward, a clock moves everything that waits, and nothing that has happened")
    func clockSet() {
        var run = EngineRun(
            .of(
                .of("away", .event(["deviceOffline"])) { $0.oncePer.duration = .minutes(30) },
                .of("late", .alarm(["tow"])), .of("shaken", .alarm(["vibration"])),
                .of("down", .sourceSilent(.minutes(10)))))
        for type in ["deviceOffline", "deviceOnline", "deviceOffline"] {
            run.event(type)
            run.wait(.seconds(1))
        }
        run.alarm("tow", ago: .minutes(20))
        run.alarm("vibration")
        run.step(.source("one", isSilent: true))
        var still = run
        let leap = Duration.hours(30)
        run.now = run.now + .minutes(5)
        run.order(.clockSet, "\(leap.wholeMilliseconds) \(EngineRun.start.milliseconds)")
        run.now = run.now + leap
        #expect(run.memory.nextDue.map { $0 > run.now } == true)
        for hours in [0, 1, 12, 24, 100] {
            run.wait(.hours(Int64(hours)))
            still.wait(.minutes(hours == 0 ? 5 : 0) + .hours(Int64(hours)))
            #expect(run.told == still.told)
            #expect(run.memory.openIncidents == still.memory.openIncidents)
        }
        #expect(
            run.told.sorted() == [
                "digest late to owner", "first away to owner", "first away to owner",
                "first down to owner", "first shaken to owner",
            ])
    }

    @Test("what is older than the run is not moved: it waited while the relay was off")
    func clockSetAfterStart() {
        var run = EngineRun(.of(.of("shaken", .alarm(["vibration"]))))
        run.alarm("vibration")
        run.wait(.minutes(1))
        let leap = Duration.hours(8)
        run.order(.clockSet, "\(leap.wholeMilliseconds) \(run.now.milliseconds)")
        run.now = run.now + leap
        run.alarm("vibration")
        #expect(run.told == ["first shaken to owner", "again shaken to owner"])
    }

    /// What Store keeps of steps, as far as a memory needs it.
    private struct Record {
        private var devices: [DeviceKey: MemoryRecord.KnownDevice] = [:]
        private var incidents: [String: Incident] = [:]
        private var stamps: [StampKey: Instant] = [:]
        private var held: [Delivery] = []
        private var recent: [Recent] = []
        private var asked: [Int64: [String]] = [:]

        mutating func note(_ step: Step, _ event: Event?) {
            for change in step.changes {
                switch change {
                case .incident(let incident): incidents[incident.value.id] = incident.value
                case .stamp(let key, let moment): stamps[key] = moment
                case .device(let key, let id, let device, let firstKnown):
                    devices[key] = .init(
                        key: key, deviceId: id, device: device, firstKnown: firstKnown,
                        reports: devices[key]?.reports ?? [])
                case .report(let key, let report): devices[key]?.reports.insert(report)
                case .folded(let key, let moment):
                    devices[key]?.reports.removeAll { $0.time < moment }
                case .geofence, .source, .clockSet: break
                case .released(let ids, _): held.removeAll { ids.contains($0.id) }
                }
            }
            held += step.deliveries.filter { $0.state == .held }
            recent += step.recent
            for judgement in [step.judgement].compactMap({ $0 }) + step.rejudged {
                asked[judgement.seq, default: []] += judgement.verdicts.map(\.rule)
            }
        }

        var memory: MemoryRecord {
            var record = MemoryRecord()
            record.devices = Array(devices.values)
            record.incidents = incidents.values.filter { $0.state != .cleared }
            record.stamps = stamps.map { .init(key: $0, moment: $1) }
            record.held = held
            record.asked = asked
            // Of events the store has what came in, and of crossings without an event nothing.
            record.recent = recent.filter { $0.seq > 0 }.map { recent in
                var stored = recent
                stored.event.crossings = []
                return stored
            }
            return record
        }
    }

    @Test("the heap gives what is due in order, drops what is gone and does not pile up")
    func timers() {
        var heap = TimerHeap()
        var due: [TimerHeap.Timer: Instant] = [:]
        var noted: [TimerHeap.Timer: Instant] = [:]
        var generator = Seeded(3)
        for number in 0..<3_000 {
            let timer = TimerHeap.Timer.incident(slot: number % 40, rule: "rule")
            let moment = EngineRun.start + .seconds(Int64.random(in: 0..<500, using: &generator))
            due[timer] = number % 7 == 0 ? nil : moment
            if let moment = due[timer] {
                heap.add(timer, due: moment)
                noted[timer] = moment
            }
            heap.settle(live: 40) { timer, entry in
                guard noted[timer] == entry else { return nil }
                noted[timer] = due[timer]
                return due[timer]
            }
            #expect(heap.first == due.values.min())
            let now = EngineRun.start + .seconds(250)
            let found = Set(heap.due(at: now).filter { due[$0].map { $0 <= now } ?? false })
            #expect(found == Set(due.filter { $0.value <= now }.keys))
        }
    }
}
