// What the documents show is tried: every command of a `sh` block is one that the program or the
// Makefile knows, every YAML block is accepted by the checker (and passes its own tests), and the
// README's first own rule is done as a reader does it, block by block.

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("the documents")
    struct DocsTests {
        /// A block of code of a document.
        struct Block: Sendable, CustomTestStringConvertible {
            var file: String
            var line: Int
            /// The headings above it, outermost first.
            var section: String
            var language: String
            var text: String

            var testDescription: String { "\(file):\(line)" }
            var isFragment: Bool { text.hasPrefix("# fragment") }
        }

        static let blocks: [Block] = {
            let docs = projectRoot + "/docs"
            let pages = (try? FileManager.default.subpathsOfDirectory(atPath: docs)) ?? []
            let files = ["README.md"] + pages.filter { $0.hasSuffix(".md") }.map { "docs/" + $0 }
            return files.sorted().flatMap(blocks(in:))
        }()

        private static func blocks(in file: String) -> [Block] {
            let bytes = FileManager.default.contents(atPath: projectRoot + "/" + file) ?? Data()
            var found: [Block] = []
            var open: Block?
            var section = ""
            let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n")
            for (number, line) in lines.enumerated() {
                let fence = line.trimmingCharacters(in: .whitespaces)
                if fence.hasPrefix("```") {
                    if let block = open {
                        found.append(block)
                        open = nil
                    } else {
                        open = Block(
                            file: file, line: number + 1, section: section,
                            language: String(fence.dropFirst(3)), text: "")
                    }
                } else if open != nil {
                    open?.text += line + "\n"
                } else if line.hasPrefix("#") {
                    section = line.drop { "# ".contains($0) }.description
                }
            }
            return found
        }

        // MARK: Commands

        static let commands: [String] = {
            let shown = blocks.filter { $0.language == "sh" }.flatMap { block in
                block.text.components(separatedBy: "\n").flatMap {
                    $0.components(separatedBy: "&&")
                }
            }
            let known = shown.map { $0.trimmingCharacters(in: .whitespaces) }
            return Set(known.filter { $0.hasPrefix("outcry ") || $0.hasPrefix("make ") }).sorted()
        }()

        @Test("there are commands and rule files in them")
        func areThere() {
            #expect(Self.commands.count >= 10)
            #expect(Self.blocks.filter { $0.language == "yaml" }.count >= 8)
        }

        @Test(
            "every command shown is one that the program or the Makefile knows", arguments: commands
        )
        func known(_ command: String) throws {
            let words = Self.words(of: command)
            guard command.hasPrefix("outcry ") else {
                let planned = try finish("/usr/bin/make", ["-C", projectRoot, "-n"] + words)
                #expect(planned.exit == .code(0), "\(planned.errors)")
                return
            }
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

        /// The words after the first, without a comment and without what a pipe does with them.
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

        // MARK: Rule files and configurations

        static let yaml = blocks.filter { $0.language == "yaml" }

        @Test("every rule file and configuration shown is accepted", arguments: yaml)
        func accepted(_ block: Block) throws {
            let folder = try RelayFolder(
                rules: EndToEnd.everyAlarm,
                channels: "http:\n  fleet-api: { url: http://127.0.0.1:9 }")
            if block.text.contains("sources:") {
                let rest = block.text.contains("data:") ? "" : "data: outcry.db\nrules: rules\n"
                try folder.write("rules/rules.yaml", "version: 1\n")
                // The contact stands in rules that are not here.
                let text = block.text.replacing(/operator: .*\n/, with: "")
                try folder.write("outcry.yaml", rest + text)
                try accepts(["check", "--config", folder.configuration], block)
                return
            }
            try folder.write("rules/holidays.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
            let version = block.isFragment ? "version: 1\n" : ""
            try folder.write("rules/rules.yaml", version + block.text)
            try accepts(["check", folder.path + "/rules"], block)
            if block.text.contains("\ntests:") {
                try accepts(["test", folder.path + "/rules"], block)
            }
        }

        private func accepts(_ arguments: [String], _ block: Block) throws {
            let done = try finish(
                outcryBinary, arguments,
                environment: ["OUTCRY_TRACCAR_AUTHORIZATION": "Bearer of-the-documents"])
            #expect(
                done.exit == .code(0), "\(block.file):\(block.line): \(done.errors)\(done.output)")
        }
    }
}
