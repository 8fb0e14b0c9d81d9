// Arrivals: stored once, in one order, answered after they are on disk.
import Alerting
import Foundation
import Synchronization
import Testing

@testable import Storage

@Suite struct InboxTests {
    let place: Place
    let store: Store

    init() throws {
        place = try Place()
        store = try place.open()
    }

    private func accept(_ event: Event) async throws -> Acceptance {
        try await store.accept([place.bodies.arrival(event)])[0]
    }
    private func inputs(after seq: Int64 = 0) throws -> [StoredInput] {
        try store.inputs(after: seq, limit: 1_000)
    }

    @Test("an event is stored, stamped and handed on as it came")
    func stored() async throws {
        var sent = event(id: 1)
        sent.txn = "txn-1"
        sent.road = .catchUp
        #expect(try await accept(sent) == .stored(seq: 1))
        sent.received = place.clock.now
        let inputs = try inputs()
        #expect(inputs.count == 1)
        #expect(inputs[0].received == place.clock.now)
        guard case .event(let event) = inputs[0].input else { throw Wrong() }
        #expect(event == sent)
    }

    @Test("a copy is a duplicate by any road, whatever its body says")
    func duplicate() async throws {
        var copy = event(id: 1)
        _ = try await accept(copy)
        copy.road = .socket
        copy.attributes["message"] = .text("another language")
        #expect(try await accept(copy) == .duplicate)
        #expect(store.duplicates == 1)
        #expect(try inputs().count == 1)
    }

    @Test("two of one submission are one event")
    func duplicateInOne() async throws {
        let arrival = place.bodies.arrival(event(id: 1))
        #expect(try await store.accept([arrival, arrival]) == [.stored(seq: 1), .duplicate])
    }

    @Test("an id that was used before is another event where device, type or time differ")
    func reused() async throws {
        let first = event(id: 5)
        #expect(try await accept(first) == .stored(seq: 1))
        #expect(try await accept(event(id: 5, device: 8)) == .reusedId(seq: 2))
        #expect(try await accept(event(id: 5, type: "ignitionOn")) == .reusedId(seq: 3))
        #expect(try await accept(event(id: 5, time: nil)) == .reusedId(seq: 4))
        #expect(try await accept(event(id: 6)) == .stored(seq: 5))
        #expect(try await accept(event(id: 2)) == .stored(seq: 6))
        for seen in [first, event(id: 5, device: 8), event(id: 5, time: nil)] {
            #expect(try await accept(seen) == .duplicate)
        }
        var elsewhere = first
        elsewhere.server = "https://other.example.org"
        #expect(try await accept(elsewhere) == .stored(seq: 7))
    }

    @Test("an id is known to be used again among more than are kept in memory, in any order")
    func reusedAmongMany() async throws {
        let count = Int64(2 * Limits.eventIdsInMemory + 11)
        // Neighbours change places, as they do on two connections.
        let ids = (1...count).map { $0 ^ 1 }.filter { $0 > 0 }
        let arrivals = ids.map { place.bodies.arrival(event(id: $0)) }
        for start in stride(from: 0, to: arrivals.count, by: 1_000) {
            let part = Array(arrivals[start..<min(start + 1_000, arrivals.count)])
            for answer in try await store.accept(part) {
                guard case .stored = answer else { throw Wrong() }
            }
        }
        let most = Int64(Limits.eventIdsInMemory)
        for id in [2, most - 1, most, most + 1, 2 * most, count - 1, count] {
            guard case .reusedId = try await accept(event(id: id, device: 8)) else {
                Issue.record("\(id)")
                continue
            }
        }
        guard case .stored = try await accept(event(id: count + 5)) else { throw Wrong() }
    }

    @Test("an id is known to be used again after a restart too")
    func reusedAfterRestart() async throws {
        _ = try await accept(event(id: 5))
        store.close()
        let again = try place.open()
        let arrival = place.bodies.arrival(event(id: 5, device: 8))
        #expect(try await again.accept([arrival]) == [.reusedId(seq: 2)])
    }

