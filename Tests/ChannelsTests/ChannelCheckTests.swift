// What `outcry doctor` finds out about channels, at real servers and files, and that nothing is sent.
import Alerting
import Foundation
import TestSupport
import Testing

@testable import Channels

@Suite("Looking at channels", .serialized)
struct ChannelCheckTests {
    private func check(_ settings: ChannelSettings) async -> ChannelCheck {
        let transfer = CurlTransfer(name: "test")
        let found = await ChannelCheck(settings, over: transfer)
        await transfer.stop()
        return found
    }

    private func mail(
        _ sink: Sink, _ change: (inout EmailSettings) -> Void = { _ in }
    ) throws -> ChannelSettings {
        let from = try #require(MailAddress("Outcry <outcry@example.org>"))
        var settings = EmailSettings(
            server: "smtp://127.0.0.1:\(sink.port)", starttls: .none, from: from,
            timeout: .seconds(10))
        change(&settings)
        return .email(settings)
    }

    @Test("mail: the login is tried, and no mail is begun")
    func mail() async throws {
        let sink = try await Sink("smtp_sink.py", ["--user", "outcry", "--password", "s3cret"])
        let right = await check(
            try mail(sink) {
                $0.username = "outcry"
                $0.password = "s3cret"
            })
        #expect(
            right
                == ChannelCheck(
                    isWell: true, words: "the mail server answers, the login is accepted"))
        let wrong = await check(
            try mail(sink) {
                $0.username = "outcry"
                $0.password = "wr0ng"
            })
        #expect(!wrong.isWell && wrong.words.hasPrefix("the mail server refuses the login"))
        let commands = try await sink.closed(2).flatMap(\.commands)
        #expect(commands.contains("NOOP"))
        #expect(!commands.contains("MAIL") && !commands.contains("VRFY"))
        sink.stop()
        let absent = await check(try mail(sink))
        #expect(!absent.isWell && absent.words.hasPrefix("no connection to the server"))
    }

    @Test("HTTP: a HEAD and no message; only a fault of the server's is one")
    func web() async throws {
        let sink = try await Sink("http_sink.py")
        func http(_ path: String) -> ChannelSettings {
            .http(
                HTTPSettings(
                    url: Secret("http://127.0.0.1:\(sink.port)\(path)"),
                    headers: ["Authorization": "s3cret"], method: "PUT"))
        }
        for status in [200, 405, 501] {
            let found = await check(http("/status/\(status)"))
            #expect(found.isWell && found.words == "it answers (\(status) to a HEAD)")
        }
        #expect(await check(http("/status/503")).words == "it answers 503")
        let requests = try await sink.requests(4)
        #expect(Set(requests.map(\.method)) == ["HEAD"])
        #expect(requests.allSatisfy { $0.headers["authorization"] == nil && $0.body.isEmpty })
        sink.stop()
        #expect(await check(http("/")).words == "no connection to the server")
    }

    @Test("hooks: a file that is not there, may not be run, or whose interpreter is missing")
    func hooks() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "outcry-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // Temporary anyway.
        func file(_ name: String, _ text: String, mode: Int = 0o755) throws -> String {
            let path = folder.appending(path: name).path
            try Data(text.utf8).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            return path
        }
        #expect(ChannelCheck.program("sh").isWell)
        #expect(ChannelCheck.program(try file("good", "#!/bin/sh\nexit 0\n")).isWell)
        #expect(!ChannelCheck.program("no-such-program").isWell)
        #expect(!ChannelCheck.program(folder.path).isWell)
        let closed = ChannelCheck.program(try file("closed", "#!/bin/sh\n", mode: 0o644))
        #expect(closed.words.contains("chmod +x"))
        let foreign = ChannelCheck.program(try file("foreign", "#! /usr/bin/no-such x\n"))
        #expect(foreign.words.contains("/usr/bin/no-such"))
        let windows = ChannelCheck.program(try file("windows", "#!/bin/sh\r\nexit 0\r\n"))
        #expect(windows.words.contains("Windows"))
    }
}
