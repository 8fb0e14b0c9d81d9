// What the REST side says, decided without a socket: logins that are refused in every way that a
// server has, and requests that spoil their answer.

import Foundation
import Testing

@testable import TrackerSimulator

@Suite("answers")
struct AnswerTests {
    static let now = SceneTests.start
    static let basic =
        "Basic " + Data("owner@example.org:secret".utf8).base64EncodedString()

    private func server(
        _ dialect: Dialect = .biketrax, _ change: (inout World) -> Void = { _ in }
    ) -> ServerState {
        var world = World.standard(dialect, now: Self.now)
        change(&world)
        return ServerState(world, seed: 1)
    }

    private func ask(
        _ server: inout ServerState, _ method: String = "GET", _ uri: String,
        _ headers: [String: String] = ["Authorization": basic], body: String = ""
    ) -> Answer {
        server.answer(
            Request(
                method, uri, headers: headers.map { ($0.key, $0.value) }, body: Array(body.utf8)),
            now: Self.now)
    }

    private func text(_ answer: Answer) -> String { String(decoding: answer.body, as: UTF8.self) }

    private func login(_ server: inout ServerState, _ body: String) -> Answer {
        ask(&server, "POST", "/api/session", [:], body: body)
    }

    @Test("e-mail and password make a session, whose cookie opens everything")
    func cookie() throws {
        var server = server()
        let answer = login(&server, "email=owner%40example.org&password=secret")
        let cookie = try #require(answer.headers.first { $0.name == "Set-Cookie" }?.value)
        #expect(cookie.hasPrefix("JSESSIONID=") && cookie.hasSuffix("; Path=/; HttpOnly"))
        let user = try object(answer.body)
        #expect(user["token"] as? String == "simulated-token")
        #expect(user["twelveHourFormat"] as? Bool == false)
        let header = ["Cookie": String(cookie.prefix { $0 != ";" }) + "; other=1"]
        #expect(ask(&server, "GET", "/api/devices", header).status == 200)
        #expect(ask(&server, "GET", "/api/session", header).status == 200)
        #expect(ask(&server, "DELETE", "/api/session", header).status == 204)
        #expect(ask(&server, "GET", "/api/devices", header).status == 401)
        #expect(ask(&server, "GET", "/api/session", header).status == 404)
    }

