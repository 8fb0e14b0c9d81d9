// A source's world in memory: a clock that is moved by hand, a server that answers from lists, an
// inbox that merges. The real session, lists and envelopes are between them.
import Alerting
import Foundation
import Synchronization
import Testing

@testable import Intake

/// A clock that stands until it is moved; who sleeps is woken by it.
final class MovedClock: Sendable {
    private struct State {
        var now = Instant(seconds: 1_795_000_000)
        var next = 0
        var sleepers: [Int: (until: Instant, wake: CheckedContinuation<Void, any Error>)] = [:]
        /// Cancelled before it slept.
        var cancelled: Set<Int> = []
        var watching: [AsyncStream<Void>.Continuation] = []
        var slept: [Duration] = []
    }
    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }
    /// How long each one wanted to sleep.
    var slept: [Duration] { state.withLock { $0.slept } }

    func sleep(_ duration: Duration) async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wake in
                let isOver = state.withLock { state -> Bool? in
                    if state.cancelled.remove(number) != nil { return nil }
                    state.slept.append(duration)
                    for watcher in state.watching { watcher.yield() }
                    guard duration > .zero else { return true }
                    state.sleepers[number] = (state.now + duration, wake)
                    return false
                }
                switch isOver {
                case nil: wake.resume(throwing: CancellationError())
                case true?: wake.resume()
                case false?: break
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.wake.resume(throwing: CancellationError())
        }
    }

    func advance(_ duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.sorted { $0.value.until < $1.value.until }
        }
        for sleeper in due { sleeper.value.wake.resume() }
    }

    /// Waits until somebody wants to sleep for so long.
    func waitForSleep(of duration: Duration) async {
        let (stream, watcher) = AsyncStream.makeStream(of: Void.self)
        state.withLock { $0.watching.append(watcher) }
        watcher.yield()
        for await _ in stream where slept.contains(duration) { return }
    }
}

/// A tracker's server and our inbox, both as lists.
final class SourceWorld: Sendable {
    struct State {
        // The server.
        var devices: [(id: Int64, json: String)] = [(7, SourceWorld.device(7))]
        var groups = "[]"
        var geofences = #"[{"id":4,"name":"Depot","area":"CIRCLE (52 13, 100)"}]"#
        var positions: [Int64: String] = [:]
        var events: [(id: Int64, device: Int64, time: Instant, json: String)] = []
        var longestPeriod = Duration.days(400)
        var refusesReports = false
        var refusesLogin = false
        var cutsReports = false
        var requests: [String] = []
        // The relay.
        var inbox: [String: Arrival] = [:]
        var order: [Arrival] = []
        var diskIsFull = false
        var reports: [Input] = []
        var hasRoom = true
        var progress: SourceProgress?
        var results: [CatchupResult] = []
        var log: [String] = []
        var connections: [AsyncStream<TraccarSocket.Input>.Continuation] = []
        var watching: [AsyncStream<Void>.Continuation] = []
    }
    let state = Mutex(State())
    let clock = MovedClock()

    static func device(_ id: Int64, attributes: String = "{}") -> String {
        #"{"id":\#(id),"uniqueId":"86000000000000\#(id)","name":"Rad \#(id)","groupId":0,"#
            + #""status":"online","attributes":\#(attributes)}"#
    }

    func addPosition(_ id: Int64, device: Int64 = 7) {
        state.withLock {
            $0.positions[id] =
                #"{"id":\#(id),"deviceId":\#(device),"latitude":52.5,"longitude":13.4,"speed":10,"#
                + #""valid":true,"attributes":{}}"#
        }
    }

    func addEvent(_ id: Int64, position: Int64 = 0, device: Int64 = 7, at time: Instant) {
        let arrival = bare(id, position: position, device: device, time: time)
        state.withLock {
            $0.events.append((id, device, time, String(decoding: arrival.body, as: UTF8.self)))
        }
    }

    func source(every: Duration = .minutes(15), reach: Duration = .days(88)) -> TraccarSource {
        var settings = TraccarSource.Settings(name: "bikes", server: "https://s.example")
        settings.every = every
        settings.reach = reach
        return TraccarSource(
            settings,
            session: TraccarSession(
                url: "https://s.example", credential: .token("t"),
                fetch: { request throws(FetchFailure) in try self.answer(request) }),
            surroundings: surroundings,
            connect: { _, receive in
                let (stream, messages) = AsyncStream.makeStream(of: TraccarSocket.Input.self)
                self.note { $0.connections.append(messages) }
                await receive(.opened)
                for await input in stream { await receive(input) }
                return Task.isCancelled ? .cancelled : .closed(code: 1_001, reason: "")
            })
    }

