// Mail against a real server, Tests/TestSupport/smtp_sink.py: who is blamed for what, that neither
// mail nor password leaves without a certificate that verifies, and that connections are kept.
import Alerting
import TestSupport
import Testing

@testable import Channels

@Suite("SMTP", .serialized)
struct SMTPNotifierTests {
    /// A notifier at a sink, for as long as `body` takes.
    private func withMail(
        sink arguments: [String] = [],
        _ change: (inout EmailSettings) -> Void = { $0.starttls = .none },
        _ body: (SMTPNotifier, Sink) async throws -> Void
    ) async throws {
        let sink = try await Sink("smtp_sink.py", arguments)
        let from = try #require(MailAddress("Outcry <outcry@example.org>"))
        var settings = EmailSettings(
            server: "smtp://127.0.0.1:\(sink.port)", from: from, timeout: .seconds(10))
        change(&settings)
        let transfer = CurlTransfer(name: "test")
        do {
            try await body(SMTPNotifier(settings, over: transfer), sink)
        } catch {
            await transfer.stop()
            throw error
        }
        await transfer.stop()
        sink.stop()
    }

    @Test("a mail arrives whole, with the sender and the recipient in the envelope")
    func arrives() async throws {
        try await withMail { notifier, sink in
            let text = ".leading dot\n..two\n.\nGrüße\n" + String(repeating: "x", count: 20_000)
            let outcome = await notifier.notify(
                Sample.message(to: "Night Shift <night@example.org>", text: text))
            #expect(outcome == .delivered(note: "250 2.0.0"))
            let mail = try #require(try await sink.mails(1).first)
            #expect(mail.sender.hasPrefix("FROM:<outcry@example.org>"))
            #expect(!mail.sender.contains("SIZE="))
            #expect(mail.recipients == ["night@example.org"])
            let body = try Python.run(Parse.script, [mail.data, "text"])
            #expect(body == text)
        }
    }

    @Test(
        "a refusal at RCPT or DATA is the message's: 4xx is retried, 5xx rejected",
        arguments: [
            ("reject-550", true, "550 5.1.1"), ("later-450", false, "450 4.1.1"),
            ("data-554", true, "554 5.3.0"), ("data-451", false, "451 4.3.0"),
            ("body-552", true, "552 5.3.4"), ("body-452", false, "452 4.3.4"),
        ])
    func refusals(name: String, rejected: Bool, code: String) async throws {
        try await withMail { notifier, _ in
            let outcome = await notifier.notify(Sample.message(to: "\(name)@example.org"))
            #expect(outcome.isRejected == rejected)
            #expect(outcome.blames == (rejected ? nil : .message))
            #expect(outcome.note.hasSuffix(code))
            // The server repeated the address; the note must not.
            #expect(!outcome.note.contains("example.org"))
        }
    }

    @Test(
        "a refusal before RCPT is the channel's, however final its code",
        arguments: [
            (["--greeting", "554 5.3.2 go away"], "554"),
            (["--greeting", "421 4.3.2 busy"], "421"),
            (["--mail", "550 5.1.8 bad sender"], "550"), (["--mail", "451 4.3.0 later"], "451"),
        ])
    func channelRefusals(sink: [String], code: String) async throws {
        try await withMail(sink: sink) { notifier, _ in
            let outcome = await notifier.notify(Sample.message(to: "a@example.org"))
            #expect(outcome.blames == .channel)
            #expect(outcome.note.contains(code))
        }
    }

    @Test("a server that closes, or says 421 to the recipient, is the channel's failure")
    func serverGoes() async throws {
        try await withMail { notifier, _ in
            for name in ["drop", "later-421"] {
                let outcome = await notifier.notify(Sample.message(to: "\(name)@example.org"))
                #expect(outcome.blames == .channel)
            }
        }
    }

    @Test(
        "a server that is silent is given up after the time limit",
        arguments: ["greeting", "ehlo", "mail", "data"])
    func silentServer(at command: String) async throws {
        try await withMail(
            sink: ["--hang-at", command],
            {
                $0.starttls = .none
                $0.timeout = .milliseconds(700)
            }
        ) { notifier, _ in
            let outcome = await notifier.notify(Sample.message(to: "a@example.org"))
            #expect(outcome.blames == .channel)
            #expect(outcome.note.contains("in time"))
        }
    }

    @Test("nobody listening is the channel's failure")
    func nobodyThere() async throws {
        try await withMail { notifier, sink in
            sink.stop()
            let outcome = await notifier.notify(Sample.message(to: "a@example.org"))
            #expect(outcome.blames == .channel)
            #expect(outcome.note.hasPrefix("no connection"))
        }
    }

