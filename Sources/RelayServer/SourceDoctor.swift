// The doctor's look at one source: is its server there, does it let us in, will it push what the
// rules are about, does its clock agree with ours, and does its webhook find the way to us. What
// depends on something that failed is left out: one cause is told once.

import Alerting
import Channels
import Foundation
import Intake
import Synchronization

struct SourceDoctor {
    private let source: Configuration.SourceSettings
    /// nil: the rules cannot be read.
    private let book: RuleBook?
    private let publicURL: String?
    private let listen: Address
    private let isEncrypted: Bool
    /// Asks the source's server.
    private let fetch: Fetch
    /// Asks for our own webhook, whose certificate is another matter than the server's.
    private let fetchOwn: Fetch
    private let subject: String

    init(
        _ source: Configuration.SourceSettings, book: RuleBook?, publicURL: String?,
        listen: Address, isEncrypted: Bool, over transfer: CurlTransfer
    ) {
        self.source = source
        self.book = book
        self.publicURL = publicURL
        self.listen = listen
        self.isEncrypted = isEncrypted
        fetch = Fetching(over: transfer, ca: source.ca).fetch
        fetchOwn = Fetching(over: transfer).fetch
        subject = "source \(source.name)"
    }

    /// - Parameter tell: hears of each look as soon as it is done.
    func look(tell: (Doctor.Line) -> Void) async {
        func say(_ verdict: Doctor.Line.Verdict, _ what: String, _ words: String) {
            tell(Doctor.Line(verdict, "\(subject), \(what)", words))
        }
        var account: ServerAccount?
        if await server(say), let settings = source.session {
            let session = TraccarSession(
                url: source.url, credential: settings.credential.revealed, fetch: fetch)
            do {
                let found = try await session.login()
                account = found
                say(.ok, "login", "the server lets us in with \(settings.credential.revealed)")
                lookAt(found, say)
                let devices = await devices(session, say)
                await notifications(session, devices, say)
                await socket(session, say)
                await session.logout()
            } catch {
                say(.problem, "login", error.description)
            }
        } else if source.session == nil {
            say(
                .warning, "session",
                "none: what the webhook loses is lost; see session: in the configuration")
        }
        if let webhook = source.webhook { await self.webhook(webhook, account, say) }
    }

    private var lists: TraccarLists { TraccarLists(server: source.url, source: source.name) }

    private typealias Say = (Doctor.Line.Verdict, String, String) -> Void

    // MARK: - The server

    /// - Returns: whether to go on.
    private func server(_ say: Say) async -> Bool {
        let before = Timekeeper.wallTime
        let answer: FetchAnswer
        do throws(FetchFailure) {
            answer = try await fetch(
                FetchRequest(
                    url: ServerURL(source.url).url("/api/server"),
                    headers: [("Accept", "application/json")],
                    timeout: .seconds(Limits.sessionSeconds), limit: Limits.sessionBytes))
        } catch {
            say(.problem, "server", error.description)
            return false
        }
        // What is no such object is no Traccar's.
        let version = (try? lists.info(answer.body))?.version
        if answer.status == 200, let version {
            say(.ok, "server", "it answers, Traccar \(version)")
        } else {
            // A proxy may hide the page, and a fork may lack it: the login decides.
            say(.warning, "server", "it answers \(answer.status), and does not say its version")
        }
        let clock = Self.clock(answer, between: before, and: Timekeeper.wallTime)
        say(clock?.verdict ?? .ok, "clock", clock?.words ?? "not compared: it tells no time")
        return true
    }

    /// `Date` has whole seconds, and was written somewhere between the two moments.
    static func clock(
        _ answer: FetchAnswer, between before: Instant, and after: Instant
    ) -> (verdict: Doctor.Line.Verdict, words: String)? {
        guard let text = answer.values(of: "Date").last, let theirs = HTTPDate.instant(text) else {
            return nil
        }
        let ahead = before - (theirs + .seconds(1))
        let behind = theirs - after
        let offset = max(ahead, behind, .zero)
        guard offset > .seconds(Limits.clockOffsetSeconds) else {
            return (.ok, "this machine's and the server's agree")
        }
        let which = ahead > behind ? "ahead of" : "behind"
        let isFar = offset > .seconds(60)
        return (
            isFar ? .problem : .warning,
            "this machine's is \(offset.wholeSeconds) s \(which) the server's; keep it by NTP "
                + "(timedatectl)"
        )
    }

    // MARK: - The account

    private func lookAt(_ account: ServerAccount, _ say: Say) {
        if let expires = account.expires, expires < Timekeeper.wallTime + .days(30) {
            say(.warning, "account", "it expires at \(expires.rfc3339)")
        }
        if account.reportsDisabled {
            say(
                .problem, "account",
                "it may not ask for reports, so nothing that is missed can be caught up with: "
                    + "allow it to (disableReports)")
        }
    }

    private func devices(_ session: TraccarSession, _ say: Say) async -> [ServerDevice] {
        do throws(SessionFailure) {
            let devices = try await session.get("/api/devices", read: lists.devices)
            say(
                devices.isEmpty ? .warning : .ok, "devices",
                devices.isEmpty ? "the account sees none" : "the account sees \(devices.count)")
            return devices
        } catch {
            say(.problem, "devices", error.description)
            return []
        }
    }

