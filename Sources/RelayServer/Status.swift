// What the admin pages say and do, put together from the parts that know it.

import Alerting
import Intake
import Storage
import Synchronization

/// Answers the admin server's questions.
struct Status: Sendable {
    let store: Store
    let pump: Pump
    let courier: Courier
    let counters: IntakeCounters
    let reload: Reload
    let ports: Ports
    let sources: [TraccarSource]

    var actions: AdminActions {
        AdminActions(
            ready: { readiness },
            metrics: { metrics },
            command: { command in
                try await withCheckedThrowingContinuation { continuation in
                    store.submit(command) { continuation.resume(with: $0.map { _ in }) }
                }
            },
            retry: { id in
                guard let id else { return try store.retryAllDead() }
                return try store.retry(id) ? 1 : 0
            })
    }

    private var readiness: Readiness {
        // What cannot be counted now is shown as nothing; the log says what is wrong with the disk.
        let counts = (try? store.counts()) ?? StoreCounts()
        let rules = reload.current
        return Readiness(
            ready: ports.areOpen, inboxBacklog: counts.backlog,
            outboxBacklog: counts.queued.values.reduce(0, +), rules: rules.book.rules.count,
            rulesHash: rules.book.hash, sources: sources.map(\.readiness))
    }

    private var metrics: String {
        var page = MetricsPage()
        let came = counters.now
        // What cannot be counted now is shown as nothing; the log says what is wrong with the disk.
        let counts = (try? store.counts()) ?? StoreCounts()
        page.add(
            "events_accepted_total", .counter, "Events answered 200 and on disk.",
            came.accepted)
        page.add(
            "events_duplicate_total", .counter, "Copies of events already on disk.",
            came.duplicates)
        page.add(
            "events_ignored_total", .counter, "Bodies that were no event.",
            came.ignored)
        page.add(
            "webhook_refused_total", .counter, "Posts refused, by reason.",
            came.refused.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { ([("reason", $0.key.rawValue)], Double($0.value)) })
        page.add(
            "webhook_connections", .gauge, "Connections that are open.",
            came.connections)
        page.add("inbox_backlog", .gauge, "Inputs that wait for the engine.", counts.backlog)
        page.add(
            "steps_total", .counter, "Inputs and timers decided since start.",
            pump.progress.withLock { $0.steps })
        page.add(
            "incidents_open", .gauge, "Incidents open or acknowledged.",
            pump.progress.withLock { $0.openIncidents })
        page.add(
            "outbox_queued", .gauge, "Deliveries that wait, by channel.",
            byChannel(counts.queued))
        page.add("outbox_held", .gauge, "Deliveries held back.", counts.held)
        page.add("outbox_dead", .gauge, "Deliveries given up.", counts.dead)
        addSources(&page)
        addChannels(&page)
        page.add(
            "rules_reload_failed_total", .counter, "Edits of rule files that were refused.",
            reload.failures)
        page.add("resident_bytes", .gauge, "Memory of the process.", MetricsPage.residentBytes)
        return page.text
    }

    private func addSources(_ page: inout MetricsPage) {
        guard !sources.isEmpty else { return }
        let all = sources.map { (name: $0.name, status: $0.status, counts: $0.counts) }
        func samples(
            _ value: (SourceState, SourceCounts) -> Double
        ) -> [([(String, String)], Double)] {
            all.map { ([("source", $0.name)], value($0.status, $0.counts)) }
        }
        page.add(
            "source_up", .gauge, "1 while events come in: pushed, or by a catch-up that works.",
            samples { status, _ in status.isUp ? 1 : 0 })
        page.add(
            "source_connected", .gauge, "1 while the WebSocket is open.",
            samples { status, _ in status.isConnected ? 1 : 0 })
        page.add(
            "source_connections_total", .counter, "Times that the WebSocket was opened.",
            samples { Double($1.connections) })
        page.add(
            "source_devices", .gauge, "Devices of the account.",
            samples { status, _ in Double(status.devices) })
        page.add(
            "source_messages_total", .counter, "Messages of the WebSocket.",
            samples { Double($1.messages) })
        page.add(
            "source_positions_total", .counter, "Positions of the WebSocket.",
            samples { Double($1.positions) })
        page.add(
            "source_events_accepted_total", .counter,
            "Events that the WebSocket or a catch-up brought first.",
            samples { Double($1.accepted) })
        page.add(
            "source_events_caught_up_total", .counter, "Events that only a catch-up brought.",
            samples { Double($1.caughtUp) })
        page.add(
            "source_catchups_total", .counter, "Catch-ups by result.",
            all.flatMap { source in
                [("good", source.counts.catchups), ("failed", source.counts.failedCatchups)].map {
                    ([("source", source.name), ("result", $0.0)], Double($0.1))
                }
            })
        let reports = pump.reports.counts
        page.add(
            "reports_merged_total", .counter,
            "Positions that gave way to a newer one of their device.", reports.merged)
        page.add(
            "reports_dropped_total", .counter, "Positions for which there was no room.",
            reports.dropped)
    }

    private func addChannels(_ page: inout MetricsPage) {
        let tally = courier.tally.snapshot.sorted { $0.key < $1.key }
        page.add(
            "deliveries_total", .counter, "Attempts by channel and result.",
            tally.flatMap { channel, counts in
                [("sent", counts.sent), ("retried", counts.retried), ("dead", counts.dead)].map {
                    ([("channel", "\(channel)"), ("result", $0.0)], Double($0.1))
                }
            })
        page.add(
            "breaker_open", .gauge, "1 while a channel is left alone after failures.",
            courier.breakers.sorted { $0.key < $1.key }
                .map { ([("channel", "\($0.key)")], $0.value ? 1 : 0) })
    }

    private func byChannel(_ counts: [ChannelName: Int]) -> [([(String, String)], Double)] {
        counts.sorted { $0.key < $1.key }.map { ([("channel", "\($0.key)")], Double($0.value)) }
    }
}

extension TraccarSource {
    fileprivate var readiness: Readiness.Source {
        let status = status
        return Readiness.Source(
            name: name, up: status.isUp, connected: status.isConnected,
            since: status.since.rfc3339, lastCatchUp: status.lastCatchup?.at.rfc3339,
            trouble: status.trouble)
    }
}
