// "Disorder never silences": messages that come up to ten seconds out of order, twice or by
// another road never cost anybody an alarm (RULES.md, Two clocks).
import Testing

@testable import Alerting

@Suite("Disorder")
struct DisorderTests {
    private static let outside = Rule.of(
        "away", .warning, .alarm(["tow"]), while: .place(["home"], inside: false))

    @Test("an event that `while` kept quiet speaks when the fix that it lacked comes")
    func fixComesLater() {
        var run = EngineRun(.of(Self.outside))
        #expect(run.alarm("tow").results == ["away": .unknown])
        run.wait(.seconds(8))
        let step = run.event("deviceOnline", ago: .seconds(8)) { $0.at(48.3, 16.3) }
        #expect(step.told == ["first away to owner"])
        #expect(step.rejudged.map(\.seq) == [1])
        #expect(step.rejudged.first?.verdicts.map(\.result) == [.told])
        // The message is about the alarm, not about what made it speak.
        #expect(step.deliveries.first?.items.first?.event?.alarm == "tow")
        #expect(run.alarm("tow").results == ["away": .oncePer])
    }

    @Test(
        "it speaks up to the tenth second after its receipt and not later",
        arguments: [(Duration.seconds(10), 1), (.milliseconds(10_001), 0)])
    func bound(_ wait: Duration, _ count: Int) {
        var run = EngineRun(.of(Self.outside))
        run.alarm("tow")
        run.now = run.now + wait
        let step = run.event("deviceOnline", ago: wait) { $0.at(48.3, 16.3) }
        #expect(step.told.count == count)
    }

    @Test("a report that is later than the event does not change what was true then")
    func laterReport() {
        var run = EngineRun(.of(Self.outside))
        run.event("deviceOnline") { $0.at(48.2082, 16.3738) }
        run.wait(.seconds(1))
        #expect(run.alarm("tow").results == ["away": .quiet])
        run.wait(.seconds(1))
        #expect(run.event("deviceMoving") { $0.at(48.3, 16.3) }.told.isEmpty)
    }

    @Test(
        "a copy that brings the position after the bound tells what it crossed",
        arguments: [3, 13, 90])
    func lateCopy(seconds: Int) {
        var run = EngineRun(.of(.of("weak", .passes(.battery(fallsBelow: 30, clearsAbove: nil)))))
        let bare = run.event("deviceOnline", id: 7)
        #expect(run.step(.event(bare), seq: 1).told.isEmpty)
        var whole = bare
        whole.at(48.3, 16.3)
        whole.position?.attributes = ["batteryLevel": .number(20)]
        run.wait(.seconds(seconds))
        whole.received = run.now
        #expect(run.step(.copy(whole), seq: 2).told == ["first weak to owner"])
    }

    @Test(
        "a crossing of a device that was told apart just now is one match",
        arguments: [2, 12], [true, false])
    func crossingOfStandIn(seconds: Int, isForAll: Bool) {
        var run = EngineRun(
            .of(
                .of("fast", .passes(.speed(exceeds: 20, clearsBelow: nil))) {
                    if !isForAll { $0.devices = .matching(["Cargo*"]) }
                    $0.oncePer.duration = nil
                }))
        var bare = run.event("alarm", id: 7)
        bare.at(48.3, 16.3)
        bare.position?.speed = Speed(kilometresPerHour: 22)
        var whole = bare
        bare.device = nil
        run.step(.event(bare), seq: 1)
        run.wait(.seconds(seconds))
        var byCopy = run
        whole.received = run.now
        byCopy.step(.copy(whole), seq: 2)
        run.seq = 2
        run.event("deviceMoving")
        for run in [run, byCopy] {
            #expect(run.told == ["first fast to owner"])
            #expect(run.memory.incidents { _ in true }.map(\.count) == [1])
        }
    }

    @Test("where the server's name of a place was not known yet, it is judged again by it")
    func placeNameComesLater() {
        var run = EngineRun(
            .of(
                .of("barn", .alarm(["tow"]), while: .place(["depot"], inside: true)) {
                    $0.firesOnUnknown = false
                }))
        let alarm = run.alarm("tow") { event in
            event.at(48.3, 16.3)
            event.position?.geofences = .known([2])
        }
        #expect(alarm.told.isEmpty)
        run.wait(.seconds(2))
        run.step(.geofence(server: EngineRun.server, id: 2, name: "Depot Nord"))
        let step = run.event("deviceOnline", ago: .seconds(3)) { $0.at(48.3, 16.3) }
        #expect(step.told == ["first barn to owner"])
    }

