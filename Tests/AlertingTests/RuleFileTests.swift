// What users get wrong in rule files, as text: each row is a rule file and all that is said of it.
// Rows give `line:column severity word`; nothing more may be found.
import Alerting
import TestSupport
import Testing

@Suite("RuleFile")
struct RuleFileTests {
    /// Four lines, with a contact that a rule uses.
    static let head = """
        version: 1
        timezone: Europe/Vienna
        contacts: { owner: { email: owner@example.org, hook: bell } }
        rules:

        """
    /// Lines 5 to 7: an id, devices, and whom it tells; `lines` begin at line 8, column 5.
    static func rule(_ lines: String) -> String {
        let body = lines.split(separator: "\n").map { "    \($0)\n" }.joined()
        return head + "  - id: a\n    devices: all\n    notify: [{ to: owner }]\n" + body
    }

    static func check(_ text: String, _ expected: [String], _ outcome: RuleFile.Outcome? = nil) {
        var left = (outcome ?? RuleFile.load(text)).findings
        for line in expected {
            let parts = line.split(separator: " ", maxSplits: 2)
            let index = left.firstIndex {
                "\($0.line):\($0.column)" == parts[0] && $0.severity.rawValue == parts[1]
                    && $0.headline.contains(parts[2])
            }
            guard let index else {
                Issue.record("missing: \(line)\n\(left.map(\.headline).joined(separator: "\n"))")
                continue
            }
            left.remove(at: index)
        }
        #expect(left.map(\.headline) == [], "\(text)")
    }

    @Test(
        "what stands under `when` of a rule",
        arguments: [
            ("when: { alarm: vibration }", []),
            ("when: { battery: { falls_below: -5 % } }", ["8:37 warning not at -5 %"]),
            ("when: { battery: { falls_below: 120 % } }", ["8:37 warning 120"]),
            ("when: { speed: { exceeds: -5 km/h } }", ["8:31 error negative"]),
            ("when: { alarm: vibration, for_at_least: 5m }", ["8:31 error no opposite"]),
            ("when: { alarm: any }", []),
            ("when: { event: [deviceMoving, alarm] }", []),
            ("when: { any: [{ alarm: tow }, { event: ignitionOn }] }", []),
            ("when:", ["8:5 error is a map such as"]),
            ("when: any", ["8:11 error is a map such as { event: any }, not"]),
            ("when: vibration", ["8:11 error { alarm: vibration }"]),
            ("when: deviceOffline", ["8:11 error { event: deviceOffline }"]),
            ("when: [{ alarm: tow }]", ["8:11 error any: ["]),
            ("when: {}", ["8:5 error needs one thing that happens"]),
            (
                "when: { alarm: tow, event: deviceMoving }",
                ["8:25 error 'event' stands beside 'alarm'"]
            ),
            ("when: { armed: true }", ["8:13 error move it under 'while'"]),
            ("when: { alarms: tow }", ["8:13 error did you mean 'alarm'?"]),
            ("when: { alarm: }", ["8:13 error found nothing"]),
            (
                "when: { alarm: [vibrations, Tow] }",
                ["8:21 warning did you mean 'vibration'?", "8:33 warning did you mean 'tow'?"]
            ),
            ("when: { alarm: deviceOffline }", ["8:20 warning { event: deviceOffline }"]),
            ("when: { event: vibration }", ["8:20 warning { alarm: vibration }"]),
            ("when: { alarm: shock }", ["8:20 warning did you mean 'vibration'?"]),
            ("when: { alarm: [] }", ["8:20 warning never fires"]),
            ("when: { enters: nowhere }", ["8:21 error no place is called 'nowhere'"]),
            ("when: { any: [{ any: [{ alarm: tow }] }] }", ["8:21 error 'any' cannot stand here"]),
            (
                "when: { any: [{ alarm: tow, for_at_least: 5m }] }",
                ["8:33 error for the whole 'when'"]
            ),
            ("when: { alarm: tow, for_at_least: 5m }", ["8:25 error nothing undoes alarm 'tow'"]),
            ("when: { event: deviceOffline, for_at_least: 5m }", ["8:35 error not supported yet"]),
            (
                "when: { alarm: tow, unless_followed_by: { event: ignitionOn, within: 2m } }",
                ["8:25 error not supported yet"]
            ),
            (
                "when: { alarm: tow, unless_followed_by: { event: ignitionOn } }",
                ["8:25 error needs a 'within'"]
            ),
            ("when: { speed: { above: 25 km/h } }", ["8:22 error move it under 'while'"]),
            ("when: { speed: { exceeds: 25 km/h } }", []),
            (
                "when: { speed: { exceeds: 25 km/h }, for_at_least: 5m }",
                ["8:42 error not supported yet"]
            ),
            ("when: { speed: { exceeds: 25 } }", ["8:31 error 25 km/h"]),
            (
                "when: { battery: { falls_below: 20 %, clears_above: 10 % } }",
                ["8:57 error lies below"]
            ),
            (
                "when: { battery: { falls_below: 120 % } }",
                ["8:37 warning never happens"]
            ),
            ("when: { silent_for: 12 }", ["8:25 error '12' has no unit"]),
            ("when: { silent_for: 12h }", ["8:13 error not supported yet"]),
            ("when: { sequence: [{ alarm: tow }], within: 3m }", ["8:23 error two steps"]),
            (
                "when: { sequence: [{ alarm: tow }, { armed: true }], within: 3m }",
                ["8:42 error move it under 'while'"]
            ),
            (
                "when: { count: { alarm: tow }, more_than: 3, within: 1h }",
                ["8:13 error not supported"]
            ),
            ("when: { count: { alarm: tow }, within: 1h }", ["8:13 error more_than"]),
            ("when: { source: silent, for_at_least: 10m }", []),
            ("when: { source: silent }", ["8:13 error needs a 'for_at_least'"]),
            ("when: { source: quiet, for_at_least: 10m }", ["8:21 error silent"]),
            ("when: { clock: \"20:00\" }", ["8:13 error not supported yet"]),
            ("when: { clock: 25:00 }", ["8:20 error no time of day"]),
            ("when: { clock: { mon-fry: \"20:00\" } }", ["8:22 error 'mon-fry'"]),
        ])
    func when(lines: String, expected: [String]) {
        Self.check(Self.rule(lines), expected)
    }

