// From an attempt's outcome to what is written of it: sent, queued for later, or dead.

package import Alerting
import Storage
import Synchronization

extension Settlement {
    /// Decides what becomes of a delivery after an attempt (CONFIG.md, *Retried or rejected*).
    /// - Parameter leapt: by how much the clock was set forward since the delivery was made.
    init(
        of delivery: Delivery, _ outcome: Outcome, began: Instant, now: Instant,
        leapt: @autoclosure () -> Duration = .zero
    ) {
        let result: Attempt.Result
        let note: String
        let next: Next
        switch outcome {
        case .delivered(let text): (result, note, next) = (.delivered, text, .sent)
        case .rejected(let text): (result, note, next) = (.rejected, text, .dead)
        case .retry(let after, _, let text):
            let due = RetryPolicy.standard(delivery.severity).next(
                attempts: delivery.attempts + 1, created: delivery.created + leapt(), now: now,
                id: delivery.id, atLeast: after)
            (result, note) = (.retry, text)
            next = due.map { .queued(due: $0) } ?? .dead
        }
        self.init(
            delivery: delivery.id,
            attempt: Attempt(at: began, duration: now - began, result: result, note: note),
            next: next,
            trouble: next == .dead ? Self.trouble(delivery, Attempt.headline(of: note)) : nil)
    }

    /// Whether it is to be tried again.
    var isQueued: Bool { if case .queued = next { true } else { false } }

    /// What the operator hears. A message to the operator that dies is only logged, or there
    /// would be no end to it.
    private static func trouble(_ delivery: Delivery, _ note: String) -> Trouble? {
        guard delivery.trouble == nil else { return nil }
        let rules = Set(delivery.items.map(\.rule)).sorted().joined(separator: ", ")
        return Trouble(
            kind: .deadDelivery,
            subject: "A message to \(delivery.contact) could not be delivered",
            text: """
                The \(delivery.severity.rawValue) message to \(delivery.contact) by \
                \(delivery.channel) (rules: \(rules)) was given up after \(delivery.attempts + 1) \
                attempts. The last one said: \(note)
                It is kept. See it: outcry deliveries --dead
                Send it again: outcry deliveries retry \(delivery.id)
                """)
    }
}

/// How many attempts ended how, by channel.
package final class DeliveryTally: Sendable {
    package struct Counts: Sendable {
        package var sent = 0
        package var retried = 0
        package var dead = 0
    }
    private let counts = Mutex<[ChannelName: Counts]>([:])

    func count(_ channel: ChannelName, _ settlement: Settlement) {
        counts.withLock { counts in
            switch settlement.next {
            case .sent: counts[channel, default: Counts()].sent += 1
            case .queued: counts[channel, default: Counts()].retried += 1
            case .dead: counts[channel, default: Counts()].dead += 1
            }
        }
    }

    package var snapshot: [ChannelName: Counts] { counts.withLock { $0 } }
}