    func note(_ change: (inout State) -> Void) {
        state.withLock { state in
            change(&state)
            for watcher in state.watching { watcher.yield() }
        }
    }

    /// Waits for something to be so.
    func wait(until holds: (State) -> Bool) async {
        let (stream, watcher) = AsyncStream.makeStream(of: Void.self)
        state.withLock { $0.watching.append(watcher) }
        watcher.yield()
        for await _ in stream where state.withLock({ holds($0) }) { return }
    }

    // MARK: - The relay

    private var surroundings: SourceSurroundings {
        var around = SourceSurroundings(
            now: { self.clock.now }, sleep: { try await self.clock.sleep($0) },
            accept: { self.accept($0, $1) })
        around.unknown = { events in
            self.state.withLock { state in events.map { state.inbox[$0.identity] == nil } }
        }
        around.report = { inputs in self.note { $0.reports += inputs } }
        around.hasRoom = { self.state.withLock { $0.hasRoom } }
        around.connected = { now in
            self.state.withLock { state in
                let progress = state.progress ?? SourceProgress(firstConnected: now)
                state.progress = progress
                return progress
            }
        }
        around.caughtUp = { moment in self.note { $0.progress?.caughtUpTo = moment } }
        around.heard = { moment in self.note { $0.progress?.heard = moment } }
        around.closed = { result in self.note { $0.results.append(result) } }
        around.log = { _, line in self.note { $0.log.append(line) } }
        return around
    }

    private func accept(
        _ arrivals: [Arrival],
        _ done: @Sendable (Result<[Acceptance], AcceptFailure>) -> Void
    ) {
        let result = state.withLock { state -> Result<[Acceptance], AcceptFailure> in
            guard !state.diskIsFull else { return .failure(AcceptFailure("full")) }
            return .success(
                arrivals.map { arrival in
                    guard state.inbox[arrival.event.identity] == nil else { return .duplicate }
                    state.inbox[arrival.event.identity] = arrival
                    state.order.append(arrival)
                    return .stored(seq: Int64(state.order.count))
                })
        }
        done(result)
        note { _ in }
    }

    // MARK: - The server

    private func answer(_ request: FetchRequest) throws(FetchFailure) -> FetchAnswer {
        let parts = URLComponents(string: request.url)
        let query = parts?.queryItems ?? []
        func values(_ name: String) -> [String] {
            query.filter { $0.name == name }.compactMap(\.value)
        }
        let answer = state.withLock { state -> (Int, String) in
            state.requests.append(request.url)
            let path = parts?.path ?? ""
            switch path {
            case "/api/session":
                return state.refusesLogin ? (400, "trace") : (200, #"{"id":1,"attributes":{}}"#)
            case "/api/devices":
                return (200, "[" + state.devices.map(\.json).joined(separator: ",") + "]")
            case "/api/groups": return (200, state.groups)
            case "/api/geofences": return (200, state.geofences)
            case "/api/positions" where !values("id").isEmpty:
                let found = values("id").map { Int64($0).flatMap { state.positions[$0] } }
                guard found.allSatisfy({ $0 != nil }) else { return (400, "trace") }
                return (200, "[" + found.compactMap { $0 }.joined(separator: ",") + "]")
            case "/api/reports/events": return self.report(values, state)
            default: return (200, "[]")
            }
        }
        let cookie = request.url.contains("/api/session") ? "JSESSIONID=a" : ""
        return FetchAnswer(
            status: answer.0, headers: cookie.isEmpty ? [] : [("Set-Cookie", cookie)],
            body: Array(answer.1.utf8))
    }

    private func report(_ values: (String) -> [String], _ state: State) -> (Int, String) {
        let devices = Set(values("deviceId").compactMap { Int64($0) })
        guard let from = values("from").first.flatMap({ Instant(rfc3339: $0) }),
            let to = values("to").first.flatMap({ Instant(rfc3339: $0) }), !state.refusesReports,
            to - from <= state.longestPeriod
        else { return (400, "trace") }
        let found = state.events.filter {
            devices.contains($0.device) && $0.time >= from && $0.time <= to
        }
        let list = "[" + found.map(\.json).joined(separator: ",") + "]"
        return (200, state.cutsReports ? String(list.dropLast(3)) : list)
    }
}
