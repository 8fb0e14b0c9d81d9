// "The same id with another device, type or time is another event, and said" (DESIGN, deduplication
// 1): the server was probably set up anew, and the operator should know why its events are new.

import Alerting
import Logging
import Storage
import Synchronization

/// Says where a server gives ids that other events have had: once a day for each server.
final class ReusedIds: Sendable {
    private let store: Store
    private let timekeeper: Timekeeper
    private let logger: Logger
    private let said = Mutex<[String: Instant]>([:])

    init(_ store: Store, _ timekeeper: Timekeeper, _ logger: Logger) {
        self.store = store
        self.timekeeper = timekeeper
        self.logger = logger
    }

    /// Behind the answer to the sender.
    func look(_ arrivals: [Arrival], _ result: Result<[Acceptance], AcceptFailure>) {
        guard case .success(let acceptances) = result else { return }
        for index in acceptances.indices {
            guard case .reusedId(let seq) = acceptances[index] else { continue }
            say(arrivals[index].event.server, arrivals[index].event.source, seq)
        }
    }

    private func say(_ server: String, _ source: String, _ seq: Int64) {
        let now = timekeeper.now()
        let isNew = said.withLock { said in
            if let last = said[server], now - last < .days(1) { return false }
            said[server] = now
            return true
        }
        guard isNew else { return }
        logger.warning(
            "the server gives ids that other events have had; each is taken as a new event",
            metadata: ["source": "\(source)", "seq": "\(seq)"])
        let trouble = Trouble(
            kind: .reusedId, subject: "A server gives its event ids a second time",
            text: """
                The server of the source '\(source)' has sent an event under an id that another \
                event has had (event \(seq) here). Probably it was set up anew. Nothing is lost: \
                each counts as an event of its own. If it was not, look at what it sends: \
                outcry events
                """)
        store.submit(trouble, cause: "\(server) \(seq)") { [self] result in
            guard case .failure(let error) = result else { return }
            // With the next one.
            said.withLock { $0[server] = nil }
            logger.error("the operator cannot be told of it: \(error)")
        }
    }
}