    private func notifications(
        _ session: TraccarSession, _ devices: [ServerDevice], _ say: Say
    ) async {
        guard let book else { return }
        do throws(SessionFailure) {
            let warnings = try await AccountCheck.warnings(
                book,
                device: { name in
                    devices.first { [$0.device.uniqueId, $0.device.name].contains(name) }?.device.id
                },
                ask: { id throws(SessionFailure) in
                    try await session.notifications(ofDevice: id, lists)
                })
            for warning in warnings { say(.warning, "notifications", warning) }
            if warnings.isEmpty {
                say(.ok, "notifications", "the server pushes what the rules are about")
            }
        } catch {
            say(.problem, "notifications", error.description)
        }
    }

    private func socket(_ session: TraccarSession, _ say: Say) async {
        guard let cookie = await session.cookie else { return }
        var settings = TraccarSocket.Settings(url: source.url, name: source.name)
        settings.ca = source.ca
        let connection = TraccarSocket(settings)
        let opened = Atomic(false)
        let end = await withTaskGroup(of: TraccarSocket.End.self) { group in
            let (came, first) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                defer { first.finish() }
                return await connection.run(cookie: cookie) { _ in first.yield() }
            }
            for await _ in came {
                opened.store(true, ordering: .relaxed)
                break
            }
            group.cancelAll()
            return await group.next() ?? .cancelled
        }
        if opened.load(ordering: .relaxed) {
            say(.ok, "socket", "it opens")
        } else {
            say(.problem, "socket", end.description)
        }
    }

    // MARK: - The webhook

    /// A GET at its path is answered 405 by a relay, and by nobody else: it says that a post would
    /// arrive, and makes none.
    private func webhook(
        _ webhook: Configuration.SourceSettings.Webhook, _ account: ServerAccount?, _ say: Say
    ) async {
        if let account { lookAtWebhook(of: account, webhook, say) }
        let own = URL(string: account?.webhookURL ?? "").flatMap(Self.withoutQuery)
        let target: String
        let way: String
        if let own {
            (target, way) = (own, "at the address that the account posts to")
        } else if let publicURL {
            (target, way) = (publicURL + webhook.path, "at public_url")
        } else {
            let host = listen.host == "0.0.0.0" || listen.host == "::" ? "localhost" : listen.host
            let local = Address(host: host, port: listen.port)
            let scheme = isEncrypted ? "https" : "http"
            (target, way) = ("\(scheme)://\(local)\(webhook.path)", "on this machine")
        }
        do throws(FetchFailure) {
            let answer = try await fetchOwn(
                FetchRequest(url: target, timeout: .seconds(20), limit: Limits.sessionBytes))
            if answer.status == 405 {
                say(.ok, "webhook", "the relay answers \(way), seen from here")
            } else {
                say(
                    .problem, "webhook",
                    "\(way) something else answers (\(answer.status)): see the proxy in front, "
                        + "and that it passes \(webhook.path) on")
            }
        } catch {
            say(
                .warning, "webhook",
                "nobody answers \(way), seen from here (\(error.description)): is the relay "
                    + "running?")
        }
    }

    private func lookAtWebhook(
        of account: ServerAccount, _ webhook: Configuration.SourceSettings.Webhook, _ say: Say
    ) {
        let path = webhook.path
        guard let address = account.webhookURL else { return }
        if account.webhooksDisabled {
            say(.problem, "webhook", "the account has disableWebhooks: nothing is posted")
        }
        if let url = URL(string: address), url.path != path {
            say(.problem, "webhook", "the account's webhookUrl has another path than \(path)")
        }
        // None shown is none known: a server may keep it to itself.
        if let key = account.webhookKey { compare(key, webhook.authorization, say) }
        guard let types = account.webhookTypes, let book else { return }
        let missing = Set(book.happenings.map(\.type)).subtracting(types).sorted()
        if !missing.isEmpty {
            let names = missing.joined(separator: ", ")
            say(.warning, "webhook", "the account's webhookTypes leaves out \(names)")
        }
    }

    /// Neither value is said, nor in what they differ.
    private func compare(_ key: WebhookKey, _ authorization: Secret?, _ say: Say) {
        guard let authorization else {
            say(
                .warning, "webhook",
                "authorization is none, so anybody may post, though the account has a webhookPsk: "
                    + "ask for its value")
            return
        }
        guard !key.opens(authorization.revealed) else { return }
        say(
            .problem, "webhook",
            "the account's webhookPsk and authorization differ, so what it posts is refused (401): "
                + "make them the same, word for word")
    }

    private static func withoutQuery(_ url: URL) -> String? {
        guard var parts = URLComponents(url: url, resolvingAgainstBaseURL: false),
            ["http", "https"].contains(parts.scheme)
        else { return nil }
        parts.query = nil
        parts.fragment = nil
        parts.user = nil
        parts.password = nil
        return parts.string
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may write (RFC 9110 §5.6.7).
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    static func instant(_ text: String) -> Instant? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT",
            let month = months.firstIndex(of: String(words[2])), let day = Int(words[1]),
            (1...31).contains(day), words[3].count == 4
        else { return nil }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return Instant(rfc3339: "\(words[3])-\(two(month + 1))-\(two(day))T\(words[4])Z")
    }
}
