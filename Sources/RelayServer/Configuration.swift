// The configuration as values: what etc/outcry.yaml says, checked, with its defaults filled in and
// its secrets read. ConfigurationFile makes one of it; Relay builds the program from it.

package import Alerting
package import Channels
import Intake
package import Storage

/// Servers, secrets, paths and bounds of one relay (CONFIG.md).
package struct Configuration: Sendable {
    package var listen = Address(host: "127.0.0.1", port: 8_642)
    package var admin = Address(host: "127.0.0.1", port: 8_643)
    /// For links in messages; nil: none.
    package var publicURL: String?
    package var tls: TLSFiles?
    /// The database file.
    package var data: String
    /// The folder whose `*.yaml` are the rule set.
    package var rules: String
    package var watchesRules = true
    /// A folder that adds to the shipped templates; nil: the shipped ones alone.
    package var templates: String?
    /// The contact that hears of trouble of the relay's own.
    package var operatorContact: String?
    package var lateness: Duration = .seconds(10)
    package var heartbeat: Heartbeat?
    package var sources: [SourceSettings] = []
    package var email: EmailSettings?
    package var http: [String: HTTPSettings] = [:]
    package var hooks: [String: HookSettings] = [:]
    package var retention = RetentionPolicy()
    package var log = LogSettings()
    package var origin = Origin()

    package init(data: String, rules: String) {
        self.data = data
        self.rules = rules
    }

    /// Where things stand in the file, for what is found out about them only later.
    package struct Origin: Sendable {
        package var file = "configuration"
        /// By the keys that lead there: `sources`, `biketrax`.
        var marks: [[String]: Mark] = [:]

        package init() {}

        /// At the file's beginning where the place is not known. Without the line itself: a secret
        /// may stand on it.
        func finding(
            _ severity: Finding.Severity, at keys: [String], _ message: String
        ) -> Finding {
            let mark = marks[keys] ?? Mark(line: 1, column: 1)
            return Finding(
                file: file, line: Int(mark.line), column: Int(mark.column), severity: severity,
                message: message)
        }
    }

    /// A certificate chain and its key, PEM files.
    package struct TLSFiles: Hashable, Sendable {
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// One server that events come from.
    package struct SourceSettings: Sendable {
        package var name: String
        package var url: String
        /// A PEM file: its server's certificate is verified with these authorities, not with the
        /// system's.
        package var ca: String?
        /// nil: its server posts nothing to us.
        package var webhook: Webhook?
        /// nil: nobody logs in; events come by webhook alone.
        package var session: Session?

        package init(name: String, url: String, webhook: Webhook? = nil, session: Session? = nil) {
            self.name = name
            self.url = url
            self.webhook = webhook
            self.session = session
        }

        /// With a webhook alone.
        package init(name: String, url: String, path: String, authorization: Secret?) {
            self.init(
                name: name, url: url, webhook: Webhook(path: path, authorization: authorization))
        }

        package struct Webhook: Sendable {
            package var path: String
            /// nil: `none`, anybody may post.
            package var authorization: Secret?

            package init(path: String, authorization: Secret?) {
                self.path = path
                self.authorization = authorization
            }
        }

        /// `session`, `socket` and `catch_up`.
        package struct Session: Sendable {
            package var credential: Login
            package var ping: Duration = .seconds(30)
            package var deadAfter: Duration = .seconds(120)
            package var overlap: Duration = .hours(30)
            package var every: Duration = .minutes(15)

            package init(_ credential: Login) { self.credential = credential }
        }

        package enum Login: Sendable {
            case token(Secret)
            case password(email: Secret, password: Secret)
        }
    }

    package struct LogSettings: Hashable, Sendable {
        package enum Format: String, Sendable, CaseIterable { case text, json }
        package enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }
        package var level = Level.info
        package var format = Format.text
        package init() {}
    }

    /// Every channel that the configuration names.
    package var channels: Set<ChannelName> {
        var names = Set(http.keys.map(ChannelName.http) + hooks.keys.map(ChannelName.hook))
        if email != nil { names.insert(.email) }
        return names
    }
}

// MARK: - What the parts are built from

extension Configuration {
    var intake: IntakeConfiguration {
        IntakeConfiguration(
            host: listen.host, port: listen.port,
            tls: tls.map { Intake.TLSFiles(certificate: $0.certificate, key: $0.key) })
    }

    var webhooks: [WebhookSource] {
        sources.compactMap { source in
            source.webhook.map {
                WebhookSource(
                    name: source.name, server: source.url, path: $0.path,
                    authorization: $0.authorization?.revealed)
            }
        }
    }

    var channelSettings: [ChannelName: ChannelSettings] {
        var all: [ChannelName: ChannelSettings] = [:]
        if let email { all[.email] = .email(email) }
        for (name, settings) in http { all[.http(name)] = .http(settings) }
        for (name, settings) in hooks { all[.hook(name)] = .hook(settings) }
        return all
    }

    func exits(_ notifiers: Notifiers) -> [ChannelName: Courier.Exit] {
        let settings = channelSettings
        return notifiers.all.reduce(into: [:]) { exits, entry in
            exits[entry.key] = Courier.Exit(
                notifier: entry.value, atOnce: settings[entry.key]?.atOnce ?? 1,
                body: entry.key.kind == .http ? http[entry.key.name]?.bodyTemplate : nil)
        }
    }
}

extension Configuration.SourceSettings.Login {
    var revealed: Credential {
        switch self {
        case .token(let token): .token(token.revealed)
        case .password(let email, let password):
            .login(email: email.revealed, password: password.revealed)
        }
    }
}
