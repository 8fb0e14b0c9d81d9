// The whole relay over real HTTP: the admin pages, commands that reach the engine, and starts and
// ends in and out of order.
import Alerting
import Channels
import Foundation
import Glibc
import Storage
import Synchronization
import Testing

@testable import RelayServer

/// A relay that runs in this process.
final class RelayBench: Sendable {
    let folder: Folder
    let steps = Seen<Step>()
    let ports: (webhook: Int, admin: Int)
    let configuration: Configuration
    private let relay: Relay
    private let running: Task<Void, any Error>
    private let transfer = CurlTransfer(name: "test")

    init(
        _ folder: Folder, rules: String = shaken,
        _ change: (inout Configuration) -> Void = { _ in }
    ) async throws {
        self.folder = folder
        var configuration = try Self.configuration(folder, rules: rules)
        change(&configuration)
        self.configuration = configuration
        let listening = Seen<(Int, Int)>()
        var spectator = Relay.Spectator()
        spectator.listening = { listening.note(($0, $1)) }
        spectator.committed = { [steps] in for step in $0 { steps.note(step) } }
        let relay = try await Relay(configuration, logger: silent, spectator: spectator)
        self.relay = relay
        running = Task { try await relay.run() }
        ports = try await listening.wait(for: 1)[0]
    }

    static func configuration(_ folder: Folder, rules: String = shaken) throws -> Configuration {
        try folder.write("rules/shaken.yaml", rules)
        var configuration = Configuration(data: folder.database, rules: folder.path + "/rules")
        configuration.listen.port = 0
        configuration.admin.port = 0
        configuration.operatorContact = "workshop"
        configuration.sources = [
            .init(name: "one", url: "https://iot.example", path: "/hooks/one", authorization: nil)
        ]
        // Port 9 is nobody's: what is told here waits.
        for name in ["fleet", "office"] {
            configuration.http[name] = HTTPSettings(url: "http://127.0.0.1:9/")
        }
        return configuration
    }

    var token: String {
        get throws { try AdminToken.read(AdminToken.path(beside: folder.database)) }
    }

