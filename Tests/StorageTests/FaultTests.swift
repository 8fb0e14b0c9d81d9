// Nothing half-done: every statement fails once, and a full disk means a failure that is said, a
// relay that goes on, and a gap that is kept for catch-up.
import Alerting
import Foundation
import GRDB
import Testing

@testable import Storage

@Suite struct FaultTests {
    /// A life in small: each line is one transaction.
    private static func live(_ store: Store, _ place: Place) async -> [Bool] {
        let now = place.clock.now
        var ok: [Bool] = []
        func run(_ body: () async throws -> Void) async {
            do {
                try await body()
                ok.append(true)
            } catch { ok.append(false) }
        }
        var fuller = event(id: 1)
        fuller.position = Position(coordinate: Coordinate(latitude: 1, longitude: 1))
        let first = place.bodies.arrival(event(id: 1), body: "first")
        let copy = place.bodies.arrival(fuller, body: "copy")
        await run { _ = try await store.accept([first]) }
        await run { _ = try await store.accept([copy]) }
        var judgement = Judgement(seq: 1, device: cargo, rulesHash: "h")
        judgement.verdicts = [Verdict(rule: "theft", result: .told)]
        let told = step(
            1, now: now, everyChange(now: now), [delivery("a", due: now)], judgement)
        await run { try await store.commit([told]) }
        let trouble = Trouble(kind: .deadDelivery, subject: "s", text: "t")
        await run {
            try await store.settle([
                Settlement(
                    delivery: "a", attempt: attempt(.rejected), next: .dead, trouble: trouble)
            ])
        }
        return ok
    }

    private static func check(_ store: Store, _ ok: [Bool], _ place: Place, _ said: String) throws {
        let recalled = try store.recall()
        let inputs = try store.inputs(after: 0, limit: 99)
        let events = inputs.filter { if case .event = $0.input { true } else { false } }.count
        let copies = inputs.filter { if case .copy = $0.input { true } else { false } }.count
        let troubles = inputs.filter { if case .trouble = $0.input { true } else { false } }.count
        // Where the first was lost, its copy is the event.
        #expect(events == (ok[0] || ok[1] ? 1 : 0), "\(said)")
        #expect(copies == (ok[0] && ok[1] ? 1 : 0), "\(said)")
        #expect(recalled.cursor == (ok[2] ? 1 : 0), "\(said)")
        #expect(recalled.memory.incidents.count == (ok[2] ? 1 : 0), "\(said)")
        #expect(recalled.memory.stamps.count == (ok[2] ? 2 : 0), "\(said)")
        #expect(recalled.memory.devices.flatMap(\.reports).count == (ok[2] ? 1 : 0), "\(said)")
        let listed = try store.listing.deliveries(limit: 9)
        #expect(listed.map(\.delivery.id) == (ok[2] ? ["a"] : []), "\(said)")
        #expect(listed.flatMap(\.attempts).count == (ok[3] ? 1 : 0), "\(said)")
        #expect(troubles == (ok[3] ? 1 : 0), "\(said)")
        let queued = try store.lease(channel: .http("fleet"), now: .distantFuture, limit: 9)
        #expect(queued.map(\.id) == (ok[2] && !ok[3] ? ["a"] : []), "\(said)")
        let sound = try store.file.reading.read {
            try String.fetchOne($0, sql: "PRAGMA integrity_check")
        }
        #expect(sound == "ok", "\(said)")
    }

    @Test("each statement fails in turn: all or nothing, answered truly, and then it goes on")
    func everyStatement() async throws {
        var at = 1
        while true {
            let place = try Place()
            let fault = FaultAt()
            let store = try place.open(fault: fault)
            fault.arm(at: at)
            let ok = await Self.live(store, place)
            let reached = fault.count >= at
            fault.arm(at: nil)
            try Self.check(store, ok, place, "statement \(at), running")
            let crashed = try Place(crashOf: place)
            try Self.check(
                crashed.open(bodies: place.bodies), ok, place, "statement \(at), crashed")
            // What failed may be sent again.
            _ = try await store.accept([place.bodies.arrival(event(id: 1), body: "first")])
            guard reached else {
                #expect(ok == [true, true, true, true])
                #expect(at > 30)
                return
            }
            #expect(ok.contains(false))
            at += 1
        }
    }

