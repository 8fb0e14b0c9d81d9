// Figures (c) to (g): of the whole relay, seen from outside. Each starts a relay of its own on
// fresh files, so that none measures what another left.

import Foundation
import TestSupport

/// The measurements of the running relay.
struct RelayFigures {
    let report: Report
    /// Where the databases lie.
    let folder: String
    /// 1: the counts that the figures are told for; less: a quick look.
    let scale: Double

    private func scaled(_ count: Int) -> Int { max(100, Int(Double(count) * scale)) }

    // MARK: - (c), (f)

    /// Posts at 64 connections of which no rule wants any: acceptance and the pump alone.
    func intake() throws {
        let (run, processor) = try loaded(rules: 100, count: scaled(200_000))
        report.add(
            "accepted_per_second", run.acceptedPerSecond, "posts/s", target: ">= 25000")
        report.add("accepted_p50", Double(run.answers.percentile(50)) / 1e6, "ms")
        report.add("accepted_p99", Double(run.answers.percentile(99)) / 1e6, "ms")
        report.add("accepted_cpu", processor, "ms/event", target: "<= 0.04")
    }

    /// The same with few and with many rules.
    func ruleCount() throws {
        let few = try loaded(rules: 10, count: scaled(100_000)).processor
        let many = try loaded(rules: 10_000, count: scaled(100_000)).processor
        report.add("cpu_at_10_rules", few, "ms/event")
        report.add("cpu_at_10000_rules", many, "ms/event")
        report.add("cpu_ratio_10000_to_10_rules", many / max(few, 1e-9), "times", target: "<= 1.5")
    }

    private func loaded(
        rules: Int, count: Int
    ) throws -> (run: LoadGenerator.Run, processor: Double) {
        let relay = try BenchRelay(.init(rules: BenchRules.none(count: rules)), in: folder)
        let generator = try relay.generator(connections: 64)
        let warm = scaled(10_000)
        _ = try generator.run(count: warm, rate: 0, firstId: 0, limit: .seconds(60))
        try relay.drained()
        let before = try relay.processorSeconds()
        let run = try generator.run(count: count, rate: 0, firstId: warm, limit: .seconds(120))
        try accepted(all: count, of: run)
        // What was taken is not done before the pump has seen it.
        try relay.drained()
        let processor = (try relay.processorSeconds() - before) * 1_000 / Double(count)
        try relay.stop()
        return (run, processor)
    }

    private func accepted(all count: Int, of run: LoadGenerator.Run) throws {
        guard run.accepted == count else {
            throw BenchError("only \(run.accepted) of \(count) posts were answered 200")
        }
    }

    // MARK: - (d)

    /// Webhook to HTTP notification, one for each event: as fast as it goes, then at 100/s.
    func endToEnd() throws {
        let sink = try NotificationSink(port: 0)
        sink.start()
        defer { sink.stop() }
        let relay = try BenchRelay(.init(rules: BenchRules.everyAlarm, sink: sink), in: folder)
        let generator = try relay.generator(connections: 32)
        let warm = scaled(5_000)
        _ = try generator.run(count: warm, rate: 0, firstId: 0, limit: .seconds(60))
        try arrived(warm, at: sink)
        try relay.drained()

        sink.reset()
        let count = scaled(100_000)
        let before = try relay.processorSeconds()
        let run = try generator.run(count: count, rate: 0, firstId: warm, limit: .seconds(120))
        try accepted(all: count, of: run)
        try arrived(count, at: sink)
        try relay.drained()
        let processor = (try relay.processorSeconds() - before) * 1_000 / Double(count)
        let seconds = Double(sink.arrivals.last - (run.due.first ?? 0)) / 1e9
        report.add(
            "notifications_per_second", Double(count) / seconds, "notifications/s",
            target: ">= 15000")
        report.add("notification_cpu", processor, "ms/event", target: "<= 0.08")
        report.add("notification_copies", Double(sink.arrivals.copies), "notifications")

        try latency(relay, generator, sink, firstId: warm + count)
        try relay.stop()
    }

