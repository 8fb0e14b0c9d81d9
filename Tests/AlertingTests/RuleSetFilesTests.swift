// Sets of several files: names over files, agreement, what a file that cannot be read hides, and
// the values that a rule book holds in the end.
import Alerting
import TestSupport
import Testing

@Suite("Rule files as a set")
struct RuleSetFilesTests {
    @Test("a name defined in two files shows both places")
    func twice() {
        let outcome = RuleFile.load(
            files: [
                ("rules/a.yaml", "version: 1\ncontacts: { o: { email: a@b.c } }\n"),
                (
                    "rules/b.yaml",
                    "contacts:\n  o: { email: c@d.e }\nrules: [{ id: r, when: { alarm: tow }, notify: [{ to: o }] }]\n"
                ),
                ("rules/c.yaml", "timezone: UTC\nrules: [{ id: r, when: { alarm: tow } }]\n"),
                ("rules/d.yaml", "timezone: Europe/Vienna\n"),
            ], surroundings: .tests)
        #expect(
            outcome.findings.map(\.headline) == [
                "rules/b.yaml:2:3: error: 'o' is defined twice: here and at rules/a.yaml:2:13",
                "rules/c.yaml:2:15: error: the rule 'r' is defined twice: here and at "
                    + "rules/b.yaml:3:15",
                "rules/d.yaml:1:11: error: 'timezone' is 'Europe/Vienna' here and 'UTC' at "
                    + "rules/c.yaml:1:11; one set has one",
            ])
    }

    @Test("names that a broken file may define are not missed in the others")
    func brokenFile() {
        let outcome = RuleFile.load(
            files: [
                ("a.yaml", "contacts: { o: [\n"),
                ("b.yaml", "rules: [{ id: r, when: { enters: p }, notify: [{ to: o }] }]\n"),
            ], surroundings: .tests)
        #expect(outcome.findings.map(\.file) == ["a.yaml"])
        #expect(outcome.hasErrors)
    }

    @Test("several documents in one file are one set, and a byte order mark is nothing")
    func documents() {
        let outcome = RuleFile.load(
            "\u{FEFF}version: 1\n---\ncontacts: { o: { email: a@b.c } }\n---\n"
                + "rules: [{ id: r, when: { alarm: tow }, notify: [{ to: o }] }]\n")
        #expect(outcome.findings.map(\.headline) == [])
        #expect(outcome.book.rules.map(\.id) == ["r"])
    }

    @Test("a book holds what the files say, defaults filled in")
    func book() throws {
        let outcome = RuleFile.load(
            """
            version: 1
            timezone: Europe/Vienna
            hours: { night: { daily: "22:00-06:00" } }
            places: { yard: { traccar: Yard }, home: { center: [48.2, 16.3], radius: 80 m } }
            groups: { bikes: [Cargo 1, "*-van"] }
            contacts: { o: { email: [a@b.c, a@b.c], http: api, language: de } }
            rules:
              - id: one
                severity: critical
                devices: [bikes, Van 9]
                when: { any: [{ alarm: [tow, tow] }, { leaves: yard }] }
                while: { hours: night, outside: home, speed: { above: 5 km/h } }
                notify: [{ to: o, by: http, message: theft }]
              - id: two
                severity: info
                when: { event: any }
                once_per: 90s
                late: { up_to: 2h }
                if_unknown: fire
                clears: { when: { event: ignitionOn }, notify: true }
                clear_after: 7d
            """)
        #expect(outcome.findings.map(\.headline) == [])
        let book = outcome.book
        let one = book.rules[0]
        #expect(one.devices == .matching(["Cargo 1", "*-van", "Van 9"]))
        #expect(one.when == .any([.alarm(["tow"]), .leaves(["yard"])]))
        #expect(
            one.condition
                == .all([
                    .hours("night", inside: true), .place(["home"], inside: false),
                    .speed(.above(5)),
                ]))
        #expect(one.firesOnUnknown)
        #expect(one.oncePer == OncePer(duration: .minutes(5), by: [.device, .alarm]))
        #expect(one.late == Late(upTo: .hours(1), then: .mark))
        #expect(one.notify.first?.by == [.http])
        #expect(one.notify.first?.message == "theft")
        #expect(one.place == "rules.yaml:8:5")
        let two = book.rules[1]
        #expect(two.devices == .all)
        #expect(two.when == .event(nil))
        #expect(two.oncePer == OncePer(duration: .seconds(90), by: [.device]))
        #expect(two.late == Late(upTo: .hours(2), then: .digest))
        #expect(two.firesOnUnknown)
        #expect(two.clears == Clears(when: .event(["ignitionOn"]), notify: true))
        #expect(two.clearAfter == .days(7))
        #expect(book.contacts["o"]?.ways.map(\.channel) == [.email, .http("api")])
        #expect(book.places["yard"] == .server("Yard"))
        #expect(book.timezone?.name == "Europe/Vienna")
    }

    @Test("the hash follows names and texts, not folders or order")
    func hash() {
        func hash(_ files: [(path: String, text: String)]) -> String {
            RuleFile.load(files: files, surroundings: .tests).book.hash
        }
        let first = hash([("x/a.yaml", "version: 1\n"), ("x/b.yaml", "groups: {}\n")])
        #expect(first.count == 16)
        #expect(first == hash([("y/b.yaml", "groups: {}\n"), ("y/a.yaml", "version: 1\n")]))
        #expect(first != hash([("x/a.yaml", "version: 1\n"), ("x/b.yaml", "groups: { }\n")]))
        #expect(first != hash([("x/a.yaml", "version: 1\n"), ("x/c.yaml", "groups: {}\n")]))
    }

    @Test("a calendar file is read beside the rule file, and its faults have its own lines")
    func calendar() throws {
        var surroundings = RuleFile.Surroundings.tests
        surroundings.readFile = { path in
            guard path == "rules/holidays.ics" else { return nil }
            let text =
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\nEND:VEVENT\nEND:VCALENDAR\n"
            return Array(text.utf8)
        }
        let text = """
            version: 1
            timezone: Europe/Vienna
            calendars: { holidays: { file: holidays.ics } }
            hours: { work: { daily: "07:00-18:00", except: [holidays] } }
            """
        let outcome = RuleFile.load(
            files: [("rules/a.yaml", text)], surroundings: surroundings)
        #expect(outcome.findings.map(\.headline) == [])
        let hours = try #require(outcome.book.hours["work"])
        let christmas = try #require(Instant(rfc3339: "2026-12-25T10:00:00+01:00"))
        #expect(!hours.state(at: christmas).inside)
        #expect(hours.state(at: christmas - .days(1)).inside)
        #expect(hours.state(at: christmas).until.rfc3339 == "2026-12-26T06:00:00.000Z")

        surroundings.readFile = { _ in Array("BEGIN:VCALENDAR\nEND:VEVENT\n".utf8) }
        let broken = RuleFile.load(files: [("rules/a.yaml", text)], surroundings: surroundings)
        #expect(
            broken.findings.map(\.headline) == [
                "rules/holidays.ics:2:1: error: the calendar ends 'VEVENT', which does not stand open"
            ])
    }

    @Test("rules that replace each other in a circle are said where it closes")
    func circle() {
        func rule(_ id: String, _ replaces: String) -> String {
            "  - { id: \(id), replaces: [\(replaces)], when: { alarm: tow } }\n"
        }
        let outcome = RuleFile.load(
            "version: 1\nrules:\n" + rule("a", "b") + rule("b", "c") + rule("c", "b"))
        #expect(
            outcome.findings.map { "\($0.line):\($0.column)" } == ["3:14", "5:25"])
    }

    @Test("findings as JSON are an array of objects")
    func json() {
        let finding = Finding(
            file: "a\"b.yaml", line: 3, column: 5, severity: .warning, message: "x\ny\u{1}",
            suggestion: "z")
        #expect(
            Finding.json([finding])
                == """
                [
                  {"file": "a\\"b.yaml", "line": 3, "column": 5, "severity": "warning", \
                "message": "x\\ny\\u0001", "suggestion": "z"}
                ]
                """)
        #expect(Finding.json([]) == "[]")
    }

    @Test("a finding as text shows the line and a caret below its character")
    func text() {
        let finding = RuleFile.load("version: 1\n\t\"grüß\": x\n").findings.first
        #expect(
            finding?.text == """
                rules.yaml:2:1: error: there is a tab here; YAML is indented with blanks
                    \t"grüß": x
                    ^
                """)
    }
}
