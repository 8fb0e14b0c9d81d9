// The session against a real HTTP server that answers as servers of all ages do (domain.md 4), and
// what it shows of what it knows: nothing.
import Alerting
import Foundation
import Synchronization
import Testing

@testable import Intake

@Suite("A session with a tracker's server", .timeLimit(.minutes(1)))
struct SessionTests {
    static let token = "RzBFAiEA-s3cr3t/t0ken+x=="
    static let password = "pass word&=+ü"
    static let email = "owner@example.org"
    static let account = #"{"id":7,"email":"owner@example.org","attributes":{},"password":null}"#
    static let trace = """
        Account is disabled - SecurityException (LoginService:88 < SessionResource:61 < ...)
        \tat org.traccar.api.security.LoginService.checkUserEnabled(LoginService.java:88)
        \tat org.traccar.api.resource.SessionResource.get(SessionResource.java:61)
        """
    static let byToken = Credential.token(token)
    static let byPassword = Credential.login(email: email, password: password)

    private func withSession(
        _ credential: Credential,
        _ answer: @escaping @Sendable (ServerDouble.Request) -> ServerDouble.Answer,
        _ test: (TraccarSession, ServerDouble) async throws -> Void
    ) async throws {
        let server = try await ServerDouble(answer)
        let session = TraccarSession(url: server.url, credential: credential, fetch: plainFetch)
        try await test(session, server)
        try await server.stop()
    }

    // MARK: - Login

    @Test("a token logs in, and only the cookie is shown afterwards")
    func token() async throws {
        try await withSession(Self.byToken) { request in
            request.path == "/api/session"
                ? .json(Self.account, cookie: "JSESSIONID=node0abc") : .json("[]")
        } _: { session, server in
            let account = try await session.login()
            #expect(account.id == 7)
            #expect(await session.cookie == "JSESSIONID=node0abc")
            let body = try await session.get("/api/devices", query: [("id", "1"), ("id", "2")])
            #expect(String(decoding: body, as: UTF8.self) == "[]")

            let (login, get) = (server.requests[0], server.requests[1])
            #expect(login.method == "GET")
            #expect(login.target == "/api/session?token=RzBFAiEA-s3cr3t%2Ft0ken%2Bx%3D%3D")
            #expect(login.header("Cookie") == nil)
            #expect(get.target == "/api/devices?id=1&id=2")
            #expect(get.header("Cookie") == "JSESSIONID=node0abc")
            #expect(get.header("Accept") == "application/json")
            for request in server.requests {
                #expect(request.header("Origin") == nil)
                #expect(request.header("Authorization") == nil)
            }
        }
    }

