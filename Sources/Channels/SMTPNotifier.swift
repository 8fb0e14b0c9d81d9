// E-mail: one delivery is one mail to one address, so that each recipient has its own retries.
// curl keeps the connections, so that the next mail has no handshake and login of its own.
//
// A failure before RCPT is the channel's: it is retried and counts for the circuit breaker. At
// RCPT and DATA a 4xx is retried for this message alone, a 5xx rejects it (CONFIG.md).
package import Alerting

/// Sends mails by one SMTP server.
package struct SMTPNotifier: Notifier {
    private let settings: EmailSettings
    private let transfer: CurlTransfer
    let endpoint: Endpoint

    /// - Throws: `SettingsError`: an unusable server, or a login that would go unencrypted.
    package init(_ settings: EmailSettings, over transfer: CurlTransfer) throws {
        let server = try settings.checkedServer()
        self.settings = settings
        self.transfer = transfer
        endpoint = Endpoint(
            server: settings.server,
            // Opportunistic is for the mail. The password leaves by TLS or not at all, so that
            // whoever takes STARTTLS out of a server's answer gets nothing.
            encryption: settings.username != nil && !server.isLoopback
                ? .required : settings.starttls,
            username: settings.username, password: settings.password,
            sender: settings.from.address, certificateAuthority: settings.ca,
            timeout: settings.timeout)
    }

    package func notify(_ message: Message) async -> Outcome {
        guard let recipient = MailAddress(message.delivery.address) else {
            return .rejected(note: "this is no address that a mail can be sent to")
        }
        var request = TransferRequest()
        request.recipient = recipient.address
        request.body = MIMEMessage(message, from: settings.from, to: recipient).bytes
        var result = await transfer.perform(request, at: endpoint)
        if Self.connectionHadEnded(result) {
            request.freshConnection = true
            result = await transfer.perform(request, at: endpoint)
        }
        return Self.outcome(result)
    }

    /// A kept connection that the server had given up meanwhile, or had enough of: no failure of
    /// anybody, and nothing of this mail was taken yet.
    private static func connectionHadEnded(_ result: TransferResult) -> Bool {
        let conversation = result.conversation
        return result.reusedConnection && conversation.stage <= .sender
            && (result.end == .broken && conversation.reply == 0 || conversation.reply == 421)
    }

    /// The notes hold codes and our own words: servers repeat addresses in their texts.
    static func outcome(_ result: TransferResult) -> Outcome {
        let conversation = result.conversation
        let code = [conversation.reply > 0 ? "\(conversation.reply)" : nil, conversation.enhanced]
            .compactMap { $0 }.joined(separator: " ")
        func failed(_ what: String, _ blames: Outcome.Blame = .channel) -> Outcome {
            .retry(after: nil, blames: blames, note: code.isEmpty ? what : "\(what): \(code)")
        }
        switch result.end {
        case .answered: return .delivered(note: code)
        case .cancelled: return .retry(after: nil, blames: .message, note: "cancelled")
        case .timedOut:
            return failed("the mail server did not answer in time, at \(conversation.stage.words)")
        case .cannotResolve, .cannotConnect, .cannotEncrypt, .badCertificate, .unusable, .broken:
            return failed("\(result.end.words), at \(conversation.stage.words)")
        case .loginRefused: return failed("the mail server refuses the login")
        case .refused: break
        }
        let what = "the mail server refuses \(conversation.stage.words)"
        guard conversation.stage >= .recipient else { return failed(what) }
        // 421 is said at any time and is about the server (RFC 5321 §3.8).
        if conversation.reply == 421 { return failed(what) }
        if conversation.reply < 500 { return failed(what, .message) }
        return .rejected(note: "\(what): \(code)")
    }
}

extension MailConversation.Stage {
    fileprivate var words: String {
        switch self {
        case .connect: "the connection"
        case .hello: "the greeting"
        case .encryption: "STARTTLS"
        case .login: "the login"
        case .sender: "the sender"
        case .recipient: "the recipient"
        case .content: "the mail"
        }
    }
}

extension TransferResult.End {
    /// For notes: what happened, without what curl adds.
    package var words: String {
        switch self {
        case .answered: "answered"
        case .cancelled: "cancelled"
        case .timedOut: "no answer in time"
        case .cannotResolve: "the server's name cannot be resolved"
        case .cannotConnect: "no connection to the server"
        case .cannotEncrypt: "no encryption with the server"
        case .badCertificate: "the server's certificate does not verify"
        case .loginRefused: "the login is refused"
        case .refused: "refused"
        case .broken: "the connection broke"
        case .unusable: "the settings cannot be used"
        }
    }
}
