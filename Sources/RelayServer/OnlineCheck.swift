// `outcry check --online`: whether the names that rule files take from a server (`traccar:` of
// places, groups and calendars) exist there. Somebody else may rename them at any time, so each is
// a warning, and a server that cannot be asked is one too.

package import Alerting
import Channels
import Intake

/// Asks the servers of a configuration.
package struct OnlineCheck: Sendable {
    private let configuration: Configuration

    package init(_ configuration: Configuration) { self.configuration = configuration }

    /// None where the rules take no name from a server: then nobody is asked. A name is complained
    /// of where it stands in the rule files, a server where its source does in the configuration.
    package func findings(for read: RuleLibrary.Read) async -> [Finding] {
        guard read.book.takesNamesFromServers else { return [] }
        let transfer = CurlTransfer(name: "check")
        var known: [String: ServerNames] = [:]
        var failures: [Finding] = []
        for source in configuration.sources {
            guard let session = source.session else { continue }
            do throws(SessionFailure) {
                known[source.name] = try await names(
                    source, session.credential.revealed,
                    fetch: Fetching(over: transfer, ca: source.ca).fetch)
            } catch {
                failures.append(
                    configuration.origin.finding(
                        .warning, at: ["sources", source.name],
                        "source '\(source.name)' cannot be asked for names: "
                            + error.description))
            }
        }
        await transfer.stop()
        if known.isEmpty, failures.isEmpty {
            failures.append(
                configuration.origin.finding(
                    .warning, at: ["sources"],
                    "no source has a session: names on the server are not checked"))
        }
        // What one server does not have may stand on the one that could not be asked.
        guard failures.isEmpty else { return failures }
        let documents = read.texts.map { Document(file: $0.path, text: $0.text) }
        return read.book.unknownNames(ServerNamesBook(known)).flatMap {
            $0.findings(in: documents)
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