    @Test(
        "what stands under `while` of a rule",
        arguments: [
            ("{ armed: true, moving: false, ignition: on, stopped_for: 10m }", []),
            ("{ speed: { above: 5 km/h, below: 20 km/h }, battery: { below: 20 % } }", []),
            (
                "{ attribute: { device.stolen: true, position.x: { above: 5 }, event.y: { is_not: z } } }",
                []
            ),
            ("{ any: [{ armed: true }, { not: { moving: true } }] }", []),
            ("{}", ["8:12 error has no condition"]),
            ("[{ armed: true }]", ["8:12 error any: ["]),
            ("{ armed: yes }", ["8:21 error did you mean 'true'?"]),
            ("{ ignition: true }", ["8:24 error did you mean 'on'?"]),
            ("{ alarm: tow }", ["8:14 error move it under 'when'"]),
            ("{ not: { any: [{ event: x }] } }", ["8:29 error move it under 'when'"]),
            ("{ silent_for: 3h }", ["8:14 error move it under 'when'"]),
            ("{ speed: { exceeds: 5 km/h } }", ["8:23 error move it under 'when'"]),
            ("{ speed: { above: 25 } }", ["8:30 error '25' has no unit"]),
            ("{ speed: { above: 25 kn } }", ["8:30 error unknown unit"]),
            ("{ battery: { above: 120 % } }", ["8:32 warning never happens"]),
            ("{ battery: { above: 100 % } }", ["8:32 warning never happens"]),
            ("{ battery: { below: 0 % } }", ["8:32 warning never happens"]),
            ("{ battery: { below: 120 % } }", ["8:32 warning always so"]),
            ("{ speed: { below: 0 km/h } }", ["8:30 warning never happens"]),
            ("{ speed: { above: 30 km/h, below: 20 km/h } }", ["8:46 warning never happens"]),
            ("{ battery: { below: 20 %, above: 20 % } }", ["8:45 warning never happens"]),
            ("{ speed: 25 km/h }", ["8:21 error its keys are above and below"]),
            ("moving", ["8:12 error its keys are armed, hours"]),
            ("*x", ["8:12 error no '&x' stands before it"]),
            ("{ armed: *x }", ["8:21 error no '&x' stands before it"]),
            ("{ hours: night }", ["8:21 error no hours are called 'night'"]),
            (
                "{ inside: { center: [1, 2], radius: 5 m } }",
                ["8:22 error define it under 'places'"]
            ),
            ("{ inside: hom }", ["8:22 error no place is called 'hom'"]),
            ("{ inside: [48.2, 16.3] }", ["8:22 error coordinates"]),
            ("{ for_at_least: 5m }", ["8:14 error under 'when'"]),
            ("{ battery: { above: -5 % } }", ["8:32 warning always so"]),
            ("{ attribute: { guarded: true } }", ["8:27 error device.NAME"]),
            ("{ attribute: { device.x: { over: 5 } } }", ["8:39 error 'over'"]),
            ("{ stoped_for: 10m }", ["8:14 error did you mean 'stopped_for'?"]),
            ("{ any: [] }", ["8:19 warning never fires"]),
        ])
    func whileIsTrue(text: String, expected: [String]) {
        Self.check(Self.rule("while: \(text)\nwhen: { alarm: tow }"), expected)
    }

