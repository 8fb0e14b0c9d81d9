// What has to be done now and then: old rows removed, the clock watched, the heartbeat sent.

import Alerting
import Channels
import Logging
import ServiceLifecycle
import Storage

/// A page elsewhere that is called at intervals, so that a dead relay is noticed.
package struct Heartbeat: Hashable, Sendable {
    package var url: String
    package var every: Duration

    package init(url: String, every: Duration) {
        self.url = url
        self.every = every
    }
}

/// Runs the chores until it is shut down.
struct Housekeeping: Service {
    let store: Store
    let timekeeper: Timekeeper
    let retention: RetentionPolicy
    let heartbeat: Heartbeat?
    let logger: Logger

    func run() async throws {
        try await untilShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sweep() }
                group.addTask { try await watchClock() }
                if let heartbeat { group.addTask { try await send(heartbeat) } }
                try await group.waitForAll()
            }
        }
    }

    private func sweep() async throws {
        while true {
            do {
                let swept = try store.sweep(now: timekeeper.now(), retention)
                let rows = swept.all
                if rows > 0 { logger.info("old records removed", metadata: ["rows": "\(rows)"]) }
            } catch {
                logger.error("old records cannot be removed: \(error)")
            }
            try await Task.sleep(for: .hours(1))
        }
    }

    private func watchClock() async throws {
        var jumps = timekeeper.jumps
        var wasBehind = false
        while true {
            try await Task.sleep(for: .seconds(10))
            _ = timekeeper.now()
            if timekeeper.jumps != jumps {
                jumps = timekeeper.jumps
                logger.warning("the system's clock was set forward; followed")
            }
            let behind = timekeeper.wallIsBehind > .seconds(5)
            if behind, !wasBehind {
                logger.warning("the system's clock was set back; approached at half the pace")
            }
            wasBehind = behind
        }
    }

    private func send(_ heartbeat: Heartbeat) async throws {
        var failed = false
        let client = WebClient("GET", heartbeat.url, over: CurlTransfer(name: "heartbeat"))
        while true {
            let answered = (200..<300).contains(await client.ask().status)
            if answered == failed {
                // Said once for each change, not for each beat.
                logger.log(
                    level: answered ? .info : .warning,
                    "the heartbeat \(answered ? "is answered again" : "is not answered")")
                failed = !answered
            }
            try await Task.sleep(for: heartbeat.every)
        }
    }
}
