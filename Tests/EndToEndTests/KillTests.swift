// The promise that the whole design stands on: what was answered 200 survives kill -9 at any
// moment, and its notification is sent at least once, always under the same id (DESIGN, Promises).

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("killed at any moment")
    struct KillTests {
        /// Enough to be killed in the middle of; CONFIG's connections are keep-alive ones.
        static let events: Int64 = 2_000
        static let kills: Int64 = 10
        static let connections = 4

        @Test(
            "every event that was answered 200 is told, under one id, over ten kills",
            .timeLimit(.minutes(4)))
        func killNine() throws {
            let sink = try HTTPSink()
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm, channels: EndToEnd.fleet(sink))
            let posting = Posting()
            defer { posting.end() }
            posting.begin(connections: Self.connections)

            let share = Self.events / Self.kills
            for round in 0..<Self.kills {
                // Down in every other round: half of the time.
                if round % 2 == 0 { try sink.up() } else { sink.down() }
                let before = sink.taken.count
                let relay = try RelayProcess(folder)
                posting.allow(upTo: (round + 1) * share, port: relay.webhookPort)
                #expect(posting.wait(30, answered: round * share + share / 2))
                // While it is up, let it die in the middle of sending.
                if round % 2 == 0 { #expect(sink.wait(20, taken: before + 1)) }
                posting.allow(upTo: (round + 1) * share, port: nil)
                relay.kill()
            }

            let relay = try RelayProcess(folder)
            posting.allow(upTo: Self.events, port: relay.webhookPort)
            #expect(posting.wait(60, answered: Self.events))
            try sink.up()
            // Waits of 5, 15, 30 s and a breaker of at most 60 s lie before the last one.
            #expect(sink.wait(150, different: Int(Self.events)))
            #expect(relay.stop() == .code(0))
            #expect(posting.strange == [:])
            try compare(sink.taken, with: posting.answered)
        }

        private func compare(_ taken: [ReceivedRequest], with answered: Set<Int64>) throws {
            var ids: [Int64: Set<String>] = [:]
            for request in taken {
                let notice = try request.notice()
                #expect(notice.data.delivery == request.webhookID)
                for event in notice.eventIds { ids[event, default: []].insert(request.webhookID) }
            }
            let lost = answered.subtracting(ids.keys)
            #expect(lost.isEmpty, "\(lost.count) of \(answered.count) were lost")
            let renamed = ids.filter { $0.value.count > 1 }
            #expect(renamed.isEmpty, "copies under another id: \(renamed.prefix(3))")
        }
    }

    /// A tracker's server on several connections: each posts one event after the other, and the
    /// same one again until it is answered.
    private final class Posting: Sendable {
        private struct State: Sendable {
            var allowed: Int64 = 0
            var next: Int64 = 1
            /// nil: the relay is down.
            var port: Int?
            var answered: Set<Int64> = []
            /// Answers that were not 200, by status.
            var strange: [Int: Int] = [:]
            var isEnded = false
        }
        private let state = Watched(State())

        var answered: Set<Int64> { state.current.answered }
        var strange: [Int: Int] { state.current.strange }

        func begin(connections: Int) {
            for _ in 0..<connections {
                Thread.detachNewThread { [self] in
                    while let event = takeNext() { post(event) }
                }
            }
        }

        func allow(upTo last: Int64, port: Int?) {
            state.change { ($0.allowed, $0.port) = (last, port) }
        }

        func wait(_ limit: TimeInterval, answered count: Int64) -> Bool {
            state.wait(limit) { $0.answered.count >= count }
        }

        func end() { state.change { $0.isEnded = true } }

        private func takeNext() -> Int64? {
            while true {
                state.wait(600) { $0.isEnded || ($0.next <= $0.allowed && $0.port != nil) }
                let (ended, event) = state.change { state -> (Bool, Int64?) in
                    // Another connection may have been faster.
                    guard state.next <= state.allowed else { return (state.isEnded, nil) }
                    state.next += 1
                    return (state.isEnded, state.next - 1)
                }
                if ended { return nil }
                if let event { return event }
            }
        }

        private func post(_ event: Int64) {
            let body = Array(EventBody(ofOwnDevice: event).json.utf8)
            var connection: (port: Int, http: PlainHTTP)?
            while true {
                state.wait(600) { $0.isEnded || $0.port != nil }
                let (ended, port) = state.change { ($0.isEnded, $0.port) }
                guard !ended else { return }
                guard let port else { continue }
                if connection?.port != port { connection = (port, PlainHTTP(port: port)) }
                do {
                    let answer = try connection?.http.send(
                        "POST", RelayFolder.webhookPath,
                        headers: ["Authorization": RelayFolder.webhookKey], body: body)
                    let status = answer?.status ?? 0
                    state.change { state in
                        if status == 200 {
                            state.answered.insert(event)
                        } else {
                            state.strange[status, default: 0] += 1
                        }
                    }
                    return
                } catch {
                    // Killed in the middle of it: whether it was kept is not known, so it is
                    // posted again. A dead port is asked no more until there is another one.
                    state.wait(1) { $0.isEnded || $0.port != port }
                }
            }
        }
    }
}