    func admin(
        _ method: String, _ path: String, _ headers: [String] = [], body: String = ""
    ) async -> (status: Int, body: String) {
        let page = "http://127.0.0.1:\(ports.admin)/\(path)"
        let answer = await WebClient(method, page, over: transfer)
            .ask(headers: headers, body: Array(body.utf8))
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    func api(_ path: String, _ body: String = "{}") async throws -> (status: Int, body: String) {
        await admin(
            "POST", "api/\(path)",
            ["Authorization: Bearer \(try token)", "Content-Type: application/json"], body: body)
    }

    func post(_ id: Int, device: Int = 1, age: Duration = .zero) async throws -> Int {
        let body = try arrival(id, device: device, at: Timekeeper.wallTime - age).body
        let page = "http://127.0.0.1:\(ports.webhook)/hooks/one"
        return await WebClient("POST", page, over: transfer).ask(body: body).status
    }

    /// While connections to both listeners are still open.
    func stop() async throws {
        await relay.stop()
        try await running.value
        await transfer.stop()
    }

    /// Connects and sends something that is never finished.
    func halfRequest(to port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(connected == 0)
        let text = "POST /hooks/one HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
        #expect(send(descriptor, text, text.utf8.count, 0) == text.utf8.count)
        return descriptor
    }
}

@Suite("The relay", .timeLimit(.minutes(2)))
struct RelayTests {
    @Test("health, readiness and metrics are open, the API wants its token, names are refused")
    func pages() async throws {
        let bench = try await RelayBench(try Folder())
        #expect(await bench.admin("GET", "healthz") == (200, "ok\n"))
        let ready = await bench.admin("GET", "readyz")
        #expect(ready.status == 200)
        let readiness = try JSONDecoder().decode(Readiness.self, from: Data(ready.body.utf8))
        #expect(readiness.ready && readiness.rules == 1 && readiness.inboxBacklog == 0)

        let metrics = await bench.admin("GET", "metrics")
        #expect(metrics.status == 200)
        #expect(metrics.body.contains("\noutcry_events_accepted_total 0\n"))
        #expect(metrics.body.contains(#"outcry_breaker_open{channel="http:fleet"} 0"#))
        for line in metrics.body.split(separator: "\n") {
            let match = line.wholeMatch(
                of: /# (HELP|TYPE) outcry_[a-z_]+ .+|outcry_[a-z_]+(\{.+\})? -?[0-9.e+]+/)
            #expect(match != nil, "\(line)")
        }

        #expect(await bench.admin("POST", "api/deliveries/retry-dead").status == 401)
        let wrong = ["Authorization: Bearer \(String(repeating: "0", count: 64))"]
        #expect(await bench.admin("POST", "api/deliveries/retry-dead", wrong).status == 401)
        #expect(await bench.admin("GET", "metrics", ["Host: evil.example"]).status == 421)
        #expect(await bench.admin("GET", "healthz", ["Host: LocalHost:1"]).status == 200)
        #expect(await bench.admin("GET", "healthz", ["Host: [::1]:1"]).status == 200)
        #expect(await bench.admin("GET", "healthz", ["Host: 10.1.2.3:1"]).status == 200)
        #expect(await bench.admin("GET", "healthz", ["Host: 10.1.2.3.evil.example"]).status == 421)
        let mode = try FileManager.default.attributesOfItem(
            atPath: AdminToken.path(beside: bench.folder.database))[.posixPermissions]
        #expect(mode as? Int == 0o600)
        try await bench.stop()
    }

    @Test("an acknowledgement and a clearing reach the engine; an unknown delivery is none")
    func commands() async throws {
        let bench = try await RelayBench(try Folder())
        #expect(try await bench.post(1) == 200)
        try await bench.steps.wait { $0.contains { !$0.deliveries.isEmpty } }
        let acknowledged = try await bench.api(
            "incidents/shaken/acknowledge", #"{"by":"anna"}"#)
        #expect(acknowledged.status == 204)
        try await bench.steps.wait { $0.contains { $0.states == [.acknowledged] } }
        #expect(try await bench.api("incidents/Cargo%201/clear", #"{"by":"a"}"#).status == 204)
        try await bench.steps.wait { $0.contains { $0.states == [.cleared] } }
        #expect(try await bench.api("incidents/shaken/clear", "nonsense").status == 400)
        #expect(try await bench.api("deliveries/nobody/retry").body == "{\"retried\":0}\n")
        #expect(try await bench.api("deliveries/retry-dead").body == "{\"retried\":0}\n")

        var running = bench.configuration
        running.admin.port = bench.ports.admin
        let look = Look(running)
        await #expect(throws: ConfigurationError.self) {
            try await look.command(.clear, "Cargo 1", by: "anna")
        }
        await #expect(throws: ConfigurationError.self) { try await look.retry("nobody") }
        #expect(try await look.retry(nil) == 0)
        #expect(try look.events(device: nil, last: 9).contains("shaken: told"))
        #expect(try look.incidents(all: true, last: 9).contains("cleared"))
        #expect(try look.incidents(all: false, last: 9) == "no open incidents")
        #expect(try look.deliveries(dead: true, last: 9) == "no dead deliveries")
        #expect(try look.deliveries(dead: false, last: 9).contains("http:fleet"))
        try await bench.stop()
    }

    @Test("how late an event was, or that its clock is wrong, stands in the list of events")
    func late() async throws {
        let bench = try await RelayBench(try Folder())
        for (id, days) in [(1, 0), (2, 3), (3, 366)] {
            #expect(try await bench.post(id, device: id, age: .seconds(days * 86_400)) == 200)
        }
        let table = try Look(bench.configuration).events(device: nil, last: 9)
        let lines = table.split(separator: "\n").map(String.init)
        let before = try #require(lines.first?.split(separator: "late").first).count
        let late = lines.dropFirst().map { $0.dropFirst(before).split(separator: "  ").first }
        #expect(late == ["-", "3 days", "wrong clock"])
        try await bench.stop()
    }

    @Test("a client that never finishes does not hold up the end")
    func slowClient() async throws {
        let bench = try await RelayBench(try Folder())
        let open =
            [bench.halfRequest(to: bench.ports.webhook)]
            + [bench.halfRequest(to: bench.ports.admin)]
        // Both listeners have seen theirs once they answer another.
        #expect(try await bench.post(1) == 200)
        #expect(await bench.admin("GET", "healthz").status == 200)
        let began = ContinuousClock.now
        try await bench.stop()
        #expect(ContinuousClock.now - began < .seconds(10))
        for descriptor in open { close(descriptor) }
    }

    @Test("a second relay on the same database is refused, and the first goes on")
    func second() async throws {
        let bench = try await RelayBench(try Folder())
        await #expect(throws: ConfigurationError.self) {
            _ = try await Relay(bench.configuration, logger: silent)
        }
        #expect(try await bench.post(1) == 200)
        try await bench.stop()
    }

