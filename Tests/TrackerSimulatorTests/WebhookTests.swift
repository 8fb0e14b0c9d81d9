// The stand-in's webhook against a real receiver: what is posted, when it counts as taken, and
// that nothing is ever posted again.

import Foundation
import TestSupport
import Testing

@testable import TrackerSimulator

@Suite("the webhook", .timeLimit(.minutes(1)))
struct WebhookTests {
    private func withWebhook(
        _ dialect: Dialect = .biketrax, types: [String]? = nil,
        _ test: (Simulator, HTTPSink) async throws -> Void
    ) async throws {
        let sink = try HTTPSink()
        try await withSimulator(dialect) {
            $0.world.account.webhook = World.Webhook(
                url: sink.url + "?a=b", key: "Bearer in full", types: types)
        } _: { simulator in
            try await test(simulator, sink)
        }
    }

    private func outcomes(_ simulator: Simulator, _ count: Int) throws -> [WebhookPost.Outcome] {
        #expect(try eventually(10) { simulator.posts.count >= count })
        return simulator.posts.map(\.outcome)
    }

    @Test("a post has what PowUnity's page says, and all that is known of the device")
    func post() async throws {
        try await withWebhook { simulator, sink in
            simulator.perform(.said(1, "vibration", at: World.depot.moved(east: 9_000, north: 0)))
            #expect(sink.wait(10, taken: 3))
            let alarm = try #require(
                sink.taken.first { $0.message.text.contains(#""type":"alarm""#) })
            #expect(alarm.message.start == "POST /alerts?a=b HTTP/1.1")
            #expect(alarm.message.headers["authorization"] == "Bearer in full")
            #expect(alarm.message.headers["x-powtxn"]?.hasPrefix("pow-") == true)
            #expect(alarm.message.headers["content-type"] == "application/json")
            let body = try object(alarm.message.body)
            #expect(Set(body.keys) == ["event", "position", "device"])
            let event = try #require(body["event"] as? [String: Any])
            #expect(event["serverTime"] is String && event["eventTime"] == nil)
            let device = try #require(body["device"] as? [String: Any])
            let position = try #require(body["position"] as? [String: Any])
            // The device lags behind: it is from before the report.
            #expect(event["positionId"] as? Int == position["id"] as? Int)
            #expect(device["positionId"] as? Int != position["id"] as? Int)
            #expect(try outcomes(simulator, 3) == [.accepted, .accepted, .accepted])
            // The exit names its fence; the status event has no position.
            let keys = try sink.taken.map { Set(try object($0.message.body).keys) }
            #expect(keys.contains(["event", "position", "device", "geofence"]))
            #expect(keys.contains(["event", "device"]))
        }
    }

    @Test("Traccar 6 calls the time eventTime")
    func traccar() async throws {
        try await withWebhook(.traccar6) { simulator, sink in
            simulator.perform(.commandResult(1, "OK"))
            #expect(sink.wait(10, taken: 1))
            let event = try object(try #require(sink.taken.first).message.body)["event"]
            #expect((event as? [String: Any])?["eventTime"] is String)
        }
    }

    @Test(
        "only 200 and 201 count, and nothing is sent again",
        arguments: [200, 201, 202, 204, 401, 503])
    func answers(_ status: Int) async throws {
        try await withWebhook { simulator, sink in
            sink.answer(.status(status))
            simulator.perform(.commandResult(1, "OK"))
            let isTaken = [200, 201].contains(status)
            let first = try outcomes(simulator, 1)
            #expect(first == [isTaken ? .accepted : .refused(status)])
            sink.answer(.status(200))
            simulator.perform(.commandResult(1, "again"))
            #expect(try outcomes(simulator, 2).last == .accepted)
            #expect(sink.requests.count == 2)
        }
    }

    @Test("a receiver that is down is never told again; the wrong types are never posted")
    func down() async throws {
        try await withWebhook(types: ["alarm", "commandResult"]) { simulator, sink in
            sink.down()
            simulator.perform(.said(1, "sos"))
            #expect(try outcomes(simulator, 1) == [.unanswered])
            try sink.up()
            simulator.perform(.status(1, .offline))
            simulator.perform(.commandResult(1, "OK"))
            #expect(try outcomes(simulator, 2) == [.unanswered, .accepted])
            #expect(sink.requests.count == 1)
        }
    }

    @Test("after five seconds without an answer a post is given up")
    func patience() async throws {
        try await withWebhook { simulator, sink in
            sink.answer(.hold)
            simulator.perform(.commandResult(1, "OK"))
            let start = ContinuousClock.now
            let outcome = try outcomes(simulator, 1)
            #expect(outcome == [.unanswered])
            #expect((4.5...8).contains((ContinuousClock.now - start) / .seconds(1)))
        }
    }

    @Test("so many are lost as was asked for, and always the same ones")
    func loss() async throws {
        var lost: [[Int64]] = []
        for _ in 0..<2 {
            try await withWebhook { simulator, sink in
                simulator.setFaults { $0.webhookLoss = 0.3 }
                for index in 0..<200 { simulator.perform(.commandResult(1, "\(index)")) }
                let count = try outcomes(simulator, 200).count
                #expect(count == 200)
                lost.append(simulator.posts.filter { $0.outcome == .lost }.map(\.event))
                #expect(sink.requests.count == 200 - lost[lost.count - 1].count)
            }
        }
        #expect(lost[0] == lost[1] && (40...80).contains(lost[0].count))
    }

    @Test("duplicates are posted twice, each with a transaction of its own")
    func duplicates() async throws {
        try await withWebhook { simulator, sink in
            simulator.setFaults { $0.duplicates = true }
            simulator.perform(.commandResult(1, "OK"))
            #expect(sink.wait(10, taken: 2))
            #expect(Set(sink.taken.map { $0.message.headers["x-powtxn"] }).count == 2)
            #expect(sink.taken[0].message.body == sink.taken[1].message.body)
        }
    }
}
