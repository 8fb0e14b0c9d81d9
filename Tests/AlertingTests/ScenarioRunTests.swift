// Tests of the tests: what a scenario that holds, and one that does not, says.
import Testing

@testable import Alerting

@Suite("Scenario runs")
struct ScenarioRunTests {
    private static let book: RuleBook = {
        var book = RuleBook.of(
            .of("shaken", .critical, .alarm(["vibration"]), while: .armed(true)),
            .of("in", .info, .enters(["depot"])),
            .of("away", .warning, .alarm(["tow"]), while: .place(["home", "depot"], inside: false)))
        book.contacts["owner"]?.ways.append(Contact.Way(channel: .hook("ring")))
        return book
    }()

    private func scenario(_ change: (inout Scenario) -> Void) -> [String] {
        var scenario = Scenario(
            name: "a test", clock: EngineRun.start, runFor: .minutes(30))
        scenario.place = "t.yaml:1:1"
        var given = Scenario.Values()
        given.armed = true
        scenario.given = [.init(device: "Cargo 1", values: given)]
        change(&scenario)
        return ScenarioRun.differences(scenario, in: Self.book)
    }

    private func alarm(_ minutes: Int64, _ kind: String = "vibration") -> Scenario.Happening {
        Scenario.Happening(at: .minutes(minutes), device: "Cargo 1", what: .alarm(kind))
    }

    private func line(
        _ minutes: Int64, _ rules: [String] = ["shaken"], to: [String] = ["owner"],
        _ change: (inout Scenario.Expectation) -> Void = { _ in }
    ) -> Scenario.Expectation {
        var line = Scenario.Expectation(at: .minutes(minutes), rules: rules)
        line.to = to
        line.place = "t.yaml:9:9"
        change(&line)
        return line
    }

    @Test("what is sent by each channel, and what is held, is as the lines say")
    func passes() {
        let differences = scenario { scenario in
            scenario.events = [alarm(0), alarm(2), alarm(6)]
            scenario.expect = [
                line(0) {
                    $0.because = .first
                    $0.late = false
                    $0.devices = ["Cargo 1"]
                }, line(2, to: []) { $0.held = .oncePer }, line(6) { $0.because = .again },
            ]
        }
        #expect(differences == [])
    }

    @Test("each difference is said with its line, in plain words")
    func fails() {
        let differences = scenario { scenario in
            scenario.events = [alarm(0), alarm(2)]
            scenario.expect = [
                line(0) {
                    $0.by = [.email]
                    $0.because = .again
                }, line(3, ["in"]) { $0.by = [.hook] }, line(2, to: []) { $0.held = .late },
            ]
        }
        #expect(
            differences == [
                "t.yaml:9:9: expected at 0s: shaken to owner by email, because: again; "
                    + "but it is sent because: first",
                "t.yaml:9:9: expected at 3m: in to owner by hook:ring; nothing was sent",
                "t.yaml:9:9: expected at 2m: shaken held by late; it was: once_per",
                "t.yaml:1:1: sent, but not expected: at 0s shaken to owner by hook:ring, "
                    + "because: first, about Cargo 1",
            ])
    }

    @Test("places of the server are entered and are in positions")
    func places() {
        let differences = scenario { scenario in
            var inside = Scenario.Values()
            inside.inside = ["depot"]
            inside.position = ConditionTests.away
            var outside = inside
            outside.inside = []
            var first = alarm(1, "tow")
            first.values = inside
            var second = alarm(2, "tow")
            second.values = outside
            var enters = Scenario.Happening(
                at: .zero, device: "Cargo 1", what: .enters("depot"))
            enters.id = "one"
            scenario.events = [enters, enters, first, second]
            scenario.expect = [line(0, ["in"]), line(2, ["away"])]
        }
        #expect(differences == [])
    }

    @Test("values without a place say nothing about the place")
    func valuesAlone() {
        let differences = scenario { scenario in
            var values = Scenario.Values()
            values.battery = 50
            values.moving = true
            var event = alarm(0, "tow")
            event.values = values
            scenario.events = [event]
            scenario.expect = [line(0, ["away"], to: []) { $0.held = .unknown }]
        }
        #expect(differences == [])
    }

    @Test("late events, commands and the narrowed set")
    func commands() {
        let differences = scenario { scenario in
            scenario.rules = ["shaken"]
            var late = alarm(0)
            late.receivedAt = .minutes(65)
            scenario.runFor = .minutes(90)
            scenario.events = [alarm(1), alarm(2, "tow"), late]
            scenario.commands = [
                .init(
                    at: .minutes(1), by: "owner", action: .command(.acknowledge, target: "shaken")),
                .init(at: .minutes(2), by: "", action: .fails(contact: "owner", channel: .email)),
                .init(at: .minutes(3), by: "owner", action: .command(.clear, target: "Cargo 1")),
            ]
            scenario.expect = [line(1), line(65) { $0.late = true }]
        }
        #expect(differences == [])
    }
}
