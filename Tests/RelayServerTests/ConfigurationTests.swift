// etc/outcry.yaml: every key, and every way to get one wrong, with its place and without a secret.
import Alerting
import Channels
import Foundation
import Storage
import TestSupport
import Testing

@testable import RelayServer

@Suite("The configuration")
struct ConfigurationTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    private func file(_ text: String, secrets: Bool = true) throws -> ConfigurationFile {
        try ConfigurationFile(path: folder.write("etc/outcry.yaml", text), secrets: secrets)
    }
    /// `line:column: error: message` of each finding.
    private func findings(_ text: String, secrets: Bool = true) throws -> [String] {
        try file(text, secrets: secrets).findings.map {
            String($0.headline.dropFirst($0.file.count + 1))
        }
    }

    static let least = """
        data: relay.db
        rules: ../rules
        operator: workshop
        sources:
          one:
            url: https://iot.example/
            webhook: { path: /hooks/one, authorization: none }

        """

    @Test("what is left out has the value that CONFIG.md shows")
    func defaults() throws {
        let file = try file(Self.least)
        #expect(file.findings.map(\.headline) == [])
        let read = try #require(file.configuration)
        #expect(read.listen == Address(host: "127.0.0.1", port: 8_642))
        #expect(read.admin == Address(host: "127.0.0.1", port: 8_643))
        #expect(read.data == folder.path + "/etc/relay.db", "relative to the file")
        #expect(read.rules == folder.path + "/rules")
        #expect(read.watchesRules)
        #expect(read.lateness == .seconds(10))
        #expect(read.retention.events == .days(90) && read.retention.incidents == .days(400))
        #expect(read.retention.deliveries == .days(90) && read.retention.positions == .days(7))
        #expect(read.templates == nil && read.tls == nil && read.heartbeat == nil)
        #expect(read.sources.map(\.url) == ["https://iot.example"])
        #expect(read.sources[0].webhook?.authorization == nil)
        #expect(read.channels.isEmpty)
    }

    @Test("every key is read")
    func everyKey() throws {
        setenv("OUTCRY_TEST_PSK", "Bearer psk", 1)
        try folder.write("etc/password", "hunter2\n")
        let certificate = try TestCertificate()
        try folder.write(
            "etc/ca.pem", String(contentsOfFile: certificate.certificate, encoding: .utf8))
        let text = """
            listen: 0.0.0.0:1
            admin: "[::1]:2"
            public_url: https://alerts.example/
            tls: { certificate: cert.pem, key: /key.pem }
            data: /var/relay.db
            rules: rules
            rules_watch: false
            templates: ../templates
            operator: workshop
            lateness: 20s
            heartbeat: { url: "https://watch.example/ping", every: 1m }
            sources:
              one:
                url: https://iot.example
                ca: ca.pem
                webhook: { path: /hooks/one, authorization: "${env:OUTCRY_TEST_PSK}" }
            channels:
              email:
                server: smtp://mail.example:587
                starttls: opportunistic
                username: outcry
                password: ${file:password}
                from: Outcry <outcry@example.org>
                ca: ca.pem
                timeout: 9s
                at_once: 3
              http:
                fleet:
                  url: https://fleet.example/alerts
                  headers: { X-Team: night, Authorization: "${env:OUTCRY_TEST_PSK}" }
                  secret: ["${env:OUTCRY_TEST_PSK_A}"]
                  body: slack
                  method: PUT
                  ca: ca.pem
                  timeout: 4s
                  at_once: 5
              hooks:
                ring: { run: [/bin/true, --loud], timeout: 3s, at_once: 1 }
            retention: { events: 1d, incidents: 2d, deliveries: 3d, positions: 4d }
            log: { level: debug, format: json }
            """
        setenv("OUTCRY_TEST_PSK_A", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", 1)
        let file = try file(text)
        #expect(file.findings.map(\.message).allSatisfy { $0.contains("/incidents/ID") })
        #expect(file.findings.map(\.severity) == [.warning], "the pages are not built yet")
        let read = try #require(file.configuration)
        #expect(read.listen == Address(host: "0.0.0.0", port: 1))
        #expect(read.admin == Address(host: "::1", port: 2))
        #expect(read.publicURL == "https://alerts.example")
        #expect(read.tls == .init(certificate: folder.path + "/etc/cert.pem", key: "/key.pem"))
        #expect(read.data == "/var/relay.db")
        #expect(!read.watchesRules)
        #expect(read.templates == folder.path + "/templates")
        #expect(read.operatorContact == "workshop")
        #expect(read.lateness == .seconds(20))
        #expect(read.heartbeat == Heartbeat(url: "https://watch.example/ping", every: .minutes(1)))
        #expect(read.sources[0].webhook?.authorization?.revealed == "Bearer psk")
        #expect(read.sources[0].ca == folder.path + "/etc/ca.pem")
        let email = try #require(read.email)
        #expect(email.password?.revealed == "hunter2", "without its newline")
        #expect(email.starttls == .opportunistic && email.atOnce == 3)
        #expect(email.timeout == .seconds(9) && email.ca == folder.path + "/etc/ca.pem")
        let http = try #require(read.http["fleet"])
        #expect(http.headers["X-Team"]?.revealed == "night")
        #expect(http.headers["Authorization"]?.revealed == "Bearer psk")
        #expect(http.secrets.count == 1 && http.bodyTemplate == "slack" && http.method == "PUT")
        #expect(http.timeout == .seconds(4) && http.atOnce == 5)
        #expect(read.hooks["ring"]?.run == ["/bin/true", "--loud"])
        #expect(read.hooks["ring"]?.atOnce == 1)
        #expect(
            read.retention
                == RetentionPolicy(
                    events: .days(1), incidents: .days(2), deliveries: .days(3), positions: .days(4)
                ))
        #expect(read.log.level == .debug && read.log.format == .json)
        #expect(read.channels == [.email, .http("fleet"), .hook("ring")])
    }

    static let wrong: [(String, String)] = [
        ("listne: 127.0.0.1:1", "8:1: error: 'listne' is no key of the configuration"),
        ("listen: 8642", "8:9: error: expected host:port, such as 127.0.0.1:8642"),
        ("listen: 127.0.0.1:99999", "8:9: error: expected host:port"),
        ("admin: 127.0.0.1:8642", "8:8: error: 'listen' and 'admin' have the same address"),
        ("listen: 127.0.0.1:8643", "8:9: error: 'listen' and 'admin' have the same address"),
        ("admin: 0.0.0.0:1", "8:8: warning: health and metrics are open to everybody"),
        ("public_url: alerts", "8:13: error: expected http://… or https://…"),
        ("tls: { certificate: a }", "8:8: error: 'key' is missing: a PEM file"),
        ("rules_watch: yes", "8:14: error: expected true or false"),
        ("lateness: 10", "8:11: error:"),
        ("lateness: 61s", "8:11: error: 'lateness' is 60 s at most"),
        ("heartbeat: { every: 5m }", "8:14: error: 'url' is missing"),
        ("heartbeat: { url: http://a, every: 1ms }", "8:36: error:"),
        ("log: { level: loud }", "8:15: error: expected a level"),
        ("retention: { event: 9d }", "8:14: error: 'event' is no key of retention"),
        ("retention: { events: 0s }", "8:22: error: expected a duration longer than nothing"),
        ("channels: { mail: {} }", "8:13: error: 'mail' is no key of channels"),
        (
            "channels: { email: { server: 'smtp://a', from: nobody } }",
            "8:48: error: expected an address such as"
        ),
        (
            "channels: { email: { server: 'http://a', from: a@b.c } }",
            "8:30: error: server: give smtp://HOST:PORT"
        ),
        ("channels: { http: { a: { url: nowhere } } }", "8:31: error: url: give http://"),
        (
            "channels: { email: { server: 'smtp://a', starttls: none, username: u, "
                + "password: p, from: a@b.c } }",
            "8:52: error: starttls: with `none` the password"
        ),
        (
            "channels: { email: { server: 'smtp://a', password: '${env:HOME}', from: a@b.c } }",
            "8:52: error: password: there is no username beside it"
        ),
        ("channels: { http: { a: { url: 'http://a', method: PO ST } } }", "8:51: error: method:"),
        (
            "channels: { http: { a: { url: 'http://a', headers: { X Y: a } } } }",
            "8:52: error: headers: X Y cannot"
        ),
        (
            "channels: { http: { a: { url: 'http://a', secret: whsec_!!! } } }",
            "8:51: error: secret: give whsec_"
        ),
        ("channels: { http: { a: { url: 'http://a', links: true } } }", "8:43: error: 'links'"),
        (
            "channels: { http: { a: { url: 'http://a', at_once: 0 } } }",
            "8:52: error: expected how many at once from 1 to 256"
        ),
        ("channels: { hooks: { a: { run: /bin/true } } }", "8:32: error: expected a list"),
        ("channels: { hooks: { a: { run: [] } } }", "8:32: error: run: give a program"),
        (
            "channels: { http: { a: { url: 'http://a', secret: whsec_AAAA } } }",
            "8:51: warning: 'secret' is a secret and stands here in the open"
        ),
        (
            "channels: { http: { a: { url: 'http://a', headers: { X-Api-Key: abc } } } }",
            "8:65: warning: 'X-Api-Key' is a secret and stands here in the open"
        ),
        ("public_url: '${env:OUTCRY_NO_SUCH}'", "8:13: error: the environment has no variable"),
        ("public_url: '${file:no-such}'", "8:13: error: cannot read the file no-such"),
        ("public_url: '${vault:x}'", "8:13: error: '${…}' is neither"),
        ("public_url: '${env:A'", "8:13: error: '${' without its '}'"),
        ("public_url: '${env:}'", "8:13: error: '${env:}' names no variable"),
    ]

    @Test("a reference that is written wrongly is said where secrets are not asked for")
    func misspelt() throws {
        for text in ["${env:OUTCRY_NO_SUCH}${enf:PSK}", "${PSK}", "${env:PSK", "${file:}"] {
            let file = try file(Self.least + "public_url: '\(text)'", secrets: false)
            #expect(file.findings.contains { $0.severity == .error && $0.line == 8 }, "\(text)")
        }
        let file = try file(Self.least + "public_url: '${env:OUTCRY_NO_SUCH}'", secrets: false)
        #expect(!file.findings.contains { $0.severity == .error })
    }

    @Test("what is wrong is said with its place", arguments: wrong)
    func said(_ line: String, _ wanted: String) throws {
        let said = try findings(Self.least + line)
        #expect(said.contains { $0.hasPrefix(wanted) }, "\(said)")
        guard !line.contains("${") else { return }
        let withoutSecrets = try findings(Self.least + line, secrets: false)
        #expect(withoutSecrets.contains { $0.hasPrefix(wanted) }, "to check it asks for no secret")
    }

    @Test("an unknown key brings the one that was meant")
    func suggestion() throws {
        #expect(
            try findings(Self.least + "rulse: x").contains { $0.hasSuffix("did you mean 'rules'?") }
        )
    }

    @Test(
        "required are data, rules and one source",
        arguments: [
            ("rules: x\nsources: {}", "'data' is missing"),
            ("data: x\nsources: {}", "'rules' is missing"),
            ("data: x\nrules: y", "'sources' is missing"),
            ("data: x\nrules: y\nsources: {}", "expected one source at least"),
            (
                "data: x\nrules: y\nsources: { a: { url: 'http://a' } }",
                "needs a 'webhook'"
            ),
            (
                "data: x\nrules: y\nsources: { a: { url: 'http://a', webhook: { path: /a } } }",
                "'authorization' is missing"
            ),
            (
                "data: x\nrules: y\nsources: { a: { url: 'http://a', session: {}, "
                    + "webhook: { path: /a, authorization: none } } }", "'email' is missing"
            ),
            (
                "data: x\nrules: y\nsources: { a: { url: 'http://a', "
                    + "webhook: { path: a, authorization: none } } }", "the path begins with '/'"
            ),
            ("[1, 2]", "the configuration is a map"), ("", "expected one map"),
            ("data: [", ":"),
        ])
    func required(_ text: String, _ wanted: String) throws {
        let file = try file(text)
        #expect(file.configuration == nil)
        #expect(file.findings.contains { $0.headline.contains(wanted) }, "\(file.findings)")
        #expect(throws: ConfigurationError.self) { try file.checked() }
    }

    @Test("two sources do not share a path")
    func twins() throws {
        let said = try findings(
            Self.least + """
                  two:
                    url: https://iot.example
                    webhook: { path: /hooks/one, authorization: none }
                """)
        #expect(said.contains { $0.contains("source 'two' has the webhook path of source 'one'") })
    }

    @Test("no operator is a warning, for then nobody hears of dead messages")
    func nobody() throws {
        let text = Self.least.replacingOccurrences(of: "operator: workshop\n", with: "")
        #expect(try findings(text).contains { $0.contains("warning: no 'operator'") })
    }

    @Test("nothing that is said of the file holds a secret, even of a misspelt key")
    func secrets() throws {
        setenv("OUTCRY_TEST_PSK", "hunter2", 1)
        let file = try file(
            Self.least + """
                channels:
                  email: { server: "smtp://a", from: a@b.c, pasword: hunter2, username: x }
                  http: { a: { url: "http://user:hunter2@a b", secret: hunter2 } }
                """)
        #expect(file.findings.count >= 3)
        for finding in file.findings { #expect(!finding.text.contains("hunter2")) }
        #expect(throws: ConfigurationError.self) {
            do { _ = try file.checked() } catch {
                #expect(!"\(error)".contains("hunter2"))
                throw error
            }
        }
        var dumped = ""
        let good = try #require(
            try self.file(
                Self.least.replacingOccurrences(
                    of: "authorization: none", with: "authorization: \"${env:OUTCRY_TEST_PSK}\"")
            ).configuration)
        dump(good, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test("a variable that is empty, or happens to say none, does not open the webhook")
    func open() throws {
        let text = Self.least.replacingOccurrences(
            of: "authorization: none", with: "authorization: \"${env:OUTCRY_TEST_OPEN}\"")
        setenv("OUTCRY_TEST_OPEN", "", 1)
        #expect(
            try findings(text).contains { $0.contains("the variable OUTCRY_TEST_OPEN is empty") })
        setenv("OUTCRY_TEST_OPEN", "none", 1)
        #expect(try file(text).configuration?.sources[0].webhook?.authorization?.revealed == "none")
    }

    @Test("a source with a session needs no webhook, and has the bounds that CONFIG.md shows")
    func session() throws {
        setenv("OUTCRY_TEST_TOKEN", "t0ken", 1)
        let text = Self.least.replacingOccurrences(
            of: "webhook: { path: /hooks/one, authorization: none }",
            with: "session: { token: \"${env:OUTCRY_TEST_TOKEN}\" }")
        let file = try file(text)
        #expect(file.findings.map(\.headline) == [])
        let source = try #require(file.configuration?.sources.first)
        #expect(source.webhook == nil)
        let session = try #require(source.session)
        #expect(session.ping == .seconds(30) && session.deadAfter == .seconds(120))
        #expect(session.overlap == .hours(30) && session.every == .minutes(15))
        guard case .token(let token) = session.credential else { throw CancellationError() }
        #expect(token.revealed == "t0ken")
        var dumped = ""
        dump(source, to: &dumped)
        #expect(!dumped.contains("t0ken"))
    }

    @Test(
        "what is wrong with a session is said",
        arguments: [
            ("session: { token: a, password: b }", "'password' stands beside 'token'"),
            ("session: { email: a@b.c }", "'password' is missing"),
            ("session: { tokn: a }", "did you mean 'token'?"),
            ("socket: { ping: 5s }", "'socket' goes with a 'session'"),
            (
                "session: { token: a }\n    catch_up: { every: 1s }",
                "'every' is 10 s at least"
            ),
            (
                "session: { token: a }\n    socket: { ping: 9s, dead_after: 8s }",
                "'dead_after' is longer than 'ping'"
            ),
            ("session: { token: a }\n    catch_up: { overlap: 5m }", "are lost"),
        ])
    func badSession(lines: String, wanted: String) throws {
        let text = Self.least.replacingOccurrences(
            of: "webhook: { path: /hooks/one, authorization: none }", with: lines)
        let found = try findings(text)
        #expect(found.contains { $0.contains(wanted) }, "\(found)")
    }

    @Test(
        "events are kept for longer than a catch-up looks back",
        arguments: [
            ("", "", nil), ("", "retention: { events: 55h }", nil),
            ("", "retention: { events: 54h }", "9:22: error: the catch-up of source 'one' asks"),
            ("catch_up: { overlap: 1h }", "retention: { events: 26h }", nil),
            ("catch_up: { overlap: 2h }", "retention: { events: 26h }", "10:22: error:"),
            ("catch_up: { overlap: 90d }", "", "5:3: error: the catch-up of source 'one' asks"),
        ])
    func reach(_ catchUp: String, _ retention: String, _ wanted: String?) throws {
        setenv("OUTCRY_TEST_TOKEN", "t0ken", 1)
        let lines =
            "    session: { token: \"${env:OUTCRY_TEST_TOKEN}\" }\n"
            + (catchUp.isEmpty ? "" : "    \(catchUp)\n")
        let found = try findings(Self.least + lines + retention)
        #expect(found.count == (wanted == nil ? 0 : 1), "\(found)")
        if let wanted { #expect(found.first?.hasPrefix(wanted) == true, "\(found)") }
        // Where nobody catches up events may be kept for as short as one likes.
        if catchUp.isEmpty { #expect(try findings(Self.least + "retention: { events: 1h }") == []) }
    }

    @Test("a login over http:// to another machine is a warning")
    func unencrypted() throws {
        let text = Self.least.replacingOccurrences(of: "https://", with: "http://")
            .replacingOccurrences(of: "webhook: {", with: "session: { token: a }\n    webhook: {")
        #expect(try findings(text).contains { $0.contains("unencrypted") })
        let local = text.replacingOccurrences(of: "iot.example", with: "127.0.0.1:8082")
        #expect(try !findings(local).contains { $0.contains("unencrypted") })
    }

    @Test("commands that need no secrets read a file whose secrets are missing")
    func withoutSecrets() throws {
        let text =
            Self.least.replacingOccurrences(
                of: "authorization: none", with: "authorization: \"${env:OUTCRY_NO_SUCH}\"")
                + """
                admin: 127.0.0.1:9
                channels:
                  email:
                    { server: "smtp://a", from: "${env:OUTCRY_NO_SUCH}", username: x,
                      password: "${env:OUTCRY_NO_SUCH}" }
                  http: { a: { url: "${env:OUTCRY_NO_SUCH}", secret: "${env:OUTCRY_NO_SUCH}" } }
                """
        let file = try file(text, secrets: false)
        #expect(file.findings.map(\.headline) == [])
        #expect(file.configuration?.admin.port == 9)
        #expect(file.configuration?.channels == [.email, .http("a")])
    }

    @Test("the shipped file loads once its variables are set")
    func shipped() throws {
        for name in ["OUTCRY_WEBHOOK_PSK", "OUTCRY_SMTP_PASSWORD"] { setenv(name, "secret", 1) }
        setenv("OUTCRY_FLEET_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", 1)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = try ConfigurationFile(path: root.path + "/etc/outcry.yaml")
        #expect(file.findings.map(\.headline) == [])
        let library = RuleLibrary(try file.checked())
        #expect(library.operatorContact(of: try library.load().book) != nil)
    }

    @Test("what is wrong is said in the order of the file, and that it is no UTF-8")
    func order() throws {
        let said = try findings(Self.least + "lateness: 10\nlistne: x\nadmin: y")
        let lines = said.compactMap { $0.split(separator: ":").first }
        #expect(lines == ["8", "9", "10"], "\(said)")
        let path = folder.path + "/etc/latin1.yaml"
        let text = Data(Self.least.utf8) + Data("operator: J".utf8) + Data([0xF6, 0x72, 0x67])
        try text.write(to: URL(fileURLWithPath: path))
        let file = try ConfigurationFile(path: path)
        #expect(
            file.findings.contains {
                $0.headline.hasPrefix("\(path):8:12: error: this letter is not written as UTF-8")
            }, "\(file.findings)")
    }

    @Test("a hook's program is looked for from the file's folder")
    func relativeHook() throws {
        let file = try file(
            Self.least
                + """
                channels:
                  hooks:
                    near: { run: [./ring.sh, ./as-it-is] }
                    far: { run: [/bin/ring] }
                    found: { run: [ring] }
                """)
        let hooks = try file.checked().hooks
        #expect(hooks["near"]?.run == [folder.path + "/etc/ring.sh", "./as-it-is"])
        #expect(hooks["far"]?.run == ["/bin/ring"] && hooks["found"]?.run == ["ring"])
    }

    @Test("a file that is not there is said by its name")
    func missing() {
        #expect(throws: ConfigurationError.self) { try ConfigurationFile(path: "/no/such.yaml") }
    }
}

@Suite("An address")
struct AddressTests {
    @Test(
        "host and port",
        arguments: [
            ("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:80", "[::1]:80"), ("host:0", "host:0"),
            (":80", nil), ("80", nil), ("a:b", nil), ("a:-1", nil), ("a:70000", nil),
        ])
    func parsed(_ text: String, _ wanted: String?) {
        #expect(Address(text)?.description == wanted)
    }

    @Test("what is loopback")
    func loopback() {
        #expect(Address("127.9.0.1:1")?.isLoopback == true)
        #expect(Address("[::1]:1")?.isLoopback == true)
        #expect(Address("0.0.0.0:1")?.isLoopback == false)
    }
}
