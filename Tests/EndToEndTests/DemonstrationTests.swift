// `outcry demo`, which `make run` shows first: it needs nothing, ends by itself and leaves nothing.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the demonstration")
    struct DemonstrationTests {
        @Test("it prints what the README shows, within a minute, and leaves nothing behind")
        func ends() throws {
            let home = try RelayFolder(rules: "")
            let demonstration = try finish(
                outcryBinary, ["demo", "--rules", projectRoot + "/rules"],
                environment: ["TMPDIR": home.path], within: 60)
            #expect(demonstration.exit == .code(0), "\(demonstration.errors)")
            #expect(demonstration.output.contains("theft"))
            // What arrives at the same moment is printed in either order, and the port is any.
            func lines(_ text: String) -> [String] {
                text.split(separator: "\n").map { String($0) }
                    .filter { !$0.contains("127.0.0.1") }.sorted()
            }
            let readme = try String(contentsOfFile: projectRoot + "/README.md", encoding: .utf8)
            let shown = try #require(
                readme.components(separatedBy: "<!-- demo -->\n```text\n").last?
                    .components(separatedBy: "\n```\n<!-- /demo -->").first)
            #expect(lines(demonstration.output) == lines(shown), "README.md shows another output")
            let left = try FileManager.default.contentsOfDirectory(atPath: home.path)
            #expect(left.sorted() == ["outcry.yaml", "rules", "webhook-key"])
        }
    }
}