    @Test(
        "an address that could add a command or header is never sent to",
        arguments: [
            "", "nobody", "a@b\r\nRCPT TO:<c@d>", "a@example.org> SIZE=1", "a b@example.org",
            "größe@example.org", "a@-example.org", "a..b@example.org", "\u{0}@example.org",
        ])
    func uselessAddress(address: String) async throws {
        let from = try #require(MailAddress("outcry@example.org"))
        let transfer = CurlTransfer(name: "test")
        let notifier = try SMTPNotifier(
            EmailSettings(server: "smtp://127.0.0.1:9", starttls: .none, from: from),
            over: transfer)
        #expect(await notifier.notify(Sample.message(to: address)).isRejected)
        await transfer.stop()
    }

    @Test("one connection carries mail after mail, and a second one follows where it ends")
    func keepsConnections() async throws {
        try await withMail(sink: ["--close-after", "2"]) { notifier, sink in
            for number in 1...5 {
                let outcome = await notifier.notify(
                    Sample.message(id: "d\(number)", to: "a@example.org"))
                #expect(outcome.isDelivered)
            }
            let mails = try await sink.mails(5)
            #expect(mails.map(\.connection) == [1, 1, 2, 2, 3])
        }
    }

    @Test("a kept connection that the server lost does not cost a retry")
    func survivesARestart() async throws {
        try await withMail { notifier, sink in
            #expect(await notifier.notify(Sample.message(to: "a@example.org")).isDelivered)
            sink.stop()
            let second = try await Sink("smtp_sink.py", port: sink.port)
            #expect(await notifier.notify(Sample.message(to: "a@example.org")).isDelivered)
            second.stop()
        }
    }

    @Test("cancelling the task ends a mail at a server that never answers")
    func cancels() async throws {
        try await withMail { notifier, sink in
            let task = Task { await notifier.notify(Sample.message(to: "hang@example.org")) }
            // A second mail, whose arrival says that the first has had its time.
            _ = await notifier.notify(Sample.message(to: "a@example.org"))
            task.cancel()
            #expect(await task.value.blames == .message)
        }
    }
}

@Suite("SMTP: encryption and login", .serialized)
struct SMTPEncryptionTests {
    private static let password = "correct horse"
    private static let login = ["--user", "outcry", "--password", password]

    private func send(
        sink arguments: [String], _ change: (inout EmailSettings) -> Void
    ) async throws -> (Outcome, Sink) {
        let sink = try await Sink("smtp_sink.py", arguments)
        let from = try #require(MailAddress("outcry@example.org"))
        var settings = EmailSettings(server: "smtp://localhost:\(sink.port)", from: from)
        settings.timeout = .seconds(10)
        change(&settings)
        settings.server = settings.server.replacing("PORT", with: "\(sink.port)")
        let transfer = CurlTransfer(name: "test")
        let outcome = try await SMTPNotifier(settings, over: transfer)
            .notify(Sample.message(to: "a@example.org"))
        await transfer.stop()
        return (outcome, sink)
    }

    @Test(
        "STARTTLS and a login, with a certificate authority of one's own",
        arguments: [Endpoint.Encryption.required, .opportunistic])
    func startTLS(encryption: Endpoint.Encryption) async throws {
        let certificate = try TestCertificate()
        let (outcome, sink) = try await send(
            sink: ["--tls", "starttls"] + certificate.arguments + Self.login
        ) {
            $0.starttls = encryption
            $0.username = "outcry"
            $0.password = Secret(Self.password)
            $0.ca = certificate.certificate
        }
        #expect(outcome.isDelivered, "\(outcome)")
        let mail = try #require(try await sink.mails(1).first)
        #expect(mail.encrypted && mail.login == "outcry")
    }

    @Test(
        "another's server takes our mail too: aiosmtpd",
        .enabled(if: Python.has("aiosmtpd"), "needs `aiosmtpd` from PyPI"))
    func aiosmtpd() async throws {
        let certificate = try TestCertificate()
        let sink = try await Sink("aiosmtpd_sink.py", certificate.arguments + Self.login)
        let from = try #require(MailAddress("outcry@example.org"))
        let settings = EmailSettings(
            server: "smtp://localhost:\(sink.port)", username: "outcry",
            password: Secret(Self.password), from: from, ca: certificate.certificate)
        let transfer = CurlTransfer(name: "test")
        let notifier = try SMTPNotifier(settings, over: transfer)
        let text = ".dot\n.\nGrüße"
        let outcome = await notifier.notify(Sample.message(to: "a@example.org", text: text))
        #expect(outcome.isDelivered, "\(outcome)")
        let mail = try #require(try await sink.mails(1).first)
        #expect(mail.encrypted && mail.login == "outcry" && mail.recipients == ["a@example.org"])
        #expect(try Python.run(Parse.script, [mail.data, "text"]) == text)
        await transfer.stop()
        sink.stop()
    }

