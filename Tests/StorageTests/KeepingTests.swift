// What is kept and what goes: retention, and the size of the log beside a reader.
import Alerting
import Foundation
import Testing

@testable import Storage

@Suite struct RetentionTests {
    let place: Place
    let store: Store
    var now: Instant { place.clock.now }
    let policy = RetentionPolicy(events: .days(90), incidents: .days(400), deliveries: .days(90))

    init() throws {
        place = try Place()
        store = try place.open()
    }

    private func store(_ id: Int64, _ device: DeviceKey, _ changes: [Change] = []) async throws {
        let accepted = try await store.accept([place.bodies.arrival(event(id: id))])
        guard case .stored(let seq) = accepted[0] else { throw Wrong() }
        let judgement = Judgement(seq: seq, device: device, rulesHash: "")
        try await store.commit([step(seq, now: now, changes, [], judgement)])
    }
    private func left() throws -> [Int64] {
        try store.listing.events(last: 9_999).compactMap { $0.event?.id }.reversed()
    }

    @Test("old events go with what was judged of them, newer ones stay")
    func events() async throws {
        for id in Int64(1)...1_203 { try await store(id, cargo) }
        place.clock.advance(.days(90))
        try await store(2_000, cargo)
        #expect(try store.sweep(now: now, policy) == Swept())
        place.clock.advance(.milliseconds(1))
        #expect(try store.sweep(now: now, policy) == Swept(events: 1_203))
        #expect(try left() == [2_000])
        #expect(try store.sweep(now: now, policy) == Swept())
        let verdicts = try store.listing.events(device: "nobody", last: 10)
        #expect(verdicts.isEmpty)
        // An identity goes with its event; seq is never used twice.
        #expect(
            try await store.accept([place.bodies.arrival(event(id: 1))]) == [.stored(seq: 1_205)])
    }

    @Test("a seq is not used again when all events are gone")
    func seqGrows() async throws {
        try await store(1, cargo)
        place.clock.advance(.days(91))
        _ = try store.sweep(now: now, policy)
        store.close()
        let again = try place.open()
        #expect(
            try await again.accept([place.bodies.arrival(event(id: 1))]) == [.stored(seq: 2)])
        #expect(try again.inputs(after: 1, limit: 5).map(\.seq) == [2])
    }

    @Test("events of an open incident stay, those of other devices go")
    func openIncident() async throws {
        let other = DeviceKey(server: server, uniqueId: "other")
        try await store(1, cargo)
        place.clock.advance(.hours(1))
        try await store(2, cargo, [.incident(.init(incident("i1", now: now)))])
        try await store(3, other)
        place.clock.advance(.days(91))
        #expect(try store.sweep(now: now, policy).events == 2)
        #expect(try left() == [2])
        var cleared = incident("i1", now: now)
        cleared.state = .cleared
        cleared.cleared = now
        try await store.commit([step(nil, now: now, [.incident(.init(cleared))])])
        #expect(try store.sweep(now: now, policy).events == 1)
        place.clock.advance(.days(400) + .seconds(1))
        #expect(try store.sweep(now: now, policy).incidents == 1)
    }

    @Test("events of a delivery that waits stay, also when it was merged into another")
    func waitingDelivery() async throws {
        try await store(1, cargo)
        let accepted = try await store.accept([place.bodies.arrival(event(id: 2))])
        #expect(accepted == [.stored(seq: 2)])
        let held = delivery("h", due: now + .days(100), state: .held)
        try await store.commit([step(2, now: now, [], [held])])
        try await store(3, cargo)
        place.clock.advance(.days(91))
        #expect(try store.sweep(now: now, policy).events == 1)
        try await store.commit([
            step(3, now: now, [.released(["h"], into: "m")], [delivery("m", due: now)])
        ])
        #expect(try store.sweep(now: now, policy).events == 0)
        let sent = Settlement(delivery: "m", attempt: attempt(), next: .sent)
        try await store.settle([sent])
        #expect(try store.sweep(now: now, policy) == Swept(events: 2))
        #expect(try left() == [])
    }

    @Test("what was not stepped yet stays, however old")
    func backlog() async throws {
        _ = try await store.accept([place.bodies.arrival(event(id: 1))])
        place.clock.advance(.days(91))
        #expect(try store.sweep(now: now, policy) == Swept())
    }

    @Test("old deliveries go with their attempts, waiting ones stay")
    func deliveries() async throws {
        let ids = ["sent", "dead", "waits"]
        try await store.commit([step(nil, now: now, [], ids.map { delivery($0, due: now) })])
        try await store.settle([
            Settlement(delivery: "sent", attempt: attempt(), next: .sent),
            Settlement(delivery: "dead", attempt: attempt(.rejected), next: .dead),
            Settlement(delivery: "waits", attempt: attempt(.retry), next: .queued(due: now)),
        ])
        place.clock.advance(.days(91))
        #expect(try store.sweep(now: now, policy).deliveries == 2)
        let left = try store.listing.deliveries(limit: 9)
        #expect(left.map(\.delivery.id) == ["waits"])
        #expect(left.first?.attempts.count == 1)
    }

    @Test("old incidents and stamps go, more than go at a time, open and newer ones stay")
    func incidentsAndStamps() async throws {
        let start = now
        func cleared(_ id: String) -> Change {
            var incident = incident(id, now: now)
            incident.state = .cleared
            incident.cleared = now
            return .incident(.init(incident))
        }
        let rules = (0..<1_200).map { "rule-\($0)" }
        try await store.commit([
            step(
                nil, now: now,
                rules.flatMap { [cleared($0), .stamp(StampKey(rule: $0, device: cargo), now)] }
                    + [
                        .incident(.init(incident("open", now: now))),
                        .stamp(StampKey(rule: "feed", device: nil), now),
                    ])
        ])
        place.clock.advance(.days(1))
        let again = StampKey(rule: "rule-7", device: cargo)
        try await store.commit([step(nil, now: now, [cleared("later"), .stamp(again, now)])])
        place.clock.set(start + .days(400))
        #expect(try store.sweep(now: now, policy) == Swept())
        #expect(try store.recall().memory.stamps.count == 1_201)
        place.clock.advance(.milliseconds(1))
        #expect(try store.sweep(now: now, policy) == Swept(incidents: 1_200))
        #expect(try store.recall().memory.stamps.map(\.key) == [again])
        let left = try store.listing.incidents(openOnly: false, limit: 9).map(\.id)
        #expect(left == ["later", "open"])
    }

    private func reports(_ uniqueId: String) throws -> [Report] {
        let devices = try store.recall().memory.devices
        return devices.first { $0.key.uniqueId == uniqueId }?.reports ?? []
    }

    @Test("old positions go, and what is still known by them stays with the one that is kept")
    func positions() async throws {
        let start = now
        func report(_ age: Duration, _ change: (inout Report) -> Void) -> Report {
            var report = Report(time: start - age)
            change(&report)
            return report
        }
        let home = Coordinate(latitude: 48.2, longitude: 16.3)
        let shop = Coordinate(latitude: 48.3, longitude: 16.4)
        let rides = [
            report(.days(10)) { ($0.fix, $0.armed) = (home, true) },
            report(.days(9)) { ($0.fix, $0.battery) = (shop, 40) },
            report(.days(8)) { ($0.ofEvent, $0.moving) = (true, false) },
            report(.days(7)) { ($0.fix, $0.moving) = (home, false) },
            report(.days(1)) { $0.fix = shop },
        ]
        let silent = [
            report(.days(30)) { ($0.fix, $0.armed) = (home, true) },
            report(.days(20)) { ($0.ofEvent, $0.moving) = (true, false) },
            report(.days(20)) { $0.fix = shop },
        ]
        let lone = [report(.days(99)) { $0.fix = home }]
        var changes: [Change] = []
        for (name, reports) in [("rides", rides), ("silent", silent), ("lone", lone)] {
            let key = DeviceKey(server: server, uniqueId: name)
            changes += [.device(key, deviceId: 1, nil, firstKnown: start)]
            changes += reports.map { .report(key, $0) }
        }
        // More of them than go at a time.
        for number in 0..<100 {
            let key = DeviceKey(server: server, uniqueId: "\(number)")
            changes += [.device(key, deviceId: 1, nil, firstKnown: start)]
            changes += [.report(key, rides[1]), .report(key, rides[4])]
        }
        try await store.commit([step(nil, now: now, changes)])
        #expect(try store.sweep(now: now, policy) == Swept(positions: 3 + 1 + 100))
        #expect(try store.sweep(now: now, policy) == Swept())

        var base = rides[3]
        (base.armed, base.battery) = (true, 40)
        base.standsSince = rides[2].time
        #expect(try reports("rides") == [base, rides[4]])
        let kept = try reports("silent")
        #expect(Set(kept.map(\.time)) == [silent[1].time] && kept.count == 2)
        #expect(kept.contains(silent[2]))
        #expect(kept.first(where: \.ofEvent)?.armed == true)
        #expect(kept.first(where: \.ofEvent)?.moving == false)
        #expect(try reports("lone") == lone)
        #expect(try reports("77").map(\.time) == [rides[4].time])
        #expect(try reports("77").map(\.battery) == [40])

        // A day later the others are too old as well: the newest alone is kept.
        #expect(try store.sweep(now: now + .days(7), policy).positions == 1)
        #expect(try reports("rides").map(\.time) == [rides[4].time])
        #expect(try reports("rides").map(\.standsSince) == [rides[2].time])
    }

    @Test("the first event of a moment is found by halves")
    func search() async throws {
        var moments: [Instant] = []
        for id in 1...40 {
            if id % 3 != 0 { place.clock.advance(.seconds(id % 7)) }
            moments.append(now)
            _ = try await store.accept([place.bodies.arrival(event(id: Int64(id)))])
        }
        for moment in moments + [.distantPast, now + .seconds(1)] {
            let expected = (moments.firstIndex { $0 >= moment } ?? 40) + 1
            #expect(try store.read { try $0.firstSeq(receivedFrom: moment) } == Int64(expected))
        }
    }
}

