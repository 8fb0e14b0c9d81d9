// libcurl as the session's messenger: what goes out, what comes back, and what it must not do.
import Alerting
import Channels
import Foundation
import Intake
import TestSupport
import Testing

@testable import RelayServer

@Suite("Requests to trackers' servers over libcurl", .serialized, .timeLimit(.minutes(1)))
struct FetchingTests {
    private func withSink(
        _ arguments: [String] = [], scheme: String = "http", ca: String? = nil,
        _ test: (_ fetch: @escaping Fetch, _ url: String, _ sink: Sink) async throws -> Void
    ) async throws {
        let sink = try await Sink("http_sink.py", arguments)
        let transfer = CurlTransfer(name: "test")
        do {
            try await test(
                Fetching(over: transfer, ca: ca).fetch, "\(scheme)://127.0.0.1:\(sink.port)", sink)
        } catch {
            await transfer.stop()
            throw error
        }
        await transfer.stop()
        sink.stop()
    }

    private func request(
        _ method: FetchRequest.Method = .get, _ url: String, body: String = "",
        timeout: Duration = .seconds(10), limit: Int = 1 << 20
    ) -> FetchRequest {
        FetchRequest(
            method, url: url, headers: [("Accept", "application/json"), ("Cookie", "a=s3cret")],
            body: Array(body.utf8), timeout: timeout, limit: limit)
    }

    private func failure(_ body: () async throws -> Void) async -> FetchFailure? {
        await #expect(throws: FetchFailure.self) { try await body() }
    }

    @Test("GET, POST and DELETE in turn are what they say, over one connection")
    func methods() async throws {
        try await withSink { fetch, url, sink in
            let form = String(repeating: "x", count: 10_000)
            _ = try await fetch(request(.post, "\(url)/api/session", body: "email=a&password=b"))
            _ = try await fetch(request(.get, "\(url)/api/devices?id=1&id=2"))
            _ = try await fetch(request(.delete, "\(url)/api/session"))
            _ = try await fetch(request(.get, "\(url)/api/server"))
            _ = try await fetch(request(.post, "\(url)/large", body: form))
            let requests = try await sink.requests(5)
            #expect(requests.map(\.method) == ["POST", "GET", "DELETE", "GET", "POST"])
            #expect(requests[1].path == "/api/devices?id=1&id=2")
            #expect(requests[0].body == "email=a&password=b")
            #expect(requests[1].body.isEmpty && requests[2].body.isEmpty)
            #expect(requests[4].body.utf8.count == form.utf8.count)
            #expect(Set(requests.map(\.connection)) == [1])
            for request in requests {
                #expect(request.headers["cookie"] == "a=s3cret")
                #expect(request.headers["accept"] == "application/json")
                #expect(request.headers["accept-encoding"]?.contains("gzip") == true)
                #expect(request.headers["user-agent"] == "Outcry/\(Version.current)")
                for name in ["origin", "expect", "authorization", "referer"] {
                    #expect(request.headers[name] == nil)
                }
            }
        }
    }

    @Test("an answer has its status, headers and whole body, and no redirect is followed")
    func answers() async throws {
        try await withSink { fetch, url, sink in
            let big = try await fetch(request(.get, "\(url)/big?bytes=900000"))
            #expect(big.status == 200 && big.body.count == 900_000)
            #expect(big.values(of: "content-length") == ["900000"])
            let moved = try await fetch(request(.get, "\(url)/status/302?to=\(url)/other"))
            #expect(moved.status == 302 && moved.values(of: "Location") == ["\(url)/other"])
            for status in [400, 503] {
                let refused = try await fetch(request(.get, "\(url)/status/\(status)"))
                #expect(refused.status == status)
            }
            #expect(try await sink.requests(4).count == 4)
        }
    }

    @Test("an answer that is too large is given up, not cut")
    func tooLarge() async throws {
        try await withSink { fetch, url, _ in
            let failure = await failure {
                _ = try await fetch(request(.get, "\(url)/big?bytes=1001", limit: 1_000))
            }
            #expect(failure == .tooLarge)
            let fitting = try await fetch(request(.get, "\(url)/big?bytes=1000", limit: 1_000))
            #expect(fitting.body.count == 1_000)
        }
    }

    @Test("a server that hangs, drops or is not there; a task that is cancelled")
    func failures() async throws {
        try await withSink { fetch, url, sink in
            let late = await failure {
                _ = try await fetch(request(.get, "\(url)/hang", timeout: .milliseconds(100)))
            }
            #expect(late == .timedOut)
            let dropped = await failure { _ = try await fetch(request(.get, "\(url)/drop")) }
            guard case .unreachable = dropped else {
                Issue.record("\(String(describing: dropped))")
                return
            }
            let port = try LoopbackSocket.freePort()
            let absent = await failure {
                _ = try await fetch(request(.get, "http://127.0.0.1:\(port)/?token=s3cret"))
            }
            #expect(absent?.description.hasPrefix("no connection to the server") == true)
            #expect(absent?.description.contains("s3cret") == false)

            let task = Task { () -> FetchFailure? in
                do {
                    _ = try await fetch(request(.get, "\(url)/hang"))
                    return nil
                } catch {
                    return error as? FetchFailure
                }
            }
            _ = try await sink.requests(3)
            task.cancel()
            #expect(await task.value == .cancelled)
        }
    }

    @Test("TLS is verified")
    func tls() async throws {
        let certificate = try TestCertificate()
        let ca = certificate.certificate
        try await withSink(certificate.arguments, scheme: "https", ca: ca) { fetch, url, _ in
            let answer = try await fetch(request(.get, url))
            #expect(answer.status == 200)
        }
        try await withSink(certificate.arguments, scheme: "https") { fetch, url, _ in
            guard case .notTrusted = await failure({ _ = try await fetch(request(.get, url)) })
            else {
                Issue.record("a self-signed certificate was trusted")
                return
            }
        }
    }

    @Test("a session over it: login, list, logout")
    func session() async throws {
        // The sink answers every page with `ok`: no Traccar, and the session says so.
        try await withSink { fetch, url, _ in
            let session = TraccarSession(url: url, credential: .token("s3cret"), fetch: fetch)
            let failure = await #expect(throws: SessionFailure.self) { try await session.login() }
            #expect(failure == .notTraccar("the answer to a login is no account"))
        }
    }
}
