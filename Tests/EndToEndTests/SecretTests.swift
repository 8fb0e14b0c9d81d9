// What must be nowhere: no secret and no person of the sender's in the log or in the database, not
// even after failures, which is when programs like to say too much (CONFIG, "In").

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("secrets")
    struct SecretTests {
        static let secret =
            "whsec_" + Data("another secret of 32 bytes .....".utf8).base64EncodedString()

        @Test("no key, password, token or user is in the log or in the database")
        func nowhere() throws {
            let sink = try HTTPSink()
            let folder = try folder(sink)
            let relay = try RelayProcess(folder)
            var event = EventBody(id: 1)
            event.more = """
                "users": [{"id": 4, "name": "Erika", "email": "erika@private.example", \
                "attributes": {"webhookPsk": "psk-of-erika"}}], "webhookPsk": "psk-at-the-top", \
                "passport": {"serial": "passport-of-erika"}
                """
            #expect(try relay.post(event.json) == 200)
            #expect(sink.wait(20, taken: 1))
            // What goes wrong speaks, too: a refused post, a body that is none, a dead mail server.
            #expect(try relay.post("{\"users\": [\"erika@private.example\"", headers: [:]) == 400)
            let wrong = ["Authorization": "Bearer a-wrong-key-of-somebody"]
            #expect(try relay.post(event.json, headers: wrong) == 401)
            #expect(
                try eventually(20) {
                    let list = try relay.outcry("deliveries").output
                    return list.contains("email")
                })
            let token = folder.token
            #expect(token.count >= 32)
            // First while it runs: what is in the WAL is on disk, too.
            let running = try folder.bytes(ofFilesBeginning: "outcry.db")
            #expect(relay.stop() == .code(0))

            let places: [(String, [Data])] = [
                ("the running database", running),
                ("the database", try folder.bytes(ofFilesBeginning: "outcry.db")),
                ("the log", [Data(relay.log.joined(separator: "\n").utf8)]),
                ("a notification", sink.requests.map { Data($0.message.body) }),
            ]
            let secrets = [
                "webhook-key-0cf1e7a2", "mail-password-2", token, Self.secret,
                "erika@private.example", "psk-of-erika", "psk-at-the-top", "passport-of-erika",
                "a-wrong-key-of-somebody",
            ]
            for (place, files) in places {
                for secret in secrets {
                    let found = files.contains { $0.firstRange(of: Data(secret.utf8)) != nil }
                    #expect(!found, "\(secret) is in \(place)")
                }
            }
            // The search itself works: what must be there is found.
            #expect(running.contains { $0.firstRange(of: Data("Cargo 1".utf8)) != nil })
        }

        private func folder(_ sink: HTTPSink) throws -> RelayFolder {
            // A port that nobody listens on: every mail fails there.
            let dead = try HTTPSink()
            dead.down()
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm.replacing(
                    "fleet: { http: fleet-api }",
                    with: "fleet: { email: owner@example.org, http: fleet-api }"),
                channels: """
                    email:
                      server: smtp://127.0.0.1:\(dead.port)
                      starttls: none
                      username: outcry
                      password: ${file:smtp-password}
                      from: Outcry <outcry@example.org>
                    \(EndToEnd.fleet(sink, ", secret: \"${file:fleet-secret}\""))
                    """)
            try folder.write("smtp-password", "mail-password-2\n")
            try folder.write("fleet-secret", Self.secret + "\n")
            return folder
        }
    }
}
