// Stub: being written.
package import Alerting

/// One connection to `/api/socket`, from the upgrade to its end.
package struct TraccarSocket: Sendable {
    package struct Settings: Sendable {
        /// The source's `url`.
        package var url: String
        package var name: String
        package var ping: Duration = .seconds(30)
        package var deadAfter: Duration = .seconds(120)
        package var upgradeTimeout: Duration = .seconds(Limits.upgradeSeconds)
        /// A PEM file: trusted instead of the system's authorities.
        package var ca: String?

        package init(url: String, name: String) {
            self.url = url
            self.name = name
        }
    }

    package enum Input: Sendable {
        /// The upgrade succeeded; comes once, first.
        case opened
        /// Never an empty one: keep-alives end here.
        case message(SocketMessage)
        /// A message that is no JSON, which is dropped: why.
        case unreadable(String)
    }

    package enum End: Sendable, Hashable, CustomStringConvertible {
        /// The upgrade was answered with this: 503 and 401 where there is no session.
        case refused(status: Int)
        case unreachable(String)
        case notTrusted(String)
        /// In order, with its code (RFC 6455 §7.4); nil: it gave none.
        case closed(code: UInt16?, reason: String)
        case broken(String)
        case silent(Duration)
        case tooLarge
        case cancelled

        package var description: String { "" }
    }

    package init(_ settings: Settings) {}

    /// Runs until the connection ends or the task is cancelled (then the server is told). The next
    /// message is read when `receive` returns: whoever is slow slows the server, not our memory.
    package func run(
        cookie: String, receive: @escaping @Sendable (Input) async -> Void
    ) async -> End { .cancelled }
}
