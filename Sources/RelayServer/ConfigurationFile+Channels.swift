// The `channels` of the configuration.

import Alerting
import Channels
import Foundation

extension ConfigurationFile {
    func readChannels(_ node: Node, into result: inout Configuration) {
        let known = ["email", "http", "hooks"]
        guard let fields = reader.fields(node, of: "channels", known: known) else { return }
        result.email = fields["email"].flatMap { email($0) }
        for entry in named(fields["http"], "http") {
            guard let settings = http(entry) else { continue }
            result.http[entry.key] = settings
            let body = entry.value["body"]?.value.mark ?? entry.mark
            result.origin.marks[["channels", "http", entry.key, "body"]] = body
        }
        for entry in named(fields["hooks"], "hooks") {
            if let settings = hook(entry) { result.hooks[entry.key] = settings }
        }
    }

    private func named(_ entry: Node.Entry?, _ what: String) -> [Node.Entry] {
        guard let entry else { return [] }
        return reader.fields(entry.value, of: what, known: nil)?.entries ?? []
    }

    private func email(_ entry: Node.Entry) -> EmailSettings? {
        let errors = reader.errors
        let known = [
            "server", "starttls", "username", "password", "from", "ca", "timeout", "at_once",
        ]
        guard let fields = reader.fields(entry.value, of: "email", known: known),
            let server = required("server", in: fields, "smtp://HOST:PORT or smtps://HOST:PORT")
                .flatMap({ text($0, "a server") }),
            let from = required("from", in: fields, "who the mails are from")
        else { return nil }
        guard let address = text(from, "an address") else { return nil }
        // What is not known here is needed by nobody who could do without it.
        let sender =
            placeholders.isOpen(address)
            ? MailAddress("unknown@invalid") : MailAddress(address)
        guard let sender else {
            reader.error(
                at: from.value.mark, "expected an address such as Outcry <outcry@example.org>")
            return nil
        }
        var settings = EmailSettings(server: server, from: sender)
        if let entry = fields["starttls"],
            let word = reader.word(
                entry.value, "how", among: ["required", "opportunistic", "none"])
        {
            settings.starttls =
                switch word {
                case "none": .none
                case "opportunistic": .opportunistic
                default: .required
                }
        }
        settings.username = fields["username"].flatMap { text($0, "a name") }
        settings.password = fields["password"].flatMap { secret($0) }
        settings.ca = authorities(fields["ca"])
        settings.timeout = timeout(fields) ?? settings.timeout
        settings.atOnce = atOnce(fields) ?? settings.atOnce
        var judged = settings
        if placeholders.isOpen(server) { judged.server = "smtps://unknown.invalid" }
        return check(.email(judged), fields, errorsBefore: errors) ? settings : nil
    }

    private func http(_ entry: Node.Entry) -> HTTPSettings? {
        let errors = reader.errors
        let known = [
            "url", "headers", "secret", "body", "method", "ca", "links", "timeout", "at_once",
        ]
        guard let fields = reader.fields(entry.value, of: "an http channel", known: known),
            let url = required("url", in: fields, "where to post").flatMap({ text($0, "a URL") })
        else { return nil }
        var settings = HTTPSettings(url: Secret(url))
        if let headers = fields["headers"] {
            for header in reader.fields(headers.value, of: "headers", known: nil)?.entries ?? [] {
                // A header may hold a key: it is kept as a secret; one that sounds like a key is
                // not to stand in the file.
                let words = ["auth", "key", "token", "secret", "password", "cookie"]
                let isKey = words.contains { header.key.lowercased().contains($0) }
                let value = isKey ? secret(header) : text(header, "a value").map { Secret($0) }
                if let value { settings.headers[header.key] = value }
            }
        }
        if let entry = fields["secret"] {
            settings.secrets = reader.oneOrMore(entry.value).compactMap { item in
                secret(Node.Entry(key: entry.key, mark: item.mark, value: item))
            }
        }
        if let entry = fields["method"] { settings.method = text(entry, "a method") ?? "POST" }
        settings.bodyTemplate = fields["body"].flatMap { text($0, "a template") }
        settings.ca = authorities(fields["ca"])
        if let entry = fields["links"], reader.flag(entry.value) ?? false {
            reader.notSupported("'links' (signed acknowledge links)", at: entry.mark)
        }
        settings.timeout = timeout(fields) ?? settings.timeout
        settings.atOnce = atOnce(fields) ?? settings.atOnce
        var judged = settings
        if placeholders.isOpen(url) { judged.url = "https://unknown.invalid" }
        if placeholders.isOpen(settings.method) { judged.method = "POST" }
        judged.secrets.removeAll { placeholders.isOpen($0.revealed) }
        return check(.http(judged), fields, errorsBefore: errors) ? settings : nil
    }

    private func hook(_ entry: Node.Entry) -> HookSettings? {
        let errors = reader.errors
        let known = ["run", "timeout", "at_once"]
        guard let fields = reader.fields(entry.value, of: "a hook", known: known),
            let run = required("run", in: fields, "a program and its arguments, [PROGRAM, …]"),
            let items = reader.list(run.value, of: "a program and its arguments")
        else { return nil }
        var settings = HookSettings(
            run: items.compactMap { item in
                text(Node.Entry(key: "run", mark: item.mark, value: item), "an argument")
            })
        // Without a slash it is looked for in the hook's PATH.
        if let program = settings.run.first, program.contains("/"), !placeholders.isOpen(program) {
            settings.run[0] =
                URL(fileURLWithPath: program, relativeTo: folder).standardizedFileURL.path
        }
        settings.timeout = timeout(fields) ?? settings.timeout
        settings.atOnce = atOnce(fields) ?? settings.atOnce
        return check(.hook(settings), fields, errorsBefore: errors) ? settings : nil
    }

    private func timeout(_ fields: NodeReader.Fields) -> Duration? {
        fields["timeout"].flatMap { reader.duration($0.value) }
    }

    private func atOnce(_ fields: NodeReader.Fields) -> Int? {
        fields["at_once"].flatMap { reader.count($0.value, "how many at once", in: 1...256) }
    }

    /// - Parameter settings: with something that is right in place of what is not known here (a
    ///   secret that a command has no need of).
    private func check(
        _ settings: ChannelSettings, _ fields: NodeReader.Fields, errorsBefore errors: Int
    ) -> Bool {
        // What could not be read has been said; it is not to be missed as well.
        guard reader.errors == errors else { return false }
        do {
            try settings.check()
            return true
        } catch {
            let entry = (error as? SettingsError).flatMap { fields[$0.key] }
            reader.error(at: entry?.value.mark ?? fields.mark, "\(error)")
            return false
        }
    }
}
