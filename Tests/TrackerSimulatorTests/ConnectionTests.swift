// The stand-in over real connections: REST, the WebSocket and its faults, the control pages.

import Foundation
import TestSupport
import Testing

@testable import TrackerSimulator

@Suite("connections", .timeLimit(.minutes(1)))
struct ConnectionTests {
    private func get(
        _ simulator: Simulator, _ uri: String, _ headers: [String: String] = [:]
    ) throws -> PlainMessage { try PlainHTTP(port: simulator.port).get(uri, headers: headers) }

    @Test("Jetty's bounds: a request line above 8 KiB is a 414, headers above a 431")
    func bounds() async throws {
        try await withSimulator { simulator in
            let cookie = try simulator.login()
            func ask(_ count: Int, padding: Int = 0) throws -> Int {
                let ids = (0..<count).map { _ in "deviceId=1" }.joined(separator: "&")
                return try get(
                    simulator,
                    "/api/reports/events?\(ids)&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
                    [
                        "Cookie": cookie, "Accept": "application/json",
                        "X-Padding": String(repeating: "x", count: padding),
                    ]
                ).status
            }
            #expect(try ask(600) == 200)
            #expect(try ask(800) == 414)
            #expect(try ask(600, padding: 2_000) == 431)
        }
    }

    @Test("the first message is the latest positions; an event comes before its position")
    func order() async throws {
        try await withSimulator { simulator in
            let socket = try simulator.connect()
            let first = try #require(try socket.message())
            #expect(first.key == "positions" && first.objects.count == 3)
            simulator.perform(.said(1, "vibration"))
            let messages = try (0..<5).map { _ in try #require(try socket.message()) }
            #expect(messages.map(\.key) == ["events", "devices", "events", "devices", "positions"])
            let event = messages[2].objects[0]
            #expect(event["type"] as? String == "alarm")
            #expect(event["positionId"] as? Int == messages[4].objects[0]["id"] as? Int)
            let attributes = try #require(event["attributes"] as? [String: String])
            #expect(attributes["message"]?.hasPrefix("Cargo 1 alarm: vibration at ") == true)
        }
    }

    @Test("without a cookie the upgrade is a 503, also on Traccar 6 with a token")
    func refused() async throws {
        for dialect in Dialect.allCases {
            try await withSimulator(dialect) { simulator in
                for cookie in [nil, "JSESSIONID=node0nobody.node0"] {
                    let refusal = #expect(throws: WebSocketProbe.Refused.self) {
                        try WebSocketProbe(simulator.port, cookie: cookie)
                    }
                    #expect(refusal?.status == 503)
                }
                let cookie = try simulator.login()
                simulator.setFaults { $0.isDown = true }
                #expect(throws: WebSocketProbe.Refused.self) {
                    try WebSocketProbe(simulator.port, cookie: cookie)
                }
            }
        }
    }

    @Test("a WebSocket may begin on a connection that has carried requests")
    func reused() async throws {
        try await withSimulator { simulator in
            let cookie = try simulator.login()
            let connection = try LoopbackSocket(connectTo: simulator.port, limit: 10)
            try connection.write(Array("GET /api/server HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            var buffer: [UInt8] = []
            while PlainMessage.take(from: &buffer) == nil {
                #expect(try connection.read(into: &buffer))
            }
            let socket = try WebSocketProbe(simulator.port, cookie: cookie, on: connection)
            #expect(try socket.message()?.key == "positions")
        }
    }

    @Test("pings are answered, a close is returned, keep-alives come")
    func frames() async throws {
        try await withSimulator {
            $0.keepAlive = .milliseconds(200)
        } _: { simulator in
            let socket = try simulator.connect()
            _ = try socket.frame()
            try socket.send(opcode: 9, "are you there")
            #expect(
                try socket.frame()
                    == .init(isLast: true, opcode: 10, data: Array("are you there".utf8)))
            #expect(try socket.frame()?.data == Array("{}".utf8))
            try socket.send(opcode: 8, "\u{3}\u{e8}")
            var last = try socket.frame()
            while last?.opcode == 1 { last = try socket.frame() }
            #expect(last?.opcode == 8)
            #expect(try socket.frame() == nil)
        }
    }

    @Test("messages in fragments say the same")
    func fragments() async throws {
        try await withSimulator { simulator in
            simulator.setFaults { $0.fragment = 100 }
            let socket = try simulator.connect()
            var (frames, text) = ([WebSocketProbe.Frame](), [UInt8]())
            repeat {
                frames.append(try #require(try socket.frame()))
                text += frames.last?.data ?? []
            } while frames.last?.isLast == false
            #expect(frames.count > 3 && frames.dropLast().allSatisfy { $0.data.count == 100 })
            #expect(frames.map(\.opcode) == [1] + frames.dropFirst().map { _ in 0 })
            #expect((try object(text)["positions"] as? [Any])?.count == 3)
        }
    }

    @Test("dropped as a network drops it, and as a server that goes down; nothing is sent again")
    func drops() async throws {
        try await withSimulator { simulator in
            let cut = try simulator.connect()
            _ = try cut.message()
            simulator.dropSockets()
            #expect(try cut.frame() == nil)

            simulator.perform(.said(1, "sos"))
            let told = try simulator.connect()
            #expect(try told.message()?.key == "positions")
            simulator.restart()
            let close = try #require(try told.frame())
            #expect(close.opcode == 8 && close.data.prefix(2) == [0x03, 0xE9])
            #expect(simulator.sessions == 0)
            #expect(simulator.socketsOpened == 2)
        }
    }

    @Test("a silent server keeps the connection and says nothing, not even pong")
    func silent() async throws {
        try await withSimulator {
            $0.keepAlive = .milliseconds(50)
        } _: { simulator in
            let socket = try simulator.connect()
            _ = try socket.message()
            simulator.setFaults { $0.isSilent = true }
            simulator.perform(.said(1, "sos"))
            try socket.send(opcode: 9, "")
            socket.setLimit(0.3)
            // A keep-alive may have been under way.
            #expect(throws: HarnessError.self) {
                while try socket.frame()?.data == Array("{}".utf8) {}
            }
            #expect(simulator.openSockets == 1)
        }
    }

    @Test("a client that says nothing is sent away, one that pings stays")
    func idle() async throws {
        try await withSimulator {
            $0.idleTimeout = .milliseconds(400)
        } _: { simulator in
            let (quiet, lively) = (try simulator.connect(), try simulator.connect())
            _ = (try quiet.message(), try lively.message())
            let start = ContinuousClock.now
            while simulator.openSockets == 2 {
                try lively.send(opcode: 9, "")
                #expect(try lively.frame()?.opcode == 10)
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(ContinuousClock.now - start > .milliseconds(390))
            let close = try #require(try quiet.frame())
            #expect(close.opcode == 8)
            #expect(
                String(decoding: close.data.dropFirst(2), as: UTF8.self) == "Idle timeout expired")
            try lively.send(opcode: 9, "")
            #expect(try lively.frame()?.opcode == 10)
        }
    }

    @Test("duplicates: the same event twice, with another message")
    func duplicates() async throws {
        try await withSimulator { simulator in
            let socket = try simulator.connect()
            _ = try socket.message()
            simulator.setFaults { $0.duplicates = true }
            simulator.perform(.commandResult(1, "OK"))
            let copies = try (0..<2).map { _ in try #require(try socket.message()?.objects.first) }
            #expect(copies[0]["id"] as? Int == copies[1]["id"] as? Int)
            #expect("\(copies[0]["attributes"] ?? "")" != "\(copies[1]["attributes"] ?? "")")
        }
    }

    @Test("out of order: events overtake each other, and all arrive")
    func disorder() async throws {
        try await withSimulator { simulator in
            let socket = try simulator.connect()
            _ = try socket.message()
            simulator.setFaults { $0.outOfOrder = true }
            let made = (0..<20).flatMap { simulator.perform(.commandResult(1, "\($0)")) }.map(\.id)
            let came = try made.map { _ in
                Int64(try #require(try socket.message()?.objects.first?["id"] as? Int))
            }
            #expect(came.sorted() == made && came != made)
        }
    }

    @Test("a scene is played by the clock, faster if asked to, and stops with the server")
    func play() async throws {
        try await withSimulator { simulator in
            try await simulator.play(try #require(Scene.named("theft")), speed: 2_000)
            #expect(simulator.events.last?.event.type == "deviceOffline")
            #expect(simulator.events.allSatisfy { abs(($0.made - wall()).inMilliseconds) < 30_000 })
            async let slow: Void = simulator.play(
                try #require(Scene.named("flapping")), speed: 0.01)
            #expect(!simulator.isIdle || simulator.events.count > 0)
            try await simulator.stop()
            try await slow
        }
    }

    @Test("a past is remembered without anybody being told")
    func remember() async throws {
        try await withSimulator(fleet: 20) { simulator in
            let socket = try simulator.connect()
            _ = try socket.message()
            simulator.remember(Scene.fleetDay(), from: wall() - .ofHours(3))
            #expect(simulator.events.count > 200)
            simulator.perform(.commandResult(1, "OK"))
            #expect(try socket.message()?.key == "events")
        }
    }

    @Test("slow answers take their time")
    func slow() async throws {
        try await withSimulator { simulator in
            simulator.setFaults { $0.delay = .milliseconds(300) }
            let start = ContinuousClock.now
            let answer = try get(simulator, "/api/server")
            #expect(answer.status == 200)
            #expect(ContinuousClock.now - start >= .milliseconds(290))
        }
    }

    @Test("the control pages do what they say, and say what was made")
    func control() async throws {
        try await withSimulator { simulator in
            let http = PlainHTTP(port: simulator.port)
            func post(_ uri: String) throws -> Int {
                try http.send("POST", "/simulator/" + uri).status
            }
            #expect(try post("alarm?device=1&kind=movement") == 200)
            #expect(try post("status?device=2&status=unknown") == 200)
            #expect(try post("status?device=2&status=asleep") == 400)
            let events = try list(try http.get("/simulator/events").body)
            #expect(
                events.compactMap { $0["type"] as? String } == [
                    "deviceOnline", "alarm", "deviceUnknown",
                ])
            #expect(events[1]["uniqueId"] as? String == "860000000000001")
            #expect(events[1]["stored"] as? Bool == true)

            #expect(try post("faults?webhookLoss=0.3&delay=5&outOfOrder=true&down=true") == 200)
            #expect(simulator.faults.webhookLoss == 0.3 && simulator.faults.isDown)
            #expect(simulator.faults.delay == .milliseconds(5) && simulator.faults.outOfOrder)
            #expect(try post("faults?webhookLos=0.3") == 400)
            #expect(try post("faults?down=false") == 200)
            #expect(try post("scene?name=flapping&speed=100000") == 200)
            #expect(try post("scene?name=nothing") == 404)
            #expect(try post("restart") == 200)
            #expect(try post("drop") == 200)
            let state = try object(try http.get("/simulator/state").body)
            #expect(state["sessions"] as? Int == 0)
            #expect(try http.get("/simulator/nothing").status == 404)
        }
    }
}
