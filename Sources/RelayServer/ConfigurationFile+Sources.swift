// `sources` of the configuration: the servers that events come from, by webhook, by a session of
// ours (WebSocket and catch-up), or by both.

import Alerting
import Channels

extension ConfigurationFile {
    func readSources(_ top: NodeReader.Fields, into result: inout Configuration) {
        guard let entry = required("sources", in: top, "the servers that events come from"),
            let sources = reader.fields(entry.value, of: "sources", known: nil)
        else { return }
        result.origin.marks[["sources"]] = entry.mark
        if sources.entries.isEmpty { reader.error(at: entry.mark, "expected one source at least") }
        for source in sources.entries {
            result.origin.marks[["sources", source.key]] = source.mark
            guard let settings = self.source(source) else { continue }
            if let path = settings.webhook?.path,
                let twin = result.sources.first(where: { $0.webhook?.path == path })
            {
                reader.error(
                    at: source.mark,
                    "source '\(source.key.abbreviated)' has the webhook path of source "
                        + "'\(twin.name)'; give each its own")
            }
            result.sources.append(settings)
        }
    }

    private func source(_ entry: Node.Entry) -> Configuration.SourceSettings? {
        let known = ["url", "ca", "webhook", "session", "socket", "catch_up"]
        guard let fields = reader.fields(entry.value, of: "a source", known: known) else {
            return nil
        }
        let errors = reader.errors
        let url = required("url", in: fields, "the server's address").flatMap { webURL($0) }
        guard let url else { return nil }
        var settings = Configuration.SourceSettings(name: entry.key, url: url)
        settings.ca = authorities(fields["ca"])
        if url.hasPrefix("http://"), let entry = fields["ca"] {
            reader.warning(at: entry.mark, "'ca' is of no use: url begins with http://")
        }
        settings.webhook = fields["webhook"].flatMap { webhook($0) }
        settings.session = fields["session"].flatMap { session($0, fields, url) }
        if fields["webhook"] == nil, fields["session"] == nil {
            reader.error(
                at: entry.mark,
                "source '\(entry.key.abbreviated)' needs a 'webhook' ({ path, authorization }), "
                    + "a 'session' ({ token }), or both")
        }
        for key in ["socket", "catch_up"] where fields["session"] == nil {
            if let entry = fields[key] {
                reader.error(at: entry.mark, "'\(key)' goes with a 'session', and there is none")
            }
        }
        return reader.errors == errors ? settings : nil
    }

    private func webhook(_ entry: Node.Entry) -> Configuration.SourceSettings.Webhook? {
        guard
            let inner = reader.fields(
                entry.value, of: "a webhook", known: ["path", "authorization"])
        else { return nil }
        let path = required("path", in: inner, "a path such as /hooks/biketrax")
            .flatMap { reader.text($0.value, "a path") }
        if let path, !path.hasPrefix("/") || path.contains(where: { "?# ".contains($0) }) {
            reader.error(at: inner.mark, "the path begins with '/' and has no '?', '#' or blank")
        }
        guard
            let authorization = required(
                "authorization", in: inner,
                "the value of webhookPsk, or `none`, which says that anybody may post"),
            let given = secret(authorization), let path
        else { return nil }
        // In the file itself: a variable that happens to say so opens nothing.
        var isOpen = false
        if case .scalar("none", _) = authorization.value.value { isOpen = true }
        return .init(path: path, authorization: isOpen ? nil : given)
    }

    private func session(
        _ entry: Node.Entry, _ source: NodeReader.Fields, _ url: String
    ) -> Configuration.SourceSettings.Session? {
        let known = ["token", "email", "password"]
        guard let fields = reader.fields(entry.value, of: "a session", known: known),
            let login = login(fields, entry.mark)
        else { return nil }
        var settings = Configuration.SourceSettings.Session(login)
        if url.hasPrefix("http://"), !isLoopback(url) {
            reader.warning(
                at: entry.mark, "the login goes over the network unencrypted; use https://")
        }
        if let socket = source["socket"],
            let inner = reader.fields(socket.value, of: "a socket", known: ["ping", "dead_after"])
        {
            settings.ping = atLeast(.seconds(1), inner["ping"]) ?? settings.ping
            settings.deadAfter = atLeast(.seconds(2), inner["dead_after"]) ?? settings.deadAfter
            if settings.deadAfter <= settings.ping {
                reader.error(
                    at: socket.mark,
                    "'dead_after' is longer than 'ping': the answer to a ping is the sign of life")
            }
        }
        if let catchUp = source["catch_up"],
            let inner = reader.fields(
                catchUp.value, of: "a catch-up", known: ["overlap", "every"])
        {
            if let entry = inner["overlap"] {
                settings.overlap = reader.duration(entry.value) ?? settings.overlap
                if settings.overlap < .hours(1) {
                    reader.warning(
                        at: entry.value.mark,
                        "events that a tracker uploads more than this after they happened are lost "
                            + "where no webhook brings them")
                }
            }
            settings.every = atLeast(.seconds(10), inner["every"]) ?? settings.every
        }
        return settings
    }

    private func login(
        _ fields: NodeReader.Fields, _ mark: Mark
    ) -> Configuration.SourceSettings.Login? {
        if let entry = fields["token"] {
            for key in ["email", "password"] {
                if let other = fields[key] {
                    reader.error(at: other.mark, "'\(key)' stands beside 'token'; give one login")
                }
            }
            return secret(entry).map { .token($0) }
        }
        guard
            let email = required(
                "email", in: fields, "a session is { token } or { email, password }"),
            let password = required("password", in: fields, "of the account"),
            let address = text(email, "a mail address"), let word = secret(password)
        else { return nil }
        return .password(email: Secret(address), password: word)
    }

    private func atLeast(_ least: Duration, _ entry: Node.Entry?) -> Duration? {
        guard let entry, let value = reader.duration(entry.value) else { return nil }
        guard value >= least else {
            reader.error(
                at: entry.value.mark, "'\(entry.key)' is \(least.wholeSeconds) s at least")
            return nil
        }
        return value
    }

    private func isLoopback(_ url: String) -> Bool {
        let host = url.dropFirst("http://".count).prefix { $0 != "/" }
        return ["127.", "localhost", "[::1]"].contains { host.hasPrefix($0) }
    }
}