    @Test("a fuller copy makes the bare one speak, once")
    func fullerCopy() {
        var run = EngineRun(
            .of(
                .of("away", .critical, .alarm(nil), while: .place(["home"], inside: false)) {
                    $0.firesOnUnknown = false
                    $0.devices = .matching(["Cargo*"])
                }))
        var bare = run.event("alarm", id: 77)
        bare.attributes["alarm"] = .text("tow")
        var whole = bare
        bare.device = nil
        whole.at(48.3, 16.3)
        #expect(run.step(.event(bare), seq: 1).told.isEmpty)
        run.wait(.seconds(2))
        #expect(run.step(.copy(whole), seq: 1).told == ["first away to owner"])
        #expect(run.step(.copy(whole), seq: 1).told.isEmpty)
        #expect(run.memory.incidents { _ in true }.map(\.count) == [1])
    }

    /// Of one event: what comes first lacks a part that the copy has.
    static let parts: [(String, Rule, @Sendable (inout Event) -> Void)] = [
        ("the kind of alarm", .of("a", .critical, .alarm(["tow"])), { _ in }),
        (
            "an attribute of the event",
            .of(
                "a", .warning, .alarm(nil),
                while: .attribute(.init(owner: .event, name: "zone", test: .equals("2")))),
            { $0.attributes["zone"] = .text("2") }
        ),
        (
            "an attribute of the position",
            .of(
                "a", .warning, .alarm(nil),
                while: .attribute(.init(owner: .position, name: "zone", test: .equals("2")))),
            { $0.position?.attributes["zone"] = .text("2") }
        ),
        (
            "the position's charge", .of("a", .warning, .alarm(nil), while: .battery(.below(20))),
            { $0.position?.attributes["batteryLevel"] = .number(9) }
        ),
    ]

    @Test("a copy that brings a part of what is there lets it speak", arguments: parts.indices)
    func fullerInPart(_ number: Int) {
        let (part, rule, bring) = Self.parts[number]
        var run = EngineRun(.of(rule))
        var bare = run.event("alarm", id: 79)
        bare.at(48.3, 16.3)
        var whole = bare
        whole.attributes["alarm"] = .text("tow")
        bring(&whole)
        if number > 0 { bare.attributes["alarm"] = .text("tow") }
        #expect(run.step(.event(bare), seq: 1).told.isEmpty, "\(part)")
        run.wait(.seconds(1))
        #expect(run.step(.copy(whole), seq: 2).told == ["first a to owner"], "\(part)")
        #expect(run.step(.copy(whole), seq: 3).told.isEmpty, "\(part)")
    }

    @Test("a copy that brings the device's name lets rules for that name speak")
    func nameComesLater() {
        var run = EngineRun(.of(.of("a", .alarm(nil)) { $0.devices = .matching(["Cargo 1"]) }))
        var whole = run.event("alarm", id: 80)
        whole.attributes["alarm"] = .text("tow")
        var nameless = whole
        nameless.device?.name = ""
        #expect(run.step(.event(nameless), seq: 1).told.isEmpty)
        run.wait(.seconds(1))
        #expect(run.step(.copy(whole), seq: 2).told == ["first a to owner"])
    }

    @Test("judged again it is by what was known of the device at its receipt")
    func deviceAtReceipt() {
        let armed = Rule.of("theft", .warning, .alarm(nil), while: .armed(true))
        var run = EngineRun(.of(armed, Self.outside))
        run.event("deviceOnline") { $0.device?.attributes["guarded"] = .flag(false) }
        run.wait(.seconds(1))
        #expect(run.alarm("tow") { $0.device = nil }.told.isEmpty)
        run.wait(.seconds(1))
        // Armed now, and with the fix that lets the other rule speak of the alarm.
        let step = run.event("deviceMoving", ago: .seconds(2)) {
            $0.device?.attributes["guarded"] = .flag(true)
            $0.at(48.3, 16.3)
        }
        #expect(step.told == ["first away to owner"])
    }

