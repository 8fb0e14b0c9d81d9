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
        return try place.open().recall()
    }

    @Test("every change comes back")
    func roundTrip() async throws {
        let changes = everyChange(now: now)
        try await store.commit([step(4, now: now + .seconds(2), changes)])
        let recalled = try reopened()
        #expect(recalled.cursor == 4)
        #expect(recalled.latest == now + .seconds(2))
        #expect(recalled.devices.count == 1)
        let known = try #require(recalled.devices.first)
        guard case .device(let key, let id, let device, let firstKnown) = changes[0],
            case .report(_, let report) = changes[1], case .incident(let incident) = changes[2]
        else { throw Wrong() }
        #expect(known.key == key)
        #expect(known.deviceId == id)
        #expect(known.device == device)
        #expect(known.firstKnown == firstKnown)
        #expect(known.reports == [report])
        #expect(recalled.incidents == [incident])
        let stamps = Dictionary(uniqueKeysWithValues: recalled.stamps.map { ($0.key, $0.at) })
        #expect(
            stamps == [
                StampKey(rule: "theft", device: cargo, alarm: "vibration", place: "yard"): now,
                StampKey(rule: "feed", device: nil): now,
            ])
    }

    @Test("a device that was only referred to is not known")
    func onlyReferredTo() async throws {
        try await store.commit([step(1, now: now, [.incident(incident("i1", now: now))])])
        let recalled = try reopened()
        #expect(recalled.devices.isEmpty)
        #expect(recalled.incidents.first?.device == cargo)
    }

    @Test("a device of bare events has no record, and an incident may have no device")
    func bare() async throws {
        let standIn = DeviceKey.standIn(server: server, deviceId: 9)
        try await store.commit([
            step(
                1, now: now,
                [
                    .device(standIn, deviceId: 9, nil, firstKnown: now),
                    .incident(incident("i0", device: nil, now: now)),
                ])
        ])
        let recalled = try reopened()
        #expect(recalled.devices.map(\.key) == [standIn])
        #expect(recalled.devices.first?.device == nil)
        #expect(recalled.incidents.first?.device == nil)
    }

    @Test("a cleared incident leaves Memory and stays in the database; a stamp can end early")
    func ends() async throws {
        try await store.commit([step(1, now: now, everyChange(now: now))])
        var cleared = incident("i1", now: now)
        cleared.state = .cleared
        cleared.cleared = now
        cleared.due = nil
        let key = StampKey(rule: "theft", device: cargo, alarm: "vibration", place: "yard")
        try await store.commit([step(2, now: now, [.incident(cleared), .stamp(key, nil)])])
        let recalled = try store.recall()
        #expect(recalled.incidents.isEmpty)
        #expect(recalled.stamps.map(\.key.rule) == ["feed"])
        #expect(try store.listing.incidents(openOnly: false, limit: 5) == [cleared])
    }

    static let reports: [@Sendable (inout Report) -> Void] = [
        { $0.unusableFix = true }, { $0.geofencesKnown = true }, { $0.geofences = [] },
        { $0.ignition = false }, { $0.moving = true }, { $0.armed = false }, { $0.armed = true },
        { $0.battery = 0 }, { $0.speed = Speed(kilometresPerHour: 0.1) },
        { $0.fix = Coordinate(latitude: 0, longitude: 0) }, { $0.accuracy = 0 }, { _ in },
    ]

    @Test("each part of a report is kept, as a row and in a judgement", arguments: reports.indices)
    func report(index: Int) async throws {
        var report = Report(time: now)
        Self.reports[index](&report)
        let text = String(decoding: report.stored, as: UTF8.self)
        #expect(Report(stored: text) == report)
        let device = Change.device(cargo, deviceId: 1, nil, firstKnown: now)
        try await store.commit([step(1, now: now, [device, .report(cargo, report)])])
        #expect(try store.recall().devices.first?.reports == [report])
    }

    @Test("the newest reports stay, by their time, one for each time")
    func reportsFold() async throws {
        var changes: [Change] = [.device(cargo, deviceId: 1, nil, firstKnown: now)]
        let bound = Limits.reportsPerDevice
        for index in [5, 3, 4] + Array(6..<(bound + 8)) + [1, 10] {
            var report = Report(time: now + .seconds(Int64(index)))
            report.battery = Double(changes.count)
            changes.append(.report(cargo, report))
        }
        try await store.commit([step(1, now: now, changes)])
        let kept = try #require(try store.recall().devices.first).reports
        #expect(kept.map(\.time) == (8..<(bound + 8)).map { now + .seconds(Int64($0)) })
        // The last one written for second 10.
        #expect(kept[2].battery == Double(changes.count - 1))
    }

    @Test("an event that was quiet in the last ten seconds comes back with its judgement")
    func quiet() async throws {
        for id in 1...4 {
            place.clock.advance(.seconds(id == 1 ? 0 : 6))
            _ = try await store.accept([place.bodies.arrival(event(id: Int64(id)))])
        }
        var steps: [Step] = []
        for seq in Int64(1)...4 {
            var judgement = Judgement(seq: seq, device: cargo, rulesHash: "abc")
            judgement.fix = Report(time: now)
            judgement.attributes = ["guarded": .flag(true)]
            judgement.verdicts = [
                Verdict(rule: "a", result: .told, incident: "i1"),
                Verdict(rule: "b", result: seq == 3 ? .told : .quiet, leaf: "armed:\ttrue"),
            ]
            steps.append(step(seq, now: now, [], [], judgement))
        }
        try await store.commit(Array(steps[..<3]) + [steps[3]])
        let quiet = try store.recall().quiet
        #expect(quiet.map(\.seq) == [4])
        #expect(quiet.first?.judgement == steps[3].judgement)
        #expect(quiet.first?.event.id == 4)
        #expect(quiet.first?.event.received == now)
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
        #expect(try store.recall().devices.count == 10_000)
    }
}
