// Logging in, and who may ask: SessionResource.java, LoginService.java, SecurityRequestFilter.java,
// with the answers that each age of the server gives to a bad token.

import Foundation

extension ServerState {
    static let cookieName = "JSESSIONID"

    mutating func session(_ request: Request, _ path: [String]) -> Answer {
        if path.count == 2 {
            guard request.method == "POST", world.dialect == .traccar6 else { return .notFound }
            if let refusal = refusal(request) { return refusal }
            let token = "made-\(random.next())"
            tokens.insert(token)
            return .text(token)
        }
        switch request.method {
        case "GET":
            if let token = request.value("token") { return login(token: token, request) }
            return isLoggedIn(request) ? json(world.account) : .notFound
        case "POST": return login(request)
        case "DELETE":
            request.cookie(Self.cookieName).map { _ = sessions.removeValue(forKey: $0) }
            return Answer(204)
        default: return .notFound
        }
    }

    private mutating func login(token: String, _ request: Request) -> Answer {
        guard isToken(token) else {
            let status = world.dialect.unknownTokenStatus
            return status == 404
                ? .notFound
                : .trace(status, "java.lang.IllegalArgumentException: Illegal base64 character")
        }
        return world.account.disabled ? .unauthorized : begin(request)
    }

    private mutating func login(_ request: Request) -> Answer {
        let account = world.account
        guard request.form("email") == account.email, request.form("password") == account.password
        else { return .unauthorized }
        if account.disabled {
            return .trace(400, "java.lang.SecurityException: Account is disabled")
        }
        if let totp = account.totp {
            guard let code = request.form("code") else {
                var answer = Answer.unauthorized
                answer.headers.append(("WWW-Authenticate", "TOTP"))
                return answer
            }
            if code != totp {
                return .trace(400, "java.lang.SecurityException: Invalid TOTP code")
            }
        }
        return begin(request)
    }

    private mutating func begin(_ request: Request) -> Answer {
        let id = "node0\(String(random.next(), radix: 36)).node0"
        sessions[id] = Session(origin: request.header("Origin"))
        var answer = json(world.account)
        answer.headers.append(("Set-Cookie", "\(Self.cookieName)=\(id); Path=/; HttpOnly"))
        return answer
    }

    private func isToken(_ token: String) -> Bool {
        token == world.account.token || tokens.contains(token)
    }

    /// By cookie: all that the socket takes.
    func isLoggedIn(_ request: Request) -> Bool {
        guard let session = request.cookie(Self.cookieName).flatMap({ sessions[$0] }) else {
            return false
        }
        return !world.dialect.comparesOrigins || session.origin == request.header("Origin")
    }

    /// nil: it may ask. A wrong Authorization header wins over a good cookie.
    func refusal(_ request: Request) -> Answer? {
        guard let header = request.header("Authorization") else {
            return isLoggedIn(request) ? nil : .unauthorized
        }
        let parts = header.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, !world.account.disabled else { return .unauthorized }
        switch parts[0].lowercased() {
        case "basic":
            let text = Data(base64Encoded: parts[1]).map { String(decoding: $0, as: UTF8.self) }
            return text == "\(world.account.email):\(world.account.password)" ? nil : .unauthorized
        case "bearer":
            return world.dialect.takesBearerTokens && isToken(parts[1]) ? nil : .unauthorized
        default: return .unauthorized
        }
    }
}