    @Test("implicit TLS")
    func implicitTLS() async throws {
        let certificate = try TestCertificate()
        let (outcome, sink) = try await send(
            sink: ["--tls", "implicit"] + certificate.arguments + Self.login
        ) {
            $0.server = "smtps://localhost:PORT"
            $0.starttls = .none
            $0.username = "outcry"
            $0.password = Secret(Self.password)
            $0.ca = certificate.certificate
        }
        #expect(outcome.isDelivered, "\(outcome)")
        let mails = try await sink.mails(1)
        #expect(mails.first?.encrypted == true)
    }

    @Test("a refused login is the channel's failure, and is not repeated in the note")
    func refusedLogin() async throws {
        let certificate = try TestCertificate()
        let (outcome, _) = try await send(
            sink: ["--tls", "starttls"] + certificate.arguments + Self.login
        ) {
            $0.username = "outcry-wrong"
            $0.password = "not this one"
            $0.ca = certificate.certificate
        }
        #expect(outcome.blames == .channel)
        #expect(outcome.note == "the mail server refuses the login: 535 5.7.8")
    }

    @Test(
        "a certificate that does not verify gets neither mail nor password",
        arguments: [Endpoint.Encryption.required, .opportunistic], [true, false])
    func badCertificate(encryption: Endpoint.Encryption, otherHost: Bool) async throws {
        let certificate = try TestCertificate(
            host: otherHost ? "DNS:elsewhere.example" : "DNS:localhost")
        let (outcome, sink) = try await send(
            sink: ["--tls", "starttls"] + certificate.arguments + Self.login
        ) {
            $0.starttls = encryption
            $0.username = "outcry"
            $0.password = Secret(Self.password)
            // Signed by nobody we trust; or trusted, but for another host.
            $0.ca = otherHost ? certificate.certificate : nil
        }
        #expect(outcome.blames == .channel)
        #expect(outcome.note.hasPrefix("the server's certificate does not verify"))
        let closed = try #require(try await sink.closed(1).first)
        #expect(closed.commands == ["EHLO", "STARTTLS"])
    }

    @Test("where STARTTLS is required and not offered, nothing is sent")
    func notOffered() async throws {
        let (outcome, sink) = try await send(sink: ["--tls", "none"]) { $0.starttls = .required }
        #expect(outcome.blames == .channel)
        let closed = try #require(try await sink.closed(1).first)
        #expect(!closed.commands.contains("MAIL"))
    }

    @Test("opportunistic goes without encryption where none is offered, but never with a login")
    func opportunistic() async throws {
        let (outcome, sink) = try await send(sink: ["--tls", "none"]) {
            $0.starttls = .opportunistic
        }
        #expect(outcome.isDelivered)
        let mails = try await sink.mails(1)
        #expect(mails.first?.encrypted == false)
        // A name that is not loopback's but leads there: the password stays here.
        let (guarded, other) = try await send(sink: ["--tls", "none"] + Self.login) {
            $0.server = "smtp://127.0.0.1.:PORT"
            $0.starttls = .opportunistic
            $0.username = "outcry"
            $0.password = Secret(Self.password)
        }
        #expect(guarded.blames == .channel)
        #expect(try other.all("mail", as: SinkMail.self).isEmpty)
    }

    @Test(
        "a login without encryption is refused but to this machine",
        arguments: [
            ("smtp://mail.example.org:25", false), ("smtp://127.0.0.1:25", true),
            ("smtp://localhost", true), ("smtp://[::1]:25", true),
            ("smtps://mail.example.org", true),
            ("smtp://127.0.0.1.example.org", false), ("smtp://localhost@mail.example.org", false),
            ("smtp://127.1", false), ("http://localhost", false), ("mail.example.org", false),
        ])
    func openLogin(server: String, allowed: Bool) throws {
        let from = try #require(MailAddress("outcry@example.org"))
        let settings = EmailSettings(
            server: server, starttls: .none, username: "outcry", password: "p", from: from)
        if allowed {
            try ChannelSettings.email(settings).check()
        } else {
            #expect(throws: SettingsError.self) { try ChannelSettings.email(settings).check() }
        }
    }
}

/// What Python's `email` makes of a mail, as JSON or as its text.
enum Parse {
    static let script = """
        import email, email.policy, json, sys
        mail = email.message_from_bytes(sys.argv[1].encode(), policy=email.policy.default)
        if sys.argv[2] == "text":
            sys.stdout.write(mail.get_body(("plain",)).get_content().replace("\\r\\n", "\\n")[:-1])
            sys.exit()
        def defects(part):
            found = [type(d).__name__ for d in part.defects]
            found += [type(d).__name__ for v in part.values() for d in getattr(v, "defects", [])]
            return found + [d for sub in part.iter_parts() for d in defects(sub)]
        html = mail.get_body(("html",))
        print(json.dumps({
            "defects": defects(mail), "names": mail.keys(),
            "headers": {k.lower(): str(v) for k, v in mail.items()},
            "type": mail.get_content_type(),
            "text": mail.get_body(("plain",)).get_content().replace("\\r\\n", "\\n"),
            "html": html and html.get_content().replace("\\r\\n", "\\n"),
        }))
        """
}