    @Test(
        "the other keys of a rule",
        arguments: [
            ("if_unknown: fire", []),
            ("if_unknown: maybe", ["9:17 error expected fire or quiet"]),
            ("enabled: false", []),
            ("enabled: no", ["9:14 error did you mean 'false'?"]),
            ("severity: Critical", ["9:15 error did you mean 'critical'?"]),
            ("once_per: none", []),
            ("once_per: { for: 15m, by: [device, alarm, place] }", []),
            ("once_per: { for: 15m, by: [device, kind] }", ["9:40 error 'kind'"]),
            ("once_per: { by: [device] }", ["9:17 error needs a 'for'"]),
            ("once_per: 0m", ["9:15 error longer than nothing, found '0m'"]),
            ("once_per: no", ["9:15 error did you mean 'none'?"]),
            ("late: { up_to: 5m, then: log }", []),
            ("late: 5m", ["9:11 error late is a map"]),
            ("severity: critical\nlate: { then: digest }", ["10:19 error never gathered"]),
            ("late: { then: digest }\nseverity: critical", ["10:15 error never gathered"]),
            ("clear_after: 2h", []),
            ("clears: { when: { event: ignitionOn }, notify: true }", []),
            ("clears: { when: { moving: true } }", ["9:23 error move it under 'while'"]),
            ("repeat: { every: 10m }", ["9:5 error not supported yet"]),
            ("repeat: { every: 10m, at_most: 13 }", ["9:36 error from 1 to 12"]),
            ("repeat: { at_most: 3 }", ["9:15 error needs an 'every'"]),
            ("unless_open: b", ["9:18 error no rule is called 'b'"]),
            ("unless_open: a", ["9:5 error not supported yet"]),
            ("replaces: [a]", ["9:16 error 'a'"]),
            ("group: { wait: 10m }", ["9:5 error not supported yet"]),
            ("severity: critical\ngroup: { wait: 10m }", ["10:5 error not for critical rules"]),
            ("group: { wait: 10m }\nseverity: critical", ["10:15 error not for critical rules"]),
            (
                "digest: { daily: \"08:00\", drop_if_cleared: true }",
                ["9:5 error not supported yet"]
            ),
            ("digest: { weekly: \"mon 08:00\" }", ["9:5 error not supported yet"]),
            ("digest: { weekly: monday }", ["9:23 error mon 08:00"]),
            ("digest: { daily: \"08:00\", every: 4h }", ["9:31 error stands beside 'daily'"]),
            ("repeat: { every: 5m }\ndigest: { every: 4h }", ["10:5 error 'repeat' and 'digest'"]),
            ("group: { wait: 1m }\nrepeat: { every: 5m }", ["10:5 error 'repeat' and 'group'"]),
            ("onceper: 5m", ["9:5 error did you mean 'once_per'?"]),
        ])
    func keys(lines: String, expected: [String]) {
        Self.check(Self.rule("when: { alarm: tow }\n" + lines), expected)
    }

