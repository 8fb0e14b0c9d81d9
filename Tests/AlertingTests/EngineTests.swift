// What a step does as a whole: who hears what, in how many messages, with which ids; lateness,
// trouble, and that the same inputs give the same steps.
import Testing

@testable import Alerting

@Suite("Engine")
struct EngineTests {
    @Test("what one step sends to one contact by one channel is one message")
    func merges() {
        var run = EngineRun(
            .of(
                .of("b-shaken", .warning, .alarm(["vibration"])),
                .of("c-theft", .critical, .alarm(nil)) { $0.notify[0].message = "theft" },
                .of("a-theft", .critical, .event(["alarm"])) {
                    $0.notify = [NotifyStep(to: ["fleet", "owner"])]
                    $0.notify[0].message = "alarm"
                }))
        let step = run.alarm("vibration")
        #expect(
            Set(step.told) == [
                "first a-theft+c-theft+b-shaken to owner", "first a-theft to fleet",
            ])
        let toOwner = step.deliveries.first { $0.contact == "owner" }
        // The template of the highest severity, then of the first rule id.
        #expect(toOwner?.template == "alarm")
        #expect(toOwner?.severity == .critical)
        #expect(toOwner?.address == "owner@example.org")
        #expect(toOwner?.rulesHash == "0123456789abcdef")
    }

    @Test("a message says `cleared` only where it says nothing else")
    func clearedAndFirst() {
        var run = EngineRun(
            .of(
                .of("off", .critical, .event(["deviceOffline"])) {
                    $0.clears = Clears(notify: true)
                }, .of("on", .info, .event(["deviceOnline"]))))
        run.event("deviceOffline")
        run.wait(.seconds(1))
        let step = run.event("deviceOnline")
        #expect(step.told == ["first on+off to owner"])
        // Anything critical makes it critical; what it is called after is what is new.
        #expect(step.deliveries.first?.severity == .critical)
        #expect(step.deliveries.first.flatMap { TemplateFacts.lead($0.items) } == 0)
        #expect(step.deliveries.first?.items.map(\.rule) == ["on", "off"])
    }

    @Test("`by` takes the channels that the contact has, and no contact hears twice")
    func ways() {
        var book = RuleBook.of(
            .of("shaken", .alarm(nil)) {
                var hook = NotifyStep(to: ["owner"])
                hook.by = [.hook, .http]
                $0.notify = [hook, NotifyStep(to: ["owner", "fleet"])]
            })
        book.contacts["owner"]?.ways.append(Contact.Way(channel: .hook("ring")))
        var run = EngineRun(book)
        let step = run.alarm("vibration")
        #expect(
            step.deliveries.map { "\($0.contact) \($0.channel)" }
                == ["owner hook:ring", "owner email", "fleet http:fleet-api"])
    }

    @Test("a disabled rule does nothing")
    func disabled() {
        var run = EngineRun(.of(.of("shaken", .alarm(nil)) { $0.enabled = false }))
        let step = run.alarm("vibration")
        #expect(step.deliveries.isEmpty && step.judgement?.verdicts == [])
    }

    @Test("a late event is marked, gathered or recorded, as the rule says")
    func late() {
        var run = EngineRun(
            .of(
                .of("mark", .critical, .alarm(nil)),
                .of("digest", .warning, .alarm(nil)) {
                    $0.notify = [NotifyStep(to: ["fleet"])]
                },
                .of("log", .info, .alarm(nil)) { $0.late = Late(upTo: .minutes(5), then: .log) }))
        // Exactly `up_to` is not late.
        let onTime = run.alarm("tow", "Van 1", ago: .minutes(15))
        #expect(onTime.results == ["mark": .told, "digest": .told, "log": .late])
        let step = run.alarm("tow", ago: .hours(2))
        #expect(step.results == ["mark": .told, "digest": .late, "log": .late])
        #expect(step.told == ["first mark to owner"])
        let gathered = step.deliveries.filter { $0.state == .held }
        #expect(gathered.map(\.due) == [run.now + .minutes(10)])
        #expect(run.memory.incidents { $0.rule == "log" }.isEmpty)

        run.wait(.minutes(4))
        run.alarm("tow", "Van 2", ago: .hours(1))
        run.wait(.minutes(6))
        let digest = run.steps.last
        #expect(digest?.told == ["digest digest+digest to fleet"])
        #expect(digest?.deliveries.count == 1)
        let released = digest?.changes.compactMap {
            if case .released(let ids, let into) = $0 { (ids, into) } else { nil }
        }
        #expect(released?.first?.0.count == 2)
        #expect(released?.first?.1 == digest?.deliveries.first?.id)
        #expect(run.memory.nextDue != nil)
        run.wait(.minutes(30))
        #expect(run.told.count { $0.hasPrefix("digest") } == 1)
    }

    @Test("a digest of more than fits one message is several, with ids of their own")
    func chunks() {
        var run = EngineRun(.of(.of("late", .warning, .alarm(nil))))
        for number in 0..<(Limits.itemsPerMessage + 5) {
            run.alarm("tow", "Bike \(number)", ago: .hours(1))
        }
        run.wait(.minutes(10))
        let digests = run.steps.last?.deliveries ?? []
        #expect(digests.map(\.items.count) == [Limits.itemsPerMessage, 5])
        #expect(Set(digests.map(\.id)).count == 2)
    }

    @Test("an event with a broken clock counts from its receipt")
    func brokenClock() {
        var run = EngineRun(.of(.of("shaken", .alarm(nil))))
        for ago in [Duration.days(1_024 * 7), .days(-2)] {
            let step = run.alarm("vibration", "Bike \(ago)", ago: ago)
            #expect(step.told == ["first shaken to owner"])
            #expect(step.deliveries.first?.items.first?.event?.clockWrong == true)
            #expect(step.deliveries.first?.items.first?.event?.lateMilliseconds == 0)
        }
    }

    @Test("events without an id of the server are each their own")
    func withoutIds() {
        var ids: Set<String> = []
        for seq in [Int64(5), 6] {
            var run = EngineRun(.of(.of("shaken", .alarm(nil))))
            var event = EngineRun.event("alarm", "Cargo 1")
            event.attributes["alarm"] = .text("vibration")
            event.time = run.now
            event.received = run.now
            let step = run.step(.event(event), seq: seq)
            ids.formUnion(step.deliveries.map(\.id) + step.incidents.map(\.id))
        }
        #expect(ids.count == 4)
        let letters = Set("0123456789abcdefghjkmnpqrstvwxyz")
        #expect(ids.allSatisfy { $0.count == 26 && $0.allSatisfy(letters.contains) })
    }

    @Test("a step that is stepped again gives the same ids, and applying it twice does no harm")
    func replay() {
        var run = EngineRun(
            .of(
                .of("off", .event(["deviceOffline"])) { $0.clears = Clears(notify: true) },
                .of("shaken", .critical, .alarm(nil), while: .place(["home"], inside: false))))
        for round in 0..<40 {
            run.wait(.seconds(200))
            let before = run.memory
            let type = ["deviceOffline", "deviceOnline", "alarm"][round % 3]
            var event = EngineRun.event(type, "Cargo \(round % 2)")
            event.id = Int64(round + 1)
            event.received = run.now
            event.time = run.now - .seconds(Int64(round % 7))
            if type == "alarm" {
                event.attributes["alarm"] = .text("tow")
                event.at(48.3, 16.3)
            }
            let step = run.step(.event(event), seq: Int64(round))
            var other = Engine(rules: RuleSet(run.engine.rules.book))
            let again = other.step(.event(event), seq: Int64(round), before, now: run.now)
            #expect(again.deliveries == step.deliveries)
            #expect(again.incidents == step.incidents)
            #expect(again.judgement == step.judgement)
            let open = run.memory.openIncidents
            run.memory.apply(step)
            #expect(run.memory.openIncidents == open)
        }
        #expect(!run.told.isEmpty)
    }

    @Test("trouble that is held and late events that are gathered wait each for their own moment")
    func heldForTwoReasons() throws {
        let book = RuleBook.of(.of("late", .warning, .alarm(nil)))
        let owner = try #require(book.contacts["owner"])
        var run = EngineRun(book, operator: owner)
        let dead = Trouble(kind: .deadDelivery, subject: "dead", text: "x")
        run.step(.trouble(dead, cause: "a"))
        run.step(.trouble(dead, cause: "b"))
        run.wait(.minutes(1))
        run.alarm("tow", ago: .hours(2))
        run.wait(.minutes(10))
        #expect(run.steps.last?.told == ["digest late to owner"])
        #expect(
            run.steps.flatMap(\.deliveries).count { $0.trouble != nil && $0.state != .held } == 1)
        run.wait(.minutes(49))
        let told = run.steps.flatMap(\.deliveries).filter { $0.trouble != nil && $0.state != .held }
        #expect(told.map(\.created) == [EngineRun.start, EngineRun.start + .hours(1)])
    }

    @Test("trouble goes to the operator, each kind at once, and what follows an hour later in one")
    func trouble() {
        var workshop = Contact(name: "workshop")
        workshop.ways = [Contact.Way(channel: .email, address: "w@example.org")]
        var run = EngineRun(.of(), operator: workshop)
        let dead = Trouble(kind: .deadDelivery, subject: "dead", text: "it was given up")
        #expect(run.step(.trouble(dead, cause: "a")).deliveries.map(\.trouble) == [dead])
        let later = [run.step(.trouble(dead, cause: "b")), run.step(.trouble(dead, cause: "b2"))]
        #expect(later.flatMap(\.deliveries).allSatisfy { $0.state == .held })
        let poison = Trouble(kind: .poisonEvent, subject: "poison", text: "set aside")
        #expect(run.step(.trouble(poison, cause: "c")).deliveries.count == 1)
        run.now = run.now + .hours(1)
        #expect(run.memory.nextDue == run.now)
        let told = run.step(.timers).deliveries
        #expect(told.map(\.state) == [.queued])
        #expect(told.first?.trouble?.subject == "2 more: dead")
        #expect(run.memory.nextDue == nil)
        #expect(run.step(.trouble(dead, cause: "d")).deliveries.map(\.state) == [.held])
        var nobody = EngineRun(.of())
        #expect(nobody.step(.trouble(dead, cause: "a")).deliveries.isEmpty)
    }

    @Test("what a message says comes from the event that caused it")
    func items() throws {
        var run = EngineRun(.of(.of("in", .enters(["yard"]))))
        let step = run.event("geofenceEnter") { event in
            event.geofenceId = 17
            event.geofenceName = "Hof"
            event.txn = "txn-1"
            event.at(48.1, 16.1)
            event.device?.group = "Couriers"
        }
        let item = try #require(step.deliveries.first?.items.first)
        #expect(item.place == "yard")
        #expect(item.event?.txn == "txn-1")
        #expect(item.position?.latitude == 48.1)
        #expect(item.device == .init(name: "Cargo 1", uniqueId: "uid-Cargo 1", group: "Couriers"))
        #expect(item.incident.count == 1 && item.held == 0)
    }

    @Test("the judgement keeps what an event was judged by")
    func judgement() {
        let rule = Rule.of(
            "away", .critical, .alarm(nil),
            while: .all([.armed(true), .place(["home"], inside: false)]))
        var run = EngineRun(.of(rule))
        run.event("deviceOnline") { event in
            event.at(48.3, 16.3)
            event.device?.attributes = ["guarded": .flag(true)]
        }
        run.wait(.minutes(1))
        let step = run.alarm("tow") { $0.device = nil }
        #expect(step.judgement?.fix?.fix == Coordinate(latitude: 48.3, longitude: 16.3))
        #expect(step.judgement?.attributes == ["guarded": .flag(true)])
        #expect(step.judgement?.device == EngineRun.key())
        #expect(step.results == ["away": .told])
        let quiet = run.alarm("tow") { $0.at(48.2082, 16.3738) }
        #expect(quiet.judgement?.verdicts.map(\.leaf) == ["outside: home"])
        #expect(quiet.judgement?.fix == nil)
    }

    @Test("a device is called what its last event calls it")
    func renamed() {
        var run = EngineRun(.of(.of("shaken", .warning, .alarm(nil)) { $0.oncePer.duration = nil }))
        run.alarm("vibration")
        let again = run.alarm("vibration") { $0.device?.name = "Cargo of Vienna" }
        #expect(again.told == ["again shaken to owner"])
        #expect(again.deliveries.first?.items.first?.device?.name == "Cargo of Vienna")
        #expect(again.incidents.map(\.deviceName) == ["Cargo of Vienna"])
        run.alarm("powerCut")
        let back = run.alarm("powerRestored") { $0.device?.name = "Cargo of Graz" }
        #expect(back.incidents.map(\.deviceName).allSatisfy { $0 == "Cargo of Graz" })
    }

    @Test("a payload without its device's name takes the known one away from nobody")
    func nameless() {
        let named = Rule.of("shaken", .warning, .alarm(nil)) { $0.oncePer.duration = nil }
        var run = EngineRun(.of(named))
        run.alarm("vibration") { $0.device?.name = "Cargo of Vienna" }
        for change: (inout Event) -> Void in [{ $0.device?.name = "" }, { $0.device = nil }] {
            let again = run.alarm("vibration", change: change)
            #expect(again.deliveries.first?.items.first?.device?.name == "Cargo of Vienna")
        }
        #expect(run.memory.device(run.memory.slot(of: EngineRun.key()))?.name == "Cargo of Vienna")
    }

    @Test("each incident has an id of its own: of its rule, its event and its moment")
    func incidentIds() {
        let book = RuleBook.of(
            .of("a", .info, .alarm(nil)), .of("b", .info, .alarm(nil)),
            .of("c", .info, .alarm(["tow", "vibration"])))
        func ids(_ devices: [String]) -> [String] {
            var run = EngineRun(book)
            return devices.flatMap { run.alarm("tow", $0).incidents.map(\.id) }
        }
        let first = ids(["Cargo 1", "Cargo 2", "Cargo 3"])
        #expect(Set(first).count == 9)
        #expect(first.allSatisfy { $0.count == 26 && $0.prefix(10) == first[0].prefix(10) })
        #expect(ids(["Cargo 1", "Cargo 2", "Cargo 3"]) == first)
    }
}
