// The life of an incident, row by row of the table in RULES.md, and how incidents end.
import Testing

@testable import Alerting

@Suite("Incidents")
struct IncidentTests {
    /// One row of the table: what a match finds, and what it makes of it.
    struct Row: CustomTestStringConvertible {
        var state: Incident.State
        var isTold: Bool
        var isWithin: Bool
        var telling: Telling
        var stateAfter: Incident.State
        var testDescription: String {
            "\(state), \(isTold ? "told" : "untold"), \(isWithin ? "within" : "after") once_per"
        }
    }

    @Test(
        "a match does to an incident what the table of RULES.md says",
        arguments: [
            Row(state: .open, isTold: false, isWithin: true, telling: .nothing, stateAfter: .open),
            Row(state: .open, isTold: false, isWithin: false, telling: .first, stateAfter: .open),
            Row(state: .open, isTold: true, isWithin: true, telling: .nothing, stateAfter: .open),
            Row(state: .open, isTold: true, isWithin: false, telling: .again, stateAfter: .open),
            Row(
                state: .acknowledged, isTold: true, isWithin: true, telling: .nothing,
                stateAfter: .acknowledged),
            Row(
                state: .acknowledged, isTold: true, isWithin: false, telling: .first,
                stateAfter: .open),
            Row(
                state: .acknowledged, isTold: false, isWithin: false, telling: .first,
                stateAfter: .open),
        ])
    func row(_ row: Row) {
        var incident = Incident(
            id: "i", rule: "r", severity: .warning, device: nil, deviceName: "",
            opened: EngineRun.start)
        incident.state = row.state
        let told = Incident.Told(
            contact: "owner", channel: .email, address: "o@example.org", template: "alarm")
        if row.isTold { incident.told = [told] }
        #expect(incident.join(isWithin: row.isWithin) == row.telling)
        #expect(incident.state == row.stateAfter)
        #expect(incident.count == 2)
        #expect(incident.held == (row.telling == .nothing ? 1 : 0))
        #expect(incident.everTold == (row.isTold ? [told] : []))
        if row.telling == .first { #expect(incident.told.isEmpty) }
    }

    @Test("the first match is told, later ones count, and after once_per it is told again")
    func again() {
        var run = EngineRun(.of(.of("shaken", .alarm(["vibration"]))))
        run.alarm("vibration")
        run.wait(.minutes(10))
        #expect(run.alarm("vibration").results == ["shaken": .oncePer])
        run.wait(.minutes(4) + .milliseconds(59_999))
        #expect(run.alarm("vibration").told.isEmpty)
        run.wait(.milliseconds(1))
        // `once_per: D` is over at D.
        let step = run.alarm("vibration")
        #expect(step.told == ["again shaken to owner"])
        #expect(step.deliveries.first?.items.first?.held == 2)
        #expect(step.deliveries.first?.items.first?.incident.count == 4)
        #expect(run.memory.openIncidents == 1)
    }

    @Test("critical rules count each kind of alarm apart by default")
    func kindsApart() {
        var run = EngineRun(.of(.of("theft", .critical, .alarm(["vibration", "tow"]))))
        #expect(run.alarm("vibration").told == ["first theft to owner"])
        #expect(run.alarm("tow").told == ["again theft to owner"])
        #expect(run.alarm("vibration").told == [])
        #expect(run.alarm("tow", "Gravel 2").told == ["first theft to owner"])
    }

    @Test("an acknowledged incident counts within once_per and opens again after it")
    func acknowledged() {
        var run = EngineRun(.of(.of("shaken", .alarm(nil))))
        run.alarm("vibration")
        run.order(.acknowledge, "shaken")
        #expect(run.alarm("vibration").results == ["shaken": .acknowledged])
        run.wait(.minutes(15))
        #expect(run.alarm("vibration").told == ["first shaken to owner"])
        let incidents = run.memory.incidents { _ in true }
        #expect(incidents.map(\.state) == [.open])
        #expect(incidents.map(\.count) == [3])
    }

    @Test("its opposite clears it, and only a rule that wants it tells the end")
    func opposite() {
        let quiet = Rule.of("off", .event(["deviceOffline"]))
        let told = Rule.of("off-told", .event(["deviceOffline"])) {
            $0.clears = Clears(notify: true)
        }
        var run = EngineRun(.of(quiet, told))
        #expect(run.event("deviceOffline").told == ["first off+off-told to owner"])
        run.wait(.minutes(1))
        let step = run.event("deviceOnline")
        #expect(step.told == ["cleared off-told to owner"])
        #expect(step.results == ["off": .cleared, "off-told": .cleared])
        #expect(run.memory.openIncidents == 0)
    }

    @Test("within once_per it opens untold, and what is still true is told when the quiet ends")
    func untold() {
        var run = EngineRun(.of(.of("left", .leaves(["depot"]))))
        func leave(_ event: inout Event) { event.geofenceName = "Depot Nord" }
        #expect(run.event("geofenceExit", change: leave).told == ["first left to owner"])
        run.wait(.minutes(1))
        run.event("geofenceEnter", change: leave)
        run.wait(.minutes(1))
        #expect(run.event("geofenceExit", change: leave).results == ["left": .oncePer])
        #expect(run.memory.nextDue == EngineRun.start + .minutes(15))
        run.wait(.minutes(13))
        #expect(run.steps.last?.told == ["first left to owner"])
        #expect(run.steps.last?.deliveries.first?.items.first?.place == "depot")
    }

    @Test("what is over when the quiet ends is not told")
    func untoldAndOver() {
        var run = EngineRun(.of(.of("left", .leaves(["yard"]))))
        func leave(_ event: inout Event) { event.geofenceId = 17 }
        run.event("geofenceExit", change: leave)
        run.wait(.minutes(1))
        run.event("geofenceEnter", change: leave)
        run.event("geofenceExit", ago: .zero, change: leave)
        run.wait(.minutes(1))
        run.event("geofenceEnter", change: leave)
        run.wait(.hours(2))
        #expect(run.told == ["first left to owner"])
        #expect(run.memory.nextDue == nil)
    }

    @Test("of several members each must be undone; one without an opposite waits for clear_after")
    func members() {
        let rule = Rule.of("power", .alarm(["powerCut", "powerOff", "tampering"]))
        var run = EngineRun(.of(rule))
        run.alarm("powerCut")
        run.alarm("powerOff")
        run.wait(.seconds(1))
        run.alarm("powerRestored")
        #expect(run.memory.openIncidents == 1)
        run.alarm("powerOn")
        #expect(run.memory.openIncidents == 0)
        run.alarm("powerCut")
        run.alarm("tampering")
        run.wait(.seconds(1))
        run.alarm("powerRestored")
        #expect(run.memory.openIncidents == 1)
        run.wait(.hours(24))
        #expect(run.memory.openIncidents == 0)
    }

    @Test("clear_after runs from the last match and tells nobody")
    func clearAfter() {
        let rule = Rule.of("shaken", .alarm(nil)) {
            $0.clears = Clears(notify: true)
            $0.clearAfter = .hours(1)
        }
        var run = EngineRun(.of(rule))
        run.alarm("vibration")
        run.wait(.minutes(50))
        run.alarm("vibration")
        run.wait(.minutes(59))
        #expect(run.memory.openIncidents == 1)
        run.wait(.minutes(1))
        #expect(run.memory.openIncidents == 0)
        #expect(run.told == ["first shaken to owner", "again shaken to owner"])
    }

    @Test("`clears` by an event takes the place of the opposite")
    func clears() {
        let rule = Rule.of("off", .event(["deviceOffline"])) {
            $0.clears = Clears(when: .event(["ignitionOn"]), notify: true)
        }
        var run = EngineRun(.of(rule))
        run.event("deviceOffline")
        run.wait(.seconds(1))
        run.event("deviceOnline")
        #expect(run.memory.openIncidents == 1)
        #expect(run.event("ignitionOn").told == ["cleared off to owner"])
    }

    @Test("an incident that nobody touches for thirty days expires, and nobody hears")
    func expires() {
        var run = EngineRun(
            .of(.of("off", .event(["deviceOffline"])) { $0.clears = Clears(notify: true) }))
        run.event("deviceOffline")
        run.wait(.days(20))
        run.order(.acknowledge, "Cargo 1")
        run.wait(.days(29))
        #expect(run.memory.openIncidents == 1)
        run.wait(.days(1))
        #expect(run.memory.openIncidents == 0)
        #expect(run.told == ["first off to owner"])
    }

    @Test("an event that clears an incident and matches its rule ends it and opens it anew")
    func anew() {
        let rule = Rule.of("link", .event(["deviceOffline", "deviceOnline"])) {
            $0.oncePer = OncePer(duration: nil)
        }
        var run = EngineRun(.of(rule))
        let first = run.event("deviceOffline").incidents.first
        run.wait(.seconds(1))
        let step = run.event("deviceOnline")
        #expect(step.incidents.map(\.state) == [.cleared, .open])
        #expect(step.incidents.first?.id == first?.id)
        #expect(step.incidents.last?.id != first?.id)
        #expect(step.told == ["first link to owner"])
        #expect(run.memory.openIncidents == 1)
    }

    @Test("only a person's clearing ends once_per early", arguments: [true, false])
    func personClears(isPerson: Bool) {
        let rule = Rule.of("off", .event(["deviceOffline"])) { $0.clears = Clears(notify: true) }
        var run = EngineRun(.of(rule))
        run.event("deviceOffline")
        run.wait(.seconds(1))
        let end = isPerson ? run.order(.clear, "off") : run.event("deviceOnline")
        #expect(end.told == ["cleared off to owner"])
        #expect(run.event("deviceOffline").told == (isPerson ? ["first off to owner"] : []))
    }

    @Test("an opposite from before the match does not undo it")
    func opposites() {
        var run = EngineRun(.of(.of("off", .event(["deviceOffline"]))))
        run.event("deviceOffline", ago: .seconds(2))
        run.event("deviceOnline", ago: .seconds(3))
        #expect(run.memory.openIncidents == 1)
        // An opposite counts from the instant after its match on.
        run.event("deviceOnline", ago: .seconds(2))
        #expect(run.memory.openIncidents == 1)
        run.event("deviceOnline", ago: .milliseconds(1_999))
        #expect(run.memory.openIncidents == 0)
    }

    @Test("a match that is already undone when it is told opens and clears in one step")
    func alreadyUndone() {
        let rule = Rule.of("off", .event(["deviceOffline"])) { $0.clears = Clears(notify: true) }
        var run = EngineRun(.of(rule))
        run.event("deviceOnline", ago: .seconds(1))
        run.wait(.seconds(2))
        let step = run.event("deviceOffline", ago: .seconds(5))
        #expect(step.told == ["first off to owner"])
        #expect(step.deliveries.first?.items.first?.incident.state == .cleared)
        #expect(run.memory.openIncidents == 0)
    }

    @Test("commands find incidents by id, by rule, by device name and by uniqueId")
    func targets() {
        for target in ["id", "shaken", "Cargo 1", "uid-Cargo 1"] {
            var run = EngineRun(.of(.of("shaken", .alarm(nil))))
            let id = run.alarm("vibration").incidents.first?.id ?? ""
            run.alarm("vibration", "Gravel 2")
            run.order(.acknowledge, target == "id" ? id : target)
            let states = run.memory.incidents { _ in true }.map(\.state)
            #expect(states.filter { $0 == .acknowledged }.count == (target == "shaken" ? 2 : 1))
        }
    }

    @Test("`by: [place]` counts places apart, `none` never keeps quiet")
    func dimensions() {
        let byPlace = Rule.of("gone", .leaves(["depot", "yard"])) {
            $0.oncePer = OncePer(duration: .hours(1), by: [.device, .place])
        }
        var run = EngineRun(.of(byPlace))
        #expect(run.event("geofenceExit") { $0.geofenceId = 17 }.told.count == 1)
        #expect(run.event("geofenceExit") { $0.geofenceName = "Depot Nord" }.told.count == 1)
        #expect(run.event("geofenceExit") { $0.geofenceId = 17 }.told.isEmpty)

        var none = EngineRun(.of(.of("all", .alarm(nil)) { $0.oncePer = OncePer(duration: nil) }))
        for _ in 0..<3 { none.alarm("vibration") }
        #expect(none.told.count == 3)
        let stamps = none.memory.devices.map(\.stamps.count)
        #expect(stamps == [0], "nothing to keep quiet by")
    }
}
