// What the sender is told. BikeTrax and Traccar take 200 and 201 as success and never send again,
// so a 200 must be true and everything else must say what is wrong (domain.md 3.1).

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the webhook's answers")
    struct WebhookTests {
        /// One relay for the whole table: a refusal must leave nothing behind for the next.
        @Test("each kind of request gets its status")
        func statuses() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            let key = ["Authorization": RelayFolder.webhookKey]
            let event = EventBody(id: 1).json
            let position = #"{"position": {"id": 1, "deviceId": 1}, "device": {"id": 1}}"#
            let cases: [(String, method: String, [String: String], body: String, Int)] = [
                ("a post", "POST", key, event, 200),
                ("no key", "POST", [:], event, 401),
                ("a wrong key", "POST", ["Authorization": "Bearer nearly"], event, 401),
                ("an empty key", "POST", ["Authorization": ""], event, 401),
                ("another method", "PUT", key, event, 405),
                ("a GET", "GET", key, "", 405),
                ("no JSON", "POST", key, "{\"event\": ", 400),
                ("nothing", "POST", key, "", 400),
                ("a position forward", "POST", key, position, 200),
                ("a list", "POST", key, "[\(EventBody(id: 2).json)]", 200),
                ("too much", "POST", key, String(repeating: " ", count: 1_100_000), 413),
            ]
            for (name, method, headers, body, status) in cases {
                let answer = try PlainHTTP(port: relay.webhookPort).send(
                    method, RelayFolder.webhookPath, headers: headers, body: Array(body.utf8))
                #expect(answer.status == status, "\(name)")
                if status == 200 { #expect(answer.body.isEmpty, "\(name)") }
            }
            #expect(sink.wait(20, taken: 2))
            #expect(try sink.taken.flatMap { try $0.notice().eventIds }.sorted() == [1, 2])
        }

        @Test("a refusal without the right key gives no hint of it")
        func noHint() throws {
            let relay = try EndToEnd.relay(to: HTTPSink())
            defer { relay.stop() }
            let answer = try PlainHTTP(port: relay.webhookPort).send(
                "POST", RelayFolder.webhookPath, headers: ["Authorization": "Bearer x"],
                body: Array(EventBody(id: 1).json.utf8))
            #expect(answer.status == 401)
            let all = answer.text + answer.headers.values.joined()
            #expect(!all.contains("webhook-key"))
        }

        @Test("other paths are not the webhook's")
        func otherPath() throws {
            let relay = try EndToEnd.relay(to: HTTPSink())
            defer { relay.stop() }
            let answer = try PlainHTTP(port: relay.webhookPort).send(
                "POST", "/hooks/other", headers: ["Authorization": RelayFolder.webhookKey],
                body: Array(EventBody(id: 1).json.utf8))
            #expect(answer.status == 404)
        }

        @Test("a client that stalls in the middle of a post does not keep the others out")
        func stalled() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            let stalled = try (0..<20).map { _ in
                let socket = try LoopbackSocket(connectTo: relay.webhookPort, limit: 5)
                try socket.write(
                    Array("POST \(RelayFolder.webhookPath) HTTP/1.1\r\nContent-Le".utf8))
                return socket
            }
            defer { for socket in stalled { socket.close() } }
            #expect(try relay.post(EventBody(id: 3).json) == 200)
            #expect(sink.wait(20, taken: 1))
        }

        @Test("with `tls` it speaks HTTPS, and nothing else")
        func https() throws {
            let certificate = try TestCertificate()
            let folder = try RelayFolder(
                rules: "version: 1\nrules: []\n",
                more: """
                    tls: { certificate: \(certificate.certificate), key: \(certificate.key) }
                    """)
            let relay = try RelayProcess(folder)
            defer { relay.stop() }
            let address = "127.0.0.1:\(relay.webhookPort)\(RelayFolder.webhookPath)"
            func post(_ scheme: String, _ more: [String] = []) throws -> Finished {
                try finish(
                    "/usr/bin/env",
                    ["curl", "-sS", "-m", "10", "-w", "%{http_code}"] + more + [
                        "-H", "Authorization: \(RelayFolder.webhookKey)",
                        "-d", EventBody(id: 1).json, "\(scheme)://\(address)",
                    ])
            }
            let taken = try post("https", ["--cacert", certificate.certificate])
            #expect(taken.output == "200", "\(taken.errors)")
            #expect(try post("https").exit == .code(60), "an unknown authority")
            #expect(try post("http").exit != .code(0))
            #expect(try relay.outcry("events").output.contains("vibration"))
        }
    }
}
