// `outcry simulate` as a person starts it: the options reach the server, and a scene is played.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the stand-in server")
    struct SimulateTests {
        private func port(_ program: RunningProgram) throws -> Int {
            let line = try #require(
                program.line(within: 20, ofOutput: true) { $0.contains("server stands at") })
            return try #require(Int(line.split(separator: ":").last ?? ""))
        }

        @Test("it plays a scene, lets its account in and posts to the webhook")
        func scene() throws {
            let sink = try HTTPSink()
            let program = try RunningProgram(
                outcryBinary,
                [
                    "simulate", "--port", "0", "--email", "me@example.org", "--password", "p w",
                    "--token", "t0ken", "--scene", "theft", "--speed", "1000", "--webhook-url",
                    sink.url, "--webhook-psk", "Bearer x", "--webhook-types", "alarm",
                ])
            defer { program.send(SIGKILL) }
            let http = PlainHTTP(port: try port(program))
            #expect(try http.get("/api/session?token=t0ken").status == 200)
            #expect(try http.get("/api/session?token=other").status == 404)
            let form = Array("email=me%40example.org&password=p+w".utf8)
            #expect(try http.send("POST", "/api/session", body: form).status == 200)
            #expect(
                program.line(within: 20, ofOutput: true) { $0.contains("the scene is over") } != nil
            )
            #expect(program.output.contains { $0.hasSuffix("Cargo 1: alarm powerCut") })
            #expect(sink.wait(10, taken: 3))
            #expect(sink.taken.allSatisfy { $0.message.headers["authorization"] == "Bearer x" })
            #expect(sink.taken.allSatisfy { $0.message.text.contains(#""type":"alarm""#) })
            program.send(SIGINT)
            #expect(program.exit(within: 10) != nil)
        }

        @Test(
            "what it cannot do, it says",
            arguments: [
                (["--scene", "nothing"], "there is no scene 'nothing'"),
                (["--speed", "0"], "above 0"), (["--dialect", "7"], "dialect"),
                (["--webhook-url", "https://x"], "http only"),
            ])
        func refusals(_ arguments: [String], _ said: String) throws {
            let done = try finish(outcryBinary, ["simulate", "--port", "0"] + arguments)
            #expect(done.exit == .code(2))
            #expect(done.errors.contains(said), "\(done.errors)")
        }

        @Test("a port that is taken is said")
        func taken() throws {
            let (descriptor, port) = try LoopbackSocket.listen(on: 0)
            defer { close(descriptor) }
            let done = try finish(outcryBinary, ["simulate", "--port", String(port)])
            #expect(done.exit == .code(78))
            #expect(done.errors.contains("cannot listen on port \(port)"), "\(done.errors)")
        }
    }
}
