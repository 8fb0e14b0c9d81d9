// What people are told of an account that cannot give the rules what they listen to.
import Alerting
import Foundation
import Intake
import Testing

@testable import RelayServer

@Suite("The look at an account")
struct AccountCheckTests {
    static let rules = """
        version: 1
        timezone: Europe/Vienna
        hours: { open: { daily: "00:00-24:00", except: [closed] } }
        calendars: { closed: { traccar: Closed days } }
        places: { depot: { traccar: Depot }, gate: { traccar: "7" } }
        groups: { couriers: { traccar: Couriers } }
        contacts: { owner: { http: fleet } }
        rules:
          - { id: a, devices: [Cargo 1, "Van*"], when: { alarm: [vibration, sos] }, notify: [{ to: owner }] }
          - { id: b, devices: couriers, when: { leaves: depot }, notify: [{ to: owner }] }
          - { id: c, when: { event: any }, notify: [{ to: owner }] }
          - { id: d, enabled: false, when: { event: deviceOffline }, notify: [{ to: owner }] }

        """

    private func book(_ names: ServerNames? = nil) -> RuleBook {
        var surroundings = RuleFile.Surroundings(zones: Zones.reader)
        surroundings.serverGroup = { names?.groups[$0] }
        surroundings.serverCalendar = { names?.calendars[$0] }
        let outcome = RuleFile.load(
            files: [("r.yaml", Self.rules)], surroundings: surroundings)
        #expect(outcome.findings.map(\.headline) == [])
        return outcome.book
    }

    private func notification(
        _ type: String, alarms: [String] = [], by notificators: [String] = ["web"],
        always: Bool = true
    ) -> ServerNotification {
        var notification = ServerNotification(id: 1, type: type)
        notification.alarms = alarms
        notification.notificators = notificators
        notification.always = always
        return notification
    }

    @Test("each thing that rules listen to and nobody pushes is said")
    func missing() {
        let warnings = AccountCheck.warnings(
            book(),
            [
                notification("alarm", alarms: ["vibration"]),
                notification("geofenceExit", by: ["mail"]),
            ], linked: [:])
        #expect(warnings.count == 2)
        #expect(warnings[0].contains("will not push alarm sos"))
        #expect(warnings[1].contains("will not push geofenceExit"))
    }

    @Test("one that is for some devices only is looked at for those that rules name")
    func linked() {
        let some = notification("alarm", alarms: ["vibration", "sos"], always: false)
        let all = [some, notification("geofenceExit")]
        #expect(book().devicesNamed == ["Cargo 1"])
        #expect(AccountCheck.warnings(book(), all, linked: ["Cargo 1": [some]]) == [])
        let warnings = AccountCheck.warnings(book(), all, linked: ["Cargo 1": []])
        #expect(warnings.count == 2)
        #expect(warnings[0].contains("alarm sos of Cargo 1"))
    }

    @Test("names that no server has are said, those that one has are not")
    func names() {
        var names = ServerNames()
        names.geofences = ["Depot", "4"]
        names.groups = ["Couriers": ["861"]]
        let book = book(names)
        #expect(book.serverGroups == ["Couriers"] && book.serverCalendars == ["Closed days"])
        #expect(book.rules.first { $0.id == "b" }?.devices == .matching(["861"]))
        let unknown = book.unknownNames(ServerNamesBook(["one": names]))
        #expect(unknown.count == 2)
        #expect(unknown[0].words.contains("'gate'"))
        #expect(unknown[1].words.contains("calendar 'Closed days'"))
    }

    @Test("a server's calendar is read; what cannot be read of it is a warning, no error")
    func calendar() {
        var surroundings = RuleFile.Surroundings(zones: Zones.reader)
        surroundings.serverCalendar = { _ in
            """
            BEGIN:VCALENDAR\r
            BEGIN:VEVENT\r
            DTSTART:20260501T000000\r
            DTEND:20260502T000000\r
            END:VEVENT\r
            END:VCALENDAR\r

            """
        }
        let good = RuleFile.load(files: [("r.yaml", Self.rules)], surroundings: surroundings)
        #expect(good.findings.map(\.headline) == [])
        surroundings.serverCalendar = { _ in "nonsense" }
        let bad = RuleFile.load(files: [("r.yaml", Self.rules)], surroundings: surroundings)
        #expect(!bad.hasErrors && bad.findings.count == 1)
        #expect(bad.findings.first?.message.contains("'Closed days'") ?? false)
    }

    @Test("of two servers with one group, the members of both are meant")
    func twoServers() {
        var (one, two) = (ServerNames(), ServerNames())
        one.groups = ["Couriers": ["861"]]
        two.groups = ["Couriers": ["862", "861"], "Others": []]
        let names = ServerNamesBook(["one": one, "two": two])
        #expect(names.group("Couriers") == ["861", "862"])
        #expect(names.group("Others") == [] && names.group("None") == nil)
    }
}
