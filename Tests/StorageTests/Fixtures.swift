// What every test of the store needs: a folder of its own with a real database file, a clock that
// is moved by hand, events whose bodies can be decoded again, and waiting without sleeping.
import Alerting
import Foundation
import Synchronization
import Testing

@testable import Storage

/// A clock that stands still until it is moved.
final class TestClock: Sendable {
    private let state = Mutex(Instant(seconds: 1_795_000_000))

    var now: Instant { state.withLock { $0 } }
    func set(_ instant: Instant) { state.withLock { $0 = instant } }
    func advance(_ duration: Duration) { state.withLock { $0 = $0 + duration } }
}

/// Keeps events by their body, in place of the payload's decoder.
final class TestBodies: Sendable {
    private let events = Mutex<[[UInt8]: Event]>([:])

    func arrival(_ event: Event, body: String? = nil) -> Arrival {
        events.withLock { events in
            let body = Array((body ?? "body \(events.count)").utf8)
            events[body] = event
            return Arrival(event: event, body: body)
        }
    }
    func decode(_ stored: StoredBody) -> Event? { events.withLock { $0[stored.bytes] } }
}

/// Counts statements and fails from the chosen one on, once or for good.
final class FaultAt: Sendable {
    private struct State {
        var count = 0
        var at: Int?
        var forGood = false
    }
    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }
    func arm(at: Int?, forGood: Bool = false) {
        state.withLock { $0 = State(count: 0, at: at, forGood: forGood) }
    }
    func check() throws {
        let fails = state.withLock { state -> Bool in
            state.count += 1
            guard let at = state.at else { return false }
            return state.forGood ? state.count >= at : state.count == at
        }
        if fails { throw StoreError(.failed, "planted") }
    }
}

/// A database in a folder of its own, which goes when the test ends.
final class Place: Sendable {
    let folder: String
    let clock = TestClock()
    let bodies = TestBodies()
    var path: String { folder + "/outcry.db" }

    init() throws {
        folder = NSTemporaryDirectory() + "outcry-storage-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
    }
    /// What `kill -9` would leave of another place: its files as they are now.
    convenience init(crashOf other: Place) throws {
        try self.init()
        clock.set(other.clock.now)
        for end in ["", "-wal"] where FileManager.default.fileExists(atPath: other.path + end) {
            try FileManager.default.copyItem(atPath: other.path + end, toPath: path + end)
        }
    }
    deinit {
        // A folder that stays behind in /tmp harms nobody.
        try? FileManager.default.removeItem(atPath: folder)
    }

    func open(bodies: TestBodies? = nil, fault: FaultAt? = nil) throws -> Store {
        let bodies = bodies ?? self.bodies
        var hook: Fault?
        if let fault { hook = { _ in try fault.check() } }
        return try Store(
            path: path, clock: { [clock] in clock.now }, decode: { bodies.decode($0) },
            fault: hook)
    }
}

extension Store {
    func accept(_ arrivals: [Arrival]) async throws -> [Acceptance] {
        try await withCheckedContinuation { continuation in
            accept(arrivals) { continuation.resume(returning: $0) }
        }.get()
    }
    func commit(_ steps: [Step]) async throws {
        try await withCheckedContinuation { continuation in
            commit(steps) { continuation.resume(returning: $0) }
        }.get()
    }
    func settle(_ settlements: [Settlement]) async throws {
        try await withCheckedContinuation { continuation in
            settle(settlements) { continuation.resume(returning: $0) }
        }.get()
    }
    func submit(_ command: Command) async throws {
        try await withCheckedContinuation { continuation in
            submit(command) { continuation.resume(returning: $0) }
        }.get()
    }
    func submit(_ trouble: Trouble, cause: String) async throws {
        try await withCheckedContinuation { continuation in
            submit(trouble, cause: cause) { continuation.resume(returning: $0) }
        }.get()
    }
    /// As at a start with the standard lateness.
    func recall() throws -> Recalled { try recall(reaching: .seconds(10)) }
    func through() async -> Instant {
        await withCheckedContinuation { continuation in
            through { continuation.resume(returning: $0) }
        }
    }
}

