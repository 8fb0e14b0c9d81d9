// `ca:`: servers whose certificates are vouched for by an authority of one's own, against a stand-in
// server that speaks https and wss with such a certificate.
import Alerting
import Channels
import Foundation
import TestSupport
import Testing
import TrackerSimulator

@testable import RelayServer

@Suite("A certificate authority of one's own", .serialized, .timeLimit(.minutes(2)))
struct PrivateAuthorityTests {
    private func lines(_ folder: Folder) async -> [Doctor.Line] {
        let lines = Seen<Doctor.Line>()
        _ = await Doctor(path: folder.configuration) { lines.note($0) }.run()
        return lines.all
    }

    @Test("the doctor and check --online reach the server with it, and not without it")
    func doctor() async throws {
        let certificate = try TestCertificate()
        let rules = DoctorSurroundings.rules.replacing(", jamming", with: "")
        try await DoctorSurroundings.withServer(tls: certificate) { server in
            #expect(server.url.hasPrefix("https://"))
            let relay = try DoctorSurroundings.listener()
            let trusting = try DoctorSurroundings.configuration(
                server.url, listen: relay.port, ca: certificate.certificate, rules: rules)
            let well = await lines(trusting)
            #expect(well.allSatisfy { $0.verdict == .ok }, "\(well)")
            #expect(well.map(\.subject).contains("source one, socket"))

            let untrusting = try DoctorSurroundings.configuration(
                server.url, listen: relay.port, rules: rules)
            let problems = await lines(untrusting).filter { $0.verdict == .problem }
            #expect(problems.map(\.subject) == ["source one, server"])
            #expect(problems[0].words.hasPrefix("the server's certificate does not verify"))

            for (folder, isTrusting) in [(trusting, true), (untrusting, false)] {
                let read = try ConfigurationFile(path: folder.configuration).checked()
                let found = await OnlineCheck(read).findings(for: try RuleLibrary(read).read())
                #expect(found.isEmpty == isTrusting, "\(found)")
            }
        }
    }

    @Test("a relay connects with it, by https and by wss")
    func relay() async throws {
        let certificate = try TestCertificate()
        try await DoctorSurroundings.withServer(tls: certificate) { server in
            let bench = try await RelayBench(try Folder()) { configuration in
                var source = Configuration.SourceSettings(name: "one", url: server.url)
                source.ca = certificate.certificate
                source.session = .init(.token(Secret(World.Account().token)))
                configuration.sources = [source]
            }
            while await !bench.admin("GET", "metrics").body.contains(
                #"outcry_source_connected{source="one"} 1"#)
            {
                try Task.checkCancellation()
            }
            #expect(server.openSockets == 1)
            var report = World.Report(1, at: World.depot)
            report.alarms = ["vibration"]
            #expect(server.perform(.report(report)).contains { $0.alarm == "vibration" })
            try await bench.steps.wait { $0.contains { !$0.deliveries.isEmpty } }
            try await bench.stop()
        }
    }

    static let places = [
        (
            "sources: { one: { url: 'https://a', ca: CA, webhook: { path: /a, authorization: none } } }",
            41
        ),
        (
            "sources: { one: { url: 'https://a', webhook: { path: /a, authorization: none } } }\n"
                + "channels: { email: { server: 'smtps://a', from: a@b.c, ca: CA } }", 60
        ),
        (
            "sources: { one: { url: 'https://a', webhook: { path: /a, authorization: none } } }\n"
                + "channels: { http: { a: { url: 'https://a', ca: CA } } }", 48
        ),
    ]

    @Test("a file that is missing, or holds none, is an error at its place", arguments: places)
    func wrong(_ text: String, column: Int) throws {
        let folder = try Folder()
        let line = 3 + text.count { $0 == "\n" }
        func said(_ ca: String, secrets: Bool = true) throws -> [String] {
            let path = try folder.write(
                "outcry.yaml",
                "data: a.db\nrules: rules\n\(text.replacing("CA", with: ca))\noperator: workshop\n")
            return try ConfigurationFile(path: path, secrets: secrets).findings.map {
                String($0.headline.dropFirst(path.count))
            }
        }
        let missing = ":\(line):\(column): error: cannot read the file no-such.pem"
        #expect(try said("no-such.pem") == [missing])
        #expect(try said("no-such.pem", secrets: false) == [], "it may stand on another machine")
        #expect(try said(".") == [":\(line):\(column): error: cannot read the file ."])
        let none = ":\(line):\(column): error: there are no PEM certificates in the file ca.pem"
        let certificate = try TestCertificate()
        let good = try String(contentsOfFile: certificate.certificate, encoding: .utf8)
        let key = try String(contentsOfFile: certificate.key, encoding: .utf8)
        for text in ["", "hello", key, good.replacing("MII", with: "AAA")] {
            try folder.write("ca.pem", text)
            #expect(try said("ca.pem") == [none])
        }
        for text in [good, "Our own authority\n" + good + good] {
            try folder.write("ca.pem", text)
            #expect(try said("ca.pem") == [])
        }
    }

    @Test("beside http:// it is of no use, which is said")
    func useless() throws {
        let folder = try Folder()
        let certificate = try TestCertificate()
        let path = try folder.write(
            "outcry.yaml",
            """
            data: a.db
            rules: rules
            operator: workshop
            sources:
              one:
                url: http://127.0.0.1:8082
                ca: \(certificate.certificate)
                session: { token: "${env:OUTCRY_NO_SUCH}" }
            """)
        let found = try ConfigurationFile(path: path, secrets: false).findings
        #expect(found.map(\.line) == [7] && found.map(\.severity) == [.warning])
    }
}
