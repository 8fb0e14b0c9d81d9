// Inputs without an inbox row: the queue that gathers them, and the pump that decides and stores
// them behind what was received before.
import Alerting
import Foundation
import Storage
import Synchronization
import Testing

@testable import RelayServer

/// What a source tells of a device.
private func report(_ device: Int64, at time: Instant, name: String? = nil) -> Input {
    var event = Event(server: "https://iot.example", source: "one", type: "")
    event.deviceId = device
    var position = Position(coordinate: Coordinate(latitude: 48, longitude: 16))
    position.deviceTime = time
    event.position = position
    if let name { event.device = Device(id: device, uniqueId: "86\(device)", name: name) }
    return .report(event)
}

private func times(_ inputs: [Input]) -> [Int64] {
    inputs.compactMap { input in
        guard case .report(let event) = input else { return nil }
        return event.position?.deviceTime?.milliseconds
    }
}

@Suite("The queue of reports")
struct ReportQueueTests {
    let start = Instant(seconds: 1_795_000_000)

    private func at(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }

    @Test("keeps every report in order while the pump keeps up")
    func order() {
        let queue = ReportQueue(now: { start })
        #expect(queue.push([report(1, at: at(1)), report(2, at: at(2))]))
        #expect(!queue.push([report(1, at: at(3))]), "it is told once")
        #expect(times(queue.take(2)) == [1, 2])
        #expect(times(queue.take(2)) == [3])
        #expect(queue.take(2).isEmpty)
    }

    @Test("waits a little, so that many share a commit, and no longer")
    func rest() {
        let queue = ReportQueue(now: { start })
        #expect(queue.rest(at: start) == nil)
        _ = queue.push([report(1, at: at(1))])
        #expect(queue.rest(at: start) == .milliseconds(250))
        #expect(queue.rest(at: start + .milliseconds(249)) == .milliseconds(1))
        #expect(queue.rest(at: start + .seconds(9)) == .zero)
        let many = (0..<Limits.reportsPerCommit).map { report(Int64($0), at: at(1)) }
        #expect(queue.push(many), "the pump is woken again")
        #expect(queue.rest(at: start) == .zero)
    }

    @Test("where there is no room, a newer report takes the older one's place")
    func merges() throws {
        let queue = ReportQueue(bound: 6, mergesAbove: 2, now: { start })
        for time in 1...2 { _ = queue.push([report(1, at: at(Int64(time)))]) }
        _ = queue.push([report(1, at: at(3), name: "Rad")])
        for time in 4...9 { _ = queue.push([report(1, at: at(Int64(time)))]) }
        for device in 2...9 { _ = queue.push([report(Int64(device), at: at(10))]) }
        _ = queue.push([report(1, at: at(4))])
        #expect(queue.counts.merged == 4 && queue.counts.dropped == 8)
        #expect(times(queue.take(100)) == [1, 2, 3, 4, 5, 9], "out of order it gives way itself")
    }

    @Test("where the pump is behind, what is said of a device joins its position")
    func joins() throws {
        let queue = ReportQueue(bound: 6, mergesAbove: 1, now: { start })
        _ = queue.push([report(2, at: at(1)), report(1, at: at(2))])
        guard case .report(var described) = report(1, at: at(3), name: "Rad") else { return }
        described.position = nil
        _ = queue.push([.report(described), report(1, at: at(4))])
        let taken = queue.take(100)
        #expect(times(taken) == [1, 2, 4], "each position may cross something")
        guard case .report(let event) = taken[1] else { throw CancellationError() }
        #expect(event.device?.name == "Rad" && queue.counts.merged == 1)
    }
}

@Suite("Reports in the pump", .timeLimit(.minutes(1)))
struct ReportPumpTests {
    @Test("a report is known and stored, without a row in the inbox")
    func stored() async throws {
        let bench = try await PumpBench()
        bench.pump.report([report(1, at: bench.now, name: "Cargo 1")])
        bench.pass(.milliseconds(300))
        try await bench.batches.wait(for: 1)
        let memory = try bench.store.recall(reaching: Memory.keepsRecent).memory
        #expect(memory.devices.map(\.device?.name) == ["Cargo 1"])
        #expect(memory.devices[0].reports.map(\.fix?.latitude) == [48])
        #expect(try bench.store.counts().backlog == 0)
        #expect(try bench.store.progress().cursor == 0)
        bench.stop()
    }

    @Test("a bare event behind it is the known device's")
    func bareEvent() async throws {
        let bench = try await PumpBench()
        bench.pump.report([report(1, at: bench.now, name: "Cargo 1")])
        bench.pass(.milliseconds(300))
        try await bench.batches.wait(for: 1)
        var bare = try arrival(5, at: bench.now)
        bare.event.device = nil
        bare.body = Array(
            #"{"id":5,"type":"alarm","deviceId":1,"attributes":{"alarm":"vibration"}}"#.utf8)
        try await bench.store.accept([bare])
        try await bench.stepped(1)
        #expect(try bench.deliveries().first?.items.first?.device?.name == "Cargo 1")
        bench.stop()
    }

    @Test("a name of a geofence is known from then on")
    func geofence() async throws {
        let bench = try await PumpBench()
        let input = Input.geofence(server: "https://iot.example", id: 4, name: "Depot")
        bench.pump.report([input, input])
        bench.pass(.milliseconds(300))
        try await bench.batches.wait(for: 1)
        let memory = try bench.store.recall(reaching: Memory.keepsRecent).memory
        #expect(memory.geofences.map(\.name) == ["Depot"])
        #expect(bench.batches.all.joined().map(\.changes.count) == [1, 0])
        bench.stop()
    }

    @Test("who waits for an input is told when it is decided, or after a time")
    func decided() async throws {
        let bench = try await PumpBench()
        try await bench.accept(1)
        await bench.pump.decided(through: 1, within: .seconds(60))
        #expect(try bench.deliveries().count == 1)
        await bench.pump.decided(through: 1, within: .seconds(60))
        await bench.pump.decided(through: 99, within: .milliseconds(1))
        bench.stop()
    }
}
