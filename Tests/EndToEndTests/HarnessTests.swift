// The harness itself: a sink that is down must really refuse, a child that is killed must really be
// gone, or every test here would prove nothing.

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the harness")
    struct HarnessTests {
        @Test("a sink records, answers as told, refuses while down, and comes back on its port")
        func sink() throws {
            let sink = try HTTPSink()
            let http = PlainHTTP(port: sink.port, limit: 5)
            let body = Array("one".utf8)
            #expect(try http.send("POST", "/a", body: body).status == 200)
            sink.answer(.status(503, headers: ["Retry-After": "7"]))
            let refused = try http.send("POST", "/a", headers: ["webhook-id": "x"], body: body)
            #expect(refused.status == 503 && refused.headers["retry-after"] == "7")
            #expect(sink.requests.map(\.status) == [200, 503])
            #expect(sink.requests[1].webhookID == "x" && sink.requests[0].message.text == "one")

            sink.down()
            // The open connection is cut, and a new one is refused.
            #expect(throws: HarnessError.self) { try http.send("POST", "/a", body: body) }
            #expect(
                try eventually(5) {
                    do {
                        _ = try LoopbackSocket(connectTo: sink.port, limit: 1)
                        return false
                    } catch is HarnessError {
                        return true
                    }
                })
            sink.answer(.status(200))
            try sink.up()
            #expect(try http.send("POST", "/a", headers: ["webhook-id": "y"]).status == 200)
            #expect(sink.wait(1, different: 2))
        }

        @Test("a sink that holds answers when it is released")
        func hold() throws {
            let sink = try HTTPSink()
            sink.answer(.hold)
            let port = sink.port
            let status = Watched<Int?>(nil)
            Thread.detachNewThread {
                // A failure leaves nil, which the test sees.
                let answer = try? PlainHTTP(port: port, limit: 10).send("POST", "/a")
                status.change { $0 = answer?.status }
            }
            #expect(sink.wait(5) { $0.count == 1 })
            #expect(status.current == nil)
            sink.answer(.status(202))
            #expect(status.wait(5) { $0 == 202 })
        }

        @Test("a child's output, exit and death by signal are seen")
        func child() throws {
            let said = try finish("/bin/sh", ["-c", "cat; echo b >&2; exit 3"], input: "a\n")
            #expect(said.exit == .code(3) && said.output == "a" && said.errors == "b")
            let child = try RunningProgram("/bin/sh", ["-c", "echo here >&2; exec sleep 60"])
            #expect(child.line(within: 5) { $0 == "here" } != nil)
            child.send(SIGKILL)
            #expect(child.exit(within: 5) == .signal(SIGKILL))
            #expect(!child.isRunning)
        }

        @Test("a body is JSON of about a kilobyte")
        func body() throws {
            let body = EventBody(id: 1).json
            let object = try JSONSerialization.jsonObject(with: Data(body.utf8))
            #expect((object as? [String: Any])?.keys.sorted() == ["device", "event", "position"])
            #expect((900...1_300).contains(body.utf8.count))
        }
    }
}
