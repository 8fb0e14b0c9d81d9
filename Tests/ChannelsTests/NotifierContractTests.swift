// The same promises, kept by each of the three notifiers as `Notifiers` makes them: one test body,
// a table of channels. What a channel does beyond it stands in its own file.
import Alerting
import Foundation
import TestSupport
import Testing

@testable import Channels

@Suite("Notifier contract", .serialized)
struct NotifierContractTests {
    private static let secret = "c29tZXRoaW5nIHNlY3JldA=="
    private static let kinds: [ChannelName] = [.email, .http("fleet"), .hook("ring")]

    /// What the receiver does with the message.
    private enum Receiver: String, CaseIterable {
        case takes, failsForNow, refuses, hangs
    }

    /// A channel whose receiver behaves so; its settings hold a secret wherever they can.
    private func attempt(
        _ channel: ChannelName, _ receiver: Receiver, cancelled: Bool = false
    ) async throws -> Outcome {
        var sink: Sink?
        var address = ""
        let settings: ChannelSettings
        switch channel.kind {
        case .email:
            let names: [Receiver: String] = [
                .takes: "a", .failsForNow: "later-450", .refuses: "reject-550", .hangs: "hang",
            ]
            address = "\(names[receiver] ?? "")@example.org"
            let server = try await Sink(
                "smtp_sink.py", ["--user", "outcry", "--password", Self.secret])
            let from = try #require(MailAddress("outcry@example.org"))
            settings = .email(
                EmailSettings(
                    server: "smtp://127.0.0.1:\(server.port)", starttls: .none,
                    username: "outcry", password: Secret(Self.secret), from: from,
                    timeout: .seconds(1)))
            sink = server
        case .http:
            let paths: [Receiver: String] = [
                .takes: "/", .failsForNow: "/status/503", .refuses: "/status/422",
                .hangs: "/hang",
            ]
            let server = try await Sink("http_sink.py")
            let url = "http://127.0.0.1:\(server.port)\(paths[receiver] ?? "")?key=\(Self.secret)"
            settings = .http(
                HTTPSettings(
                    url: Secret(url), headers: ["Authorization": Secret("Bearer \(Self.secret)")],
                    secrets: [Secret(Self.secret)], timeout: .seconds(1)))
            sink = server
        case .hook:
            let scripts: [Receiver: String] = [
                .takes: "exit 0", .failsForNow: "exit 75", .refuses: "exit 1",
                .hangs: "exec sleep 62",
            ]
            settings = .hook(
                HookSettings(
                    run: ["/bin/sh", "-c", scripts[receiver] ?? "", Self.secret],
                    timeout: .seconds(1)))
        }
        let notifiers = try Notifiers([channel: settings])
        let notifier = try #require(notifiers.all[channel])
        let task = Task {
            await notifier.notify(Sample.message(to: address, channel: channel))
        }
        if cancelled { task.cancel() }
        let outcome = await task.value
        await notifiers.stop()
        sink?.stop()
        return outcome
    }

    @Test("a receiver that takes it: delivered", arguments: kinds)
    func takes(channel: ChannelName) async throws {
        #expect(try await attempt(channel, .takes).isDelivered)
    }

    @Test("a receiver that cannot now: retried", arguments: kinds)
    func failsForNow(channel: ChannelName) async throws {
        #expect(try await attempt(channel, .failsForNow).blames != nil)
    }

    @Test("a receiver that refuses it: rejected", arguments: kinds)
    func refuses(channel: ChannelName) async throws {
        #expect(try await attempt(channel, .refuses).isRejected)
    }

    @Test(
        "a receiver that hangs: retried after the time limit, the channel's failure",
        arguments: kinds)
    func hangs(channel: ChannelName) async throws {
        #expect(try await attempt(channel, .hangs).blames == .channel)
    }

    @Test("a cancelled attempt: retried, nobody's failure", arguments: kinds)
    func cancelled(channel: ChannelName) async throws {
        #expect(try await attempt(channel, .hangs, cancelled: true).blames == .message)
    }

    @Test("no note holds a secret or an address", arguments: kinds)
    func notesAreClean(channel: ChannelName) async throws {
        for receiver in Receiver.allCases {
            let note = try await attempt(channel, receiver).note
            #expect(!note.contains(Self.secret) && !note.contains("@"), "\(note)")
            #expect(!note.isEmpty && note.utf8.count < 200)
        }
    }

    @Test("a channel without what it needs is told by its name and key")
    func problems() throws {
        let from = try #require(MailAddress("outcry@example.org"))
        let open = EmailSettings(
            server: "smtp://mail.example.org", starttls: .none, username: "u", password: "p",
            from: from)
        let problems: [(ChannelName, ChannelSettings, String)] = [
            (.email, .email(open), "channel email: starttls: "),
            (.hook("ring"), .hook(HookSettings(run: [])), "channel hook:ring: run: "),
            (.http("a"), .http(HTTPSettings(url: "nowhere")), "channel http:a: url: "),
        ]
        for (channel, settings, beginning) in problems {
            let problem = #expect(throws: Notifiers.Problem.self) {
                try Notifiers([channel: settings])
            }
            #expect(problem?.description.hasPrefix(beginning) == true)
        }
    }
}
