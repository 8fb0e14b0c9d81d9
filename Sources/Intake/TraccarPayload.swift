// Bytes in, events out: an envelope (`{"event": …, "position": …, "device": …}`), a bare event, or
// a list of these, as Traccar and BikeTrax servers and the forwarders between send them (domain.md
// 1 to 3). It promises that what it hands over for the record, and the attributes, are without
// `users`, `webhookPsk` and `passport` at any depth, and that no spelling that domain.md knows is
// refused. simdjson does the parsing (Sources/CSimdjson); decoding 1 KB costs a few microseconds.
package import Alerting
import CSimdjson
import Synchronization

/// Reads payloads; keeps its buffers from one to the next, so one is kept for each event loop.
package final class TraccarPayload {
    private let json = TraccarJSON(depth: Limits.jsonDepth)

    package init() {}

    /// What one payload held.
    package struct Reading: Sendable {
        package var arrivals: [Arrival] = []
        /// Positions without an event (`forward.url`): accepted and ignored.
        package var reports = 0
        /// JSON of no kind that is known.
        package var others = 0

        package init() {}
    }

    /// Why a payload was refused: plain words without any of its content.
    package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        package var description: String
    }

    /// The events of a payload, in its order. `txn` (X-PowTxn) goes with each of them.
    package func read(
        _ bytes: UnsafeRawBufferPointer, server: String, source: String, txn: String? = nil
    ) throws(Refusal) -> Reading {
        try json.parse(bytes)
        var reading = Reading()
        var item = cj_item()
        while cj_next(json.reader, true, &item) {
            switch item.shape {
            case CJ_REPORT: reading.reports += 1
            case CJ_EVENT:
                guard let type = item.eventType else { continue }
                guard reading.arrivals.count < Limits.eventsPerBody else {
                    throw Refusal(description: "more than \(Limits.eventsPerBody) events in a list")
                }
                // Made in its place, for an event is large.
                reading.arrivals.append(
                    Arrival(
                        event: Event(server: server, source: source, type: type),
                        body: Array(item.body.buffer)))
                let last = reading.arrivals.count - 1
                reading.arrivals[last].event.txn = txn
                item.describe(&reading.arrivals[last].event)
            default: reading.others += 1
            }
        }
        return reading
    }

    /// The one event of a stored body.
    private func event(in bytes: UnsafeRawBufferPointer, server: String, source: String) -> Event? {
        var item = cj_item()
        do { try json.parse(bytes) } catch { return nil }
        guard cj_next(json.reader, false, &item) else { return nil }
        return item.event(server: server, source: source)
    }
}

// MARK: - Reading back what was stored

extension TraccarPayload {
    /// Stored bodies are read a page at a time by few threads: one reader behind a lock serves them
    /// all, and spares each its buffers.
    private static let replay = Mutex(Replay())
    private struct Replay {
        /// Handed from thread to thread with the lock, never used outside of it.
        let payload = TraccarPayload()
    }

    /// The event of a body that `read` once made, with what the database keeps in columns. nil
    /// where the body is no event.
    package static func event(
        body: [UInt8], server: String, source: String, road: Event.Road = .webhook,
        txn: String? = nil, received: Instant
    ) -> Event? {
        let read = replay.withLock { replay in
            body.withUnsafeBytes { replay.payload.event(in: $0, server: server, source: source) }
        }
        guard var event = read else { return nil }
        event.road = road
        event.txn = txn
        event.received = received
        return event
    }
}