    @Test("e-mail and password go in a form, whatever characters they have")
    func password() async throws {
        try await withSession(Self.byPassword) { _ in
            .json(Self.account, cookie: "JSESSIONID=a")
        } _: { session, server in
            try await session.login()
            let login = server.requests[0]
            #expect(login.method == "POST" && login.target == "/api/session")
            #expect(login.header("Content-Type") == "application/x-www-form-urlencoded")
            #expect(
                login.body == "email=owner%40example.org&password=pass%20word%26%3D%2B%C3%BC")
        }
    }

    @Test("what a proxy sets beside JSESSIONID is kept, so that it finds the same server again")
    func stickyCookies() async throws {
        try await withSession(Self.byToken) { _ in
            ServerDouble.Answer(
                status: 200,
                headers: [
                    ("Set-Cookie", "JSESSIONID=a.node1; Path=/; HttpOnly"),
                    ("Set-Cookie", "LB=\"s2\"; Max-Age=3600"),
                    ("Set-Cookie", "old=; Max-Age=0"), ("Set-Cookie", "no name"),
                ], body: Self.account)
        } _: { session, _ in
            try await session.login()
            #expect(await session.cookie == #"JSESSIONID=a.node1; LB="s2""#)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var credential: Credential
        var answer: ServerDouble.Answer
        /// Of /api/server.
        var info = ServerDouble.Answer.json(#"{"id":1,"version":"5.0"}"#)
        var means: SessionFailure
    }

    static let page = "<!doctype html><html></html>"
    static let totp = ServerDouble.Answer(
        status: 401, headers: [("WWW-Authenticate", "TOTP")], body: trace)
    static let refusals: [Refusal] = [
        .init(
            testDescription: "wrong password", credential: byPassword,
            answer: .status(401, trace), means: .refused),
        .init(
            testDescription: "TOTP is asked for", credential: byPassword, answer: totp,
            means: .totpWanted),
        .init(
            testDescription: "disabled or expired, by password", credential: byPassword,
            answer: .status(400, trace), means: .disabledOrExpired),
        .init(
            testDescription: "bad token, since 2026", credential: byToken,
            answer: .status(401), means: .tokenUnknown),
        .init(
            testDescription: "bad token, 5.4 to 6.14: a stack trace", credential: byToken,
            answer: .status(400, trace), means: .tokenUnknown),
        .init(
            testDescription: "bad token, up to 5.0: no such thing", credential: byToken,
            answer: .status(404, trace), means: .tokenUnknown),
        .init(
            testDescription: "no Traccar: a web server without such a page", credential: byToken,
            answer: .status(404, page), info: .status(404, page),
            means: .notTraccar("there is no page /api/session")),
        .init(
            testDescription: "no Traccar: a page for every address", credential: byToken,
            answer: .json(page, cookie: "PHPSESSID=1"),
            means: .notTraccar("the answer to a login is no account")),
        .init(
            testDescription: "no cookie", credential: byToken, answer: .json(account),
            means: .notTraccar("the answer to a login brings no cookie")),
        .init(
            testDescription: "the address has moved", credential: byToken,
            answer: .init(
                status: 301, headers: [("Location", "https://new.example.org/x?token=\(token)")]),
            means: .redirected(to: "https://new.example.org")),
        .init(
            testDescription: "the server is in trouble", credential: byToken,
            answer: .status(503, "Service\u{7} Unavailable\r\nmore"),
            means: .serverTrouble(status: 503, firstLine: "Service Unavailable")),
    ]

    @Test("each refusal is understood", arguments: refusals)
    func refused(_ refusal: Refusal) async throws {
        try await withSession(refusal.credential) { request in
            request.path == "/api/server" ? refusal.info : refusal.answer
        } _: { session, _ in
            let failure = await #expect(throws: SessionFailure.self) { try await session.login() }
            #expect(failure == refusal.means)
            #expect(await session.cookie == nil)
            let isRefusal = if case .serverTrouble = refusal.means { false } else { true }
            #expect(failure?.isRefusal == isRefusal)
            #expect(failure?.description.contains("at org.traccar") == false)
        }
    }

    @Test("a server that is not there is no refusal")
    func unreachable() async throws {
        let server = try await ServerDouble { _ in .status(500) }
        try await server.stop()
        let session = TraccarSession(
            url: server.url, credential: Self.byToken, fetch: plainFetch)
        let failure = await #expect(throws: SessionFailure.self) { try await session.login() }
        #expect(failure?.isRefusal == false)
        #expect(failure?.description.hasPrefix("no connection to the server: ") == true)
    }

    // MARK: - Get

    @Test("a server that was restarted has forgotten the session: one new login, and the answer")
    func restarted() async throws {
        let logins = Atomic(0)
        try await withSession(Self.byToken) { request in
            if request.path == "/api/session" {
                let number = logins.add(1, ordering: .relaxed).newValue
                return .json(Self.account, cookie: "JSESSIONID=life\(number)")
            }
            return request.header("Cookie") == "JSESSIONID=life2"
                ? .json("[1]") : .status(401, Self.trace)
        } _: { session, server in
            try await session.login()
            let body = try await session.get("/api/devices")
            #expect(String(decoding: body, as: UTF8.self) == "[1]")
            #expect(
                server.requests.map(\.path) == [
                    "/api/session", "/api/devices", "/api/session", "/api/devices",
                ])
            // The old cookie is not shown to the login.
            #expect(server.requests[2].header("Cookie") == nil)
        }
    }

    @Test("a session that is lost again at once is a failure, not a loop")
    func lostAgain() async throws {
        try await withSession(Self.byToken) { request in
            request.path == "/api/session"
                ? .json(Self.account, cookie: "JSESSIONID=a") : .status(401)
        } _: { session, server in
            let failure = await #expect(throws: SessionFailure.self) {
                try await session.get("/api/devices")
            }
            #expect(failure == .sessionLost)
            #expect(server.requests.count == 4)
        }
    }

    @Test("a token that expires ends the session: the login's refusal is what is told")
    func expires() async throws {
        let logins = Atomic(0)
        try await withSession(Self.byToken) { request in
            guard request.path == "/api/session" else { return .status(401) }
            return logins.add(1, ordering: .relaxed).newValue == 1
                ? .json(Self.account, cookie: "JSESSIONID=a") : .status(400, Self.trace)
        } _: { session, _ in
            try await session.login()
            let failure = await #expect(throws: SessionFailure.self) {
                try await session.get("/api/devices")
            }
            #expect(failure == .tokenUnknown)
        }
    }

    @Test("a missing right is told by the first line of the stack trace alone")
    func missingRight() async throws {
        try await withSession(Self.byToken) { request in
            request.path == "/api/session"
                ? .json(Self.account, cookie: "JSESSIONID=n0de") : .status(400, Self.trace)
        } _: { session, _ in
            let failure = await #expect(throws: SessionFailure.self) {
                try await session.get("/api/reports/events")
            }
            #expect(
                failure?.description == "the server answers 400: Account is disabled - "
                    + "SecurityException (LoginService:88 < SessionResource:61 < ...)")
        }
    }

    @Test("an answer that is cut off is a failure, not an empty list")
    func cutOff() async throws {
        try await withSession(Self.byToken) { request in
            request.path == "/api/session"
                ? .json(Self.account, cookie: "JSESSIONID=a")
                : .json(#"[{"id":1,"uniqueId":"a","name":"A"},{"id":2,"uni"#)
        } _: { session, server in
            let lists = TraccarLists(server: server.url, source: "a")
            let failure = await #expect(throws: SessionFailure.self) {
                try await session.get("/api/devices", read: lists.devices)
            }
            guard case .notJSON = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(failure?.description.contains("uni") == false)
        }
    }

    @Test("logging out tells the server, and there is no cookie any more")
    func logout() async throws {
        try await withSession(Self.byToken) { request in
            request.method == "DELETE"
                ? .status(204) : .json(Self.account, cookie: "JSESSIONID=a")
        } _: { session, server in
            try await session.login()
            await session.logout()
            await session.logout()
            #expect(server.requests.map(\.method) == ["GET", "DELETE"])
            #expect(server.requests[1].header("Cookie") == "JSESSIONID=a")
            #expect(await session.cookie == nil)
        }
    }

    // MARK: - What is not shown

    @Test("no secret is in a failure, even where the server repeats it", arguments: [true, false])
    func echo(byToken: Bool) async throws {
        let all = [Self.token, Self.password, Self.email, "s3ss10n", Form.encoded(Self.token)]
        let line = "cannot parse " + all.joined(separator: " or ")
        try await withSession(byToken ? Self.byToken : Self.byPassword) { request in
            switch request.path {
            case "/api/session": .json(Self.account, cookie: "JSESSIONID=s3ss10n")
            case "/api/moved":
                .init(status: 302, headers: [("Location", "https://s3ss10n/?token=\(Self.token)")])
            default: .status(500, line)
            }
        } _: { session, _ in
            for path in ["/api/devices", "/api/moved"] {
                let failure = await #expect(throws: SessionFailure.self) {
                    try await session.get(path)
                }
                let shown = "\(String(describing: failure)) \(String(reflecting: failure))"
                #expect(!shown.contains("s3ss10n"))
                let own = byToken ? [Self.token, Form.encoded(Self.token)] : [Self.password]
                for secret in own { #expect(!shown.contains(secret)) }
            }
        }
    }

    @Test("requests, answers and credentials print themselves without secrets")
    func printing() {
        let request = FetchRequest(
            .post, url: "https://a/api/session?token=s3cret",
            headers: [("Cookie", "JSESSIONID=s3cret")], body: Array("password=s3cret".utf8),
            timeout: .seconds(1), limit: 1)
        let answer = FetchAnswer(
            status: 200, headers: [("Set-Cookie", "s3cret")], body: Array("s3cret".utf8))
        for value in [
            request, answer, Credential.token("s3cret"),
            Credential.login(email: "s3cret", password: "s3cret"),
        ] as [Any] {
            var dumped = ""
            dump(value, to: &dumped)
            let shown = "\(value) \(String(reflecting: value)) \(dumped)"
            #expect(!shown.contains("s3cret"))
        }
    }
}
