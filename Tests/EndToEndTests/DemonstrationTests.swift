// `outcry demo`, which `make run` shows first: it needs nothing, ends by itself and leaves nothing.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the demonstration")
    struct DemonstrationTests {
        @Test("it tells of a theft within a minute and leaves nothing behind")
        func ends() throws {
            let home = try RelayFolder(rules: "")
            let demonstration = try finish(
                outcryBinary, ["demo", "--rules", projectRoot + "/rules"],
                environment: ["TMPDIR": home.path], within: 60)
            #expect(demonstration.exit == .code(0), "\(demonstration.errors)")
            #expect(demonstration.output.contains("theft"))
            let left = try FileManager.default.contentsOfDirectory(atPath: home.path)
            #expect(left.sorted() == ["outcry.yaml", "rules", "webhook-key"])
        }
    }
}
