// The admin listener: health and metrics for everybody on the machine, the API for who may read the
// token, nothing for a page in a browser that borrowed a name.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the admin pages")
    struct AdminTests {
        @Test("health, readiness and metrics")
        func pages() throws {
            let sink = try HTTPSink()
            let relay = try EndToEnd.relay(to: sink)
            defer { relay.stop() }
            #expect(try relay.adminPage("/healthz").status == 200)
            let ready = try relay.adminPage("/readyz")
            #expect(ready.status == 200)
            let body = try JSONSerialization.jsonObject(with: Data(ready.body)) as? [String: Any]
            #expect(body?["ready"] as? Bool == true)
            #expect(body?["rules"] as? Int == 1)

            #expect(try relay.post(EventBody(id: 1).json) == 200)
            #expect(sink.wait(20, taken: 1))
            let page = try relay.adminPage("/metrics")
            #expect(page.status == 200)
            #expect(page.headers["content-type"]?.hasPrefix("text/plain") == true)
            try checkExposition(page.text)
        }

        /// Prometheus' text format 0.0.4: each sample has a name that was announced, and a number.
        private func checkExposition(_ text: String) throws {
            var announced: Set<Substring> = []
            var samples = 0
            for line in text.split(separator: "\n") {
                if line.hasPrefix("# TYPE ") {
                    announced.insert(line.split(separator: " ")[2])
                } else if !line.hasPrefix("#") {
                    let name = line.prefix { $0 != "{" && $0 != " " }
                    #expect(name.hasPrefix("outcry_"), "\(line)")
                    #expect(announced.contains(name), "\(line)")
                    #expect(Double(line.split(separator: " ").last ?? "") != nil, "\(line)")
                    samples += 1
                }
            }
            #expect(samples > 5)
        }

        @Test("the API wants the token")
        func token() throws {
            let relay = try EndToEnd.relay(to: HTTPSink())
            defer { relay.stop() }
            let path = "/api/incidents/every-alarm/acknowledge"
            let body = Array(#"{"by": "test"}"#.utf8)
            for wrong in [[:], ["Authorization": "Bearer wrong"]] {
                let answer = try PlainHTTP(port: relay.adminPort)
                    .send("POST", path, headers: wrong, body: body)
                #expect(answer.status == 401)
            }
            let right = ["Authorization": "Bearer \(relay.folder.token)"]
            let answer = try PlainHTTP(port: relay.adminPort)
                .send("POST", path, headers: right, body: body)
            #expect(answer.status / 100 == 2)
        }

        @Test("a borrowed Host is refused", arguments: ["evil.example", "evil.example:80", ""])
        func host(_ host: String) throws {
            let relay = try EndToEnd.relay(to: HTTPSink())
            defer { relay.stop() }
            let answer = try relay.adminPage("/metrics", headers: ["Host": host])
            #expect(answer.status / 100 == 4)
            #expect(!answer.text.contains("outcry_"))
        }
    }
}
