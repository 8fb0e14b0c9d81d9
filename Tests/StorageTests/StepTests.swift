// What a step changed is read back as it was, whole, and only with its cursor.
import Alerting
import Foundation
import Testing

@testable import Storage

@Suite struct StepTests {
    let place: Place
    let store: Store
    var now: Instant { place.clock.now }

    init() throws {
        place = try Place()
        store = try place.open()
    }

    private func reopened() throws -> Recalled {
        store.close()
        let again = try place.open()
        defer { again.close() }
        return try again.recall()
    }

    @Test("every change comes back")
    func roundTrip() async throws {
        let changes = everyChange(now: now)
        try await store.commit([step(4, now: now + .seconds(2), changes)])
        let recalled = try reopened()
        #expect(recalled.cursor == 4)
        #expect(recalled.latest == now + .seconds(2))
        #expect(recalled.memory.devices.count == 1)
        let known = try #require(recalled.memory.devices.first)
        guard case .device(let key, let id, let device, let firstKnown) = changes[0],
            case .report(_, let report) = changes[1], case .incident(let incident) = changes[2]
        else { throw Wrong() }
        #expect(known.key == key)
        #expect(known.deviceId == id)
        #expect(known.device == device)
        #expect(known.firstKnown == firstKnown)
        #expect(known.reports == [report])
        #expect(recalled.memory.incidents == [incident.value])
        let stamps = Dictionary(
            uniqueKeysWithValues: recalled.memory.stamps.map { ($0.key, $0.moment) })
        #expect(recalled.memory.geofences == [.init(server: server, id: 3, name: "Yard")])
        #expect(
            stamps == [
                StampKey(rule: "theft", device: cargo, alarm: "vibration", place: "yard"): now,
                StampKey(rule: "feed", device: nil): now,
            ])
    }

    @Test("a device that was only referred to is not known")
    func onlyReferredTo() async throws {
        try await store.commit([step(1, now: now, [.incident(.init(incident("i1", now: now)))])])
        let recalled = try reopened()
        #expect(recalled.memory.devices.isEmpty)
        #expect(recalled.memory.incidents.first?.device == cargo)
    }

    @Test("a device of bare events has no record, and an incident may have no device")
    func bare() async throws {
        let standIn = DeviceKey.standIn(server: server, deviceId: 9)
        try await store.commit([
            step(
                1, now: now,
                [
                    .device(standIn, deviceId: 9, nil, firstKnown: now),
                    .incident(.init(incident("i0", device: nil, now: now))),
                ])
        ])
        let recalled = try reopened()
        #expect(recalled.memory.devices.map(\.key) == [standIn])
        #expect(recalled.memory.devices.first?.device == nil)
        #expect(recalled.memory.incidents.first?.device == nil)
    }

    @Test("a cleared incident leaves Memory and stays in the database; a stamp can end early")
    func ends() async throws {
        try await store.commit([step(1, now: now, everyChange(now: now))])
        var cleared = incident("i1", now: now)
        cleared.state = .cleared
        cleared.cleared = now
        cleared.due = nil
        let key = StampKey(rule: "theft", device: cargo, alarm: "vibration", place: "yard")
        try await store.commit([step(2, now: now, [.incident(.init(cleared)), .stamp(key, nil)])])
        let recalled = try store.recall()
        #expect(recalled.memory.incidents.isEmpty)
        #expect(recalled.memory.stamps.map(\.key.rule) == ["feed"])
        #expect(try store.listing.incidents(openOnly: false, limit: 5) == [cleared])
    }

    static let reports: [@Sendable (inout Report) -> Void] = [
        { $0.unusableFix = true }, { $0.geofencesKnown = true }, { $0.geofences = [] },
        { $0.ignition = false }, { $0.moving = true }, { $0.armed = false }, { $0.armed = true },
        { $0.battery = 0 }, { $0.speed = Speed(kilometresPerHour: 0.1) },
        { $0.fix = Coordinate(latitude: 0, longitude: 0) }, { $0.accuracy = 0 }, { _ in },
        { $0.ofEvent = true }, { $0.standsSince = Instant(seconds: 3) },
    ]

    @Test("a source that is down is known after a restart, and forgotten when it is back")
    func silentSource() async throws {
        let silence = SilentSource(since: now, fired: ["down", "b\tc"], due: now + .minutes(1))
        try await store.commit([step(1, now: now, [.source("one", silence)])])
        var kept = silence
        kept.due = nil
        #expect(try store.recall().memory.silentSources == ["one": kept])
        try await store.commit([step(2, now: now, [.source("one", nil)])])
        #expect(try store.recall().memory.silentSources.isEmpty)
    }

    @Test("what a report was folded over is kept with its row")
    func folded() async throws {
        var report = Report(time: now)
        report.unusableFix = true
        report.deviceTime = now + .minutes(3)
        report.folded = .init(
            fix: Coordinate(latitude: 48.2, longitude: 16.4), accuracy: 12,
            sides: ["a": true, "b": false])
        let device = Change.device(cargo, deviceId: 1, nil, firstKnown: now)
        try await store.commit([step(1, now: now, [device, .report(cargo, report)])])
        #expect(try store.recall().memory.devices.first?.reports == [report])
    }

    @Test("each part of a report is kept, as a row and in a judgement", arguments: reports.indices)
    func report(index: Int) async throws {
        var report = Report(time: now)
        Self.reports[index](&report)
        let text = String { report.write(to: &$0) }
        #expect(Report(stored: text) == report)
        let device = Change.device(cargo, deviceId: 1, nil, firstKnown: now)
        try await store.commit([step(1, now: now, [device, .report(cargo, report)])])
        #expect(try store.recall().memory.devices.first?.reports == [report])
    }

    @Test("reports are one for each time and kind, and go when they are folded")
    func reportsFold() async throws {
        var changes: [Change] = [.device(cargo, deviceId: 1, nil, firstKnown: now)]
        for (second, ofEvent) in [
            (5, false), (3, false), (4, true), (4, false), (6, true), (5, false),
        ] {
            var report = Report(time: now + .seconds(Int64(second)))
            report.ofEvent = ofEvent
            report.battery = Double(changes.count)
            changes.append(.report(cargo, report))
        }
        changes.append(.folded(cargo, before: now + .seconds(4)))
        try await store.commit([step(1, now: now, changes)])
        let kept = try #require(try store.recall().memory.devices.first).reports
        #expect(kept.sorted(by: Report.inOrder).map(\.battery) == [3, 4, 6, 5])
    }

    @Test("what is read back gives the memory that the same steps gave")
    func sameMemory() async throws {
        let bare = Change.device(cargo, deviceId: 0, nil, firstKnown: now - .hours(2))
        let steps = [
            step(1, now: now, everyChange(now: now), [delivery("h", due: now, state: .held)]),
            step(2, now: now, [bare]),
        ]
        var memory = Memory()
        for step in steps { memory.apply(step) }
        try await store.commit(steps)
        let read = Memory(try reopened().memory)
        let known = { (memory: Memory) in memory.incidents { _ in true } }
        #expect(known(read) == known(memory))
        #expect(read.nextDue == memory.nextDue)
        let device = try #require(try reopened().memory.devices.first)
        #expect(device.deviceId == 7)
        #expect(device.device?.name == "Cargo 1 ü\t\\N")
        #expect(device.firstKnown == now - .hours(2))
    }

    @Test("events of the last ten seconds come back with their matches and what a copy brought")
    func recent() async throws {
        for id in 1...4 {
            place.clock.advance(.seconds(id == 1 ? 0 : 6))
            _ = try await store.accept([place.bodies.arrival(event(id: Int64(id)))])
        }
        var fuller = event(id: 4)
        fuller.position = Position(coordinate: Coordinate(latitude: 1, longitude: 2))
        _ = try await store.accept([place.bodies.arrival(fuller)])
        var steps: [Step] = []
        for seq in Int64(1)...4 {
            var judgement = Judgement(seq: seq, device: cargo, rulesHash: "abc")
            judgement.verdicts = [
                Verdict(rule: "a", result: .oncePer, incident: "i1"),
                Verdict(rule: "b", result: .quiet, leaf: "armed:\ttrue"),
            ]
            steps.append(step(seq, now: now, [], [], judgement))
        }
        steps[2].judgement?.attributes = ["guarded": .flag(false)]
        // The third is judged again, and one rule matches now: what else was said of it stays.
        var again = Judgement(seq: 3, device: cargo, rulesHash: "abc")
        again.verdicts = [Verdict(rule: "b", result: .told, incident: "i2")]
        steps[3].rejudged = [again]
        try await store.commit(steps + [step(5, now: now)])
        let recent = try store.recall().memory.recent
        #expect(recent.map(\.seq) == [3, 4])
        #expect(recent.map(\.matched) == [["a", "b"], ["a"]])
        #expect(recent.map(\.device) == [cargo, cargo])
        #expect(recent.first?.known == ["guarded": .flag(false)])
        let listed = try store.listing.events(last: 9).first { $0.seq == 3 }?.judgement
        #expect(listed?.verdicts.map(\.result) == [.oncePer, .told])
        fuller.received = now
        #expect(recent.last?.event == fuller)
        place.clock.advance(.seconds(11))
        #expect(try store.recall().memory.recent.isEmpty)
    }

    @Test("how an event was judged is listed as it was written")
    func judged() async throws {
        _ = try await store.accept([place.bodies.arrival(event(id: 1))])
        var judgement = Judgement(seq: 1, device: cargo, rulesHash: "abc")
        judgement.fix = Report(time: now)
        judgement.attributes = ["guarded": .flag(true)]
        judgement.verdicts = [Verdict(rule: "b", result: .unknown, leaf: "armed:\ttrue")]
        try await store.commit([step(1, now: now, [], [], judgement)])
        let listed = try #require(try store.listing.events(last: 1).first)
        #expect(listed.judgement == judgement)
    }

    @Test("ten thousand devices with their reports are recalled")
    func manyDevices() async throws {
        for part in 0..<10 {
            try await store.commit(
                (0..<1_000).map { index in
                    let key = DeviceKey(server: server, uniqueId: "\(part)-\(index)")
                    return step(nil, now: now, everyChange(now: now, device: key))
                })
        }
        #expect(try store.recall().memory.devices.count == 10_000)
    }
}