    @Test("the process dies at each statement: what was answered is there after the restart")
    func everyCrash() async throws {
        var at = 1
        while true {
            let place = try Place()
            let fault = FaultAt()
            let store = try place.open(fault: fault)
            fault.arm(at: at, forGood: true)
            let ok = await Self.live(store, place)
            let reached = fault.count >= at
            let crashed = try Place(crashOf: place)
            try Self.check(crashed.open(bodies: place.bodies), ok, place, "crash at \(at)")
            fault.arm(at: nil)
            guard reached else { return }
            at += 1
        }
    }

    @Test("a full disk refuses what does not fit, keeps the gap, and goes on when there is room")
    func fullDisk() async throws {
        let place = try Place()
        let store = try place.open()
        func pages(_ more: Int) throws {
            try store.file.writing.writeWithoutTransaction { db in
                let count = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
                try db.execute(sql: "PRAGMA max_page_count = \(count + more)")
            }
        }
        let big = Arrival(event: event(id: 1), body: [UInt8](repeating: 120, count: 100_000))
        try pages(2)
        let from = place.clock.now
        place.clock.advance(.seconds(3))
        for _ in 0..<3 {
            let error = await #expect(throws: AcceptFailure.self) {
                try await store.accept([big])
            }
            #expect(error?.description == "the disk of the database is full")
        }
        // What fits goes on.
        _ = try await store.accept([place.bodies.arrival(event(id: 2))])
        #expect(try store.inputs(after: 0, limit: 9).count == 1)
        let gap = Gap(source: "biketrax", from: from + .seconds(3), to: place.clock.now)
        #expect(try store.gaps() == [gap])
        try pages(1_000)
        #expect(try await store.accept([big]) == [.stored(seq: 2)])
        #expect(try store.gaps() == [gap])
        store.close()
        #expect(try place.openListing().gaps() == [gap])
    }

    @Test("an id taken back by a rollback is no reused id")
    func rollbackForgets() async throws {
        let place = try Place()
        let fault = FaultAt()
        let store = try place.open(fault: fault)
        // BEGIN, find and add the server, greatest id, insert: the commit fails.
        fault.arm(at: 6)
        await #expect(throws: AcceptFailure.self) {
            try await store.accept([place.bodies.arrival(event(id: 9))])
        }
        #expect(fault.count == 6 || fault.count == 7)
        let arrival = place.bodies.arrival(event(id: 9, device: 3))
        #expect(try await store.accept([arrival]) == [.stored(seq: 1)])
    }

    @Test("starts of an input are counted on disk, and an end in order is known")
    func poison() async throws {
        let place = try Place()
        let store = try place.open()
        #expect(try store.beginRun())
        for id in 1...3 {
            _ = try await store.accept([place.bodies.arrival(event(id: Int64(id)))])
        }
        #expect(try store.countStart(1) == 1)
        let crashed = try Place(crashOf: place)
        let again = try crashed.open(bodies: place.bodies)
        #expect(try again.beginRun() == false)
        #expect(try again.countStart(1) == 2)
        #expect(try again.countStart(2) == 1)
        #expect(try again.countStart(2) == 2)
        let trouble = Trouble(kind: .poisonEvent, subject: "s", text: "t")
        try again.setAside(1, reason: "three starts", trouble: trouble)
        #expect(try again.recall().cursor == 1)
        try again.setAside(3, reason: "three starts")
        #expect(try again.recall().cursor == 1)
        #expect(try again.inputs(after: 0, limit: 9).map(\.seq) == [2, 4])
        #expect(
            try again.listing.events(last: 9).map(\.aside) == ["three starts", nil, "three starts"])
        try again.endRun()
        again.close()
        #expect(try crashed.open().beginRun())
    }
}
