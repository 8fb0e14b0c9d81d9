// What the commands show, with the relay up and down.
import Alerting
import Foundation
import GRDB
import Testing

@testable import Storage

extension Place {
    func openListing() throws -> Listing {
        try Listing(path: path) { [bodies] in bodies.decode($0) }
    }
}

@Suite struct ListingTests {
    let place: Place
    let store: Store
    var now: Instant { place.clock.now }

    init() throws {
        place = try Place()
        store = try place.open()
    }

    @Test("events by name, by uniqueId and all, newest first, with what the rules said")
    func events() async throws {
        for id in Int64(1)...3 {
            var event = event(id: id)
            event.txn = "txn-\(id)"
            _ = try await store.accept([place.bodies.arrival(event)])
        }
        let device = Device(id: 7, uniqueId: cargo.uniqueId, name: "Cargo 1")
        var judgement = Judgement(seq: 1, device: cargo, rulesHash: "h")
        judgement.verdicts = [Verdict(rule: "theft", result: .quiet, leaf: "hours: night")]
        try await store.commit([
            step(
                1, now: now, [.device(cargo, deviceId: 7, device, firstKnown: now)], [], judgement),
            step(
                2, now: now, [], [],
                Judgement(
                    seq: 2, device: DeviceKey(server: server, uniqueId: "x"), rulesHash: "")),
        ])
        // The relay is up here and down in the second round.
        for _ in 0..<2 {
            let listing = try place.openListing()
            let all = try listing.events(last: 2)
            #expect(all.map(\.seq) == [3, 2])
            for name in ["Cargo 1", cargo.uniqueId] {
                let events = try listing.events(device: name, last: 9)
                // The third is not stepped yet; its deviceId says whose it is.
                #expect(events.map(\.seq) == [3, 1])
                #expect(events.map(\.deviceName) == ["", "Cargo 1"])
                #expect(events.map(\.judgement) == [nil, judgement])
                #expect(events.last?.txn == "txn-1")
                #expect(events.last?.event?.alarm == "vibration")
                #expect(events.last?.received == now)
            }
            #expect(try listing.events(device: "nobody", last: 9).isEmpty)
            store.close()
        }
    }

    @Test("commands of a time are found among events, wherever seqs are missing")
    func commands() async throws {
        for id in Int64(1)...40 {
            place.clock.advance(.seconds(1))
            if id % 10 == 0 {
                let command = Command(action: .acknowledge, target: "rule", by: "\(id)")
                try await store.submit(command)
            } else {
                _ = try await store.accept([place.bodies.arrival(event(id: id))])
            }
        }
        try await store.file.writing.write {
            try $0.execute(sql: "DELETE FROM inbox WHERE seq IN (7, 20, 21)")
        }
        let start = now - .seconds(40)
        func found(_ from: Int, _ to: Int) throws -> [String] {
            try place.openListing()
                .commands(during: (start + .seconds(from))...(start + .seconds(to)))
                .map(\.command.by)
        }
        #expect(try found(10, 30) == ["10", "30"])
        #expect(try found(11, 29).isEmpty)
        #expect(try found(31, 4_000) == ["40"])
        #expect(try found(0, 9).isEmpty)
        #expect(try found(-50, 4_000) == ["10", "30", "40"])
    }

    @Test("of a device the newest are found, decided or not, and no more is read than is shown")
    func eventsOfDevice() async throws {
        let other = DeviceKey(server: server, uniqueId: "other")
        for id in Int64(1)...60 {
            _ = try await store.accept([
                place.bodies.arrival(event(id: id, device: id % 3 == 0 ? 7 : 8))
            ])
        }
        for id in Int64(1)...50 {
            let device = id % 3 == 0 ? cargo : other
            try await store.commit([
                step(
                    id, now: now,
                    [.device(device, deviceId: id % 3 == 0 ? 7 : 8, nil, firstKnown: now)], [],
                    Judgement(seq: id, device: device, rulesHash: ""))
            ])
        }
        let listing = try place.openListing()
        let name = cargo.uniqueId
        // 51, 54, 57 and 60 are not stepped yet.
        #expect(try listing.events(device: name, last: 6).map(\.seq) == [60, 57, 54, 51, 48, 45])
        #expect(try listing.events(device: name, last: 2).map(\.seq) == [60, 57])
        #expect(
            try listing.events(device: name, last: 99).map(\.seq)
                == (Int64(1)...20).reversed().map { $0 * 3 })
        #expect(try listing.events(device: "other", last: 1).map(\.seq) == [59])
        #expect(try listing.events(device: "nobody", last: 1).isEmpty)

