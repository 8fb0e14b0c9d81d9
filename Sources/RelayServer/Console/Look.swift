// What the commands print of a relay: read from its database, which works when it is down, or
// asked of the running one by the admin API.

package import Alerting
import Channels
import Foundation
import Intake
import Storage

/// One relay, looked at from a command line.
package struct Look: Sendable {
    private let configuration: Configuration

    package init(_ configuration: Configuration) { self.configuration = configuration }

    /// Who asks, for the record.
    package static var user: String { NSUserName() }

    // MARK: - From the database

    /// What came in, the newest last.
    package func events(device: String?, last: Int) throws -> String {
        var table = Table([
            "received", "device", "event", "road", "txn", "late", "rules",
        ])
        let listing = try listing()
        let events = try listing.events(device: device, last: max(1, last))
        // Those of the time that is shown, each before what came after it.
        var gaps = try listing.gaps().filter { gap in
            events.last.map { gap.to >= $0.received } ?? false
        }[...]
        for event in events.reversed() {
            while let gap = gaps.first, gap.from <= event.received {
                table.note(Self.words(gaps.removeFirst()))
            }
            let what = event.event?.alarm.map { "alarm \($0)" } ?? event.type
            table.add([
                event.received.rfc3339, Self.device(event),
                event.isCopy ? "\(what) (copy)" : what, event.road.rawValue, event.txn ?? "-",
                Self.late(event), Self.rules(event),
            ])
        }
        for gap in gaps { table.note(Self.words(gap)) }
        return table.text(empty: "no events")
    }

    private static func late(_ event: ListedEvent) -> String {
        guard let event = event.event else { return "-" }
        if event.clockIsWrong { return "wrong clock" }
        let seconds = event.lateness.wholeMilliseconds / 1_000
        return seconds > 0 ? Wording.english.span(seconds: seconds) : "-"
    }

    private static func words(_ gap: Gap) -> String {
        """
        nothing of '\(gap.source)' could be stored from \(gap.from.rfc3339) to \
        \(gap.to.rfc3339), and no session has caught up: see the server's own reports
        """
    }

    /// As incidents call it: one that was never seen whole by its number, `#4`.
    private static func device(_ event: ListedEvent) -> String {
        event.deviceName.isEmpty ? event.judgement?.device.uniqueId ?? "?" : event.deviceName
    }

    private static func rules(_ event: ListedEvent) -> String {
        if let aside = event.aside { return event.isRecord ? aside : "set aside: \(aside)" }
        guard let verdicts = event.judgement?.verdicts else {
            return event.isCopy ? "-" : "not decided yet"
        }
        guard !verdicts.isEmpty else { return "no rule is for it" }
        return verdicts.map { verdict in
            let leaf = verdict.leaf.map { " (\($0))" } ?? ""
            return "\(verdict.rule): \(verdict.result.rawValue)\(leaf)"
        }.joined(separator: ", ")
    }

    /// Incidents, latest match last.
    package func incidents(all: Bool, last: Int) throws -> String {
        var table = Table(["id", "state", "severity", "rule", "device", "opened", "matches"])
        for incident in try listing().incidents(openOnly: !all, limit: max(1, last)).reversed() {
            table.add([
                incident.id, incident.state.rawValue, incident.severity.rawValue, incident.rule,
                incident.deviceName, incident.opened.rfc3339, String(incident.count),
            ])
        }
        return table.text(empty: all ? "no incidents" : "no open incidents")
    }

    /// One incident with what it told.
    /// - Throws: `ConfigurationError` where there is none, or more than one that begins so.
    package func incident(_ id: String) throws -> String {
        let listing = try listing()
        let found = try listing.incidents(idPrefix: id)
        guard let incident = found.first, found.count == 1 else {
            throw ConfigurationError(
                found.isEmpty ? "there is no incident \(id)" : "several incidents begin with \(id)",
                exitCode: 1)
        }
        var lines = [
            "incident  \(incident.id)", "rule      \(incident.rule)",
            "severity  \(incident.severity.rawValue)", "device    \(incident.deviceName)",
            "state     \(incident.state.rawValue)", "opened    \(incident.opened.rfc3339)",
            "last      \(incident.lastMatch.rfc3339)", "matches   \(incident.count)",
        ]
        if let cleared = incident.cleared { lines.append("cleared   \(cleared.rfc3339)") }
        for told in Set(incident.told.map { "\($0.contact) by \($0.channel)" }).sorted() {
            lines.append("told      \(told)")
        }
        let life = incident.opened...max(incident.opened, incident.cleared ?? .distantFuture)
        for asked in try listing.commands(during: life)
        where try isAbout(incident, asked.command, listing) {
            let word = asked.command.action == .clear ? "clear     " : "ack       "
            lines.append("\(word)\(asked.at.rfc3339) by \(asked.command.by)")
        }
        return lines.map(Table.clean).joined(separator: "\n")
    }

    /// As the engine reads a command's target: an incident's id, else a rule's, else a device.
    private func isAbout(
        _ incident: Incident, _ command: Command, _ listing: Listing
    ) throws -> Bool {
        guard command.action != .clockSet else { return false }
        if [incident.id, incident.rule].contains(command.target) { return true }
        guard [incident.deviceName, incident.device?.uniqueId].contains(command.target) else {
            return false
        }
        return try !listing.hasIncidents(ofRule: command.target)
    }

    /// What a delivery is about: its rules, or what is wrong with the relay itself.
    private static func rules(_ delivery: Delivery) -> String {
        if let trouble = delivery.trouble { return "outcry:\(trouble.kind.rawValue)" }
        return Set(delivery.items.map(\.rule)).sorted().joined(separator: ", ")
    }

    /// Deliveries, the newest last.
    package func deliveries(dead: Bool, last: Int) throws -> String {
        var table = Table([
            "id", "state", "contact", "channel", "reason", "rules", "created", "attempts", "last",
        ])
        let listed = try listing().deliveries(deadOnly: dead, limit: max(1, last))
        for entry in listed.reversed() {
            let delivery = entry.delivery
            table.add([
                delivery.id, delivery.state.rawValue, delivery.contact, "\(delivery.channel)",
                delivery.reason.rawValue, Self.rules(delivery), delivery.created.rfc3339,
                String(delivery.attempts), entry.attempts.last?.headline ?? "-",
            ])
            guard dead else { continue }
            for attempt in entry.attempts {
                let note = attempt.note.prefix(Limits.shownNoteCharacters)
                let rest = note.endIndex < attempt.note.endIndex ? "…" : ""
                table.note(
                    "    \(attempt.at.rfc3339)  \(attempt.result.rawValue)  \(note)\(rest)")
            }
        }
        return table.text(empty: dead ? "no dead deliveries" : "no deliveries")
    }

    private func listing() throws -> Listing {
        do {
            return try Listing(
                path: configuration.data, decode: TraccarPayload.decode)
        } catch {
            throw ConfigurationError("\(error)")
        }
    }

    // MARK: - Asked of the running relay

    package func command(_ action: Command.Action, _ target: String, by user: String) async throws {
        let open = try listing().incidents(openOnly: true, limit: Int(Int32.max)).filter {
            $0.id == target || $0.rule == target || $0.deviceName == target
                || $0.device?.uniqueId == target
        }
        guard !open.isEmpty else {
            throw ConfigurationError("no open incident of '\(target)'", exitCode: 1)
        }
        _ = try await ask("incidents/\(Self.escaped(target))/\(action.rawValue)", ["by": user])
    }

    /// - Parameter id: nil: all dead ones.
    /// - Returns: how many are sent again.
    package func retry(_ id: String?) async throws -> Int {
        let path = id.map { "deliveries/\(Self.escaped($0))/retry" } ?? "deliveries/retry-dead"
        let answer = try await ask(path, [:])
        let counted = try? JSONDecoder().decode([String: Int].self, from: Data(answer))
        let count = counted?["retried"] ?? 0  // an answer of another version: none, and said so
        guard count > 0 || id == nil else {
            throw ConfigurationError("there is no dead delivery \(id ?? "")", exitCode: 1)
        }
        return count
    }

    private func ask(_ path: String, _ body: [String: String]) async throws -> [UInt8] {
        let token = try AdminToken.read(AdminToken.path(beside: configuration.data))
        let transfer = CurlTransfer(name: "admin")
        let client = WebClient(
            "POST", "http://\(configuration.admin)/api/\(path)", over: transfer)
        let answer = await client.ask(
            headers: ["Authorization: Bearer \(token)", "Content-Type: application/json"],
            body: [UInt8](try JSONEncoder().encode(body)))
        await transfer.stop()
        switch answer.status {
        case 200..<300: return answer.body
        case 0:
            throw ConfigurationError(
                "the relay does not answer at \(configuration.admin); is it running?", exitCode: 1)
        case 401:
            throw ConfigurationError(
                "another relay answers at \(configuration.admin): the token is refused",
                exitCode: 1)
        default:
            throw ConfigurationError("the relay answered \(answer.status)", exitCode: 1)
        }
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}
