// What a transfer over libcurl is given and what it gives back, as plain values. Nothing of curl
// shows here, so that notifiers and their tests speak of stages and ends, not of CURLcodes.
import Alerting

/// What all transfers of one channel have in common: where to, how, and how long at most. A class,
/// because curl handles that were set up for an endpoint are kept for it (see `CurlTransfer`).
package final class Endpoint: Sendable {
    /// The protocols that its URL may have; redirects are not followed at all.
    package enum Family: Sendable {
        case web, mail
        /// Web pages of any address: each request brings a `TransferRequest.Page` of its own.
        case pages
    }
    /// Whether a mail conversation is encrypted. `smtps://` is, whatever stands here.
    package enum Encryption: Sendable { case required, opportunistic, none }

    let url: Secret
    let family: Family
    let method: String
    /// `Name: value` lines that each request has, but for probes.
    let headers: [Secret]
    let encryption: Encryption
    let username: String?
    let password: Secret?
    /// The envelope sender of mails.
    let sender: String
    /// A PEM file: the authorities to trust instead of the system's.
    let certificateAuthority: String?
    let connectTimeout: Duration
    let timeout: Duration

    /// For HTTP and HTTPS.
    package init(
        url: Secret, method: String = "POST", headers: [Secret] = [],
        certificateAuthority: String? = nil, connectTimeout: Duration? = nil, timeout: Duration
    ) {
        self.url = url
        self.method = method
        self.headers = headers
        self.certificateAuthority = certificateAuthority
        self.connectTimeout = connectTimeout ?? .seconds(Limits.connectSeconds)
        self.timeout = timeout
        family = .web
        encryption = .none
        username = nil
        password = nil
        sender = ""
    }

    /// For pages, whose requests say the rest.
    package init(pagesTrusting certificateAuthority: String?, connectTimeout: Duration? = nil) {
        url = ""
        method = ""
        headers = []
        self.certificateAuthority = certificateAuthority
        self.connectTimeout = connectTimeout ?? .seconds(Limits.connectSeconds)
        timeout = .zero
        family = .pages
        encryption = .none
        username = nil
        password = nil
        sender = ""
    }

    /// For SMTP and SMTPS.
    package init(
        server: String, encryption: Encryption, username: String?, password: Secret?,
        sender: String, certificateAuthority: String? = nil,
        connectTimeout: Duration? = nil, timeout: Duration
    ) {
        url = Secret(server)
        family = .mail
        method = ""
        headers = []
        self.encryption = encryption
        self.username = username
        self.password = password
        self.sender = sender
        self.certificateAuthority = certificateAuthority
        self.connectTimeout = connectTimeout ?? .seconds(Limits.connectSeconds)
        self.timeout = timeout
    }
}

/// What one transfer carries.
package struct TransferRequest: Sendable {
    /// `Name: value` lines beside the endpoint's, for HTTP.
    package var headers: [String] = []
    /// The envelope recipient, for mail.
    package var recipient = ""
    /// The request's body, or the whole mail.
    package var body: [UInt8] = []
    /// A connection of its own: for a second try after a kept one turned out to be dead.
    package var freshConnection = false
    /// For an endpoint of pages.
    package var page: Page?
    /// Asks whether it would work, and sends nothing: mail ends behind the login with a NOOP, a web
    /// page is asked for its HEAD.
    package var isProbe = false

    package init() {}

    /// What requests for pages differ in.
    package struct Page: Sendable {
        package enum Method: Sendable { case get, post, delete }

        /// A secret: queries hold tokens.
        package var url: Secret
        package var method: Method
        package var timeout: Duration
        /// Bytes of an answer that are kept; of a longer one the transfer is ended.
        package var limit: Int

        package init(_ method: Method, url: Secret, timeout: Duration, limit: Int) {
            self.method = method
            self.url = url
            self.timeout = timeout
            self.limit = limit
        }
    }
}

/// How a transfer ended.
package struct TransferResult: Sendable {
    package var end: End
    /// The HTTP status or the last SMTP reply; 0: there was none.
    package var status = 0
    /// `Retry-After`, a date already turned into a span from now.
    package var retryAfter: Duration?
    /// At most `Limits.responseBytes`, or a page's own limit: what is longer is cut, which is no
    /// failure.
    package var body: [UInt8] = []
    package var isCut = false
    /// `Name: value` lines of a page's answer.
    package var headers: [String] = []
    /// curl's words about a failure: they may name the host, never a URL or an address.
    package var detail = ""
    /// It went over a connection that an earlier transfer had opened.
    package var reusedConnection = false
    /// How far a mail came.
    package var conversation = MailConversation()

    package enum End: Sendable, Hashable {
        /// The server answered: see `status`.
        case answered
        case cancelled
        case timedOut
        case cannotResolve
        case cannotConnect
        /// Encryption failed, or is required and not offered.
        case cannotEncrypt
        case badCertificate
        case loginRefused
        /// The server refused a mail command: see `conversation`.
        case refused
        /// The connection broke.
        case broken
        /// curl was given something that it cannot use: the settings are wrong.
        case unusable
    }
}

/// A mail conversation as curl's trace tells it: which command went out last, and the reply.
/// curl itself only says "failed": but whether the login or the recipient was refused decides
/// whether a message is tried again (CONFIG.md).
package struct MailConversation: Sendable, Hashable {
    package enum Stage: Int, Sendable, Comparable {
        case connect, hello, encryption, login, sender, recipient, content

        package static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    package private(set) var stage = Stage.connect
    /// The reply to the last command; 0: none came.
    package private(set) var reply = 0
    /// RFC 3463, such as `5.1.1`. The text behind it is not kept: servers repeat addresses in it.
    package private(set) var enhanced: String?
    /// curl has said QUIT: the reply to that says nothing of the mail.
    private var isOver = false

    package init() {}

    /// A command that curl sent. Only its verb is looked at: others carry addresses or passwords.
    mutating func sent(_ command: some Sequence<UInt8>) {
        let verb = String(decoding: Array(command.prefix(4)), as: UTF8.self).uppercased()
        if verb == "QUIT" { isOver = true }
        let next: Stage? =
            switch verb {
            case "EHLO", "HELO": .hello
            case "STAR": .encryption
            case "AUTH": .login
            case "MAIL": .sender
            case "RCPT": .recipient
            case "DATA": .content
            default: nil  // the continuation of a login
            }
        guard let next else { return }
        stage = next
        reply = 0
        enhanced = nil
    }

    /// The mail itself is on its way: what comes now is the reply to it, not to `DATA`.
    mutating func sentContent() {
        guard stage == .content else { return }
        reply = 0
        enhanced = nil
    }

    /// A reply line: `250-PIPELINING`, `550 5.1.1 …` (RFC 5321 §4.2).
    mutating func received(_ line: some Sequence<UInt8>) {
        guard !isOver else { return }
        let bytes = Array(line.prefix(16))
        let digits = bytes.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (48...57).contains($0) }) else { return }
        reply = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        let code = bytes.dropFirst(4).prefix(while: { (48...57).contains($0) || $0 == 46 })
        let parts = code.split(separator: 46, omittingEmptySubsequences: false)
        let isEnhanced = parts.count == 3 && parts.allSatisfy { (1...3).contains($0.count) }
        enhanced = isEnhanced ? String(decoding: code, as: UTF8.self) : nil
    }
}