    @Test(
        "the steps of `notify`",
        arguments: [
            ("[{ to: [owner], by: [hook, email], message: theft }]", []),
            ("[{ to: ownr }]", ["7:20 error did you mean 'owner'?"]),
            ("[{ by: email }]", ["7:16 error no 'to'"]),
            (
                "[{ to: owner, by: http }]",
                ["7:31 error not reached by http; it has email and hook"]
            ),
            ("[{ to: owner, by: mail }]", ["7:31 error did you mean 'email'?"]),
            ("[{ to: owner, message: thef }]", ["7:36 error did you mean 'theft'?"]),
            ("[{ to: owner, after: 5m }]", ["7:27 error not supported yet"]),
            (
                "[{ to: owner, after: 5m }]\n    group: { wait: 1m }",
                ["8:5 error exclude each other", "8:5 error not for critical rules"]
            ),
            ("[{ to: owner, after: 5 }]", ["7:34 error '5' has no unit"]),
            (
                "[{ to: owner, after: 30d }]",
                ["7:34 warning never comes", "7:27 error not supported"]
            ),
            ("[{ to: owner, unless: acknowledgd }]", ["7:35 error did you mean 'acknowledged'?"]),
            ("{ to: owner }", ["7:13 error list of steps"]),
            ("[owner]", ["7:14 error is a map, not 'owner'"]),
            ("[]", ["7:13 warning tells nobody: 'notify'", "3:13 warning nobody uses"]),
        ])
    func notify(text: String, expected: [String]) {
        let file =
            Self.head + "  - id: a\n    severity: critical\n    notify: \(text)\n"
            + "    when: { alarm: tow }\n"
        var surroundings = RuleFile.Surroundings.tests
        surroundings.templates = ["alarm", "theft"]
        Self.check(file, expected, RuleFile.load(file, surroundings))
    }

    @Test(
        "a rule needs an id and a `when`, and its id is a plain word",
        arguments: [
            ("  - when: { alarm: tow }\n", ["5:5 error no 'id'"]),
            ("  - id: a\n", ["5:5 error no 'when'"]),
            ("  - id: a\n    whne: { alarm: tow }\n", ["6:5 error did you mean 'when'?"]),
            ("  - id: Theft 1\n    when: { alarm: tow }\n", ["5:9 error did you mean 'theft-1'?"]),
            ("  - a\n", ["5:5 error a rule is a map, not 'a'"]),
            (
                "  - id: a\n    when: { alarm: tow }\n    devices: []\n",
                ["7:14 warning never fires"]
            ),
        ])
    func whole(lines: String, expected: [String]) {
        let used = "  - { id: z, when: { alarm: sos }, notify: [{ to: owner }] }\n"
        Self.check(Self.head + lines + used, expected)
    }

