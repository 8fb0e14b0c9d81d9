// Reads the tree and holds it to the project's own rules: what a module may import, what the pure
// core may not call, sizes, headers, and that every path in the documents exists.

import Foundation
import Testing

/// One Swift file of the tree.
struct SourceFile: CustomStringConvertible, Sendable {
    let path: String
    let lines: [String]
    var module: String { String(path.split(separator: "/")[1]) }
    var description: String { path }

    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func all(below folder: String, suffix: String = ".swift") -> [SourceFile] {
        let base = root.appendingPathComponent(folder)
        guard let walker = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return walker.compactMap { $0 as? String }.filter { $0.hasSuffix(suffix) }.sorted()
            .compactMap { name in
                let url = base.appendingPathComponent(name)
                guard let text = try? String(contentsOf: url, encoding: .utf8) else {
                    Issue.record("\(folder)/\(name) cannot be read as UTF-8")
                    return nil
                }
                return SourceFile(
                    path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
            }
    }

    /// The line without its strings' contents and without its comment.
    func code(_ index: Int) -> String {
        var result = ""
        var inString = false
        var previous: Character = " "
        for character in lines[index] {
            if character == "\"" && previous != "\\" {
                inString.toggle()
            } else if !inString {
                if character == "/" && previous == "/" {
                    result.removeLast()
                    break
                }
                result.append(character)
            }
            previous = character
        }
        return result
    }
}

@Suite("The tree keeps its own rules")
struct TidyTests {
    static let sources = SourceFile.all(below: "Sources")
    static let tests = SourceFile.all(below: "Tests")

    /// What each module may import. A wall is an import that somebody would be tempted to write.
    static let allowed: [String: Set<String>] = [
        "Alerting": ["Foundation", "CYaml", "Mustache", "Crypto"],
        "Storage": [
            "Alerting", "CSQLiteShim", "Dispatch", "Foundation", "GRDB", "GRDBSQLite", "Glibc",
            "Synchronization",
        ],
        "Intake": [
            "Alerting", "CSimdjson", "Foundation", "Glibc", "HTTPTypes", "Hummingbird",
            "HummingbirdCore", "HummingbirdTLS", "Logging", "NIOConcurrencyHelpers", "NIOCore",
            "NIOHTTP1", "NIOHTTPTypes", "NIOHTTPTypesHTTP1", "NIOPosix", "NIOSSL",
            "NIOWebSocket", "ServiceLifecycle", "Synchronization",
        ],
        "Channels": [
            "Alerting", "CCurl", "CCurlShim", "Crypto", "Foundation", "Glibc", "Logging",
            "Subprocess", "Synchronization", "SystemPackage",
        ],
        "RelayServer": [
            "Alerting", "Channels", "Crypto", "Dispatch", "Foundation", "Glibc", "HTTPTypes",
            "Hummingbird", "Intake", "Logging", "NIOCore", "NIOPosix", "ServiceLifecycle",
            "Storage", "Synchronization", "TrackerSimulator", "UnixSignals",
        ],
        // None of ours: what judges the relay shares nothing with it.
        "TrackerSimulator": [
            "Foundation", "Glibc", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOWebSocket",
            "Synchronization",
        ],
        "outcry": [
            "Alerting", "ArgumentParser", "Foundation", "Glibc", "Logging", "RelayServer",
            "TrackerSimulator",
        ],
    ]