@Suite struct LogTests {
    private static func size(_ place: Place, _ end: String = "-wal") throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: place.path + end)
        return attributes[.size] as? Int ?? 0
    }

    @Test("the log stays under its cap while somebody reads all the time")
    func cap() async throws {
        let place = try Place()
        let store = try place.open()
        let reader = try place.openListing()
        let body = [UInt8](repeating: 120, count: 60_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    _ = try reader.counts()
                    _ = try store.recall()
                    await Task.yield()
                }
            }
            // 144 MB: more than twice the cap.
            for part in Int64(0)..<40 {
                let arrivals = (0..<60).map {
                    Arrival(event: event(id: part * 60 + $0 + 1), body: body)
                }
                _ = try await store.accept(arrivals)
                #expect(try Self.size(place) <= Int(Limits.walBytes))
            }
            group.cancelAll()
        }
    }

    @Test("what is in the log is copied when nothing comes any more")
    func quiet() async throws {
        let place = try Place()
        let store = try place.open()
        let body = [UInt8](repeating: 120, count: 4_000)
        for part in Int64(0)..<60 {
            let arrivals = (0..<40).map {
                Arrival(event: event(id: part * 40 + $0 + 1), body: body)
            }
            _ = try await store.accept(arrivals)
        }
        let limit = ContinuousClock.now + .seconds(30)
        while try Self.size(place, "") < 8_000_000, ContinuousClock.now < limit {
            await Task.yield()
        }
        #expect(try Self.size(place, "") > 8_000_000)
    }

    @Test("the log that a kill left is taken over, and shrinks")
    func afterKill() async throws {
        let place = try Place()
        let store = try place.open()
        let arrival = { (id: Int64) in
            Arrival(event: event(id: id), body: [UInt8](repeating: 120, count: 10_000))
        }
        _ = try await store.accept((1...100).map(arrival))
        let crashed = try Place(crashOf: place)
        let again = try crashed.open()
        #expect(try again.counts().backlog == 100)
        #expect(try await again.accept([arrival(1)]) == [.duplicate])
        again.close()
        #expect(FileManager.default.fileExists(atPath: crashed.path + "-wal") == false)
        #expect(try crashed.openListing().counts().backlog == 100)
    }
}