    @Test(
        "the other sections",
        arguments: [
            ("hours: { a: \"22:00-06:00\" }", ["5:13 error { daily: "]),
            ("hours: { a: { monday: \"07:00-08:00\" } }", ["5:15 error did you mean 'mon'?"]),
            ("hours: { a: { daily: \"22:00-22:00\" } }", ["5:22 warning empty"]),
            ("hours: { a: {} }", ["5:10 warning are empty"]),
            ("hours: { a: { daily: \"25:00-06:00\" } }", ["5:22 error 25:00-06:00"]),
            ("hours: { a: { daily: \"22:00–06:00\" } }", ["5:22 error hyphen"]),
            ("hours: { a: { mon: \"07:00-08:00\", except: [x] } }", ["5:44 error no calendar"]),
            ("hours: { a: { timezone: Mars, mon: \"07:00-08:00\" } }", ["5:25 error no time zone"]),
            ("calendars: { a: { traccar: X } }", []),
            ("calendars: { a: { file: none.ics } }", ["5:25 error 'none.ics' cannot be read"]),
            ("calendars: { a: x.ics }", ["5:17 error a calendar is a map"]),
            ("places: { a: { center: [48, 16] } }", ["5:16 error needs a 'radius'"]),
            ("places: { a: { center: [48, 16], radius: 0 m } }", ["5:42 warning no area"]),
            ("places: { a: { center: [16, 148.2, 3], radius: 5 m } }", ["5:24 error a point"]),
            ("places: { a: { center: [48, 216], radius: 5 m } }", ["5:29 error longitude"]),
            ("places: { a: { area: \"POLYGON ((1 1, 2 2, 3 3))\" } }", ["5:22 warning no area"]),
            ("places: { a: { area: \"CIRCLE (1 1, 5)\", width: 5 m } }", ["5:41 error LINESTRING"]),
            ("places: { a: { area: \"LINESTRING (1 1, 2 2)\", width: 5 m } }", []),
            ("places: { a: { traccar: X, center: [1, 2] } }", ["5:28 error stands beside"]),
            ("places: { a: {} }", ["5:14 error a place has one of"]),
            ("places: { a: { traccer: X } }", ["5:16 error did you mean 'traccar'?"]),
            ("groups: { a: { traccar: X } }", []),
            ("groups: { a: Cargo 1 }", ["5:14 error list of device names"]),
            ("groups: { all: [x] }", ["5:11 error every device"]),
            ("groups: { a: [] }", ["5:14 warning empty"]),
            ("grups: { a: [x] }", ["5:1 error did you mean 'groups'?"]),
        ])
    func sections(text: String, expected: [String]) {
        let file = """
            version: 1
            timezone: Europe/Vienna
            contacts: { o: { email: o@example.org } }
            rules: [{ id: z, when: { alarm: sos }, notify: [{ to: o }] }]

            """
        Self.check(file + text + "\n", expected)
    }

    @Test(
        "contacts",
        arguments: [
            ("{ email: [a@example.org, b@example.org], http: x, language: de-AT }", []),
            ("{ email: a@b.c, timezone: America/New_York }", []),
            ("{ language: de }", ["3:13 error no email, http or hook"]),
            ("{ email: [] }", ["3:25 error nothing here to reach it by"]),
            ("{ email: [], http: x }", []),
            ("{ e-mail: a@b.c }", ["3:18 error did you mean 'email'?"]),
            ("{ email: Ann <a@b.c> }", ["3:25 error no mail address"]),
            ("{ email: a@b..c }", ["3:25 error no mail address"]),
            ("{ email: .a@b.c }", ["3:25 error no mail address"]),
            ("{ email: a@-b.c }", ["3:25 error no mail address"]),
            ("{ email: \"a@[127.0.0.1]\" }", []),
            ("{ email: m\u{FC}ller@b.c }", ["3:25 error from a to z"]),
            ("{ http: \"https://x.y/z\" }", ["3:24 error in the configuration"]),
            ("{ email: a@b.c, language: German }", ["3:42 error 'German' is no language"]),
            ("{ email: a@b.c, timezone: CEST }", ["3:42 error no time zone"]),
            ("{ email: a@b.c, limit: 20 per 1h }", ["3:32 error not supported yet"]),
            ("{ email: a@b.c, limit: 20/h }", ["3:39 error 20 per 1h"]),
            ("{ email: a@b.c, quiet: night }", ["3:39 error no hours are called"]),
            ("a@b.c", ["3:16 error a contact is a map"]),
        ])
    func contacts(text: String, expected: [String]) {
        let file = """
            version: 1
            rules: [{ id: z, when: { alarm: sos }, notify: [{ to: o }] }]
            contacts: { o: \(text) }

            """
        Self.check(file, expected)
    }

