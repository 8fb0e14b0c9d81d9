// The transfer thread itself: cancelling at every moment, stopping, and many at once.
import Alerting
import Foundation
import TestSupport
import Testing

@testable import Channels

@Suite("Transfers", .serialized)
struct CurlTransferTests {
    private func endpoint(_ sink: Sink, _ path: String) -> Endpoint {
        Endpoint(url: Secret("http://127.0.0.1:\(sink.port)\(path)"), timeout: .seconds(60))
    }

    @Test("cancelling ends a transfer at a server that never answers")
    func cancels() async throws {
        let sink = try await Sink("http_sink.py")
        let transfer = CurlTransfer(name: "test")
        let endpoint = endpoint(sink, "/hang")
        let task = Task { await transfer.perform(TransferRequest(), at: endpoint) }
        _ = try await sink.requests(1)
        let start = ContinuousClock.now
        task.cancel()
        #expect(await task.value.end == .cancelled)
        #expect(ContinuousClock.now - start < .seconds(5))
        await transfer.stop()
        sink.stop()
    }

    @Test("a task that is cancelled before or while it begins ends too")
    func cancelledEarly() async throws {
        let sink = try await Sink("http_sink.py")
        let transfer = CurlTransfer(name: "test")
        let endpoint = endpoint(sink, "/hang")
        for _ in 1...200 {
            let task = Task { await transfer.perform(TransferRequest(), at: endpoint) }
            task.cancel()
            #expect(await task.value.end == .cancelled)
        }
        await transfer.stop()
        sink.stop()
    }

    @Test("stopping ends what is under way, and what comes later at once")
    func stops() async throws {
        let sink = try await Sink("http_sink.py")
        let transfer = CurlTransfer(name: "test")
        let endpoint = endpoint(sink, "/hang")
        let tasks = (1...8).map { _ in
            Task { await transfer.perform(TransferRequest(), at: endpoint) }
        }
        _ = try await sink.requests(8)
        await transfer.stop()
        for task in tasks { #expect(await task.value.end == .cancelled) }
        #expect(await transfer.perform(TransferRequest(), at: endpoint).end == .cancelled)
        await transfer.stop()
        sink.stop()
    }

    @Test("a mail server that says nothing holds up neither cancelling nor stopping")
    func silentMailServer() async throws {
        let server = try LoopbackSocket.listen(on: 0)
        let transfer = CurlTransfer(name: "test")
        let endpoint = Endpoint(
            server: "smtp://127.0.0.1:\(server.port)", encryption: .none, username: nil,
            password: nil, sender: "a@example.org", timeout: .seconds(60))
        let tasks = (1...6).map { _ in
            Task { await transfer.perform(TransferRequest(), at: endpoint) }
        }
        // Greeted, so that curl would take its leave.
        var greeted: [Int32] = []
        for _ in tasks {
            let connection = accept(server.descriptor, nil, nil)
            greeted.append(connection)
            #expect(write(connection, "220 hello\r\n", 11) == 11)
        }
        let start = ContinuousClock.now
        for task in tasks[..<3] { task.cancel() }
        for task in tasks[..<3] { #expect(await task.value.end == .cancelled) }
        await transfer.stop()
        for task in tasks[3...] { #expect(await task.value.end == .cancelled) }
        #expect(ContinuousClock.now - start < .seconds(3))
        for connection in greeted + [server.descriptor] { close(connection) }
    }

    @Test("many at once are answered each by itself, over few connections")
    func many() async throws {
        let sink = try await Sink("http_sink.py")
        let transfer = CurlTransfer(name: "test")
        let endpoint = endpoint(sink, "/")
        await withTaskGroup(of: Int.self) { group in
            for worker in 1...16 {
                group.addTask {
                    var answered = 0
                    for number in 1...25 {
                        var request = TransferRequest()
                        request.body = Array("\(worker).\(number)".utf8)
                        let result = await transfer.perform(request, at: endpoint)
                        if result.end == .answered, result.status == 200 { answered += 1 }
                    }
                    return answered
                }
            }
            for await answered in group { #expect(answered == 25) }
        }
        let requests = try await sink.requests(400)
        #expect(Set(requests.map(\.body)).count == 400)
        #expect(Set(requests.map(\.connection)).count <= 20)
        await transfer.stop()
        sink.stop()
    }

    @Test("proxies of the environment are ignored, and only http and https are spoken")
    func pinned() async throws {
        setenv("http_proxy", "http://127.0.0.1:1", 1)
        setenv("ALL_PROXY", "http://127.0.0.1:1", 1)
        defer {
            unsetenv("http_proxy")
            unsetenv("ALL_PROXY")
        }
        let sink = try await Sink("http_sink.py")
        let transfer = CurlTransfer(name: "test")
        let result = await transfer.perform(TransferRequest(), at: endpoint(sink, "/"))
        #expect(result.end == .answered)
        for url in ["file:///etc/passwd", "gopher://127.0.0.1/", "smtp://127.0.0.1/", "dict://a/"] {
            let other = Endpoint(url: Secret(url), timeout: .seconds(5))
            #expect(await transfer.perform(TransferRequest(), at: other).end == .unusable)
        }
        await transfer.stop()
        sink.stop()
    }

    @Test("a mail conversation is followed by its commands and replies")
    func conversation() {
        var conversation = MailConversation()
        func sent(_ text: String) { conversation.sent(text.utf8) }
        func received(_ text: String) { conversation.received(text.utf8) }
        received("220 mail.example.org ESMTP")
        #expect(conversation.stage == .connect && conversation.reply == 220)
        sent("EHLO host\r\n")
        #expect(conversation.stage == .hello && conversation.reply == 0)
        received("250-PIPELINING")
        received("250 SIZE 1000")
        sent("AUTH PLAIN\r\n")
        received("334 ")
        sent("AGEAYg==\r\n")
        #expect(conversation.stage == .login)
        received("535 5.7.8 no")
        #expect(conversation.reply == 535 && conversation.enhanced == "5.7.8")
        sent("rcpt TO:<a@b>\r\n")
        received("550 <a@b> unknown")
        #expect(conversation.stage == .recipient && conversation.reply == 550)
        #expect(conversation.enhanced == nil)
        sent("DATA\r\n")
        received("354 go")
        conversation.sentContent()
        #expect(conversation.stage == .content && conversation.reply == 0)
        received("not a reply")
        #expect(conversation.reply == 0)
        received("552 5.3.4 too much")
        sent("QUIT\r\n")
        received("221 2.0.0 bye")
        #expect(conversation.reply == 552 && conversation.enhanced == "5.3.4")
    }
}

@Suite("Secrets")
struct SecretTests {
    @Test("a secret does not show itself, however it is printed")
    func hidden() {
        let secret = Secret("correct horse")
        var dumped = ""
        dump(["a": HTTPSettings(url: secret, headers: ["X": secret])], to: &dumped)
        for text in ["\(secret)", "\([secret])", String(reflecting: secret), dumped] {
            #expect(!text.contains("horse"))
        }
        #expect(secret.revealed == "correct horse")
    }
}
