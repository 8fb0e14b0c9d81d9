// What rule files refer to by name on a server, of all sources: groups, calendars, geofences. Kept
// in the database for a start without the server; when something changes that the rules use, they
// are read anew.

package import Alerting
import Storage
import Synchronization

/// Shared by the sources, which fill it, and the rule library, which reads it.
package final class ServerNamesBook: Sendable {
    private let bySource: Mutex<[String: ServerNames]>

    package init(_ known: [String: ServerNames] = [:]) { bySource = Mutex(known) }

    /// What the database has of them.
    func recall(_ sources: [Configuration.SourceSettings], _ store: Store) throws {
        for source in sources {
            guard let names = try store.names(ofSource: source.name, server: source.url) else {
                continue
            }
            bySource.withLock { $0[source.name] = names }
        }
    }

    /// Members of a group on any of the servers; nil: no server is known to have it.
    package func group(_ name: String) -> [String]? {
        let found = all.compactMap { $0.groups[name] }
        return found.isEmpty ? nil : Array(Set(found.joined())).sorted()
    }

    /// The text of a calendar; of two servers with one of that name, the first source's.
    package func calendar(_ name: String) -> String? {
        all.lazy.compactMap { $0.calendars[name] }.first
    }

    package func hasGeofence(_ name: String) -> Bool {
        all.contains { $0.geofences.contains(name) }
    }

    private var all: [ServerNames] {
        bySource.withLock { known in known.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Takes what a source tells; rules that refer to something that changed are read anew.
    /// - Returns: whether it is other than what was known.
    func update(_ names: ServerNames, of source: String, reload: Reload) -> Bool {
        let book = reload.current.book
        func inUse(_ names: ServerNames?) -> [String: [String]] {
            var used: [String: [String]] = [:]
            for group in book.serverGroups { used["g \(group)"] = names?.groups[group] }
            for calendar in book.serverCalendars {
                used["c \(calendar)"] = names?.calendars[calendar].map { [$0] }
            }
            return used
        }
        let before = bySource.withLock { known in
            defer { known[source] = names }
            return known[source]
        }
        guard before != names else { return false }
        if inUse(before) != inUse(names) { reload.reload() }
        return true
    }
}

extension RuleBook {
    /// Whether it says something else when a server's groups or calendars change.
    var refersToServers: Bool { !serverGroups.isEmpty || !serverCalendars.isEmpty }

    /// What the rules refer to and no server has.
    package func unknownNames(_ names: ServerNamesBook) -> [UnknownName] {
        var unknown: [UnknownName] = []
        for (name, place) in places.sorted(by: { $0.key < $1.key }) {
            if case .server(let geofence) = place, !names.hasGeofence(geofence) {
                unknown.append(
                    UnknownName(
                        section: "places", definition: name, name: geofence,
                        words: "place '\(name)': the server shows no geofence '\(geofence)'"))
            }
        }
        for group in serverGroups.sorted() where names.group(group) == nil {
            unknown.append(
                UnknownName(
                    section: "groups", name: group,
                    words: "the server shows no group '\(group)': rules about it cover none of "
                        + "its devices"))
        }
        for calendar in serverCalendars.sorted() where names.calendar(calendar) == nil {
            unknown.append(
                UnknownName(
                    section: "calendars", name: calendar,
                    words: "the server shows no calendar '\(calendar)': it is taken as an empty "
                        + "one"))
        }
        return unknown
    }
}

/// A name that rule files take from a server, and no server has.
package struct UnknownName: Hashable, Sendable {
    /// The section of the rule files that it stands in.
    var section: String
    /// Which of the section's definitions refers to it; nil: each that does.
    var definition: String?
    /// What the server would have to call it.
    var name: String
    package var words: String

    /// A warning at each place where the files say `traccar:` of it.
    func findings(in documents: [Document]) -> [Finding] {
        documents.flatMap { document in
            document.roots.flatMap { $0[section]?.value.entries ?? [] }.compactMap { entry in
                guard definition == nil || definition == entry.key,
                    let value = entry.value["traccar"]?.value,
                    case .scalar(name, _) = value.value
                else { return nil }
                let line = Int(value.mark.line)
                return Finding(
                    file: document.file, line: line, column: Int(value.mark.column),
                    severity: .warning, message: words, source: document.text.line(line))
            }
        }
    }
}
