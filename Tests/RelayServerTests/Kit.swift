// What the tests of the relay share: a clock that is moved by hand, a folder of its own with a real
// database, notifiers that follow a script, and waiting for what happens without sleeping.
import Alerting
import Foundation
import Intake
import Logging
import Storage
import Synchronization
import Testing

@testable import RelayServer

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A wall and a boot clock in milliseconds.
final class HandClock: Sendable {
    private let state: Mutex<(wall: Int64, boot: Int64)>

    init(wall: Int64 = 1_795_000_000_000, boot: Int64 = 5_000) { state = Mutex((wall, boot)) }

    var timekeeper: Timekeeper {
        Timekeeper { self.state.withLock { $0 } }
    }
    func pass(_ duration: Duration) {
        state.withLock {
            $0.wall += duration.wholeMilliseconds
            $0.boot += duration.wholeMilliseconds
        }
    }
    func setWall(by duration: Duration) {
        state.withLock { $0.wall += duration.wholeMilliseconds }
    }
}

/// Remembers what was noted and wakes those who wait for it.
final class Seen<Element: Sendable>: Sendable {
    private struct State {
        var all: [Element] = []
        var waiting: [AsyncStream<Void>.Continuation] = []
    }
    private let state = Mutex(State())

    var all: [Element] { state.withLock { $0.all } }

    func note(_ element: Element) {
        state.withLock { state in
            state.all.append(element)
            for waiting in state.waiting { waiting.yield() }
        }
    }

    /// Waits until there are so many; the test's time limit ends it otherwise.
    @discardableResult
    func wait(for count: Int) async throws -> [Element] {
        try await wait { $0.count >= count }
    }

    @discardableResult
    func wait(until holds: ([Element]) -> Bool) async throws -> [Element] {
        let (stream, waiting) = AsyncStream.makeStream(of: Void.self)
        state.withLock { $0.waiting.append(waiting) }
        waiting.yield()
        for await _ in stream {
            let all = self.all
            if holds(all) { return all }
        }
        throw CancellationError()
    }
}

/// A door that holds whoever comes to it; a cancelled one is let go, as a real attempt is.
final class Gate: Sendable {
    private let (stream, door) = AsyncStream.makeStream(of: Void.self)
    let arrived = Seen<String>()

    func pass(_ name: String) async {
        arrived.note(name)
        for await _ in stream {}
    }
    func open() { door.finish() }
}

/// Answers as it is told, and remembers what it was given.
final class ScriptedNotifier: Notifier {
    typealias Script = @Sendable (_ message: Message, _ attempt: Int) async -> Outcome

    let begun = Seen<Message>()
    private let script: Script

    init(_ script: @escaping Script = { _, _ in .delivered(note: "200") }) { self.script = script }

    func notify(_ message: Message) async -> Outcome {
        let id = message.delivery.id
        begun.note(message)
        return await script(message, begun.all.count { $0.delivery.id == id })
    }
}

extension Outcome {
    static let down = Outcome.retry(after: nil, blames: .channel, note: "connection refused")
    static let ok = Outcome.delivered(note: "200")
}

/// A folder of its own, which goes when the test ends.
final class Folder: Sendable {
    let path = NSTemporaryDirectory() + "outcry-relay-" + UUID().uuidString
    var database: String { path + "/outcry.db" }

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit {
        // A folder that stays behind in /tmp harms nobody.
        try? FileManager.default.removeItem(atPath: path)
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file.path
    }

    func store(_ timekeeper: Timekeeper, fault: Fault? = nil) throws -> Store {
        try Store(
            path: database, clock: { timekeeper.now() }, leapt: { timekeeper.leapt },
            decode: TraccarPayload.decode, fault: fault)
    }

    /// What `kill -9` would leave: the files as they are now.
    func crashed() throws -> Folder {
        let other = try Folder()
        for end in ["", "-wal"] where FileManager.default.fileExists(atPath: database + end) {
            try FileManager.default.copyItem(
                atPath: database + end, toPath: other.database + end)
        }
        return other
    }
}

extension Store {
    func commit(_ steps: [Step]) async throws {
        try await withCheckedContinuation { done in
            commit(steps) { done.resume(returning: $0) }
        }.get()
    }
    func accept(_ arrivals: [Arrival]) async throws {
        _ = try await withCheckedContinuation { done in
            accept(arrivals) { done.resume(returning: $0) }
        }.get()
    }
    /// Puts deliveries into the outbox, as a step does.
    func enqueue(_ deliveries: [Delivery], now: Instant) async throws {
        var step = Step(seq: nil, now: now)
        step.deliveries = deliveries
        try await commit([step])
    }
}

// MARK: - Values

let renderer = Renderer(library: TemplateLibrary(files: []), publicURL: nil) { _, _ in 0 }

func delivery(
    _ id: String, _ channel: ChannelName = .http("fleet"), created: Instant,
    incident: String = "", reason: Reason = .first, severity: Severity = .critical,
    contact: String = "owner"
) -> Delivery {
    Delivery(
        id: id, contact: contact, channel: channel, address: "", reason: reason,
        severity: severity, template: "alarm", language: "en", timezone: "UTC",
        items: [
            Item(
                incident: .init(
                    id: incident.isEmpty ? "of-\(id)" : incident, state: .open, opened: created,
                    count: 1),
                rule: "shaken", device: .init(name: "Cargo 1", uniqueId: "860", group: nil),
                event: nil, position: nil, place: nil, held: 0, reason: reason,
                severity: severity, template: "alarm")
        ], rulesHash: "0123456789abcdef", created: created)
}

/// An event as the webhook takes it.
func arrival(_ id: Int, device: Int = 1, alarm: String = "vibration", at time: Instant) throws
    -> Arrival
{
    let body = """
        {"event":{"id":\(id),"type":"alarm","deviceId":\(device),"eventTime":"\(time.rfc3339)",\
        "attributes":{"alarm":"\(alarm)"}},\
        "device":{"id":\(device),"uniqueId":"86\(device)","name":"Cargo \(device)"}}
        """
    return try arrival(body)
}

func arrival(_ body: String) throws -> Arrival {
    let reading = try Array(body.utf8).withUnsafeBytes {
        try TraccarPayload().read($0, server: "https://iot.example", source: "one")
    }
    return try #require(reading.arrivals.first)
}

let shaken = """
    version: 1
    contacts:
      owner: { http: fleet }
      workshop: { http: office }
    rules:
      - id: shaken
        severity: critical
        when: { alarm: [vibration, powerCut] }
        once_per: none
        clears: { notify: true }
        notify: [{ to: owner }]
    """

func engine(_ rules: String = shaken, operator name: String? = "workshop") throws -> Engine {
    let outcome = RuleFile.load(
        files: [("rules.yaml", rules)], surroundings: .init(zones: { _ in nil }))
    #expect(outcome.findings.filter { $0.severity == .error }.map(\.headline) == [])
    return Engine(
        rules: RuleSet(outcome.book), operatorContact: name.flatMap { outcome.book.contacts[$0] })
}
