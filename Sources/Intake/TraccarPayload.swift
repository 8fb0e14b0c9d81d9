// Bytes in, events out: an envelope (`{"event": …, "position": …, "device": …}`), a bare event, or
// a list of these, as Traccar and BikeTrax servers and the forwarders between send them (domain.md
// 1 to 3). It promises that what it hands over for the record, and the attributes, are without
// `users`, `webhookPsk` and `passport` at any depth, and that no spelling that domain.md knows is
// refused. simdjson does the parsing (Sources/CSimdjson); decoding 1 KB costs a few microseconds.
package import Alerting
import CSimdjson
import Foundation
import Synchronization

/// Reads payloads; keeps its buffers from one to the next, so one is kept for each event loop.
package final class TraccarPayload {
    private let reader: OpaquePointer

    package init() {
        guard let reader = cj_reader_new(Limits.jsonDepth + 1) else {
            preconditionFailure("out of memory for a JSON reader")
        }
        self.reader = reader
    }

    deinit { cj_reader_free(reader) }

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
        try parse(bytes)
        var reading = Reading()
        var item = cj_item()
        while cj_next(reader, true, &item) {
            switch item.shape {
            case CJ_REPORT: reading.reports += 1
            case CJ_EVENT:
                guard var event = item.event(server: server, source: source) else { continue }
                guard reading.arrivals.count < Limits.eventsPerBody else {
                    throw Refusal(description: "more than \(Limits.eventsPerBody) events in a list")
                }
                event.txn = txn
                reading.arrivals.append(Arrival(event: event, body: Array(item.body.buffer)))
            default: reading.others += 1
            }
        }
        return reading
    }

    /// The one event of a stored body.
    private func event(in bytes: UnsafeRawBufferPointer, server: String, source: String) -> Event? {
        var item = cj_item()
        do { try parse(bytes) } catch { return nil }
        guard cj_next(reader, false, &item) else { return nil }
        return item.event(server: server, source: source)
    }

    // MARK: - Parsing, and what is tried before a refusal

    private func parse(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
        var reason: UnsafePointer<CChar>?
        var status = cj_parse(reader, bytes.baseAddress, bytes.count, &reason)
        if status == CJ_OK { return }
        var copy = Array(bytes)
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if copy.starts(with: mark) {
            copy.removeFirst(mark.count)
            status = cj_parse(reader, copy, copy.count, &reason)
        }
        // Each repair cures one complaint, and there are three.
        for _ in 0..<3 {
            guard let repaired = PayloadRepair.repaired(copy, after: status) else { break }
            copy = repaired
            status = cj_parse(reader, copy, copy.count, &reason)
        }
        switch status {
        case CJ_OK: return
        case CJ_EMPTY: throw Refusal(description: "the body is empty")
        case CJ_TOO_DEEP:
            throw Refusal(description: "nested too deeply: more than \(Limits.jsonDepth) levels")
        default:
            let words = reason.map { String(cString: $0) } ?? "malformed"
            throw Refusal(description: "not JSON\(Self.place(in: copy)): \(words)")
        }
    }

    /// " at line 1, column 12", as Foundation finds it (simdjson does not say). Only the offset is
    /// taken from its message: the rest may quote the body.
    private static func place(in bytes: [UInt8]) -> String {
        let message: String
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            return ""
        } catch {
            message = "\((error as NSError).userInfo["NSDebugDescription"] ?? "")"
        }
        if message.contains("end of file") { return " at its end" }
        guard let found = message.firstMatch(of: /character (\d+)/), let offset = Int(found.1),
            offset <= bytes.count
        else { return "" }
        let lines = bytes[..<offset].split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return " at line \(lines.count), column \((lines.last?.count ?? 0) + 1)"
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
