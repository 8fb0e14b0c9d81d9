// The webhook over a real socket: each status that it may answer, and when.
import Alerting
import Foundation
import NIOHTTP1
import Synchronization
import Testing

@testable import Intake

@Suite("The webhook's answers", .timeLimit(.minutes(1)))
struct WebhookTests {
    @Test("a post is answered 200 with an empty body, after it was accepted")
    func accepted() async throws {
        let store = StoreDouble(.waits)
        try await withIntake(store) { server, port in
            let client = try await RawClient(port: port)
            try await client.post(body(7), extra: "X-PowTxn: abc\r\n")
            await store.nextSubmission()
            #expect(server.counters.now.posts == 0)
            store.letGo()
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer.body.isEmpty)
            #expect(answer.headers["content-length"] == "0")
            let arrival = try #require(store.arrivals.first)
            #expect(arrival.event.id == 7 && arrival.event.server == "https://a")
            #expect(arrival.event.source == "a" && arrival.event.txn == "abc")
            #expect(server.counters.now.accepted == 1)
            #expect(server.counters.now.posts == 1)
            #expect(server.counters.now.connections == 1)
        }
    }

    @Test(
        "X-PowTxn is kept, bounded and without controls",
        arguments: [
            ("t-1", "t-1"), ("", nil),
            (String(repeating: "x", count: 300), String(repeating: "x", count: 256)),
            (String(repeating: "é", count: 200), String(repeating: "é", count: 128)),
            ("a\tb", "ab"),
            ("a\u{85}b", "ab"),
        ])
    func txn(_ sent: String, _ kept: String?) async throws {
        let store = StoreDouble()
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            try await client.post(body(1), extra: "X-PowTxn: \(sent)\r\n")
            #expect(try await client.answer().status == 200)
            #expect(store.arrivals.map(\.event.txn) == [kept])
        }
    }

    @Test("a duplicate is answered 200 and counted")
    func duplicate() async throws {
        try await withIntake(StoreDouble(.saysDuplicate)) { server, port in
            let client = try await RawClient(port: port)
            try await client.post(body(1))
            #expect(try await client.answer().status == 200)
            #expect(server.counters.now.duplicates == 1)
            #expect(server.counters.now.accepted == 0)
        }
    }

    @Test("what is no event is answered 200, counted, and not handed on")
    func noEvent() async throws {
        let store = StoreDouble()
        try await withIntake(store) { server, port in
            let client = try await RawClient(port: port)
            for each in [#"{"position":{"id":1},"device":{}}"#, "{}", "[]"] {
                try await client.post(each)
                #expect(try await client.answer().status == 200)
            }
            #expect(store.batches.isEmpty)
            #expect(server.counters.now.ignored == 2)
        }
    }

    @Test("a store that fails is a 503 with Retry-After, and the connection goes on")
    func unavailable() async throws {
        try await withIntake(StoreDouble(.fails)) { server, port in
            let client = try await RawClient(port: port)
            for _ in 0..<2 {
                try await client.post(body(1))
                let answer = try await client.answer()
                #expect(answer.status == 503 && answer.body.isEmpty)
                #expect(answer.headers["retry-after"] != nil)
            }
            #expect(server.counters.now.refused == [.unavailable: 2])
        }
    }

    @Test("malformed JSON is a 400 that says why and quotes nothing")
    func malformed() async throws {
        try await withIntake { server, port in
            let client = try await RawClient(port: port)
            try await client.post(#"{"event": hunter2}"#)
            let answer = try await client.answer()
            #expect(answer.status == 400 && answer.body.hasPrefix("not JSON at line 1, column 11"))
            #expect(!answer.body.contains("hunter2"))
            #expect(answer.headers["content-type"]?.hasPrefix("text/plain") == true)
            try await client.post("")
            #expect(try await client.answer().body.contains("empty"))
            try await client.post(String(repeating: "[", count: 100))
            #expect(try await client.answer().status == 400)
            #expect(server.counters.now.refused == [.malformed: 3])
        }
    }

    @Test(
        "a wrong authorization is a 401 without a hint, before the body is read",
        arguments: [
            nil, "", "Bearer s3cre", "Bearer s3cret2", "bearer s3cret", "Bearer S3CRET", "Basic x",
        ])
    func unauthorized(_ value: String?) async throws {
        let store = StoreDouble()
        try await withIntake(store) { server, port in
            let client = try await RawClient(port: port)
            let header = value.map { "Authorization: \($0)\r\n" } ?? ""
            // The body is announced, and never sent.
            try await client.send(
                "POST /hooks/a HTTP/1.1\r\nHost: x\r\n\(header)Content-Length: 500\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.status == 401 && answer.body.isEmpty)
            #expect(answer.headers["www-authenticate"] == nil)
            #expect(server.counters.now.refused == [.authorization: 1])
            await client.end()
            #expect(store.batches.isEmpty)
        }
    }

    @Test("two authorizations are none")
    func twoAuthorizations() async throws {
        try await withIntake { _, port in
            let client = try await RawClient(port: port)
            try await client.post(body(1), extra: "Authorization: Bearer s3cret\r\n")
            #expect(try await client.answer().status == 401)
        }
    }

    @Test("authorization `none` admits anybody")
    func openSource() async throws {
        let store = StoreDouble()
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            try await client.post(body(1), path: "/hooks/open?x=1")
            #expect(try await client.answer().status == 200)
            #expect(store.arrivals.map(\.event.source) == ["open"])
        }
    }

    @Test(
        "only POST is taken at the path", arguments: ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
    func methods(_ method: String) async throws {
        try await withIntake { _, port in
            let client = try await RawClient(port: port)
            try await client.send("\(method) /hooks/a HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.status == 405 && answer.headers["allow"] == "POST")
            try await client.post(body(1))
            #expect(try await client.answer().status == 200)
        }
    }

    @Test("other paths are the router's", arguments: ["/", "/hooks", "/hooks/a/", "/hooks/ab"])
    func otherPaths(_ path: String) async throws {
        let store = StoreDouble()
        try await withIntake(store) { _, port in
            let client = try await RawClient(port: port)
            try await client.post(body(1), path: path)
            #expect(try await client.answer().status == 404)
            try await client.post(body(2))
            #expect(try await client.answer().status == 200)
            #expect(store.arrivals.map(\.event.id) == [2])
        }
    }

    @Test("a body announced as too large is refused before it is sent")
    func announcedTooLarge() async throws {
        try await withIntake { server, port in
            let client = try await RawClient(port: port)
            try await client.send(
                "POST /hooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: "
                    + "\(Limits.bodyBytes + 1)\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.status == 413 && answer.headers["connection"] == "close")
            await client.end()
            #expect(server.counters.now.refused == [.tooLarge: 1])
        }
    }

    @Test("a body of the size that is allowed is taken, a chunked one that is larger is not")
    func sizes() async throws {
        try await withIntake { _, port in
            let client = try await RawClient(port: port)
            let shell = #"{"type":"a","deviceId":1,"x":""}"#
            let fits = shell.replacing(
                #""""#,
                with: "\"" + String(repeating: "x", count: Limits.bodyBytes - shell.count)
                    + "\"")
            #expect(fits.utf8.count == Limits.bodyBytes)
            try await client.post(fits)
            #expect(try await client.answer().status == 200)

            try await client.send(
                "POST /hooks/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = String(Limits.bodyBytes, radix: 16) + "\r\n"
            try await client.send(chunk + fits + "\r\n1\r\nx\r\n")
            // What is sent on does not keep the answer from being read.
            #expect(try await client.answer().status == 413)
            await client.end()
        }
    }

    @Test("a secret never shows in a source's description")
    func redaction() {
        let source = WebhookSource(
            name: "a", server: "https://a", path: "/a", authorization: "hunter2")
        var dumped = ""
        dump(source, to: &dumped)
        for text in ["\(source)", String(reflecting: source), dumped, "\([source])"] {
            #expect(!text.contains("hunter2"))
            #expect(text.contains("authorization: set"))
        }
    }

    @Test(
        "the header is compared whole",
        arguments: [
            ("abc", true), ("ab", false), ("abcd", false), ("", false), ("abd", false),
            ("bbc", false), ("abc ", true), ("\tabc \t", true), ("ab c", false),
        ])
    func comparison(_ given: String, _ admits: Bool) {
        for configured in ["abc", " abc\t"] {
            let source = WebhookSource(name: "a", server: "s", path: "/", authorization: configured)
            #expect(source.admits(given) == admits)
        }
    }

    @Test(
        "a post finds its source by its path, however the request line is written",
        arguments: [
            ("/hooks/a", true), ("/hooks/a?x=1", true), ("http://h/hooks/a", true),
            ("HTTPS://h:1/hooks/a?x", true), ("http://h", false), ("http:///hooks/a", true),
            ("/hooks/ab", false), ("/hooks", false), ("hooks/a", false), ("*", false),
        ])
    func path(_ uri: String, _ isFound: Bool) {
        let source = WebhookSource(name: "a", server: "s", path: "/hooks/a", authorization: nil)
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: uri)
        if case .post = Admission(head, sources: [source]) {
            #expect(isFound)
        } else {
            #expect(!isFound)
        }
    }
}