    private func latency(
        _ relay: BenchRelay, _ generator: LoadGenerator, _ sink: NotificationSink, firstId: Int
    ) throws {
        let disk = try measureDisk(in: folder)
        sink.reset()
        let count = scaled(2_000)
        let run = try generator.run(
            count: count, rate: 100, firstId: firstId, limit: .seconds(60))
        try accepted(all: count, of: run)
        try arrived(count, at: sink)
        let arrivals = sink.arrivals.times
        let road = Spread(
            run.due.enumerated().compactMap { event, due in
                arrivals[firstId + event].map { $0 - due }
            })
        report.add("fdatasync_p50", Double(disk.percentile(50)) / 1e6, "ms")
        report.add("fdatasync_p99", Double(disk.percentile(99)) / 1e6, "ms")
        for (percent, target) in [(50, "< 2"), (99, "< 10")] {
            let whole = Double(road.percentile(percent)) / 1e6
            let own = Double(disk.percentile(percent)) / 1e6
            report.add("end_to_end_p\(percent)", whole, "ms")
            // One fdatasync only is taken off, though two lie on the road (accept, commit).
            report.add(
                "end_to_end_p\(percent)_beyond_fsync", max(0, whole - own), "ms", target: target)
        }
    }

    private func arrived(_ count: Int, at sink: NotificationSink) throws {
        try wait(for: "\(count) notifications", seconds: 120) { sink.count >= count }
    }

    // MARK: - (e)

    /// Resident memory: idle, after many notifications, and with many rules and devices.
    func memory() throws {
        let sink = try NotificationSink(port: 0)
        sink.start()
        defer { sink.stop() }
        let relay = try BenchRelay(.init(rules: BenchRules.everyAlarm, sink: sink), in: folder)
        let idle = try relay.residentMegabytes()
        report.add("rss_idle", idle, "MB", target: "< 60")
        let count = scaled(50_000)
        let generator = try relay.generator(connections: 32)
        let run = try generator.run(count: count, rate: 0, firstId: 0, limit: .seconds(120))
        try accepted(all: count, of: run)
        try arrived(count, at: sink)
        try relay.drained()
        let after = try relay.residentMegabytes() - idle
        report.add("rss_growth_after_50000_notifications", after, "MB", target: "<= 20")
        try relay.stop()

        let big = try BenchRelay(.init(rules: BenchRules.none(count: 10_000)), in: folder)
        let devices = 10_000
        let posts = try big.generator(connections: 32, devices: devices)
            .run(count: devices, rate: 0, firstId: 0, limit: .seconds(60))
        try accepted(all: devices, of: posts)
        try big.drained()
        report.add(
            "rss_10000_rules_10000_devices", try big.residentMegabytes(), "MB", target: "< 150")
        try big.stop()
    }

    // MARK: - (g)

    /// Start to ready with a million events in the database, and with the WAL that a kill left.
    func start() throws {
        let setup = BenchRelay.Setup(rules: BenchRules.none(count: 100))
        let files = try BenchRelay.folder(setup, in: folder)
        let first = try BenchRelay(files)
        let count = scaled(1_000_000)
        let run = try first.generator(connections: 64)
            .run(count: count, rate: 0, firstId: 0, limit: .seconds(300))
        try accepted(all: count, of: run)
        try first.drained()
        try first.stop()

        report.add("events_in_database", Double(count), "events")
        report.add(
            "start_to_ready",
            try median(of: 3) {
                let relay = try BenchRelay(files)
                defer { relay.process.stop() }
                return Double(relay.startToReady) / 1e6
            }, "ms", target: "< 200")

        // Killed under load, the WAL is as long as the relay lets it become.
        var wal = 0.0
        report.add(
            "start_to_ready_after_kill",
            try median(of: 3) {
                let victim = try BenchRelay(files)
                let events = scaled(100_000)
                _ = try victim.generator(connections: 64).run(
                    count: events, rate: 0, firstId: nextId(after: events), limit: .seconds(30))
                victim.process.kill()
                wal = max(wal, megabytes(ofFile: files.database + "-wal"))
                let relay = try BenchRelay(files)
                defer { relay.process.stop() }
                return Double(relay.startToReady) / 1e6
            }, "ms", target: "< 200")
        report.add("wal_after_kill", wal, "MB", target: "<= 64 MiB")
    }

    /// Ids that no run before has used, or the posts would be copies and write nothing.
    private func nextId(after count: Int) -> Int {
        Int(nanoseconds() / 1_000 % 1_000_000_000) + 1_000_000_000 + count
    }

    private func megabytes(ofFile path: String) -> Double {
        // No file is no WAL.
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return Double(attributes?[.size] as? Int ?? 0) / 1e6
    }

    private func median(of count: Int, _ body: () throws -> Double) throws -> Double {
        try (0..<count).map { _ in try body() }.sorted()[count / 2]
    }
}
