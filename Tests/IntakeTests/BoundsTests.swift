// What a peer may take of the relay: time, headers, connections. And how it stops.
import Alerting
import Foundation
import Logging
import NIOCore
import NIOEmbedded
import ServiceLifecycle
import Testing

@testable import Intake

@Suite("Bounds and the stop", .timeLimit(.minutes(1)))
struct BoundsTests {
    @Test(
        "a header flood is a 431 and the end",
        arguments: [
            (0..<101).map { "H\($0): x\r\n" }.joined(),
            "Big: " + String(repeating: "x", count: Limits.headerBytes) + "\r\n",
            (0..<20).map { "H\($0): " + String(repeating: "x", count: 1_000) + "\r\n" }.joined(),
        ])
    func headerFlood(_ headers: String) async throws {
        try await withIntake { server, port in
            let client = try await RawClient(port: port)
            try await client.send("POST /hooks/a HTTP/1.1\r\n" + headers + "\r\n")
            #expect(try await client.answer().status == 431)
            await client.end()
            #expect(server.counters.now.refused == [.headers: 1])
        }
    }

    @Test("a place that was given up is free, though the one who had it is not gone yet")
    func leaving() {
        var bounds = IntakeBounds.test
        bounds.connections = 1
        let connections = Connections(bounds: bounds, counters: IntakeCounters())
        let all = (0..<3).map { _ in Connection(EmbeddedChannel()) }
        #expect(connections.open(all[0]) && connections.open(all[1]))
        connections.close(all[1])
        #expect(connections.open(all[2]))
        #expect(all.map { $0.isCondemned.load(ordering: .relaxed) } == [true, false, false])
    }

