// A session with a tracker's server: logs in with a token or with e-mail and password, keeps the
// cookie, and asks. It promises that each refusal that servers are known to give (domain.md 4) is
// understood and told in plain words, and that no credential, cookie or stack trace leaves it. A
// session that the server has forgotten (a restart forgets them all) is renewed within a `get`.
//
// The cookie is the only proof that is shown after the login: BikeTrax takes tokens for nothing
// else, and a wrong `Authorization` would win over a valid cookie.
import Alerting

/// One account's session at one server.
package actor TraccarSession {
    private let server: ServerURL
    private let credential: Credential
    private let fetch: Fetch
    private var cookies = CookieJar()
    /// How often a session was given: by it a `get` sees whether another has renewed it meanwhile.
    private var logins = 0

    /// - Parameter url: the source's `url`.
    package init(url: String, credential: Credential, fetch: @escaping Fetch) {
        server = ServerURL(url)
        self.credential = credential
        self.fetch = fetch
    }

    /// What the socket's upgrade shows, `JSESSIONID=…`; nil before a login. A secret.
    package var cookie: String? { cookies.header }

    /// Logs in anew; whatever session there was is forgotten here, and left to the server.
    @discardableResult
    package func login() async throws(SessionFailure) -> ServerAccount {
        cookies = CookieJar()
        let answer = try await send(loginRequest)
        guard answer.status == 200 else { throw await refusal(answer) }
        let account: ServerAccount
        do {
            account = try TraccarLists(server: server.text, source: "").account(answer.body)
        } catch {
            throw .notTraccar("the answer to a login is no account")
        }
        var given = CookieJar()
        given.take(answer.values(of: "Set-Cookie"))
        guard given.header != nil else {
            throw .notTraccar("the answer to a login brings no cookie")
        }
        cookies = given
        logins += 1
        return account
    }

    /// Tells the server to forget the session. That it cannot be told is no failure.
    package func logout() async {
        guard cookies.header != nil else { return }
        let request = request(.delete, "/api/session", limit: Limits.sessionBytes)
        cookies = CookieJar()
        // Nothing is lost: the server forgets it when it is restarted.
        _ = try? await fetch(request)
    }

    /// The body of a 200. `path` begins with a slash: `/api/devices`. Without a session, or where
    /// the server has forgotten it, it logs in first, once.
    package func get(
        _ path: String, query: [(name: String, value: String)] = [], limit: Int = Limits.answerBytes
    ) async throws(SessionFailure) -> [UInt8] {
        if cookies.header == nil { try await login() }
        let used = logins
        var answer = try await send(request(.get, path, query: query, limit: limit))
        if answer.status == 401 {
            if used == logins { try await login() }
            answer = try await send(request(.get, path, query: query, limit: limit))
        }
        switch answer.status {
        case 200: return answer.body
        case 401: throw .sessionLost
        default: throw failure(of: answer)
        }
    }

    /// The same, read: what does not parse is a failure, never an empty list.
    package func get<Value: Sendable>(
        _ path: String, query: [(name: String, value: String)] = [],
        limit: Int = Limits.answerBytes,
        read: @Sendable ([UInt8]) throws(TraccarPayload.Refusal) -> Value
    ) async throws(SessionFailure) -> Value {
        let body = try await get(path, query: query, limit: limit)
        do { return try read(body) } catch { throw .notJSON(error.description) }
    }

    // MARK: - Requests

    private var loginRequest: FetchRequest {
        switch credential {
        case .token(let token):
            return request(
                .get, "/api/session", query: [("token", token)], limit: Limits.sessionBytes)
        case .login(let email, let password):
            var form = request(.post, "/api/session", limit: Limits.sessionBytes)
            form.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            form.body = Array(
                Form.encoded([("email", email), ("password", password)]).utf8)
            return form
        }
    }

    private func request(
        _ method: FetchRequest.Method, _ path: String,
        query: [(name: String, value: String)] = [], limit: Int
    ) -> FetchRequest {
        // Reports come as a spreadsheet to whom does not ask for JSON.
        var headers = [(name: "Accept", value: "application/json")]
        if let cookie = cookies.header { headers.append(("Cookie", cookie)) }
        let seconds =
            switch limit {
            case ...Limits.sessionBytes: Limits.sessionSeconds
            case ...Limits.answerBytes: Limits.answerSeconds
            default: Limits.listSeconds
            }
        return FetchRequest(
            method, url: server.url(path, query: query), headers: headers,
            timeout: .seconds(seconds), limit: limit)
    }

    private func send(_ request: FetchRequest) async throws(SessionFailure) -> FetchAnswer {
        do { return try await fetch(request) } catch { throw SessionFailure(error) }
    }

    // MARK: - What refusals mean

    private func refusal(_ answer: FetchAnswer) async -> SessionFailure {
        let byToken =
            switch credential {
            case .token: true
            case .login: false
            }
        switch answer.status {
        case 400: return byToken ? .tokenUnknown : .disabledOrExpired
        case 401 where byToken: return .tokenUnknown
        case 401:
            let asked = answer.values(of: "WWW-Authenticate")
            return asked.contains { $0.uppercased().hasPrefix("TOTP") } ? .totpWanted : .refused
        // Servers up to 5.0 say so of a token; so does every web server of a page it has not.
        case 404:
            if byToken, await isTraccar() { return .tokenUnknown }
            return .notTraccar("there is no page /api/session")
        default: return failure(of: answer)
        }
    }

    /// Whether the page that needs no login is there.
    private func isTraccar() async -> Bool {
        let request = request(.get, "/api/server", limit: Limits.sessionBytes)
        // No answer is no Traccar, as far as can be said.
        guard let answer = try? await fetch(request), answer.status == 200 else { return false }
        let info = try? TraccarLists(server: server.text, source: "").info(answer.body)
        return info?.version != nil
    }

    private func failure(of answer: FetchAnswer) -> SessionFailure {
        if (300..<400).contains(answer.status) {
            return .redirected(to: place(answer.values(of: "Location").first))
        }
        return .serverTrouble(status: answer.status, firstLine: firstLine(answer.body))
    }

    /// Scheme and host alone: the rest of the address may repeat a token.
    private func place(_ location: String?) -> String {
        guard let location, let origin = ServerURL(location).origin else { return "another page" }
        return ForeignWords.line(Array(origin.utf8), without: secrets)
    }

    private func firstLine(_ body: [UInt8]) -> String {
        ForeignWords.line(body, without: secrets)
    }

    private var secrets: [String] { credential.secrets + cookies.values }
}
