// The left crank with a real database and the real engine: order, timers, a disk that fails, an end
// without a goodbye.
import Alerting
import Foundation
import Storage
import Synchronization
import Testing

@testable import RelayServer

/// A pump at work on a database of its own.
final class PumpBench: Sendable {
    let folder: Folder
    let clock: HandClock
    let timekeeper: Timekeeper
    let store: Store
    let pump: Pump
    let batches = Seen<[Step]>()

    init(
        _ rules: String = shaken, folder: Folder? = nil, clock: HandClock = HandClock(),
        afterCrash: Bool = false, fault: Fault? = nil,
        filled: (Store) async throws -> Void = { _ in }
    ) async throws {
        self.folder = try folder ?? Folder()
        self.clock = clock
        timekeeper = clock.timekeeper
        store = try self.folder.store(timekeeper, fault: fault)
        try await filled(store)
        let recalled = try store.recall(reaching: Memory.keepsRecent)
        timekeeper.goOn(from: recalled.latest)
        pump = Pump(store: store, timekeeper: timekeeper, logger: silent) { [batches] in
            batches.note($0)
        }
        pump.start(
            engine: try engine(rules), memory: { recalled.memory }, cursor: recalled.cursor,
            afterCrash: afterCrash ? { @Sendable in } : nil)
    }

    var now: Instant { timekeeper.now() }

    func accept(_ id: Int, device: Int = 1, alarm: String = "vibration") async throws {
        try await store.accept([arrival(id, device: device, alarm: alarm, at: now)])
    }
    func pass(_ duration: Duration) {
        clock.pass(duration)
        pump.signal.raise()
    }
    /// Waits until the input is decided.
    func stepped(_ seq: Int64) async throws {
        try await batches.wait { $0.joined().contains { ($0.seq ?? 0) >= seq } }
    }
    func deliveries() throws -> [Delivery] {
        try store.listing.deliveries(limit: 10_000).map(\.delivery)
    }
    func stop() {
        pump.stop()
        store.close()
    }
}

@Suite("The pump", .timeLimit(.minutes(1)))
struct PumpTests {
    @Test("events are decided in the order of their receipt and their messages queued")
    func order() async throws {
        let bench = try await PumpBench()
        for id in 1...20 { try await bench.accept(id, device: id) }
        try await bench.stepped(20)
        #expect(bench.batches.all.joined().compactMap(\.seq) == (1...20).map { Int64($0) })
        let deliveries = try bench.deliveries()
        #expect(deliveries.count == 20)
        #expect(Set(deliveries.map(\.id)).count == 20)
        #expect(bench.pump.progress.withLock { $0.openIncidents } == 20)
        bench.stop()
    }

    /// A run that one alarm comes in.
    private func oneAlarm(_ rules: String, _ folder: Folder, _ clock: HandClock) async throws {
        let bench = try await PumpBench(rules, folder: folder, clock: clock)
        try await bench.accept(1)
        try await bench.stepped(1)
        bench.stop()
    }

    @Test("a timer that was due before an event was received comes before it")
    func timers() async throws {
        let rules = shaken.replacingOccurrences(
            of: "once_per: none", with: "once_per: none\n    clear_after: 10m")
        let folder = try Folder()
        let clock = HandClock()
        // The relay is down while the timer is due and another event comes in.
        try await oneAlarm(rules, folder, clock)
        clock.pass(.minutes(11))
        let second = try await PumpBench(
            rules, folder: folder, clock: clock,
            filled: { store in
                try await store.accept([arrival(2, at: clock.timekeeper.now())])
            })
        try await second.stepped(2)
        let steps = second.batches.all.joined().map(\.seq)
        #expect(Array(steps) == [nil, 2])
        let reasons = try second.deliveries().map(\.reason)
        #expect(reasons.filter { $0 == .first }.count == 2, "the second is a new incident")
        second.stop()
    }

