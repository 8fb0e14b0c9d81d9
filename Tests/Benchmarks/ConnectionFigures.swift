// Figures (h) and (i): the connection to a tracker's server, against the stand-in of
// TrackerSimulator in this very process, which shares the machine's cores with the relay. So they
// are floors.

import Foundation
import Synchronization
import TestSupport
import TrackerSimulator

/// The measurements of sockets and catch-ups.
struct ConnectionFigures {
    let report: Report
    let folder: String
    let scale: Double
    /// Of the server whose socket is followed.
    let devices: Int
    /// That come over it.
    let positions: Int

    private func scaled(_ count: Int) -> Int { max(100, Int(Double(count) * scale)) }

    private static let now: @Sendable () -> Moment = {
        Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
    }

    // MARK: - A gap

    /// A relay that was connected once is away while very much happens.
    func catchUp() throws {
        let count = scaled(100_000)
        let devices = 200
        let server = try waitFor {
            try await Simulator.start(
                SimulatorConfiguration(
                    world: .standard(.traccar6, fleet: devices, now: Self.now())),
                now: Self.now)
        }
        defer { try? waitFor { try await server.stop() } }
        let files = try files(BenchRules.none(count: 10), nil, server)
        let first = try BenchRelay(files)
        try connected(first, server)
        try first.stop()

        let scene = Scene("gap", "alarms of a fleet", fleet: devices) {
            var numbers = (0..<count).makeIterator()
            return AnyIterator {
                numbers.next().map { number in
                    var report = World.Report(Int64(101 + number % devices), at: World.depot)
                    report.alarms = [number / devices % 2 == 0 ? "vibration" : "movement"]
                    return Scene.Step(
                        at: .microseconds(number * 10), action: .report(report))
                }
            }
        }
        server.remember(scene, from: Self.now())
        let made = server.events.count
        // What happened has to lie in the past when it is asked for.
        sleep(2)
        let start = nanoseconds()
        let relay = try BenchRelay(files)
        guard relay.process.logged(within: 180, "sent late") else {
            throw BenchError("the gap was not closed: \(relay.process.log.suffix(5))")
        }
        try relay.drained()
        report.add(
            "catch_up_of_\(made)_events", Double(nanoseconds() - start) / 1e9, "s",
            target: "< 20 of 100000")
        report.add("catch_up_memory", try relay.residentMegabytes(), "MB")
        try relay.stop()
    }

    // MARK: - The socket

    /// From an alarm on the server to its notification at the sink, by the socket; then positions.
    func socket() throws {
        let server = try waitFor { [devices] in
            try await Simulator.start(
                SimulatorConfiguration(
                    world: .standard(.traccar6, fleet: devices, now: Self.now())),
                now: Self.now)
        }
        defer { try? waitFor { try await server.stop() } }
        let sink = try NotificationSink(port: 0)
        sink.start()
        defer { sink.stop() }
        let relay = try BenchRelay(files(BenchRules.everyAlarm, sink, server))
        try connected(relay, server)

        let count = scaled(1_000)
        var began: [Int: UInt64] = [:]
        for number in 0..<count {
            let moment = nanoseconds()
            let events = server.perform(.report(alarm(number)))
            for event in events where event.type == "alarm" { began[Int(event.id)] = moment }
            let rest = Int64(moment + 10_000_000) - Int64(nanoseconds())
            if rest > 0 { usleep(UInt32(rest / 1_000)) }
        }
        let wanted = began.count
        try wait(for: "\(wanted) notifications", seconds: 60) { sink.count >= wanted }
        let times = sink.arrivals.times
        let road = Spread(began.compactMap { id, moment in times[id].map { $0 - moment } })
        report.add("socket_to_sink_p50", Double(road.percentile(50)) / 1e6, "ms", target: "< 3")
        report.add("socket_to_sink_p99", Double(road.percentile(99)) / 1e6, "ms")
        try follow(server, relay)
        try relay.stop()
    }

    private func alarm(_ number: Int) -> World.Report {
        var report = World.Report(Int64(101 + number % devices), at: World.depot)
        report.alarms = [number / devices % 2 == 0 ? "vibration" : "movement"]
        return report
    }

    /// As many position messages as the stand-in can send. What is kept of a device is bounded, but
    /// has to fill first: of so many devices that takes sixteen positions of each.
    private func follow(_ server: Simulator, _ relay: BenchRelay) throws {
        let count = positions
        let memory = try relay.residentMegabytes()
        let processor = try relay.processorSeconds()
        let start = nanoseconds()
        var grown: [Double] = []
        for quarter in 0..<4 {
            for number in (quarter * count / 4)..<((quarter + 1) * count / 4) {
                server.perform(
                    .report(World.Report(Int64(101 + number % devices), at: World.depot)))
            }
            let sent = Double((quarter + 1) * count / 4)
            try wait(for: "the relay to read \(Int(sent)) positions", seconds: 600) {
                try Self.metric("outcry_source_positions_total", of: relay) >= sent
            }
            grown.append(try relay.residentMegabytes() - memory)
        }
        let seconds = Double(nanoseconds() - start) / 1e9
        report.add(
            "socket_positions_per_second", Double(count) / seconds, "positions/s",
            target: ">= 20000")
        report.add(
            "socket_position_cpu",
            (try relay.processorSeconds() - processor) * 1_000 / Double(count), "ms/position")
        report.add(
            "socket_positions_without_room",
            try Self.metric("outcry_reports_dropped_total", of: relay),
            "positions")
        report.add("socket_memory_before", memory, "MB")
        for (quarter, growth) in grown.enumerated() {
            report.add("socket_memory_growth_after_\(quarter + 1)_of_4", growth, "MB")
        }
    }

    // MARK: - Both

    private func files(
        _ rules: String, _ sink: NotificationSink?, _ server: Simulator
    ) throws -> RelayFolder {
        let files = try BenchRelay.folder(.init(rules: rules, sink: sink), in: folder)
        try files.configure(
            channels: """
                http:
                  fleet-api: { url: "http://127.0.0.1:\(sink?.port ?? 9)/alerts", at_once: 64 }
                """,
            url: server.url, session: "{ token: \(World.Account().token) }", every: "15m")
        return files
    }

    /// Until the socket stands and the first catch-up is done.
    private func connected(_ relay: BenchRelay, _ server: Simulator) throws {
        try wait(for: "the socket", seconds: 300) { server.openSockets > 0 }
        try wait(for: "the first catch-up", seconds: 600) {
            try Self.metric("outcry_source_catchups_total", of: relay) > 0
        }
    }

    /// The first line of a metric; of catch-ups that is the good ones.
    private static func metric(_ name: String, of relay: BenchRelay) throws -> Double {
        let http = PlainHTTP(port: relay.process.adminPort)
        let text = String(decoding: try http.get("/metrics").body, as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
    }

    /// Runs what is async from this synchronous program.
    private func waitFor<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T
    {
        let result = Mutex<Result<T, any Error>?>(nil)
        let ended = DispatchSemaphore(value: 0)
        Task {
            do {
                let value = try await body()
                result.withLock { $0 = .success(value) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
            ended.signal()
        }
        ended.wait()
        guard let value = result.withLock({ $0 }) else { throw BenchError("no result") }
        return try value.get()
    }
}
