// The commands that the documents show exist: each line of a `sh` block that begins with `outcry`
// is given to the program, which must know its words and options.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the documents")
    struct DocsTests {
        static let commands: [String] = {
            let docs = projectRoot + "/docs"
            // Documents that are not written yet show no commands.
            let pages = (try? FileManager.default.subpathsOfDirectory(atPath: docs)) ?? []
            let files =
                [projectRoot + "/README.md"]
                + pages.filter { $0.hasSuffix(".md") }.map { docs + "/" + $0 }
            return Array(Set(files.flatMap(shown(in:)))).sorted()
        }()

        private static func shown(in path: String) -> [String] {
            let bytes = FileManager.default.contents(atPath: path) ?? Data()
            var isShell = false
            var found: [String] = []
            for line in String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n") {
                let line = line.trimmingCharacters(in: .whitespaces)
                if line.hasPrefix("```") {
                    isShell = line == "```sh"
                } else if isShell, line.hasPrefix("outcry ") {
                    found.append(line)
                }
            }
            return found
        }

        @Test("every command shown is one that the program knows", arguments: commands)
        func known(_ command: String) throws {
            let words = Self.words(of: command)
            let help = try finish(outcryBinary, words + ["--help"])
            #expect(help.exit == .code(0), "\(help.errors)")
            // Help is given for as many words as are known, so the first must be in it.
            let first = try #require(words.first)
            #expect(help.output.contains("USAGE: outcry \(first)"), "\(help.output)")
            for option in words where option.hasPrefix("--") {
                let name = option.prefix { $0 != "=" }
                #expect(help.output.contains(name), "\(name)")
            }
        }

        /// The words after `outcry`, without a comment and without what a pipe does with them.
        private static func words(of command: String) -> [String] {
            let line = command.prefix { !"#|;&>".contains($0) }
            var words: [String] = []
            var word = ""
            var quote: Character?
            for character in line {
                if character == quote {
                    quote = nil
                } else if quote == nil, "\"'".contains(character) {
                    quote = character
                } else if quote == nil, character == " " {
                    if !word.isEmpty { words.append(word) }
                    word = ""
                } else {
                    word.append(character)
                }
            }
            if !word.isEmpty { words.append(word) }
            return Array(words.dropFirst())
        }
    }
}
