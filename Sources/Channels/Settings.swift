// What a channel is told, as plain values: the configuration fills them in, the notifiers read
// them. Each says what about it cannot work, in words that name the key to change.
import Alerting

/// The settings of one channel.
package enum ChannelSettings: Sendable {
    case email(EmailSettings)
    case http(HTTPSettings)
    case hook(HookSettings)

    /// - Throws: `SettingsError`: what cannot work, before anything is started.
    package func check() throws {
        switch self {
        case .email(let settings): _ = try settings.checkedServer()
        case .http(let settings): try settings.check()
        case .hook(let settings): try settings.check()
        }
    }

    /// How many deliveries the courier may have under way at once.
    package var atOnce: Int {
        switch self {
        case .email(let settings): settings.atOnce
        case .http(let settings): settings.atOnce
        case .hook(let settings): settings.atOnce
        }
    }
}

/// `channels: email:`
package struct EmailSettings: Sendable {
    /// `smtp://host:port` or `smtps://host:port`.
    package var server: String
    package var starttls: Endpoint.Encryption
    package var username: String?
    package var password: Secret?
    package var from: MailAddress
    /// Path of a PEM file: trusted instead of the system's authorities.
    package var ca: String?
    package var timeout: Duration
    package var atOnce: Int

    package init(
        server: String, starttls: Endpoint.Encryption = .required, username: String? = nil,
        password: Secret? = nil, from: MailAddress, ca: String? = nil,
        timeout: Duration = .seconds(Limits.mailSeconds), atOnce: Int = 4
    ) {
        self.server = server
        self.starttls = starttls
        self.username = username
        self.password = password
        self.from = from
        self.ca = ca
        self.timeout = timeout
        self.atOnce = atOnce
    }

    /// - Throws: `SettingsError`.
    func checkedServer() throws -> ServerAddress {
        guard let server = ServerAddress(server), ["smtp", "smtps"].contains(server.scheme) else {
            throw SettingsError.server
        }
        guard username == nil || password != nil else { throw SettingsError.password }
        guard password == nil || username != nil else { throw SettingsError.username }
        let isOpen = server.scheme == "smtp" && starttls == .none
        if username != nil, isOpen, !server.isLoopback { throw SettingsError.openLogin }
        return server
    }
}

/// `channels: http: NAME:`
package struct HTTPSettings: Sendable {
    /// A secret: many services put a key into it.
    package var url: Secret
    package var headers: [String: Secret]
    /// Standard Webhooks secrets; more than one while they are changed.
    package var secrets: [Secret]
    package var method: String
    /// The template whose `json` part is the body; nil: the shape of CONFIG.md.
    package var bodyTemplate: String?
    package var links: Bool
    /// Path of a PEM file: trusted instead of the system's authorities.
    package var ca: String?
    package var timeout: Duration
    package var atOnce: Int

    package init(
        url: Secret, headers: [String: Secret] = [:], secrets: [Secret] = [],
        method: String = "POST", bodyTemplate: String? = nil, links: Bool = false,
        ca: String? = nil, timeout: Duration = .seconds(10), atOnce: Int = 16
    ) {
        self.url = url
        self.headers = headers
        self.secrets = secrets
        self.method = method
        self.bodyTemplate = bodyTemplate
        self.links = links
        self.ca = ca
        self.timeout = timeout
        self.atOnce = atOnce
    }

    /// - Throws: `SettingsError`.
    func check() throws {
        guard let server = ServerAddress(url.revealed), ["http", "https"].contains(server.scheme)
        else { throw SettingsError.url }
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isToken) else {
            throw SettingsError.method
        }
        for (name, value) in headers {
            let isOurs = ["webhook-id", "webhook-timestamp", "webhook-signature", "content-length"]
                .contains(name.lowercased())
            let isOneLine = value.revealed.unicodeScalars.allSatisfy { scalar in
                !PlainText.isControl(scalar) || scalar == "\t"
            }
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isToken), isOneLine, !isOurs else {
                throw SettingsError.header(PlainText.line(name))
            }
        }
        _ = try WebhookSigner(secrets)
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

/// `channels: hooks: NAME:`
package struct HookSettings: Sendable {
    /// The program and its arguments. Without a slash the program is looked for in the hook's PATH.
    package var run: [String]
    package var timeout: Duration
    package var atOnce: Int

    package init(run: [String], timeout: Duration = .seconds(20), atOnce: Int = 2) {
        self.run = run
        self.timeout = timeout
        self.atOnce = atOnce
    }

    /// - Throws: `SettingsError`.
    func check() throws {
        // A NUL would end the argument before its time.
        guard let program = run.first, !program.isEmpty, !run.contains(where: { $0.contains("\0") })
        else { throw SettingsError.program }
    }
}

/// What cannot work about a channel. The description names the key and never its value.
package enum SettingsError: Error, Equatable, CustomStringConvertible {
    case server
    case password
    case username
    case openLogin
    case url
    case method
    case header(String)
    case secret
    case program

    /// The setting that is to be changed.
    package var key: String {
        switch self {
        case .server: "server"
        case .password: "username"
        case .username: "password"
        case .openLogin: "starttls"
        case .url: "url"
        case .method: "method"
        case .header: "headers"
        case .secret: "secret"
        case .program: "run"
        }
    }

    package var description: String { "\(key): \(advice)" }

    private var advice: String {
        switch self {
        case .server: "give smtp://HOST:PORT or smtps://HOST:PORT"
        case .password: "there is no password beside it"
        case .username: "there is no username beside it"
        case .openLogin:
            "with `none` the password would cross the network unencrypted; use `required`, "
                + "smtps://, or a server on this machine"
        case .url: "give http://… or https://…"
        case .method: "give a word like POST or PUT"
        case .header(let name): "\(name) cannot be set like this"
        case .secret: "give whsec_ and base 64, as Standard Webhooks has it"
        case .program: "give a program and its arguments"
        }
    }
}

/// Scheme and host of a URL, as far as the channels must know them: curl reads the rest.
struct ServerAddress {
    let scheme: String
    let host: String

    init?(_ url: String) {
        guard url.unicodeScalars.allSatisfy({ !PlainText.isControl($0) && $0 != " " }),
            let colon = url.firstRange(of: "://")
        else { return nil }
        scheme = url[..<colon.lowerBound].lowercased()
        let authority = url[colon.upperBound...].prefix { !"/?#\\".contains($0) }
        let place =
            authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
            ?? authority
        if place.hasPrefix("["), let close = place.firstIndex(of: "]") {
            host = String(place[...close])
        } else {
            host = String(place.prefix { $0 != ":" }).lowercased()
        }
        guard !host.isEmpty else { return nil }
    }

    /// Never leaves this machine: `localhost` is ours by RFC 6761 §6.3.
    var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