    @Test("a crossing that a socket brought without the place's name is known by its copy")
    func namelessCrossing() {
        var run = EngineRun(.of(.of("in", .enters(["depot"]))))
        var bare = run.event("geofenceEnter", id: 78)
        bare.geofenceId = 5
        var whole = bare
        whole.geofenceName = "Depot Nord"
        #expect(run.step(.event(bare), seq: 1).told.isEmpty)
        #expect(run.step(.copy(whole), seq: 1).told == ["first in to owner"])
        run.wait(.hours(1))
        // From then on the name is known, also of bare ones.
        #expect(run.event("geofenceEnter") { $0.geofenceId = 5 }.told == ["again in to owner"])
    }

    @Test(
        "a device first seen bare keeps its incident, its quiet and its events when it shows who it is"
    )
    func bareThenWhole() {
        let all = Rule.of("any", .alarm(["tow"]))
        let named = Rule.of("named", .alarm(["sos"])) { $0.devices = .matching(["Cargo 1"]) }
        var run = EngineRun(.of(all, named))
        #expect(run.alarm("tow") { $0.device = nil }.told == ["first any to owner"])
        #expect(run.alarm("sos") { $0.device = nil }.told.isEmpty)
        run.wait(.seconds(3))
        let step = run.event("deviceOnline")
        #expect(step.told == ["first named to owner"])
        #expect(run.alarm("tow").results == ["any": .oncePer])
        let incidents = run.memory.incidents { _ in true }
        #expect(incidents.map(\.device) == [EngineRun.key(), EngineRun.key()])
        #expect(incidents.map(\.deviceName) == ["Cargo 1", "Cargo 1"])
        // Bare events are the device's from now on.
        #expect(run.alarm("tow") { $0.device = nil }.judgement?.device == EngineRun.key())
    }

    @Test("an opposite that makes the earlier match speak says that it is over")
    func rejudgedAndUndone() {
        let rule = Rule.of(
            "off", .warning, .event(["ignitionOn"]), while: .place(["home"], inside: false))
        var run = EngineRun(.of(rule))
        run.event("ignitionOn", ago: .seconds(3))
        run.wait(.seconds(2))
        let earlier = run.now - .seconds(6)
        let step = run.event("ignitionOff", ago: .seconds(1)) { event in
            event.at(48.3, 16.3)
            // The fix is older than the event that carries it.
            event.position?.deviceTime = earlier
            event.position?.fixTime = earlier
        }
        #expect(step.told == ["first off to owner"])
        #expect(step.deliveries.first?.items.first?.incident.state == .cleared)
        #expect(run.memory.openIncidents == 0)
    }

    /// In order, somebody would have been told of each of these rules; so somebody is in any order.
    @Test("whoever is told in order is told in every order of arrival")
    func permutations() {
        let rules = [
            Rule.of("away", .warning, .alarm(["tow"]), while: .place(["home"], inside: false)),
            Rule.of(
                "parked", .warning, .alarm(["tow"]),
                while: .all([.moving(false), .battery(.below(50))])),
            Rule.of("off", .warning, .event(["ignitionOff"]), while: .ignition(false)),
            Rule.of("still", .info, .alarm(["tow"]), while: .stoppedFor(.seconds(2))),
        ]
        for order in Self.orders(4) {
            var run = EngineRun(.of(list: rules))
            let start = run.now
            let events: [Event] = (0..<4).map { number in
                var event = EngineRun.event(
                    ["deviceStopped", "deviceOnline", "ignitionOff", "alarm"][number], "Cargo 1")
                event.id = Int64(number + 1)
                event.time = start + .seconds(Int64(number))
                if number == 1 {
                    event.at(48.3, 16.3)
                    event.position?.attributes = ["batteryLevel": .number(30)]
                }
                if number == 3 { event.attributes["alarm"] = .text("tow") }
                return event
            }
            run.now = start + .seconds(4)
            for (place, number) in order.enumerated() {
                var event = events[number]
                event.received = run.now
                run.step(.event(event), seq: Int64(place + 1))
                run.wait(.milliseconds(1_500))
            }
            let told = Set(run.steps.flatMap(\.deliveries).flatMap(\.items).map(\.rule))
            #expect(told == ["away", "parked", "off", "still"], "in the order \(order)")
        }
    }

    private static func orders(_ count: Int) -> [[Int]] {
        guard count > 0 else { return [[]] }
        return orders(count - 1).flatMap { order in
            (0...order.count).map { index in
                var longer = order
                longer.insert(count - 1, at: index)
                return longer
            }
        }
    }
}
