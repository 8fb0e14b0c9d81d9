// How far a source has come, what a catch-up asks of the inbox, and events that are only recorded.
import Alerting
import Foundation
import Testing

@testable import Storage

@Suite("Sources") struct SourceTests {
    let place: Place
    let store: Store

    init() throws {
        place = try Place()
        store = try place.open()
    }

    private func connected(_ store: Store, at now: Instant) async throws -> SourceProgress {
        try await withCheckedContinuation { continuation in
            store.connected("bikes", server: "https://s.example", at: now) {
                continuation.resume(returning: $0)
            }
        }.get()
    }

    private func caughtUp(to moment: Instant) async throws {
        try await withCheckedContinuation { continuation in
            store.caughtUp("bikes", server: "https://s.example", to: moment) {
                continuation.resume(returning: $0)
            }
        }.get()
    }

    private func accept(_ event: Event, asRecord: Bool = false) async throws -> Acceptance {
        var arrival = place.bodies.arrival(event)
        arrival.isRecord = asRecord
        return try await store.accept([arrival])[0]
    }

    private func inputs() throws -> [Int64] {
        try store.inputs(after: 0, limit: 100).map(\.seq)
    }

    @Test("the first connection is noted once, and survives a restart")
    func firstConnection() async throws {
        let first = place.clock.now
        #expect(try await connected(store, at: first) == SourceProgress(firstConnected: first))
        #expect(try await connected(store, at: first + .hours(1)).firstConnected == first)
        try await caughtUp(to: first + .minutes(3))
        store.heard("bikes", server: "https://s.example", at: first + .minutes(4))
        store.close()
        let again = try place.open()
        #expect(
            try await connected(again, at: first + .days(1))
                == SourceProgress(
                    firstConnected: first, caughtUpTo: first + .minutes(3),
                    heard: first + .minutes(4)))
        #expect(try again.progress(ofSource: "bikes", server: "https://other.example") == nil)
    }

    @Test("names of a server are kept for a start without it")
    func names() async throws {
        _ = try await connected(store, at: place.clock.now)
        #expect(try store.names(ofSource: "bikes", server: "https://s.example") == nil)
        var names = ServerNames()
        names.groups = ["Couriers": ["861", "862"]]
        names.calendars = ["Closed": "BEGIN:VCALENDAR"]
        names.geofences = ["Depot", "4"]
        store.keep(names, source: "bikes", server: "https://s.example")
        store.close()
        let again = try place.open()
        #expect(try again.names(ofSource: "bikes", server: "https://s.example") == names)
    }

    @Test("a catch-up that ended well closes the gaps that ended before it")
    func gapsAreClosed() async throws {
        let now = place.clock.now
        _ = try await connected(store, at: now)
        store.shared.putBack([
            Gap(source: "bikes", from: now - .minutes(9), to: now - .minutes(5)),
            Gap(source: "vans", from: now - .minutes(9), to: now - .minutes(5)),
        ])
        _ = try await accept(event(id: 1))
        #expect(try store.gaps().count == 2)
        try await caughtUp(to: now - .minutes(6))
        #expect(try store.gaps().count == 2)
        try await caughtUp(to: now)
        #expect(try store.gaps().map(\.source) == ["vans"])
    }

    @Test("what no road has brought yet is told apart from what is known")
    func unknown() async throws {
        var bare = event(id: 0)
        _ = try await accept(event(id: 1))
        _ = try await accept(bare)
        _ = try await accept(event(id: 3), asRecord: true)
        var other = event(id: 1)
        other.type = "deviceOnline"
        bare.positionId = 99
        let asked = [event(id: 1), event(id: 2), other, event(id: 0), bare, event(id: 3)]
        #expect(try store.unknown(asked) == [false, true, true, false, true, false])
    }

    @Test("an event for the record is stored, shown, and passed by")
    func record() async throws {
        #expect(try await accept(event(id: 1), asRecord: true) == .stored(seq: 1))
        #expect(try await accept(event(id: 2)) == .stored(seq: 2))
        #expect(try await accept(event(id: 3), asRecord: true) == .stored(seq: 3))
        #expect(try inputs() == [2])
        #expect(try store.counts().backlog == 1)
        #expect(try await accept(event(id: 1), asRecord: true) == .duplicate)
        let listed = try store.listing.events(last: 10)
        #expect(listed.map(\.seq) == [3, 2, 1])
        #expect(listed[0].aside == Ledger.recordOnly && listed[1].aside == nil)
        store.close()
        let again = try place.open()
        #expect(try again.inputs(after: 0, limit: 10).map(\.seq) == [2])
        #expect(try again.progress().cursor == 1)
    }

    @Test("an event for the record that another road brings too is judged")
    func recordBecomesEvent() async throws {
        _ = try await accept(event(id: 1), asRecord: true)
        _ = try await accept(event(id: 2))
        #expect(try await accept(event(id: 1)) == .stored(seq: 3))
        #expect(try inputs() == [2, 3])
        #expect(try await accept(event(id: 1)) == .duplicate)
        #expect(try store.listing.events(last: 10).map(\.seq) == [3, 2])
        store.close()
        #expect(try place.open().inputs(after: 0, limit: 10).map(\.seq) == [2, 3])
    }

    @Test("an event that was judged does not become a record")
    func eventStays() async throws {
        _ = try await accept(event(id: 1))
        #expect(try await accept(event(id: 1), asRecord: true) == .duplicate)
        #expect(try inputs() == [1])
    }

    @Test("told are the events of a catch-up that somebody was told of")
    func told() async throws {
        var late = event(id: 1)
        late.road = .catchUp
        late.source = "bikes"
        _ = try await accept(late)
        late.id = 2
        _ = try await accept(late)
        var pushed = event(id: 3)
        pushed.source = "bikes"
        _ = try await accept(pushed)
        for (seq, result) in [(1, Verdict.Result.told), (2, .oncePer), (3, .told)] {
            var step = Step(seq: Int64(seq), now: place.clock.now)
            var judgement = Judgement(
                seq: Int64(seq), device: DeviceKey(server: "s", uniqueId: "7"), rulesHash: "r")
            judgement.verdicts = [Verdict(rule: "theft", result: result)]
            step.judgement = judgement
            try await store.commit([step])
        }
        #expect(try store.told("bikes", rows: 1...3) == 1)
        #expect(try store.told("vans", rows: 1...3) == 0)
    }
}