    @Test("a module imports only what its wall lets through", arguments: sources)
    func imports(_ file: SourceFile) {
        for (index, line) in file.lines.enumerated() {
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at <= 2, words.count > at + 1,
                words[..<at].allSatisfy({ ["package", "internal", "@preconcurrency"].contains($0) })
            else { continue }
            let name = String(words[at + 1].split(separator: ".")[0])
            #expect(
                Self.allowed[file.module]?.contains(name) ?? false,
                "\(file.path):\(index + 1): \(file.module) may not import \(name)")
            #expect(
                name != "TrackerSimulator" || file.module == "outcry"
                    || file.path.contains("/Demonstration/"),
                "\(file.path): the simulator is for the demonstration alone")
            let onlyIn = ["CYaml": "Document", "Mustache": "Template"]
            if file.module == "Alerting", let prefix = onlyIn[name] {
                let base = file.path.split(separator: "/").last.map(String.init) ?? ""
                #expect(base.hasPrefix(prefix), "\(file.path): \(name) belongs in \(prefix)*.swift")
            }
        }
    }

    @Test(
        "the core has no clock, no chance, no I/O and does not wait",
        arguments: sources.filter { $0.module == "Alerting" })
    func purity(_ file: SourceFile) {
        let banned = [
            "Date()", "Date.now", "UUID()", ".random(", "SystemRandomNumberGenerator", "print(",
            "FileManager", "contentsOfFile", "contentsOf: URL", "ProcessInfo", "DispatchQueue",
            "Thread.", " await ", "ContinuousClock", "SuspendingClock", "clock_gettime",
        ]
        for index in file.lines.indices {
            let code = file.code(index)
            for word in banned where code.contains(word) {
                // `func notify(…) async` is a protocol's promise, not a wait.
                Issue.record("\(file.path):\(index + 1): the core may not use '\(word)'")
            }
        }
    }

    @Test("SQL stands in Storage alone", arguments: sources.filter { $0.module != "Storage" })
    func sql(_ file: SourceFile) {
        for (index, line) in file.lines.enumerated() {
            for word in ["INSERT INTO", "SELECT ", "CREATE TABLE", "UPDATE "]
            where line.contains("\"" + word) {
                Issue.record("\(file.path):\(index + 1): SQL outside of Storage")
            }
        }
    }

    @Test(
        "only the timekeeper reads the clock", arguments: sources.filter { $0.module != "Alerting" }
    )
    func clock(_ file: SourceFile) {
        guard !file.path.hasSuffix("Timekeeper.swift") else { return }
        for index in file.lines.indices {
            for word in ["Date()", "Date.now", "CLOCK_REALTIME", "gettimeofday"]
            where file.code(index).contains(word) {
                Issue.record("\(file.path):\(index + 1): '\(word)' outside of Timekeeper")
            }
        }
    }

    @Test("lines, functions and files keep their size", arguments: sources + tests)
    func sizes(_ file: SourceFile) {
        let isGenerated = file.lines.first?.hasPrefix("// Made by ") ?? false
        let isOurs = file.path.hasPrefix("Sources/")
        // Tests quote whole lines of other people's formats.
        let columns = isOurs ? 100 : 120
        for (index, line) in file.lines.enumerated() where line.count > columns && !isGenerated {
            Issue.record("\(file.path):\(index + 1): \(line.count) columns, \(columns) at most")
        }
        if isOurs, !isGenerated {
            #expect(file.lines.count <= 400, "\(file.path): \(file.lines.count) lines, 400 at most")
        }
        var start: (line: Int, indent: Int)?
        for (index, line) in file.lines.enumerated() where isOurs && !isGenerated {
            let indent = line.prefix { $0 == " " }.count
            let code = file.code(index)
            if start == nil, code.contains("func ") || code.contains("init("), code.hasSuffix("{") {
                start = (index, indent)
            } else if let begun = start, indent == begun.indent,
                line.hasPrefix(
                    String(repeating: " ", count: indent) + "}")
            {
                let length = index - begun.line + 1
                #expect(length <= 70, "\(file.path):\(begun.line + 1): \(length) lines, 70 at most")
                start = nil
            }
        }
    }

    @Test("a file says what it promises, and leaves nothing half done", arguments: sources)
    func headers(_ file: SourceFile) {
        #expect(file.lines.first?.hasPrefix("//") ?? false, "\(file.path): no header")
        let banned = [
            "Task.detached", "fatalError(", "try!", "as!", "FIXME", "TODO", "print(\"DEBUG",
        ]
        for (index, line) in file.lines.enumerated() {
            for word in banned where line.contains(word) {
                Issue.record("\(file.path):\(index + 1): '\(word)'")
            }
            if line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") {
                let near = file.lines[max(0, index - 3)...min(file.lines.count - 1, index + 2)]
                #expect(
                    near.contains { $0.contains("// ") },
                    "\(file.path):\(index + 1): needs its reason beside it")
            }
        }
    }

    @Test("every path that a document names exists", arguments: documents)
    func documentPaths(_ file: SourceFile) throws {
        let pattern = try Regex(
            #"`((?:Sources|Tests|docs|etc|rules|templates)/[A-Za-z0-9_./+-]*[A-Za-z0-9_/])`"#)
        for (index, line) in file.lines.enumerated() {
            for match in line.matches(of: pattern) {
                let path = String(match.output[1].substring ?? "")
                let exists = FileManager.default.fileExists(
                    atPath: SourceFile.root.appendingPathComponent(path).path)
                #expect(exists, "\(file.path):\(index + 1): there is no \(path)")
            }
        }
    }

    static let documents =
        SourceFile.all(below: "docs", suffix: ".md")
        + ["README.md", "CHANGELOG.md"].compactMap { name in
            (try? String(contentsOf: SourceFile.root.appendingPathComponent(name), encoding: .utf8))
                .map { SourceFile(path: name, lines: $0.components(separatedBy: "\n")) }
        }

    @Test("the top level has what it may have, and nothing more")
    func topLevel() throws {
        let allowed: Set<String> = [
            "Package.swift", "Package.resolved", "Sources", "Tests", "rules", "templates", "etc",
            "docs", "README.md", "Makefile", "CHANGELOG.md",
        ]
        for name in try FileManager.default.contentsOfDirectory(atPath: SourceFile.root.path)
        where !name.hasPrefix(".") {
            #expect(allowed.contains(name), "'\(name)' does not belong at the top")
        }
    }
}