    @Test("a wrong password is a 401, with a stack trace as text")
    func wrongPassword() {
        var server = server()
        let answer = login(&server, "email=owner%40example.org&password=Secret")
        #expect(answer.status == 401)
        #expect(text(answer).contains("\n\tat org.traccar."))
        #expect(
            answer.headers.contains { $0.name == "Content-Type" && $0.value.hasPrefix("text/") })
    }

    @Test("an unknown token is a 404 where tokens are plain, a 400 on Traccar 6")
    func tokens() {
        for (dialect, status) in [(Dialect.biketrax, 404), (.traccar6, 400)] {
            var server = server(dialect)
            #expect(ask(&server, "GET", "/api/session?token=nobody", [:]).status == status)
            #expect(ask(&server, "GET", "/api/session?token=simulated-token", [:]).status == 200)
            server.world.account.disabled = true
            #expect(ask(&server, "GET", "/api/session?token=simulated-token", [:]).status == 401)
            #expect(login(&server, "email=owner%40example.org&password=secret").status == 400)
        }
    }

    @Test("a second factor is asked for, and a wrong code is a 400")
    func totp() {
        var server = server(.traccar6) { $0.account.totp = "123456" }
        let form = "email=owner%40example.org&password=secret"
        let asked = login(&server, form)
        #expect(asked.status == 401)
        #expect(asked.headers.contains { $0.name == "WWW-Authenticate" && $0.value == "TOTP" })
        #expect(login(&server, form + "&code=1").status == 400)
        #expect(login(&server, form + "&code=123456").status == 200)
    }

    @Test("a wrong Authorization wins over a good cookie; bearer tokens are Traccar 6's")
    func authorization() throws {
        for dialect in Dialect.allCases {
            var server = server(dialect)
            let answer = ask(&server, "GET", "/api/session?token=simulated-token", [:])
            let cookie = try #require(answer.headers.first { $0.name == "Set-Cookie" }?.value)
            let both = ["Cookie": cookie, "Authorization": "Basic eDp5"]
            #expect(ask(&server, "GET", "/api/devices", both).status == 401)
            let bearer = ["Authorization": "Bearer simulated-token"]
            #expect(
                ask(&server, "GET", "/api/devices", bearer).status
                    == (dialect == .traccar6 ? 200 : 401))
            // Another Origin than the login's counts as logged out since 6.12.
            let strange = ["Cookie": cookie, "Origin": "https://example.org"]
            #expect(
                ask(&server, "GET", "/api/devices", strange).status
                    == (dialect == .traccar6 ? 401 : 200))
        }
    }

    @Test("a token can be made on Traccar 6, and makes a session")
    func makeToken() {
        var server = server(.traccar6)
        let token = text(ask(&server, "POST", "/api/session/token"))
        #expect(ask(&server, "GET", "/api/session?token=\(token)", [:]).status == 200)
    }

    @Test(
        "requests and their status",
        arguments: [
            ("/api/server", 200), ("/api/health", 200), ("/api/devices", 200),
            ("/api/devices?id=1&id=2", 200), ("/api/devices?id=77", 400),
            ("/api/devices?id=x", 404), ("/api/devices/2", 200), ("/api/devices/77", 404),
            ("/api/geofences", 200), ("/api/groups", 200), ("/api/calendars", 200),
            ("/api/notifications", 200), ("/api/notifications?deviceId=1", 200),
            ("/api/notifications?deviceId=77", 400), ("/api/positions", 200),
            ("/api/positions?deviceId=1", 200), ("/api/positions?deviceId=77", 400),
            ("/api/positions?deviceId=1&from=2026-01-01T00:00:00Z", 404),
            ("/api/events/77", 404), ("/api/nothing", 404), ("/", 404),
            ("/api/socket", 503),
            (
                "/api/reports/events?deviceId=1&from=2026-01-01T00:00:00&to=2027-01-01T00:00:00Z",
                404
            ),
            ("/api/reports/events?deviceId=1", 404),
            (
                "/api/reports/events?deviceId=1&from=2026-01-01T00:00:00+00:00&to=2027-01-01T00:00:00Z",
                404
            ),
            (
                "/api/reports/events?deviceId=1&from=2026-01-01T00:00:00%2B00:00&to=2027-01-01T00:00:00Z",
                200
            ),
            (
                "/api/reports/events?deviceId=77&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
                400
            ),
        ])
    func statuses(_ uri: String, _ status: Int) {
        var server = server()
        #expect(ask(&server, "GET", uri).status == status)
    }

    @Test("one position that was deleted spoils the answer about all")
    func deletedPosition() throws {
        var server = server()
        let ids = server.world.latestPositions.map(\.id)
        let uri = "/api/positions?id=\(ids[0])&id=\(ids[1])"
        #expect(try list(ask(&server, "GET", uri).body).count == 2)
        server.world.deletePosition(ids[1])
        let spoiled = ask(&server, "GET", uri)
        #expect(spoiled.status == 400 && text(spoiled).contains("NullPointerException"))
        #expect(ask(&server, "GET", "/api/positions?id=\(ids[0])").status == 200)
        server.world.account.disableReports = true
        #expect(ask(&server, "GET", "/api/positions?id=\(ids[0])").status == 400)
        #expect(ask(&server, "GET", "/api/positions").status == 200)
    }

    @Test("a report without Accept: application/json is a spreadsheet")
    func spreadsheet() throws {
        var server = server()
        _ = server.world.take(.said(1, "sos"), now: Self.now)
        let uri =
            "/api/reports/events?deviceId=1&deviceId=2&type=alarm"
            + "&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z"
        let sheet = ask(&server, "GET", uri)
        #expect(sheet.status == 200 && sheet.body.starts(with: Array("PK".utf8)))
        let json = ["Authorization": Self.basic, "Accept": "application/json"]
        let events = try list(ask(&server, "GET", uri, json).body)
        #expect(events.count == 1)
        let event = try #require(events.first)
        #expect((event["attributes"] as? [String: String])?["alarm"] == "sos")
        #expect(event["attributes"].map { "\($0)".contains("message") } == false)
        let id = try #require(event["id"] as? Int)
        #expect(ask(&server, "GET", "/api/events/\(id)").status == 200)

        server.world.reportLimit = .ofHours(24)
        #expect(ask(&server, "GET", uri, json).status == 400)
        server.world.reportLimit = nil
        server.world.account.disableReports = true
        #expect(ask(&server, "GET", uri, json).status == 400)
    }

    @Test("a notification's devices are seen by asking for a device")
    func linkedNotifications() throws {
        var server = server()
        #expect(try list(ask(&server, "GET", "/api/notifications?deviceId=1").body).isEmpty)
        server.world.notifications[0].devices = [1]
        #expect(try list(ask(&server, "GET", "/api/notifications?deviceId=1").body).count == 1)
        #expect(try list(ask(&server, "GET", "/api/notifications?deviceId=2").body).isEmpty)
    }

    @Test("a server that is down says 503 to everything; one that is cut off says half a list")
    func faults() {
        var server = server()
        server.faults.isDown = true
        #expect(ask(&server, "GET", "/api/server").status == 503)
        server.faults.isDown = false
        let whole = ask(&server, "GET", "/api/devices").body
        server.faults.truncates = true
        let half = ask(&server, "GET", "/api/devices")
        #expect(half.status == 200 && half.body.count == whole.count / 2)
        #expect(throws: (any Error).self) {
            try JSONSerialization.jsonObject(with: Data(half.body))
        }
    }

    @Test("arming and disarming by the admin API changes the device")
    func admin() {
        var server = server()
        let login = ["Username": "owner@example.org", "Password": "secret"]
        let uri = "/admin/api/devices/860000000000001/"
        #expect(ask(&server, "POST", uri + "arm", [:]).status == 401)
        #expect(ask(&server, "POST", uri + "arm", login).status == 200)
        #expect(server.world.device(1)?.attributes["guarded"] == .flag(true))
        #expect(ask(&server, "POST", uri + "disarm", login).status == 200)
        #expect(server.world.device(1)?.attributes["guarded"] == .flag(false))
        var traccar = self.server(.traccar6)
        #expect(ask(&traccar, "POST", uri + "arm", login).status == 404)
    }

    @Test("a calendar is an iCalendar text in base64")
    func calendar() throws {
        var server = server()
        let calendar = try #require(try list(ask(&server, "GET", "/api/calendars").body).first)
        let data = try #require(Data(base64Encoded: calendar["data"] as? String ?? ""))
        #expect(String(decoding: data, as: UTF8.self).hasPrefix("BEGIN:VCALENDAR\r\n"))
    }
}
