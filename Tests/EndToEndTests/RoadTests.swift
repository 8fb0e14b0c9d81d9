// The whole road of one event: webhook in, rule, notification out by each of the three channels,
// once however often the event comes.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("from an event to its notifications")
    struct RoadTests {
        static let secret =
            "whsec_" + Data("a secret of thirty-two bytes ...".utf8).base64EncodedString()

        @Test("one event is told by e-mail, HTTP and hook at once")
        func threeChannels() async throws {
            let certificate = try TestCertificate()
            let mail = try await Sink(
                "smtp_sink.py",
                ["--tls", "starttls", "--user", "outcry", "--password", "mail-password-1"]
                    + certificate.arguments)
            defer { mail.stop() }
            let http = try HTTPSink()
            let relay = try RelayProcess(try folder(mail.port, http, certificate.certificate))
            defer { relay.stop() }

            let body = EventBody(id: 173).json
            #expect(try relay.post(body, headers: ["X-PowTxn": "txn-173"]) == 200)

            let letter = try #require(try await mail.mails(1).first)
            #expect(letter.encrypted && letter.login == "outcry")
            #expect(letter.recipients == ["owner@example.org"])
            #expect(letter.data.contains("Auto-Submitted: auto-generated"))
            try checkByPython(letter.data)

            #expect(http.wait(20, taken: 1))
            let request = try #require(http.taken.first)
            let notice = try request.notice()
            #expect(notice.type == "incident.opened" && notice.data.reason == "first")
            #expect(notice.eventIds == [173])
            #expect(notice.data.items?.first?.event?.txn == "txn-173")
            #expect(notice.data.items?.first?.device?.name == "Cargo 1")
            #expect(request.message.headers["webhook-signature"]?.hasPrefix("v1,") == true)
            #expect(Int(request.message.headers["webhook-timestamp"] ?? "") != nil)

            #expect(try eventually(20) { relay.folder.read("rung").contains("\n") })
            #expect(relay.folder.read("rung") == "Cargo 1|alarm|vibration|173|first|critical\n")
            let onStandardInput = try JSONDecoder().decode(
                Notice.self, from: Data(relay.folder.read("stdin").utf8))
            #expect(onStandardInput.eventIds == [173])
        }

        private func folder(_ mailPort: Int, _ http: HTTPSink, _ ca: String) throws -> RelayFolder {
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm.replacing(
                    "fleet: { http: fleet-api }",
                    with: "fleet: { email: owner@example.org, http: fleet-api, hook: ring }"))
            try folder.write("smtp-password", "mail-password-1\n")
            try folder.write("fleet-secret", Self.secret + "\n")
            try folder.write(
                "ring.sh",
                """
                #!/bin/sh
                /bin/cat > "$1/stdin"
                echo "$OUTCRY_DEVICE|$OUTCRY_EVENT|$OUTCRY_ALARM|$OUTCRY_EVENT_ID|\
                $OUTCRY_REASON|$OUTCRY_SEVERITY" >> "$1/rung"

                """, mode: 0o700)
            let channels = """
                email:
                  server: smtp://127.0.0.1:\(mailPort)
                  starttls: required
                  username: outcry
                  password: ${file:smtp-password}
                  from: Outcry <outcry@example.org>
                  ca: \(ca)
                http:
                  fleet-api: { url: "\(http.url)", secret: "${file:fleet-secret}", timeout: 5s }
                hooks:
                  ring: { run: ["\(folder.path)/ring.sh", "\(folder.path)"], timeout: 10s }
                """
            try folder.configure(channels: channels)
            return folder
        }

        /// Python's own mail parser finds nothing wrong with it.
        private func checkByPython(_ letter: String) throws {
            let script = """
                import sys, email, email.policy
                mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.SMTP)
                for part in mail.walk():
                    assert not part.defects, part.defects
                    assert part.is_multipart() or part.get_content()
                for name in ("From", "To", "Subject", "Date", "Message-ID"):
                    assert mail[name] and not mail[name].defects, name
                assert mail["X-Outcry-Rule"] == "every-alarm", mail["X-Outcry-Rule"]
                """
            let result = try finish(Python.path, ["-c", script], input: letter)
            #expect(result.exit == .code(0), "\(result.errors)")
        }

        @Test("a copy of an event is answered 200 and not told again")
        func duplicate() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            var copy = EventBody(id: 7)
            #expect(try relay.post(copy.json) == 200)
            // Copies differ in what surrounds the event; the identity does not look at it.
            copy.more = "\"users\": []"
            #expect(try relay.post(copy.json) == 200)
            #expect(try relay.post(EventBody(id: 8).json) == 200)
            #expect(sink.wait(20, taken: 2))
            // Inputs are taken in order: with the second event told, the copy has been decided.
            #expect(try sink.taken.map { try $0.notice().eventIds } == [[7], [8]])
        }

        @Test("the signature is one that the reference library accepts", .enabled(if: hasLibrary))
        func signature() throws {
            let sink = try HTTPSink()
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm,
                channels: EndToEnd.fleet(sink, ", secret: \"${file:fleet-secret}\""))
            try folder.write("fleet-secret", Self.secret + "\n")
            let relay = try RelayProcess(folder)
            defer { relay.stop() }
            #expect(try relay.post(EventBody(id: 9).json) == 200)
            #expect(sink.wait(20, taken: 1))
            let message = try #require(sink.taken.first).message
            let script = """
                import sys, json
                from standardwebhooks.webhooks import Webhook
                headers = json.loads(sys.argv[2])
                body = sys.stdin.buffer.read()
                Webhook(sys.argv[1]).verify(body, headers)
                try:
                    Webhook(sys.argv[1]).verify(body + b" ", headers)
                except Exception:
                    sys.exit(0)
                sys.exit("a changed body was accepted")
                """
            let headers = try JSONEncoder().encode(message.headers)
            let arguments = [Self.secret, String(decoding: headers, as: UTF8.self)]
            let result = try finish(
                libraryPython, ["-c", script] + arguments, input: message.text)
            #expect(result.exit == .code(0), "\(result.errors)")
        }
    }
}

/// The Python of `make test`, which has the library where PyPI was reachable; else the system's.
private let libraryPython: String = {
    let own = projectRoot + "/.build/python/bin/python3"
    return FileManager.default.isExecutableFile(atPath: own) ? own : Python.path
}()

private let hasLibrary: Bool = {
    // A Python that cannot be started has no library either.
    let result = try? finish(libraryPython, ["-c", "import standardwebhooks"])
    return result?.exit == .code(0)
}()
