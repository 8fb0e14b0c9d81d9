// `tests:` of rule files as values, and what is said where they are wrong.
import Alerting
import TestSupport
import Testing

@Suite("Scenario")
struct ScenarioTests {
    static let head = """
        version: 1
        places: { yard: { traccar: Yard }, home: { center: [48.2, 16.3], radius: 80 m } }
        contacts: { o: { email: o@example.org } }
        rules: [{ id: r, when: { alarm: tow }, notify: [{ to: o }] }]
        tests:
          - name: n
            clock: "2026-06-10T14:00:00+02:00"
            run_for: 10m

        """

    @Test("all that a test can say is kept")
    func values() throws {
        let outcome = RuleFile.load(
            Self.head + """
                    rules: [r]
                    given:
                      Cargo 1: { armed: true, position: [48, 16], accuracy: 5 m, in: [yard], silent: 2h,
                                 device.size: 4, position.note: x }
                    events:
                      - { at: 0m, device: Cargo 1, alarm: tow, received_at: 5m, id: 7 }
                      - { at: 1m, device: Cargo 1, leaves: yard, valid: false, event.flag: true }
                      - { at: 2m, device: Cargo 1, speed: 20 km/h, battery: 50 %, ignition: on, in: [] }
                    commands:
                      - { at: 1m, ack: r, by: o }
                      - { at: 1m, fails: o, channel: email }
                    expect:
                      - { at: 5m, rule: [r], device: Cargo 1, to: [o], by: email, because: first,
                          late: true }
                      - { at: 6m, rule: r, held: once_per }
                """)
        #expect(outcome.findings.map(\.headline) == [])
        let scenario = try #require(outcome.book.scenarios.first)
        #expect(scenario.name == "n")
        #expect(scenario.place == "rules.yaml:6:5")
        #expect(scenario.rules == ["r"])
        #expect(scenario.clock.rfc3339 == "2026-06-10T12:00:00.000Z")
        #expect(scenario.runFor == .minutes(10))
        let given = try #require(scenario.given.first)
        #expect(given.device == "Cargo 1")
        #expect(given.values.armed == true)
        #expect(given.values.inside == ["yard"])
        #expect(given.values.silent == .hours(2))
        #expect(
            given.values.attributes == [
                .init(owner: .device, name: "size", value: .number(4)),
                .init(owner: .position, name: "note", value: .text("x")),
            ])
        #expect(scenario.events.map(\.what) == [.alarm("tow"), .leaves("yard"), .report])
        #expect(scenario.events[0].receivedAt == .minutes(5))
        #expect(scenario.events[0].id == "7")
        #expect(scenario.events[1].values.valid == false)
        #expect(scenario.events[2].values.speed == Speed(kilometresPerHour: 20))
        #expect(scenario.events[2].values.inside == [])
        #expect(
            scenario.commands.map(\.action) == [
                .command(.acknowledge, target: "r"), .fails(contact: "o", channel: .email),
            ])
        let line = scenario.expect[0]
        #expect(line.rules == ["r"])
        #expect(line.devices == ["Cargo 1"])
        #expect(line.by == [.email])
        #expect(line.because == .first)
        #expect(line.late == true)
        #expect(scenario.expect[1].held == .oncePer)
    }

    @Test(
        "what is wrong in a line is said at its place",
        arguments: [
            ("given: { V: { foo: 1 } }", ["9:19 error no key of what is given"]),
            ("given: { V: { position: [100, 5] } }", ["9:30 error latitude"]),
            ("given: { V: { speed: 5 } }", ["9:26 error '5' has no unit"]),
            ("given: { V: { event.x: 1 } }", ["9:19 error no event here"]),
            ("given: { V: { in: [home] } }", ["9:24 error crossed and entered by positions"]),
            ("events: [{ at: 0m, alarm: tow }]", ["9:16 error no 'device'"]),
            ("events: [{ device: V, alarm: tow }]", ["9:16 error no 'at'"]),
            ("events: [{ at: 0m, device: V, alarm: tow, event: x }]", ["9:47 error one event"]),
            ("events: [{ at: 0m, device: V, enters: home }]", ["9:43 error by positions"]),
            ("events: [{ at: 0m, device: V, enters: nope }]", ["9:43 error no place is called"]),
            ("events: [{ at: 0m, device: V, silent: 5m }]", ["9:35 error no key of a line"]),
            ("events: [{ at: 0m, source: b, connected: false }]", []),
            ("events: [{ at: 0m, source: b }]", ["9:16 error no 'connected'"]),
            ("events: [{ at: 0m, source: b, connected: no }]", ["9:46 error did you mean 'false'"]),
            ("events: [{ at: 5, device: V }]", ["9:20 error '5' has no unit"]),
            ("commands: [{ at: 1m, ack: r }]", ["9:18 error no 'by'"]),
            (
                "commands: [{ at: 1m, ack: r, by: o, for: 5m }]",
                ["9:41 error does not go with 'ack'"]
            ),
            (
                "commands: [{ at: 1m, silence: r, by: o, for: 5m }]",
                ["9:26 error not supported yet"]
            ),
            ("commands: [{ at: 1m, fails: o }]", ["9:26 error needs a 'channel'"]),
            ("commands: [{ at: 1m, by: o }]", ["9:18 error asks for nothing"]),
            ("rules: [q]", ["9:13 error no rule is called 'q'"]),
        ])
    func lines(text: String, expected: [String]) {
        let file = Self.head + "    \(text)\n    expect: []\n"
        RuleFileTests.check(file, expected)
    }

    @Test(
        "what is wrong in an expectation is said at its place",
        arguments: [
            ("{ at: 0m, rule: q, to: o }", ["9:30 error no rule is called 'q'"]),
            ("{ at: 0m, rule: r }", ["9:16 error neither who is told"]),
            ("{ at: 0m, to: o }", ["9:16 error no 'rule'"]),
            ("{ at: 0m, rule: r, to: oo }", ["9:37 error no contact is called"]),
            ("{ at: 0m, rule: r, to: o, because: frist }", ["9:49 error did you mean 'first'?"]),
            ("{ at: 0m, rule: r, held: oncePer }", ["9:39 error did you mean 'once_per'?"]),
            ("{ at: 11m, rule: r, to: o }", ["9:20 error later than 'run_for'"]),
            ("{ at: 10m, rule: r, to: o, late: yes }", ["9:47 error did you mean 'true'?"]),
        ])
    func expectations(text: String, expected: [String]) {
        RuleFileTests.check(Self.head + "    expect: [\(text)]\n", expected)
    }

    @Test("a test needs a name, a clock, a time to run and what is expected")
    func missing() {
        let file = Self.head.split(separator: "\n").prefix(4).joined(separator: "\n")
        RuleFileTests.check(
            file + "\ntests:\n  - rules: [r]\n",
            ["name", "clock", "run_for", "expect"].map { "6:5 error the test has no '\($0)'" })
        RuleFileTests.check(
            file
                + "\ntests:\n  - { name: n, clock: \"2026-06-10T14:00\", run_for: 5m, expect: [] }\n",
            ["6:23 error no moment with its offset"])
    }
}