    @Test("a port in use is one clear line, and no end in disorder", arguments: [true, false])
    func portInUse(isAdmin: Bool) async throws {
        let other = try await RelayBench(try Folder())
        let folder = try Folder()
        var configuration = try RelayBench.configuration(folder)
        if isAdmin {
            configuration.admin.port = other.ports.admin
        } else {
            configuration.listen.port = other.ports.webhook
        }
        let relay = try await Relay(configuration, logger: silent)
        let taken = isAdmin ? other.ports.admin : other.ports.webhook
        do {
            try await relay.run()
            Issue.record("it ran")
        } catch {
            #expect("\(error)".hasPrefix("cannot listen on 127.0.0.1:\(taken): Address already"))
        }
        let store = try folder.store(Timekeeper())
        #expect(try store.beginRun(), "the end was in order")
        store.close()
        try await other.stop()
    }

    @Test(
        "what cannot work is one clear line before anything starts",
        arguments: ["rules", "operator", "template", "channel", "data", "body"])
    func refused(_ what: String) async throws {
        let folder = try Folder()
        var configuration = try RelayBench.configuration(folder)
        var wanted = ""
        switch what {
        case "rules":
            try folder.write("rules/shaken.yaml", "version: 1\nrules: 7\n")
            wanted = "shaken.yaml:2:8: error:"
        case "operator":
            configuration.operatorContact = "nobody"
            wanted = "the rules have no contact 'nobody'"
        case "template":
            configuration.templates = folder.path + "/none"
            wanted = "there is no folder \(folder.path)/none"
        case "channel":
            configuration.http["fleet"] = nil
            wanted = "shaken.yaml:3:"
        case "data":
            configuration.data = folder.path + "/no/such/relay.db"
            wanted = folder.path + "/no/such"
        default:
            configuration.http["fleet"]?.bodyTemplate = "none"
            wanted = "there is no templates/none/json.mustache"
        }
        do {
            _ = try await Relay(configuration, logger: silent)
            Issue.record("it was built")
        } catch let error as ConfigurationError {
            #expect(error.description.contains(wanted), "\(error)")
            #expect(error.exitCode == 78)
        }
        // A failed start is no start: nothing counts against the event at the cursor.
        let store = try folder.store(Timekeeper())
        #expect(try store.beginRun())
        store.close()
    }

    @Test("an end before anything was decided says nothing against the event that waits")
    func endsAtStart() async throws {
        let folder = try Folder()
        let configuration = try RelayBench.configuration(folder)
        let store = try folder.store(Timekeeper())
        _ = try store.beginRun()
        try await store.accept([arrival(1, at: Timekeeper.wallTime)])
        store.close()
        for _ in 0...Limits.poisonStarts {
            // Built and never stopped in order, as if it had been killed.
            _ = try await Relay(configuration, logger: silent)
        }
        let bench = try await RelayBench(folder)
        try await bench.steps.wait { steps in
            steps.contains { $0.deliveries.contains { $0.trouble == nil } }
        }
        try await bench.stop()
    }