    @Test("what waits keeps its remainder where the system's clock is set forward")
    func clockSet() async throws {
        let rules = shaken.replacingOccurrences(
            of: "once_per: none", with: "once_per: 5m\n    clear_after: 10m")
        let folder = try Folder()
        let bench = try await PumpBench(rules, folder: folder)
        try await bench.accept(1)
        try await bench.stepped(1)
        bench.clock.setWall(by: .hours(3))
        try await bench.accept(2)
        try await bench.stepped(3)
        #expect(try bench.deliveries().count == 1, "still within once_per")
        bench.pass(.minutes(4))
        try await bench.accept(3)
        try await bench.stepped(4)
        #expect(try bench.deliveries().count == 1)
        bench.stop()
        // What is on disk waits as long.
        let again = try await PumpBench(rules, folder: folder, clock: bench.clock)
        again.pass(.minutes(1))
        try await again.accept(4)
        try await again.stepped(5)
        #expect(
            try again.deliveries().map(\.reason).sorted { $0.rawValue < $1.rawValue } == [
                .again, .first,
            ])
        again.stop()
    }

    @Test("where the note of a clock that was set is rolled back, it still comes first")
    func clockSetRolledBack() async throws {
        let rules = shaken.replacingOccurrences(
            of: "once_per: none", with: "once_per: 5m\n    clear_after: 10m")
        let isFull = Mutex(false)
        let bench = try await PumpBench(
            rules,
            fault: { sql in
                if isFull.withLock({ $0 }), sql.hasPrefix("COMMIT") {
                    throw StoreError(.full, "the disk is full")
                }
            })
        try await bench.accept(1)
        try await bench.stepped(1)
        isFull.withLock { $0 = true }
        bench.clock.setWall(by: .hours(3))
        await #expect(throws: (any Error).self) { try await bench.accept(2) }
        isFull.withLock { $0 = false }
        try await bench.accept(3)
        try await bench.stepped(3)
        #expect(try bench.deliveries().count == 1, "still within once_per, and still open")
        #expect(bench.pump.progress.withLock { $0.openIncidents } == 1)
        bench.stop()
    }

    @Test("what is older than the run waited while it was off, and is not moved")
    func clockSetAfterStart() async throws {
        let rules = shaken.replacingOccurrences(of: "once_per: none", with: "once_per: 5m")
        let folder = try Folder()
        let clock = HandClock()
        try await oneAlarm(rules, folder, clock)
        // The machine was off, and its clock stood.
        let second = try await PumpBench(rules, folder: folder, clock: clock)
        clock.setWall(by: .days(27))
        try await second.accept(2)
        try await second.stepped(3)
        #expect(try second.deliveries().count == 2)
        second.stop()
    }

    @Test("a timer fires when its moment comes, without any event")
    func timerAlone() async throws {
        let rules = shaken.replacingOccurrences(
            of: "once_per: none", with: "once_per: none\n    clear_after: 10m")
        let bench = try await PumpBench(rules)
        try await bench.accept(1)
        try await bench.stepped(1)
        bench.pass(.minutes(10) + .milliseconds(2))
        try await bench.batches.wait { all in all.joined().contains { $0.seq == nil } }
        #expect(bench.pump.progress.withLock { $0.openIncidents } == 0)
        bench.stop()
    }

    @Test("a batch that the disk refuses is tried until it is there, once")
    func commitFails() async throws {
        let left = Atomic(0)
        let bench = try await PumpBench { sql in
            guard sql.contains("INTO outbox"), left.load(ordering: .relaxed) > 0 else { return }
            left.subtract(1, ordering: .relaxed)
            throw StoreError(.full, "the disk is full")
        }
        left.store(2, ordering: .relaxed)
        try await bench.accept(1)
        try await bench.stepped(1)
        #expect(left.load(ordering: .relaxed) == 0)
        #expect(try bench.deliveries().count == 1)
        bench.stop()
    }

    @Test("a decision that can never be stored is set aside, and those behind it go on")
    func refused() async throws {
        let left = Atomic(1)
        let bench = try await PumpBench { sql in
            guard sql.contains("INTO outbox"), left.load(ordering: .relaxed) > 0 else { return }
            left.subtract(1, ordering: .relaxed)
            throw StoreError(.refused, "a rule of the tables")
        }
        try await bench.accept(1)
        // What the operator is told is the second input.
        try await bench.stepped(2)
        try await bench.accept(2, device: 2)
        try await bench.stepped(3)
        let aside = try bench.store.listing.events(last: 9).compactMap(\.aside)
        #expect(aside == ["what was decided on it cannot be stored"])
        let told = try bench.deliveries().filter { $0.trouble == nil }
        #expect(told.flatMap(\.items).map(\.event?.id) == [2])
        bench.stop()
    }
    @Test("a stop while the disk is full ends, and the next start decides the same")
    func stopWhileFull() async throws {
        let isFull = Atomic(false)
        let refused = Seen<Bool>()
        let folder = try Folder()
        let bench = try await PumpBench(folder: folder) { sql in
            guard sql.contains("INTO outbox"), isFull.load(ordering: .relaxed) else { return }
            refused.note(true)
            throw StoreError(.full, "the disk is full")
        }
        isFull.store(true, ordering: .relaxed)
        try await bench.accept(1)
        try await refused.wait(for: 1)
        bench.stop()
        #expect(bench.batches.all.isEmpty)

        let next = try await PumpBench(folder: folder, clock: bench.clock)
        try await next.stepped(1)
        #expect(try next.deliveries().count == 1)
        next.stop()
    }

    @Test("a start after a crash doubles nothing and loses nothing")
    func replay() async throws {
        let bench = try await PumpBench()
        for id in 1...3 { try await bench.accept(id, device: id) }
        try await bench.stepped(3)
        // As `kill -9` leaves it, with events that were accepted and not decided.
        bench.pump.stop()
        for id in 4...6 { try await bench.accept(id, device: id) }
        let crashed = try bench.folder.crashed()
        let before = try bench.deliveries().map(\.id)
        bench.store.close()

        let next = try await PumpBench(folder: crashed, clock: bench.clock, afterCrash: true)
        try await next.stepped(6)
        let after = try next.deliveries().map(\.id)
        #expect(after.count == 6)
        #expect(Set(after).isSuperset(of: before))
        next.stop()
    }

    private static let judgedAgain = """
        version: 1
        contacts:
          owner: { http: fleet }
          workshop: { http: office }
        places: { home: { center: [48.2082, 16.3738], radius: 80 m } }
        rules:
          - { id: named, devices: Cargo 1, when: { alarm: tow }, notify: [{ to: owner }] }
          - id: away
            when: { alarm: tow }
            while: { outside: home }
            notify: [{ to: owner }]
          - id: theft
            when: { alarm: tow }
            while: { armed: true }
            notify: [{ to: owner }]
          - { id: none, when: { alarm: sos }, notify: [{ to: workshop }] }
        """

    @Test(
        "an event is judged again as if there had been no crash",
        arguments: [false, true], ["", #","name":"Cargo 1""#])
    func judgedAgain(_ isKilled: Bool, _ name: String) async throws {
        var bench = try await PumpBench(Self.judgedAgain)
        let start = bench.now
        func post(_ id: Int, _ type: String, _ device: String, _ more: String = "") async throws {
            bench.clock.pass(.seconds(1))
            let time = bench.now.rfc3339
            try await bench.store.accept([
                arrival(
                    """
                    {"event":{"id":\(id),"type":"\(type)","deviceId":1,"eventTime":"\(time)",\
                    "attributes":{"alarm":"tow"}},"device":{"id":1,"uniqueId":"861"\(device)}\(more)}
                    """)
            ])
            try await bench.stepped(Int64(id))
        }
        func outside(accuracy: Int) -> String {
            let time = (start + .seconds(1)).rfc3339
            return """
                ,"position":{"id":\(9 - accuracy),"deviceId":1,"fixTime":"\(time)",\
                "deviceTime":"\(time)","latitude":48.3,"longitude":16.5,"accuracy":\(accuracy)}
                """
        }
        try await post(1, "deviceOnline", #","name":"Cargo 1","attributes":{"guarded":false}"#)
        // Trimmed: neither attributes nor, once, a name.
        try await post(2, "alarm", name)
        try await post(3, "deviceMoving", name, outside(accuracy: 9))
        if isKilled {
            bench.pump.stop()
            let crashed = try bench.folder.crashed()
            bench.store.close()
            bench = try await PumpBench(
                Self.judgedAgain, folder: crashed, clock: bench.clock, afterCrash: true)
        }
        let armed = #","attributes":{"guarded":true}"#
        try await post(4, "deviceMoving", name + armed, outside(accuracy: 1))
        let told = try bench.deliveries().flatMap(\.items).map { "\($0.rule) \($0.reason)" }
        #expect(told.sorted() == ["away first", "named first"])
        bench.stop()
    }

    @Test("after a crash batches begin with one input and double")
    func cautious() async throws {
        let folder = try Folder()
        let clock = HandClock()
        let bench = try await PumpBench(
            folder: folder, clock: clock, afterCrash: true,
            filled: { store in
                for id in 1...40 {
                    try await store.accept([
                        arrival(id, device: id, at: clock.timekeeper.now())
                    ])
                }
            })
        try await bench.stepped(40)
        #expect(bench.batches.all.map(\.count) == [1, 2, 4, 8, 16, 9])
        bench.stop()
    }

    @Test("the next event is judged by new rules")
    func reload() async throws {
        let bench = try await PumpBench()
        try await bench.accept(1)
        try await bench.stepped(1)
        bench.pump.reload(
            try engine(shaken.replacingOccurrences(of: "id: shaken", with: "id: renamed")))
        try await bench.accept(2, device: 2)
        try await bench.stepped(2)
        #expect(
            Set(try bench.deliveries().flatMap { $0.items.map(\.rule) }) == ["shaken", "renamed"])
        bench.stop()
    }
}