        let plan = try await store.file.reading.read { db in
            try Row.fetchAll(
                db, sql: "EXPLAIN QUERY PLAN " + Snapshot.newestOfDevice,
                arguments: [name, 6]
            ).map { $0["detail"] as String }
        }
        #expect(plan.first == "MERGE (UNION ALL)", "from both ends: \(plan)")
        #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "nothing is sorted: \(plan)")
    }

    @Test("incidents: open ones, all, and by the beginning of an id")
    func incidents() async throws {
        var closed = incident("ab12", now: now)
        closed.state = .cleared
        closed.cleared = now
        try await store.commit([
            step(
                nil, now: now,
                [
                    .incident(.init(closed)),
                    .incident(.init(incident("ab34", now: now + .seconds(1)))),
                    .incident(.init(incident("cd_%", now: now + .seconds(2)))),
                ])
        ])
        let listing = try place.openListing()
        #expect(try listing.incidents(openOnly: true, limit: 9).map(\.id) == ["cd_%", "ab34"])
        #expect(try listing.incidents(openOnly: false, limit: 9).count == 3)
        #expect(try listing.incidents(idPrefix: "ab").map(\.id) == ["ab12", "ab34"])
        #expect(try listing.incidents(idPrefix: "ab34").map(\.id) == ["ab34"])
        #expect(try listing.incidents(idPrefix: "ab%").isEmpty)
        #expect(try listing.incidents(idPrefix: "%").isEmpty)
    }

    @Test("counts for the metrics")
    func counts() async throws {
        _ = try await store.accept((1...3).map { place.bodies.arrival(event(id: $0)) })
        try await store.commit([
            step(
                1, now: now, [.incident(.init(incident("i", now: now)))],
                [
                    delivery("a", due: now), delivery("b", due: now + .days(1)),
                    delivery("c", due: now, channel: .email),
                    delivery("h", due: now, state: .held),
                ])
        ])
        var expected = StoreCounts()
        expected.backlog = 2
        expected.queued = [.http("fleet"): 2, .email: 1]
        expected.held = 1
        expected.openIncidents = 1
        #expect(try store.counts() == expected)
    }

    @Test("no database, and one of another program, are one clear line")
    func errors() throws {
        let empty = try Place()
        let error = #expect(throws: StoreError.self) { try empty.openListing() }
        #expect(error?.description.contains("there is no database") == true)
        #expect(FileManager.default.fileExists(atPath: empty.path) == false)
    }
}

@Suite struct TextRowsTests {
    static let texts = ["", "a", "\t", "\n", "\\", "\\N", "a\\tb", "ü€😀", "\\\\n\t\n", "\u{0}"]

    @Test("any text comes back, and nothing stays nothing", arguments: texts)
    func roundTrip(text: String) {
        let written = String {
            $0.row(text, nil, text)
            $0.row(nil)
        }
        let read = TextRows.read(written)
        #expect(read == [[text, nil, text], [nil]])
    }

    @Test("numbers come back to the last bit")
    func numbers() {
        let numbers = [0.1, -0.0, 1e308, .leastNonzeroMagnitude, .infinity, 123_456_789.123_456_79]
        let attributes = Attributes(
            numbers.map { Attributes.Entry(name: "n", value: .number($0)) })
        let text = String { attributes.write(to: &$0) }
        #expect(Attributes(stored: text) == attributes)
    }
}