    @Test("an id that another event has had is said to the operator, once a day")
    func reusedIds() async throws {
        let bench = try await RelayBench(try Folder())
        for device in 1...4 { #expect(try await bench.post(5, device: device) == 200) }
        try await bench.steps.wait { steps in
            steps.filter { $0.seq != nil }.count >= 5
        }
        let troubles = bench.steps.all.flatMap(\.deliveries).compactMap(\.trouble)
        #expect(Set(troubles.map(\.kind)) == [.reusedId])
        #expect(Set(troubles.map(\.text)).count == 1)
        try await bench.stop()
    }

    @Test("an event that ends the relay again and again is set aside, and the operator told")
    func poison() async throws {
        let folder = try Folder()
        let store = try folder.store(Timekeeper())
        _ = try store.beginRun()
        try await store.accept([arrival(1, at: Timekeeper.wallTime)])
        try await store.accept([arrival(2, device: 2, at: Timekeeper.wallTime)])
        // Killed at it, again and again.
        for _ in 0..<Limits.poisonStarts - 1 { _ = try store.countStart(1) }
        store.close()
        let bench = try await RelayBench(folder)
        try await bench.steps.wait { steps in
            steps.contains { $0.deliveries.contains { $0.trouble?.kind == .poisonEvent } }
        }
        let told = bench.steps.all.flatMap(\.deliveries).filter { $0.trouble == nil }
        #expect(told.flatMap { $0.items.map { $0.device?.name } } == ["Cargo 2"])
        #expect(
            try Look(bench.configuration).events(device: nil, last: 9).contains("set aside"))
        try await bench.stop()
    }

    @Test("a time in which nothing could be stored stands among the events")
    func gap() async throws {
        let folder = try Folder()
        let clock = HandClock()
        let isFull = Mutex(false)
        let store = try folder.store(clock.timekeeper) { sql in
            guard sql.hasPrefix("INSERT"), isFull.withLock({ $0 }) else { return }
            throw StoreError(.full, "the disk of the database is full")
        }
        for id in 1...3 {
            isFull.withLock { $0 = id == 2 }
            clock.pass(.minutes(1))
            let arrival = try arrival(id, at: clock.timekeeper.now())
            if id == 2 {
                await #expect(throws: AcceptFailure.self) { try await store.accept([arrival]) }
            } else {
                try await store.accept([arrival])
            }
        }
        store.close()
        let look = Look(Configuration(data: folder.database, rules: "rules"))
        let lines = try look.events(device: nil, last: 9).split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines[2].hasPrefix("nothing of 'one' could be stored from 20"))
        // Only what came after it is asked for.
        #expect(try !look.events(device: nil, last: 1).contains("nothing of"))
    }
}

extension Step {
    fileprivate var states: [Incident.State] {
        changes.compactMap {
            if case .incident(let incident) = $0 { incident.value.state } else { nil }
        }
    }
}

