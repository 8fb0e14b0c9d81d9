// `outcry check --online`: whether the names that rule files take from a server (`traccar:` of
// places, groups and calendars) exist there. Somebody else may rename them at any time, so each is
// a warning, and a server that cannot be asked is one too.

package import Alerting
import Channels
import Intake

/// Asks the servers of a configuration.
package struct OnlineCheck: Sendable {
    private let configuration: Configuration
    private let path: String

    /// - Parameter path: of the configuration, for the findings.
    package init(_ configuration: Configuration, path: String) {
        self.configuration = configuration
        self.path = path
    }

    /// None where the rules take no name from a server: then nobody is asked.
    package func findings(for book: RuleBook) async -> [Finding] {
        guard book.takesNamesFromServers else { return [] }
        let transfer = CurlTransfer(name: "check")
        var known: [String: ServerNames] = [:]
        var failures: [String] = []
        for source in configuration.sources {
            guard let session = source.session else { continue }
            do throws(SessionFailure) {
                known[source.name] = try await names(
                    source, session.credential.revealed,
                    fetch: Fetching(over: transfer, ca: source.ca).fetch)
            } catch {
                failures.append(
                    "source '\(source.name)' cannot be asked for names: \(error.description)")
            }
        }
        await transfer.stop()
        if known.isEmpty, failures.isEmpty {
            failures.append("no source has a session: names on the server are not checked")
        }
        // What one server does not have may stand on the one that could not be asked.
        let unknown = failures.isEmpty ? book.unknownNames(ServerNamesBook(known)) : []
        return (failures + unknown).map {
            Finding(file: path, line: 1, column: 1, severity: .warning, message: $0)
        }
    }

    private func names(
        _ source: Configuration.SourceSettings, _ credential: Credential, fetch: @escaping Fetch
    ) async throws(SessionFailure) -> ServerNames {
        let session = TraccarSession(url: source.url, credential: credential, fetch: fetch)
        let lists = TraccarLists(server: source.url, source: source.name)
        let geofences = try await session.get("/api/geofences", read: lists.geofences)
        let groups = try await session.get("/api/groups", read: lists.groups)
        let calendars = try await session.get("/api/calendars", read: lists.calendars)
        await session.logout()
        var directory = Directory()
        _ = directory.replace(geofences: geofences)
        _ = directory.replace(groups: groups)
        return directory.names(calendars: calendars)
    }
}

extension RuleBook {
    fileprivate var takesNamesFromServers: Bool {
        let hasPlaces = places.values.contains { place in
            switch place {
            case .server: true
            case .area: false
            }
        }
        return hasPlaces || refersToServers
    }
}
