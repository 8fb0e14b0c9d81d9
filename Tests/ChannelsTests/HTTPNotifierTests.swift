// HTTP against a real server, Tests/TestSupport/http_sink.py, and signatures against the example
// of the Standard Webhooks specification and its reference library.
import Alerting
import Foundation
import TestSupport
import Testing

@testable import Channels

@Suite("HTTP", .serialized)
struct HTTPNotifierTests {
    private func withHTTP(
        sink arguments: [String] = [], scheme: String = "http", path: String = "/",
        _ change: (inout HTTPSettings) -> Void = { _ in },
        _ body: (HTTPNotifier, Sink) async throws -> Void
    ) async throws {
        let sink = try await Sink("http_sink.py", arguments)
        var settings = HTTPSettings(url: Secret("\(scheme)://127.0.0.1:\(sink.port)\(path)"))
        change(&settings)
        let transfer = CurlTransfer(name: "test")
        do {
            try await body(HTTPNotifier(settings, over: transfer), sink)
        } catch {
            await transfer.stop()
            throw error
        }
        await transfer.stop()
        sink.stop()
    }

    @Test("the JSON arrives with the delivery's id and the configured headers")
    func arrives() async throws {
        try await withHTTP(path: "/alerts?x=1") {
            $0.headers = ["X-Team": "night", "content-type": "application/x+json", "X-Empty": ""]
            $0.method = "PUT"
        } _: { notifier, sink in
            let outcome = await notifier.notify(Sample.message(id: "d1", json: #"{"ü":1}"#))
            #expect(outcome == .delivered(note: "HTTP 200"))
            let request = try #require(try await sink.requests(1).first)
            #expect(request.method == "PUT")
            #expect(request.path == "/alerts?x=1")
            #expect(request.body == #"{"ü":1}"#)
            #expect(request.headers["webhook-id"] == "d1")
            #expect(request.headers["webhook-timestamp"] == "1795532400")
            #expect(request.headers["webhook-signature"] == nil)
            #expect(request.headers["x-team"] == "night")
            #expect(request.headers["x-empty"] == "")
            #expect(request.headers["content-type"] == "application/x+json")
            #expect(request.headers["expect"] == nil)
        }
    }

    @Test(
        "2xx is delivered; 408, 425, 429 and 5xx are retried; the rest is rejected",
        arguments: [
            (200, 0), (202, 0), (204, 0), (302, 2), (304, 2), (400, 2), (401, 2), (404, 2),
            (408, 1),
            (410, 2), (422, 2), (425, 1), (429, 1), (500, 1), (502, 1), (503, 1), (599, 1),
        ])
    func statuses(status: Int, expected: Int) async throws {
        try await withHTTP(path: "/status/\(status)") { notifier, _ in
            let outcome = await notifier.notify(Sample.message())
            #expect(outcome.isDelivered == (expected == 0))
            #expect(outcome.blames == (expected == 1 ? .channel : nil))
            #expect(outcome.isRejected == (expected == 2))
            #expect(outcome.note == "HTTP \(status)")
        }
    }

    @Test("a redirect is not followed")
    func redirects() async throws {
        try await withHTTP(path: "/status/307?to=/elsewhere") { notifier, sink in
            #expect(await notifier.notify(Sample.message()).isRejected)
            let requests = try await sink.requests(1)
            #expect(requests.map(\.path) == ["/status/307?to=/elsewhere"])
        }
    }

    @Test("Retry-After is honoured, in seconds and as a date")
    func retryAfter() async throws {
        try await withHTTP(path: "/status/429?after=7") { notifier, _ in
            #expect(await notifier.notify(Sample.message()).after == .seconds(7))
        }
        let soon = MIMEMessage.date(Instant(Date()) + .seconds(120)).replacing("+0000", with: "GMT")
        let date = try #require(
            soon.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        try await withHTTP(path: "/status/503?after=\(date)") { notifier, _ in
            let after = try #require(await notifier.notify(Sample.message()).after)
            #expect(after > .seconds(100) && after <= .seconds(121))
        }
    }

    @Test(
        "a Retry-After that is nonsense or endless does no harm",
        arguments: [
            ("soon", nil), ("-5", nil), ("0", nil), ("9223372036854775807", 604_800),
        ] as [(String, Int64?)])
    func oddRetryAfter(text: String, seconds: Int64?) async throws {
        try await withHTTP(path: "/status/503?after=\(text)") { notifier, _ in
            let outcome = await notifier.notify(Sample.message())
            #expect(outcome.blames == .channel)
            #expect(outcome.after == seconds.map { .seconds($0) })
        }
    }

    @Test("no answer, a closed connection and nobody there are the channel's failures")
    func network() async throws {
        try await withHTTP(path: "/hang", { $0.timeout = .milliseconds(500) }) { notifier, sink in
            #expect(await notifier.notify(Sample.message()).blames == .channel)
            sink.stop()
            let outcome = await notifier.notify(Sample.message())
            #expect(outcome.blames == .channel)
        }
        try await withHTTP(path: "/drop") { notifier, _ in
            #expect(await notifier.notify(Sample.message()).blames == .channel)
        }
    }

    @Test("an answer longer than the limit is cut and counts all the same")
    func bigAnswer() async throws {
        try await withHTTP(path: "/big?bytes=50000000") { notifier, _ in
            #expect(await notifier.notify(Sample.message()).isDelivered)
        }
    }

    @Test("connections are kept and shared")
    func keepsConnections() async throws {
        try await withHTTP { notifier, sink in
            for _ in 1...20 { #expect(await notifier.notify(Sample.message()).isDelivered) }
            let requests = try await sink.requests(20)
            #expect(Set(requests.map(\.connection)).count == 1)
        }
    }

    @Test("HTTPS verifies: a private authority is settable, an unknown one is refused")
    func certificates() async throws {
        let certificate = try TestCertificate()
        try await withHTTP(
            sink: certificate.arguments, scheme: "https", { $0.ca = certificate.certificate }
        ) { notifier, _ in
            #expect(await notifier.notify(Sample.message()).isDelivered)
        }
        try await withHTTP(sink: certificate.arguments, scheme: "https") { notifier, sink in
            let outcome = await notifier.notify(Sample.message())
            #expect(outcome.blames == .channel)
            #expect(outcome.note == "the server's certificate does not verify")
            let requests = try sink.all("request", as: SinkRequest.self)
            #expect(requests.isEmpty)
        }
    }

    @Test(
        "settings that cannot work are told at start, without their values",
        arguments: [
            HTTPSettings(url: "ftp://example.org/key"), HTTPSettings(url: "file:///etc/passwd"),
            HTTPSettings(url: "https://"), HTTPSettings(url: "https://a\r\nb"),
            HTTPSettings(url: "http://a", headers: ["X": "a\r\nY: b"]),
            HTTPSettings(url: "http://a", headers: ["X\r\nY": "a"]),
            HTTPSettings(url: "http://a", headers: ["Webhook-Id": "mine"]),
            HTTPSettings(url: "http://a", secrets: ["whsec_not base 64!"]),
            HTTPSettings(url: "http://a", method: "POST /x"),
        ])
    func badSettings(settings: HTTPSettings) {
        let error = #expect(throws: Notifiers.Problem.self) {
            try Notifiers([.http("fleet"): .http(settings)])
        }
        #expect(error?.description.hasPrefix("channel http:fleet: ") == true)
        #expect(error?.description.contains("not base") == false)
    }
}

@Suite("Standard Webhooks")
struct WebhookSignerTests {
    @Test("the signature is that of the specification's example")
    func example() throws {
        let signer = try #require(
            try WebhookSigner(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]))
        let signature = signer.signatures(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330",
            body: Array(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("a secret may stand without its prefix or padding, and none may be empty")
    func spellings() throws {
        func sign(_ secret: Secret) throws -> String? {
            try WebhookSigner([secret])?.signatures(id: "a", timestamp: "1", body: [1])
        }
        #expect(try sign("whsec_AAECAw==") == sign("AAECAw"))
        #expect(throws: SettingsError.secret) { try sign("whsec_") }
        #expect(throws: SettingsError.secret) { try sign("päss") }
        #expect(try WebhookSigner([]).map { _ in true } == nil)
    }

    @Test(
        "the reference library accepts either secret of a rotation",
        .enabled(if: Python.has("standardwebhooks"), "needs `standardwebhooks` from PyPI"))
    func referenceLibrary() async throws {
        let sink = try await Sink("http_sink.py")
        let secrets = ["whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0", "whsec_bmV3IHNlY3JldCBuZXcgc2VjcmV0"]
        let notifiers = try Notifiers([
            .http("fleet"): .http(
                HTTPSettings(
                    url: Secret("http://127.0.0.1:\(sink.port)/"),
                    secrets: secrets.map { Secret($0) }
                ))
        ])
        let notifier = try #require(notifiers.all[.http("fleet")])
        let outcome = await notifier.notify(Sample.message(now: Instant(Date())))
        #expect(outcome.isDelivered)
        let request = try #require(try await sink.requests(1).first)
        let headers = try String(
            decoding: JSONEncoder().encode(request.headers), as: UTF8.self)
        for secret in secrets {
            try Python.run(
                """
                import json, sys, standardwebhooks
                _, secret, body, headers = sys.argv
                standardwebhooks.Webhook(secret).verify(body, json.loads(headers))
                """, [secret, request.body, headers])
        }
        #expect(throws: Python.Failure.self) {
            try Python.run(
                """
                import json, sys, standardwebhooks
                _, secret, body, headers = sys.argv
                standardwebhooks.Webhook(secret).verify(body + " ", json.loads(headers))
                """, [secrets[0], request.body, headers])
        }
        await notifiers.stop()
    }
}