@Suite("Rules and templates from the disk", .timeLimit(.minutes(1)))
struct RuleLibraryTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    @Test("a folder's files are one set, without hidden ones, with the templates beside it")
    func beside() throws {
        try folder.write(
            "rules/a.yaml", shaken.replacingOccurrences(of: "id: sh", with: "id: a-sh"))
        try folder.write("rules/deep/b.yaml", "version: 1\n")
        try folder.write("rules/.draft/c.yaml", "nonsense")
        try folder.write("templates/mine/text.mustache", "Mine: {{subject}}")
        let read = try RuleLibrary(paths: [folder.path + "/rules"]).read()
        #expect(read.findings.filter { $0.severity == .error } == [])
        #expect(read.files == 2 && read.book.rules.map(\.id) == ["a-shaken"])
        #expect(read.templates.names.contains("mine"))
        let one = try RuleLibrary(paths: [folder.path + "/rules/a.yaml"]).read()
        #expect(one.templates.names.contains("mine"), "beside the file's folder")
        try folder.write("rules/templates/own/text.mustache", "Own: {{subject}}")
        for path in ["/rules", "/rules/a.yaml"] {
            let own = try RuleLibrary(paths: [folder.path + path]).read()
            #expect(own.templates.names.contains("own"), "beside the files")
        }
    }

    /// Of a configuration with the rule `shaken`, without the file's name.
    private func errors(operator name: String, channels: String) throws -> [String] {
        try folder.write("rules/a.yaml", shaken)
        let path = try folder.write(
            "outcry.yaml",
            """
            data: a.db
            rules: rules
            operator: \(name)
            sources: { one: { url: "https://a", webhook: { path: /a, authorization: none } } }
            channels: \(channels)
            """)
        return try RuleLibrary(ConfigurationFile(path: path).checked()).read().findings
            .filter { $0.severity == .error }.map { String($0.headline.dropFirst(path.count + 1)) }
    }

    @Test("a channel's body that no template has is said where the configuration names it")
    func body() throws {
        let channels =
            "{ http: { office: { url: 'https://a' }, fleet: { url: 'https://a', body: slakc } } }"
        let wanted = "body of channel http:fleet: there is no templates/slakc/json.mustache"
        #expect(
            try errors(operator: "workshop", channels: channels)
                == ["5:84: error: \(wanted)"])
    }

    @Test("an operator whom the rules do not have is said where the configuration names it")
    func operatorContact() throws {
        let errors = try errors(
            operator: "workshp",
            channels: "{ http: { fleet: { url: 'https://a' }, office: { url: 'https://a' } } }")
        #expect(
            errors == [
                "3:11: error: the rules have no contact 'workshp'; did you mean 'workshop'?"
            ])
    }

    @Test("a folder of templates that is not there is an error, and no rule is blamed for it")
    func noTemplates() throws {
        try folder.write("rules/a.yaml", shaken)
        var configuration = Configuration(data: "a.db", rules: folder.path + "/rules")
        configuration.templates = folder.path + "/none"
        configuration.http = ["fleet": HTTPSettings(url: "https://a", bodyTemplate: "mine")]
        configuration.http["office"] = HTTPSettings(url: "https://a")
        let errors = try RuleLibrary(configuration).read().findings.filter { $0.severity == .error }
        #expect(errors.map(\.message) == ["there is no folder \(folder.path)/none"])
    }

    @Test("a file that is named twice is read once")
    func twice() throws {
        let file = try folder.write("rules/a.yaml", shaken)
        let paths = [file, folder.path + "/rules", folder.path + "/rules/../rules/a.yaml"]
        let read = try RuleLibrary(paths: paths).read()
        #expect(read.findings.filter { $0.severity == .error } == [] && read.files == 1)
    }

    @Test(
        "a file that is no UTF-8 is said, at its first letter that is not",
        arguments: [
            ([0xDF], "this letter is not written as UTF-8"), ([0xC3, 0xDF], "this letter is not"),
            ([0xED, 0xA0, 0x80], "this letter is not"), ([0xC3, 0x9F], nil),
        ] as [([UInt8], String?)])
    func encoding(_ letter: [UInt8], _ wanted: String?) throws {
        let text =
            Array("version: 1\ngroups: { \u{E9}a: [Stra".utf8) + letter + Array("e] }\n".utf8)
        try Data(text).write(to: URL(fileURLWithPath: folder.path + "/a.yaml"))
        let said = try RuleLibrary(paths: [folder.path + "/a.yaml"]).read().findings
            .filter { $0.severity == .error }
        #expect(said.map { "\($0.line):\($0.column)" } == (wanted == nil ? [] : ["2:20"]))
        #expect(said.allSatisfy { $0.message.hasPrefix(wanted ?? "") })
    }

    @Test("a file of UTF-16 is called so")
    func wide() throws {
        for encoding in [String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian] {
            let path = folder.path + "/a.yaml"
            try Data("version: 1\n".data(using: encoding) ?? Data())
                .write(to: URL(fileURLWithPath: path))
            let said = try RuleLibrary(paths: [path]).read().findings.map(\.headline)
            #expect(
                said == ["\(path):1:1: error: this file is written as UTF-16; save it as UTF-8"])
        }
    }

    @Test("a misspelt time zone brings the one that was meant")
    func zone() throws {
        let path = try folder.write("a.yaml", "version: 1\ntimezone: Europe/Viena\n")
        let said = try RuleLibrary(paths: [path]).read().findings.map(\.suggestion)
        #expect(said == ["Europe/Vienna"])
    }

    @Test("nothing to read is said")
    func nothing() throws {
        #expect(throws: ConfigurationError.self) {
            try RuleLibrary(paths: [folder.path]).read()
        }
        #expect(throws: ConfigurationError.self) {
            try RuleLibrary(paths: [folder.path + "/none.yaml"]).read()
        }
    }

    @Test("a template that is wrong is an error at its place")
    func template() throws {
        try folder.write("rules/a.yaml", shaken)
        try folder.write("templates/mine/text.mustache", "{{nobody.knows}}")
        let read = try RuleLibrary(paths: [folder.path + "/rules"]).read()
        let errors = read.findings.filter { $0.severity == .error }
        #expect(errors.count == 1)
        #expect(
            errors[0].headline.hasPrefix(
                "\(folder.path)/templates/mine/text.mustache:1:"))
    }

    @Test("errors for the log hold no line of a rule file, where an address may stand")
    func addresses() throws {
        try folder.write(
            "rules/a.yaml", "version: 1\ncontacts:\n  me: { emial: me@example.org }\n")
        do {
            _ = try RuleLibrary(paths: [folder.path + "/rules"]).load()
            Issue.record("it was loaded")
        } catch let errors as RuleErrors {
            #expect(errors.description.contains("me@example.org"), "for the person who edits")
            #expect(!errors.headlines.contains("me@example.org"))
        }
    }

    @Test("the stamp changes when a file does")
    func stamp() throws {
        try folder.write("rules/a.yaml", shaken)
        let library = RuleLibrary(paths: [folder.path + "/rules"])
        let before = library.stamp()
        #expect(library.stamp() == before)
        try folder.write("rules/a.yaml", shaken + "\n# more")
        let edited = library.stamp()
        #expect(edited != before)
        try folder.write("rules/b.yaml", "version: 1\n")
        #expect(library.stamp() != edited)
    }
}

