// Why a tracker's server gave no session or no answer, told in plain words. Servers say it in many
// ways (domain.md 4): a bad token is a 400 with a stack trace, a 401 or a 404, by the server's age.
// What is meant is decided in `TraccarSession`; here stands what a person can do about it.

/// The words hold no credential, no cookie, and of a server's text its first line at most.
package enum SessionFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// E-mail and password are not those of an account.
    case refused
    case totpWanted
    /// By password: the account is disabled or expired.
    case disabledOrExpired
    /// Also where the account is disabled or expired: by token the server does not tell them apart.
    case tokenUnknown
    /// A session that was given is not known a moment later, twice in a row.
    case sessionLost
    /// Nothing there speaks Traccar's API.
    case notTraccar(String)
    /// The answer sends us to another address, which we do not follow.
    case redirected(to: String)
    /// Any other status. 400 stands for most refusals of a request, missing rights among them.
    case serverTrouble(status: Int, firstLine: String)
    /// A 200 that does not parse: JSON that is cut off, or another kind of page.
    case notJSON(String)
    case unreachable(String)
    case notTrusted(String)
    case timedOut
    case tooLarge
    case cancelled

    /// Nothing but a person (or, for an expired account, an extension) will change it: to try again
    /// soon is pointless.
    package var isRefusal: Bool {
        switch self {
        case .refused, .totpWanted, .disabledOrExpired, .tokenUnknown, .notTraccar, .redirected:
            true
        case .sessionLost, .serverTrouble, .notJSON, .unreachable, .notTrusted, .timedOut,
            .tooLarge, .cancelled:
            false
        }
    }

    package var description: String {
        switch self {
        case .refused: "the server refuses the login: check the e-mail address and the password"
        case .totpWanted:
            "the account asks for a one-time code (TOTP): log in with a token instead, or use an "
                + "account without one"
        case .disabledOrExpired:
            "the server refuses the login with 400: the account is disabled or expired"
        case .tokenUnknown:
            "the server refuses the token: it is mistyped, expired (a token lives for 7 days "
                + "unless made for longer) or revoked, or its account is disabled; make a new one"
        case .sessionLost: "the server does not know the session that it has just given"
        case .notTraccar(let what): "no Traccar server at this address: \(what); check url"
        case .redirected(let place): "the server sends us to \(place): give that address as url"
        case .serverTrouble(let status, let firstLine):
            firstLine.isEmpty
                ? "the server answers \(status)" : "the server answers \(status): \(firstLine)"
        case .notJSON(let why): "the server's answer cannot be read: \(why)"
        case .unreachable(let words): FetchFailure.unreachable(words).description
        case .notTrusted(let words): FetchFailure.notTrusted(words).description
        case .timedOut: FetchFailure.timedOut.description
        case .tooLarge: FetchFailure.tooLarge.description
        case .cancelled: FetchFailure.cancelled.description
        }
    }

    init(_ failure: FetchFailure) {
        self =
            switch failure {
            case .unreachable(let words): .unreachable(words)
            case .timedOut: .timedOut
            case .notTrusted(let words): .notTrusted(words)
            case .tooLarge: .tooLarge
            case .cancelled: .cancelled
            }
    }
}