    @Test(
        "numbers and moments are as people write them, and each that is wrong is said",
        arguments: [
            (
                "places: { p: { center: [100.5, 213.7], radius: 80 } }",
                [
                    "3:25 error latitude", "3:32 error longitude", "3:48 error '80' has no unit",
                ]
            ),
            (
                "places: { p: { center: [48.2N, 16.3E], radius: 80 m } }",
                [
                    "3:25 error '48.2N'", "3:32 error '16.3E'",
                ]
            ),
            ("places: { p: { center: [0x30, 16.3], radius: 80 m } }", ["3:25 error '0x30'"]),
            ("places: { p: { area: \"CIRCLE (0x30 16, 80)\" } }", ["3:22 error 0x30 16"]),
            ("places: { p: { area: \"CIRCLE (48.2 1e1, 0x50)\" } }", ["3:22 error '0x50'"]),
            (
                "tests: [{ name: a, run_for: 1m, expect: [], clock: \"2026-02-31T14:00:00+02:00\" }]",
                ["3:52 error no moment"]
            ),
            (
                "tests: [{ name: a, run_for: 1m, expect: [], clock: \"2028-02-29T14:00:00+02:00\" }]",
                []
            ),
            ("groups: { g: [a,, b] }", ["3:17 error bracket too many"]),
            ("groups: { g: [\"C:\\Users\"] }", ["3:20 error write it twice"]),
        ])
    func written(text: String, expected: [String]) {
        Self.check("version: 1\nrules: []\n\(text)\n", expected)
    }

    @Test("what is never true of places and hours is said at the second")
    func contradictions() {
        let file = """
            version: 1
            timezone: Europe/Vienna
            hours: { night: { daily: "22:00-06:00" } }
            places: { a: { center: [1, 2], radius: 5 m }, b: { center: [1, 3], radius: 5 m } }
            contacts: { o: { email: a@b.c } }
            rules:
              - { id: x, when: { alarm: tow }, notify: [{ to: o }], while: { hours: night, outside_hours: night } }
              - { id: y, when: { alarm: tow }, notify: [{ to: o }], while: { outside: [a, b], inside: a } }
              - { id: z, when: { alarm: tow }, notify: [{ to: o }], while: { outside: a, inside: [a, b] } }

            """
        Self.check(file, ["7:95 warning never true", "8:91 warning never true"])
    }

    @Test("what stands behind several aliases is said once")
    func aliases() {
        let file = """
            version: 1
            contacts: { owner: { email: a@b.c } }
            rules:
              - { id: a, when: { alarm: tow }, notify: &s [{ to: ownr }] }
              - { id: b, when: { alarm: tow }, notify: *s }
              - { id: c, when: { alarm: tow }, notify: [{ to: owner }] }

            """
        Self.check(file, ["4:54 error no contact is called 'ownr'"])
    }

    @Test("channels are those of the configuration, where there is one")
    func channels() {
        let file = """
            version: 1
            contacts: { o: { email: a@b.c, http: fleet-ap, hook: bell } }
            """
        var surroundings = RuleFile.Surroundings.tests
        surroundings.channels = [.http("fleet-api"), .hook("bell")]
        surroundings.contactsInUse = ["o"]
        Self.check(
            file, ["2:25 error no channel 'email'", "2:38 error did you mean 'fleet-api'?"],
            RuleFile.load(file, surroundings))
    }

    @Test("a set needs a version, and a zone where a clock time is used")
    func head() {
        Self.check("timezone: Europe/Vienna\n", ["1:1 error version: 1"])
        Self.check("version: 2\n", ["1:10 error version '2'"])
        Self.check("version: 1\ntimezone: Europe/Wien\n", ["2:11 error no time zone"])
        Self.check("version: 1\ntimezone: ../etc/passwd\n", ["2:11 error no time zone"])
        Self.check(
            "version: 1\nhours: { a: { daily: \"22:00-06:00\" } }\n", ["2:22 error needs a zone"])
        Self.check("", [])
    }
}