@Suite("A reload", .timeLimit(.minutes(1)))
struct ReloadTests {
    @Test("a bad edit keeps the old rules and tells the operator; a good one is taken")
    func edits() async throws {
        let bench = try await PumpBench()
        let configuration = try RelayBench.configuration(bench.folder)
        let library = RuleLibrary(configuration)
        let courier = Courier(
            store: bench.store, timekeeper: bench.timekeeper, exits: [:], renderer: renderer,
            logger: silent)
        let reload = Reload(
            library: library, loaded: try library.load(), pump: bench.pump, courier: courier,
            store: bench.store, lateness: .seconds(10), logger: silent)
        let hash = reload.current.book.hash

        reload.reloadIfChanged()
        #expect(reload.failures == 0)

        try bench.folder.write("rules/shaken.yaml", shaken + "\n  - nonsense")
        reload.reloadIfChanged()
        #expect(reload.failures == 0, "an editor may not be done with it")
        reload.reloadIfChanged()
        #expect(reload.failures == 1)
        #expect(reload.current.book.hash == hash)
        reload.reloadIfChanged()
        #expect(reload.failures == 1, "said once")
        try await bench.batches.wait { all in
            all.joined().contains { $0.deliveries.contains { $0.trouble?.kind == .badReload } }
        }

        try bench.folder.write(
            "rules/shaken.yaml", shaken.replacingOccurrences(of: "id: shaken", with: "id: renamed"))
        reload.reloadIfChanged()
        reload.reloadIfChanged()
        #expect(reload.current.book.rules.map(\.id) == ["renamed"])
        try await bench.accept(7)
        try await bench.batches.wait { all in
            all.joined().contains { $0.deliveries.contains { $0.items.first?.rule == "renamed" } }
        }
        bench.stop()
    }
}
