// The two servers that the stand-in can be. What differs is what differs on the wire: members of
// the objects, answers to a bad token, where a token may be used.

/// Which server it is.
package enum Dialect: String, Sendable, CaseIterable {
    /// PowUnity's BikeTrax: a fork that has members of several ages of Traccar at once. Its users
    /// carry `token` and `twelveHourFormat`, its devices `geofenceIds`, its positions `outdated`
    /// and `type`; its webhooks call an event's time `serverTime` (PowUnity's API page; the
    /// models that aiobiketrax reads).
    case biketrax
    /// Traccar 6.14.
    case traccar6 = "6"

    package var version: String {
        switch self {
        case .biketrax: "5.8"
        case .traccar6: "6.14.5"
        }
    }

    /// How a token is refused that nobody has: 404 where tokens were plain (up to 5.0), 400 with a
    /// stack trace from 5.4 to 6.14.5.
    var unknownTokenStatus: Int {
        switch self {
        case .biketrax: 404
        case .traccar6: 400
        }
    }

    /// Whether a request may carry the token itself, not only a session that was made by it.
    var takesBearerTokens: Bool { self == .traccar6 }

    /// Whether a request whose Origin is not the login's counts as logged out (since 6.12).
    var comparesOrigins: Bool { self == .traccar6 }

    /// Whether connection changes make events (`event.status.enable`, false since 6.14).
    package var makesStatusEvents: Bool { self == .biketrax }

    /// What its trackers speak.
    var trackerProtocol: String { self == .biketrax ? "h02" : "osmand" }
}