    @Test(
        "one that has just come is not closed for those that only begin a request",
        arguments: [Phase.head, .body])
    func newcomerStays(_ phase: Phase) {
        var bounds = IntakeBounds.test
        bounds.connections = 3
        let connections = Connections(bounds: bounds, counters: IntakeCounters())
        let flood = (0..<4).map { _ in Connection(EmbeddedChannel()) }
        for one in flood[..<2] {
            #expect(connections.open(one))
            one.enter(phase)
        }
        let newcomer = Connection(EmbeddedChannel())
        #expect(connections.open(newcomer))
        for one in flood[2...] {
            #expect(connections.open(one))
            one.enter(phase)
        }
        #expect(
            ([newcomer] + flood).map { $0.isCondemned.load(ordering: .relaxed) }
                == [false, true, true, false, false])
    }

    @Test("as many headers as are allowed are taken")
    func manyHeaders() async throws {
        try await withIntake { _, port in
            let client = try await RawClient(port: port)
            for _ in 0..<3 {
                let more = (0..<(Limits.headerCount - 3)).map { "H\($0): x\r\n" }.joined()
                try await client.post(body(1), extra: more)
                #expect(try await client.answer().status == 200)
            }
        }
    }

    @Test("an endless header without a line end is cut off")
    func endlessLine() async throws {
        try await withIntake { _, port in
            let client = try await RawClient(port: port)
            try await client.send("POST /" + String(repeating: "x", count: Limits.headerBytes * 2))
            #expect(try await client.answer().status == 431)
            await client.end()
        }
    }

    @Test(
        "a header that does not come in time is a 408, a silent connection is closed",
        arguments: [
            "POST /hooks/a HTTP/1.1\r\nHost: x\r\n", "",
        ])
    func slowHeader(_ start: String) async throws {
        var bounds = IntakeBounds.test
        bounds.header = .milliseconds(500)
        try await withIntake(bounds: bounds) { server, port in
            let client = try await RawClient(port: port)
            if start.isEmpty {
                await client.end()
            } else {
                try await client.send(start)
                #expect(try await client.answer().status == 408)
                await client.end()
                #expect(server.counters.now.refused == [.slow: 1])
            }
        }
    }

    @Test("drops of header bytes do not win time")
    func slowloris() async throws {
        var bounds = IntakeBounds.test
        bounds.header = .milliseconds(500)
        try await withIntake(bounds: bounds) { server, port in
            let client = try await RawClient(port: port)
            let pacer = try await RawClient(port: port)
            try await client.send("POST /")
            // Until the server hangs up, which resets what is still being sent. A whole request
            // between two drops keeps them few.
            await #expect(throws: (any Error).self) {
                while true {
                    try await client.send("x")
                    try await pacer.post(body(1))
                    _ = try await pacer.answer()
                }
            }
            #expect(server.counters.now.refused == [.slow: 1])
        }
    }

    @Test(
        "a body that does not come in time is a 408; for the router too the connection ends",
        arguments: [("/hooks/open", 408), ("/nowhere", 404)])
    func slowBody(_ path: String, _ status: Int) async throws {
        var bounds = IntakeBounds.test
        bounds.body = .seconds(1)
        try await withIntake(bounds: bounds) { _, port in
            let client = try await RawClient(port: port)
            try await client.send(
                "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
            #expect(try await client.answer().status == status)
            await client.end()
        }
    }

    @Test("an idle connection outlives the header's limit, not its own")
    func idle() async throws {
        var bounds = IntakeBounds.test
        bounds.header = .milliseconds(500)
        bounds.idle = .seconds(1)
        try await withIntake(bounds: bounds) { _, port in
            let client = try await RawClient(port: port)
            try await client.post(body(1))
            let clock = ContinuousClock()
            #expect(try await client.answer().status == 200)
            let idle = await clock.measure { await client.end() }
            #expect(idle > .milliseconds(700))
        }
    }

    @Test("when all places are taken the one idle longest is closed for a newcomer")
    func eviction() async throws {
        var bounds = IntakeBounds.test
        bounds.connections = 20
        try await withIntake(bounds: bounds) { server, port in
            var clients: [RawClient] = []
            for id in 0..<20 {
                let client = try await RawClient(port: port)
                try await client.post(body(id))
                #expect(try await client.answer().status == 200)
                clients.append(client)
            }
            // The first is used again, so the second is idle longest.
            try await clients[0].post(body(100))
            #expect(try await clients[0].answer().status == 200)
            let newcomer = try await RawClient(port: port)
            try await newcomer.post(body(101))
            #expect(try await newcomer.answer().status == 200)
            await clients[1].end()
            for index in [0] + Array(2..<20) {
                try await clients[index].post(body(200 + index))
                #expect(try await clients[index].answer().status == 200)
            }
            #expect(server.counters.now.refused == [.evicted: 1])
        }
    }

    @Test("a thousand that only begin a header do not keep a newcomer out")
    func halfOpenFlood() async throws {
        var bounds = IntakeBounds.test
        bounds.connections = 50
        try await withIntake(bounds: bounds) { server, port in
            var clients: [RawClient] = []
            for _ in 0..<200 {
                let client = try await RawClient(port: port)
                try await client.send("POST /hooks/a HTTP/1.1\r\n")
                clients.append(client)
            }
            let newcomer = try await RawClient(port: port)
            try await newcomer.post(body(1))
            #expect(try await newcomer.answer().status == 200)
            #expect(server.counters.now.connections <= 60)
            #expect(server.counters.now.refused[.evicted] ?? 0 >= 100)
            withExtendedLifetime(clients) {}
        }
    }

    @Test("connections that come while it stops do no harm", arguments: 1...20)
    func comingWhileStopping(_ round: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await withIntake { _, port in
                for _ in 0..<50 {
                    group.addTask {
                        // Refused, or closed on, as it happens.
                        guard let client = try? await RawClient(port: port) else { return }
                        try? await client.post(body(round))
                        _ = try? await client.answer()
                    }
                }
                for _ in 0..<round { await Task.yield() }
            }
        }
    }

    @Test("a request that is being committed is never cut off to make room")
    func busyIsSpared() async throws {
        let store = StoreDouble(.waits)
        var bounds = IntakeBounds.test
        bounds.connections = 2
        try await withIntake(store, bounds: bounds) { _, port in
            var busy: [RawClient] = []
            for id in 0..<2 {
                let client = try await RawClient(port: port)
                try await client.post(body(id))
                await store.nextSubmission()
                busy.append(client)
            }
            let newcomer = try await RawClient(port: port)
            try await newcomer.post(body(9))
            await store.nextSubmission()
            store.letGo()
            for client in busy + [newcomer] { #expect(try await client.answer().status == 200) }
            // The one that was busy longest makes its place free after its answer.
            await busy[0].end()
        }
    }

    @Test("a graceful stop answers what is in flight, takes nothing new, and returns")
    func gracefulStop() async throws {
        let store = StoreDouble(.waits)
        let server = IntakeServer(
            configuration: IntakeConfiguration(host: "127.0.0.1", port: 0),
            sources: [
                WebhookSource(name: "a", server: "s", path: "/hooks/a", authorization: nil)
            ], accept: store.accept, logger: silent)
        let services = ServiceGroup(
            configuration: .init(
                services: [.init(service: Adapter(server: server))], logger: silent))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let port = try await server.port
            let idle = try await RawClient(port: port)
            try await idle.post(body(1))
            await store.nextSubmission()
            store.letGo()
            #expect(try await idle.answer().status == 200)

            let waiting = StoreDouble.Mode.waits
            store.set(waiting)
            let busy = try await RawClient(port: port)
            try await busy.post(body(2))
            await store.nextSubmission()
            await services.triggerGracefulShutdown()
            await idle.end()
            await #expect(throws: (any Error).self) { try await RawClient(port: port) }
            store.letGo()
            let answer = try await busy.answer()
            #expect(answer.status == 200 && answer.headers["connection"] == "close")
            await busy.end()
            try await group.waitForAll()
        }
    }

    private struct Adapter: Service {
        let server: IntakeServer
        func run() async throws { try await server.run() }
    }

    @Test("a port in use is one clear line")
    func portInUse() async throws {
        try await withIntake { _, port in
            let second = IntakeServer(
                configuration: IntakeConfiguration(host: "127.0.0.1", port: port), sources: [],
                accept: StoreDouble().accept,
                logger: silent)
            let error = await #expect(throws: IntakeError.self) { try await second.run() }
            #expect(
                error?.description.hasPrefix(
                    "cannot listen on 127.0.0.1:\(port): Address already in use") == true)
            await #expect(throws: IntakeError.self) { try await second.port }
        }
    }
}
