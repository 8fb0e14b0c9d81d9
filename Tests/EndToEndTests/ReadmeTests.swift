// "Your first own rule in five minutes", done as a reader does it: the blocks of the README in
// their order, in a home of its own, with the binary that was built. Only what may not be touched
// (/usr/local/bin, /tmp, the port) is put elsewhere.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the README's first own rule")
    struct ReadmeTests {
        @Test("from the rule file to the line that the hook writes")
        func firstOwnRule() throws {
            let blocks = DocsTests.blocks.filter {
                $0.file == "README.md" && $0.section.hasPrefix("Your first own rule")
            }
            #expect(blocks.map(\.language) == ["sh", "yaml", "sh", "yaml", "sh", "sh"])
            try #require(blocks.count == 6)
            let reader = try Reader()
            defer { reader.stop() }

            try reader.save("rules/bike.yaml", blocks[1])
            let checked = try reader.type(blocks[2])
            #expect(checked.exit == .code(0), "\(checked.errors)")
            #expect(checked.output.contains("passed"), "\(checked.output)")

            try reader.save("outcry.yaml", blocks[3])
            try reader.run(blocks[4])
            let shaken = try reader.type(blocks[5])
            #expect(shaken.exit == .code(0), "\(shaken.errors)")
            #expect(shaken.output.contains("HTTP/1.1 200 OK"), "\(shaken.output)")
            #expect(
                shaken.output.contains(" critical Theft? My bike: vibration alarm\n"),
                "the hook's line: \(shaken.output)")
            #expect(shaken.output.contains("theft"), "\(shaken.output)")
        }
    }

    /// Somebody who follows the README in two terminals.
    private final class Reader {
        private let folder: RelayFolder
        private let home: String
        private let port: Int
        private let replaced: [(String, String)]
        private var relay: RunningProgram?

        init() throws {
            folder = try RelayFolder(rules: "")
            home = folder.path + "/home"
            port = try LoopbackSocket.freePort()
            let bin = folder.path + "/bin"
            let files = FileManager.default
            for path in [bin, home + "/outcry/rules"] {
                try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            try files.createSymbolicLink(
                atPath: bin + "/outcry", withDestinationPath: outcryBinary)
            try files.createSymbolicLink(
                atPath: bin + "/outcry-log-to-file",
                withDestinationPath: projectRoot + "/etc/hooks/log-to-file.sh")
            let written = folder.path + "/outcry.txt"
            replaced = [
                // The hook may still be at it when the reader looks.
                (
                    "cat /tmp/outcry.txt",
                    "timeout 20 sh -c 'until [ -s \(written) ]; do sleep 0.1; done; cat \(written)'"
                ),
                ("/tmp/outcry.txt", written), ("/usr/local/bin/", bin + "/"),
                ("127.0.0.1:8642", "127.0.0.1:\(port)"),
            ]
        }

        private func put(_ block: DocsTests.Block) -> String {
            replaced.reduce(block.text) { $0.replacing($1.0, with: $1.1) }
        }

        func save(_ name: String, _ block: DocsTests.Block) throws {
            var text = put(block)
            if name == "outcry.yaml" {
                text += "listen: 127.0.0.1:\(port)\nadmin: 127.0.0.1:\(folder.adminPort)\n"
            }
            try Data(text.utf8).write(to: URL(fileURLWithPath: home + "/outcry/" + name))
        }

        /// Types a block into a shell, to its end.
        func type(_ block: DocsTests.Block) throws -> Finished {
            try finish(
                "/bin/bash", ["-ec", "cd ~/outcry\n" + put(block)], environment: environment,
                within: 60)
        }

        /// Types a block whose last line keeps running, and waits until it listens.
        func run(_ block: DocsTests.Block) throws {
            let text = put(block).replacing("\noutcry run", with: "\nexec outcry run")
            let relay = try RunningProgram(
                "/bin/bash", ["-ec", "cd ~/outcry\n" + text], environment: environment)
            self.relay = relay
            guard relay.line(within: 30, { $0.contains("listening") }) != nil else {
                throw HarnessError("it does not listen: \(relay.errors)")
            }
        }

        private var environment: [String: String] {
            ["HOME": home, "PATH": folder.path + "/bin:/usr/local/bin:/usr/bin:/bin"]
        }

        func stop() {
            relay?.send(SIGTERM)
            _ = relay?.exit(within: 10)
        }
    }
}