    static let differing: [(String, @Sendable (inout Event) -> Void)] = [
        ("alarm kind", { $0.attributes = ["alarm": .text("movement")] }),
        ("geofence", { $0.geofenceId = 3 }), ("maintenance", { $0.maintenanceId = 3 }),
        ("position", { $0.positionId = 3 }), ("time", { $0.time = nil }),
        ("device", { $0.deviceId = 9 }), ("type", { $0.type = "textMessage" }),
    ]

    @Test("without an id the rest makes the identity", arguments: differing.indices)
    func withoutId(index: Int) async throws {
        let plain = event(id: 0)
        var other = plain
        Self.differing[index].1(&other)
        #expect(try await accept(plain) == .stored(seq: 1))
        #expect(try await accept(plain) == .duplicate)
        #expect(try await accept(other) == .stored(seq: 2), "\(Self.differing[index].0)")
        // The core's own words for the same thing.
        #expect(plain.identity != other.identity)
    }

    @Test("a copy that brings a device or position is kept, once for each")
    func fuller() async throws {
        var copy = event(id: 1)
        _ = try await accept(copy)
        copy.position = Position(coordinate: Coordinate(latitude: 1, longitude: 2))
        #expect(try await accept(copy) == .fuller(seq: 2))
        #expect(try await accept(copy) == .duplicate)
        copy.device = Device(id: 7, uniqueId: "86", name: "Cargo")
        #expect(try await accept(copy) == .fuller(seq: 3))
        copy.position = nil
        #expect(try await accept(copy) == .duplicate)
        let kinds = try inputs().map { input in
            if case .copy = input.input { "copy" } else { "event" }
        }
        #expect(kinds == ["event", "copy", "copy"])
    }

    @Test("a copy that brings more of what is there is kept, once for each")
    func fullerInParts() async throws {
        var copy = event(id: 1)
        copy.position = Position(coordinate: Coordinate(latitude: 1, longitude: 2))
        copy.device = Device(id: 7, uniqueId: "86", name: "")
        _ = try await accept(copy)
        let parts: [(inout Event) -> Void] = [
            { $0.attributes["zone"] = .text("2") }, { $0.geofenceName = "Depot" },
            { $0.position?.geofences = .known([]) },
            { $0.position?.attributes["batteryLevel"] = .number(9) },
            { $0.device?.attributes["guarded"] = .flag(true) }, { $0.device?.name = "Cargo" },
        ]
        for (number, bring) in parts.enumerated() {
            bring(&copy)
            #expect(try await accept(copy) == .fuller(seq: Int64(number + 2)), "part \(number)")
            #expect(try await accept(copy) == .duplicate)
        }
        // Words that a webhook alone has.
        copy.attributes["message"] = .text("Cargo: tow")
        #expect(try await accept(copy) == .duplicate)
    }

    @Test("of an event that an older program stored only device and position are missed")
    func fullerThanOld() {
        let attributes: Attributes = ["alarm": .text("tow")]
        func fullness(_ device: Int?, _ position: Int?) -> Event.Fullness {
            .init(
                device: device, deviceName: "Cargo", position: position, knowsGeofences: true,
                geofenceName: "Depot", attributes: attributes)
        }
        let bare = Event.Fullness(bits: 0)
        #expect(bare.joined(fullness(nil, nil)) == bare)
        #expect(bare.joined(fullness(3, nil)) != bare)
        let whole = Event.Fullness(bits: 3)
        #expect(whole.joined(fullness(300, 300)) == whole)
        let new = fullness(2, nil)
        #expect(Event.Fullness(bits: new.bits) == new && new.joined(fullness(1, nil)) == new)
        #expect(new.joined(fullness(300, 1)) == fullness(255, 1))
    }

    @Test("the webhook's number is kept where another road was faster, and the first one stays")
    func txn() async throws {
        var copy = event(id: 1)
        copy.road = .socket
        _ = try await accept(copy)
        copy.road = .webhook
        copy.txn = "pow-1"
        #expect(try await accept(copy) == .duplicate)
        copy.txn = "pow-2"
        #expect(try await accept(copy) == .duplicate)
        #expect(try store.listing.events(device: nil, last: 9).map(\.txn) == ["pow-1"])
    }