// MARK: - Values

let server = "https://iot.example.org"
/// The device of most tests.
let cargo = DeviceKey(server: server, uniqueId: "860000000000001")

func event(
    id: Int64, device: Int64 = 7, type: String = "alarm", time: Instant? = Instant(seconds: 1_000)
) -> Event {
    var event = Event(server: server, source: "biketrax", type: type)
    event.id = id
    event.deviceId = device
    event.time = time
    event.attributes = type == "alarm" ? ["alarm": .text("vibration")] : [:]
    return event
}

func item(_ incident: String = "i1") -> Item {
    Item(
        incident: .init(id: incident, state: .open, opened: Instant(seconds: 5), count: 2),
        rule: "theft", device: .init(name: "Cargo \"1\"", uniqueId: cargo.uniqueId, group: nil),
        event: .init(event(id: 3)), position: nil, place: "yard", held: 1, reason: .first,
        severity: .critical, template: "theft")
}

func delivery(
    _ id: String, due: Instant, channel: ChannelName = .http("fleet"),
    state: Delivery.State = .queued
) -> Delivery {
    var delivery = Delivery(
        id: id, contact: "owner", channel: channel, address: "owner@example.org", reason: .first,
        severity: .critical, template: "theft", language: "de", timezone: "Europe/Vienna",
        items: [item()], rulesHash: "0123456789abcdef", created: due)
    delivery.state = state
    return delivery
}

func attempt(_ result: Attempt.Result = .delivered, at: Instant = Instant(seconds: 9)) -> Attempt {
    Attempt(at: at, duration: .milliseconds(12), result: result, note: "204")
}

func step(
    _ seq: Int64?, now: Instant, _ changes: [Change] = [], _ deliveries: [Delivery] = [],
    _ judgement: Judgement? = nil
) -> Step {
    var step = Step(seq: seq, now: now)
    step.changes = changes
    step.deliveries = deliveries
    step.judgement = judgement
    return step
}

/// Every change that there is.
func everyChange(now: Instant, device: DeviceKey = cargo) -> [Change] {
    var known = Device(id: 7, uniqueId: device.uniqueId, name: "Cargo 1 ü\t\\N")
    known.groupId = 4
    known.group = "Couriers"
    known.attributes = [
        "guarded": .flag(true), "odometer": .number(0.1), "note": .text("a\tb\nc\\d\\N"),
        "nothing": .null, "deep": .nested("{\"a\":[1,\"x\\n\"]}"), "empty": .text(""),
    ]
    var report = Report(time: now)
    report.fix = Coordinate(latitude: 48.2082, longitude: -16.3738)
    report.accuracy = 12.5
    report.geofences = [3, -4]
    report.geofencesKnown = true
    report.speed = Speed(kilometresPerHour: 18.52)
    report.battery = 80
    report.ignition = true
    report.moving = false
    return [
        .device(device, deviceId: 7, known, firstKnown: now - .hours(1)),
        .report(device, report), .incident(.init(incident("i1", device: device, now: now))),
        .stamp(StampKey(rule: "theft", device: device, alarm: "vibration", place: "yard"), now),
        .stamp(StampKey(rule: "feed", device: nil), now),
        .geofence(server: device.server, id: 3, name: "Yard"),
    ]
}

func incident(_ id: String, device: DeviceKey? = cargo, now: Instant) -> Incident {
    var incident = Incident(
        id: id, rule: "theft", severity: .critical, device: device, deviceName: "Cargo 1",
        opened: now)
    incident.state = .acknowledged
    incident.count = 3
    incident.held = 2
    incident.told = [
        .init(contact: "owner", channel: .email, address: "o@example.org", template: "theft"),
        .init(contact: "fleet", channel: .http("fleet"), address: "", template: "alarm"),
    ]
    incident.toldBefore = [incident.told[0]]
    incident.openMembers = [
        .init(kind: "geofenceExit", place: "yard", at: now),
        .init(kind: "vibration", at: now - .seconds(1)),
    ]
    incident.pending = item(id)
    incident.due = now + .days(30)
    return incident
}
