// HTTP/1.1 as senders really speak it: keep-alive, pipelining, chunks, 100-continue, HTTP/1.0, and
// connections that end in the middle. Answers come in the order of the requests, always.
import Alerting
import Foundation
import Testing

@testable import Intake

@Suite("HTTP at the webhook", .timeLimit(.minutes(1)))
struct ProtocolTests {
    @Test("one connection carries many posts")
    func keepAlive() async throws {
        let store = StoreDouble()
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            for id in 1...50 {
                try await client.post(body(id))
                #expect(try await client.answer().status == 200)
            }
            #expect(store.arrivals.map(\.event.id) == (1...50).map(Int64.init))
        }
    }

    @Test("pipelined requests are answered in order, whoever answers them")
    func pipelining() async throws {
        let store = StoreDouble(.waits)
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            let get = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
            let wrong = "GET /hooks/a HTTP/1.1\r\nHost: x\r\n\r\n"
            try await client.send(
                RawClient.request(body(1)) + get + RawClient.request("{") + wrong
                    + RawClient.request(body(2)) + get)
            await store.nextSubmission()
            #expect(store.arrivals.map(\.event.id) == [1])
            store.letGo()
            var statuses: [Int] = []
            for _ in 0..<6 { statuses.append(try await client.answer().status) }
            #expect(statuses == [200, 404, 400, 405, 200, 404])
            #expect(store.arrivals.map(\.event.id) == [1, 2])
        }
    }

    @Test("thousands of pipelined requests neither overflow nor get lost")
    func manyPipelined() async throws {
        let store = StoreDouble()
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            let wrong = "GET /hooks/a HTTP/1.1\r\nHost: x\r\n\r\n"
            let count = 3_000
            let all = (1...count).map { RawClient.request(body($0)) + wrong }.joined()
            try await client.send(all)
            for _ in 0..<count {
                #expect(try await client.answer().status == 200)
                #expect(try await client.answer().status == 405)
            }
            #expect(store.arrivals.map(\.event.id) == (1...Int64(count)).map(\.self))
        }
    }

    @Test("posts that come in one turn of the loop reach the store together")
    func batches() async throws {
        let store = StoreDouble(.waits)
        try await withIntake(store) { _, port in
            let list = "[" + (1...5).map(body).joined(separator: ",") + "]"
            let client = try await RawClient(port: port)
            try await client.post(list)
            await store.nextSubmission()
            store.letGo()
            #expect(try await client.answer().status == 200)
            #expect(store.batches == [5])
        }
    }

    @Test("a body in chunks, and byte by byte")
    func chunks() async throws {
        let store = StoreDouble()
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            let json = body(3)
            let chunks = json.map { "1\r\n\($0)\r\n" }.joined()
            let request =
                "POST /hooks/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                + chunks + "0\r\n\r\n"
            for byte in request.utf8 { try await client.send([byte]) }
            #expect(try await client.answer().status == 200)
            #expect(store.arrivals.map(\.body) == [Array(json.utf8)])
        }
    }

    @Test("100-continue is sent before the body, but not to one who may not post")
    func expectContinue() async throws {
        try await withIntake { _, port in
            let client = try await RawClient(port: port)
            let json = body(1)
            let head = "Host: x\r\nExpect: 100-continue\r\nContent-Length: \(json.utf8.count)\r\n"
            try await client.send(
                "POST /hooks/a HTTP/1.1\r\nAuthorization: Bearer s3cret\r\n\(head)\r\n")
            #expect(try await client.answer().status == 100)
            try await client.send(json)
            #expect(try await client.answer().status == 200)
            try await client.send("POST /hooks/a HTTP/1.1\r\n\(head)\r\n")
            #expect(try await client.answer().status == 401)
        }
    }

    @Test("HTTP/1.0 is answered and closed, unless it asks to stay")
    func oldVersion() async throws {
        try await withIntake { _, port in
            let json = body(1)
            let head = "POST /hooks/open HTTP/1.0\r\nContent-Length: \(json.utf8.count)\r\n"
            let staying = try await RawClient(port: port)
            for _ in 0..<2 {
                try await staying.send(head + "Connection: keep-alive\r\n\r\n" + json)
                let answer = try await staying.answer()
                #expect(answer.status == 200 && answer.headers["connection"] == "keep-alive")
            }
            let client = try await RawClient(port: port)
            try await client.send(head + "\r\n" + json)
            #expect(try await client.answer().status == 200)
            await client.end()
        }
    }

    @Test("Connection: close is honoured, by webhook and router alike")
    func connectionClose() async throws {
        try await withIntake { _, port in
            for path in ["/hooks/a", "/nowhere"] {
                let client = try await RawClient(port: port)
                try await client.post(body(1), path: path, extra: "Connection: close\r\n")
                #expect(try await client.answer().headers["connection"] == "close")
                await client.end()
            }
        }
    }

    @Test("one who closes his side after a post still gets his answer")
    func halfClose() async throws {
        let store = StoreDouble(.waits)
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            try await client.post(body(1))
            try await client.closeOutput()
            await store.nextSubmission()
            store.letGo()
            #expect(try await client.answer().status == 200)
            await client.end()
        }
    }

    @Test("half a body, then gone: nothing is stored, and the place is free again")
    func halfBody() async throws {
        let store = StoreDouble()
        var bounds = IntakeBounds.test
        bounds.connections = 1
        try await withIntake(store, bounds: bounds) { _, port in
            for _ in 0..<5 {
                let client = try await RawClient(port: port)
                // Not sent where it had to make room for one that has come meanwhile.
                try? await client.send(
                    "POST /hooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{\"ty")
                try await client.close()
            }
            // One of those who are gone may still be met after the first of these: then it is the
            // newcomer, and the only place is its.
            var status: Int?
            for _ in 0..<5 where status == nil {
                let client = try await RawClient(port: port)
                try? await client.post(body(1))
                status = try? await client.answer().status
            }
            #expect(status == 200)
            #expect(store.arrivals.count == 1)
        }
    }

    @Test("one who is gone before the store answers disturbs nobody")
    func goneBeforeAnswer() async throws {
        let store = StoreDouble(.waits)
        try await withIntake(store) { server, port in
            let gone = try await RawClient(port: port)
            try await gone.post(body(1))
            await store.nextSubmission()
            try await gone.close()
            let client = try await RawClient(port: port)
            try await client.post(body(2))
            await store.nextSubmission()
            store.letGo()
            #expect(try await client.answer().status == 200)
            #expect(server.counters.now.accepted == 2)
        }
    }

    @Test(
        "what is no HTTP is a 400 and the end",
        arguments: [
            "hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "POST /hooks/a HTTP/1.1\r\nBad Header: 1\r\n\r\n",
            "POST /hooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "POST /hooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "POST /hooks/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ])
    func notHTTP(_ request: String) async throws {
        try await withIntake { _, port in
            let client = try await RawClient(port: port)
            try await client.send(request)
            let answer = try await client.answer()
            #expect(answer.status == 400 && answer.body.isEmpty)
            await client.end()
        }
    }

    @Test("garbage behind a good post does not cost its answer")
    func garbageBehind() async throws {
        let store = StoreDouble(.waits)
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            try await client.send(RawClient.request(body(1)) + "\u{1}\u{2}garbage\r\n\r\n")
            await store.nextSubmission()
            store.letGo()
            #expect(try await client.answer().status == 200)
            #expect(try await client.answer().status == 400)
            await client.end()
        }
    }
}