    @Test("receipt never goes back, also over a restart and behind what was stepped")
    func neverBack() async throws {
        _ = try await accept(event(id: 1))
        let first = place.clock.now
        place.clock.advance(.seconds(-3_600))
        _ = try await accept(event(id: 2))
        #expect(try inputs().map(\.received) == [first, first])
        try await store.commit([step(nil, now: first + .seconds(5))])
        store.close()
        let again = try place.open()
        _ = try await again.accept([place.bodies.arrival(event(id: 3))])
        #expect(
            try again.inputs(after: 2, limit: 9).map(\.received) == [first + .seconds(5)])
    }

    @Test("events, commands and trouble are one order, and the same when read back")
    func oneOrder() async throws {
        let command = Command(action: .acknowledge, target: "i1", by: "anna")
        let trouble = Trouble(kind: .badReload, subject: "s", text: "t")
        _ = try await accept(event(id: 1))
        try await store.submit(command)
        try await store.submit(trouble, cause: "reload 1")
        _ = try await accept(event(id: 2))
        let fromMemory = try inputs().map(Self.text)
        store.close()
        let again = try place.open()
        let fromDisk = try again.inputs(after: 0, limit: 10)
        #expect(fromDisk.map(\.seq) == [1, 2, 3, 4])
        #expect(fromDisk.map(Self.text) == fromMemory)
        #expect(try again.inputs(after: 1, limit: 2).map(\.seq) == [2, 3])
        #expect(try again.inputs(after: 4, limit: 2).isEmpty)
    }

    private static func text(_ input: StoredInput) -> String {
        "\(input.seq) \(input.received) \(input.input)"
    }

    @Test("a body that cannot be decoded is set aside, told to the operator, and passed by")
    func undecodable() async throws {
        for id in 1...3 {
            _ = try await accept(event(id: Int64(id)))
        }
        store.close()
        let others = TestBodies()
        _ = others.arrival(event(id: 3), body: "body 2")
        let again = try place.open(bodies: others)
        // The trouble that the first two make may be there already, behind the third.
        #expect(try again.inputs(after: 0, limit: 2).first?.seq == 3)
        _ = await again.through()
        let inputs = try again.inputs(after: 0, limit: 10)
        #expect(inputs.map(\.seq) == [3, 4, 5])
        guard case .trouble(let trouble, let cause) = inputs[1].input else { throw Wrong() }
        #expect(trouble.kind == .poisonEvent)
        #expect(cause == "input 1")
        #expect(try again.listing.events(last: 5).last?.aside == "cannot be decoded")
    }

    @Test("what memory does not hold any more is read from disk, without a hole")
    func beyondMemory() async throws {
        let tail = Tail(bound: 3)
        tail.start(after: 10)
        func input(_ seq: Int64) -> StoredInput {
            StoredInput(seq: seq, received: .distantPast, input: .timers)
        }
        #expect(tail.inputs(after: 9, limit: 5) == nil)
        #expect(tail.inputs(after: 10, limit: 5)?.isEmpty == true)
        tail.append((11...15).map(input))
        #expect(tail.inputs(after: 11, limit: 5) == nil)
        #expect(tail.inputs(after: 12, limit: 2)?.map(\.seq) == [13, 14])
        tail.remove([14])
        tail.trim(through: 13)
        #expect(tail.inputs(after: 13, limit: 2)?.map(\.seq) == [15])
        #expect(tail.inputs(after: 12, limit: 2) == nil)
    }

    @Test("a barrier says up to when everything is seen, and nothing comes with that stamp later")
    func through() async throws {
        _ = try await accept(event(id: 1))
        place.clock.advance(.seconds(1))
        let moment = await store.through()
        #expect(moment < place.clock.now)
        #expect(try inputs().allSatisfy { $0.received <= moment })
        place.clock.advance(.seconds(-60))
        _ = try await accept(event(id: 2))
        #expect(try inputs(after: 1)[0].received > moment)
    }

    @Test("whoever waits for inputs is woken after they can be read")
    func wake() async throws {
        let seen = Mutex<[Int]>([])
        store.setOnInputs { [store] in
            let count = (try? store.inputs(after: 0, limit: 10).count) ?? -1
            seen.withLock { $0.append(count) }
        }
        _ = try await accept(event(id: 1))
        _ = try await accept(event(id: 1))
        #expect(seen.withLock { $0 } == [1])
    }
}

struct Wrong: Error {}
