// Python for tests: the sinks are written in it, and its libraries judge what we send. Which
// Python can be told by OUTCRY_PYTHON, for one that has the libraries of PyPI.
package import Foundation

/// The Python that the tests use.
package enum Python {
    /// From OUTCRY_PYTHON, else the first `python3` in the PATH.
    package static let path: String = {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["OUTCRY_PYTHON"] { return named }
        let folders = (environment["PATH"] ?? "/usr/bin").split(separator: ":")
        return folders.map { "\($0)/python3" }
            .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "/usr/bin/python3"
    }()

    /// The folder of the scripts beside this file.
    package static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    /// Whether a module can be imported: a test that needs one from PyPI is skipped without it.
    package static func has(_ module: String) -> Bool {
        (try? run("import \(module)")) != nil  // any failure means no
    }

    package struct Failure: Error { package let output: String }

    /// Runs a script and gives what it prints.
    /// - Throws: `Failure`, with what it printed, where it does not exit with 0.
    @discardableResult
    package static func run(_ script: String, _ arguments: [String] = []) throws -> String {
        try Command.run(path, ["-c", script] + arguments)
    }
}

/// A program that is run to its end.
package enum Command {
    /// - Throws: `Python.Failure` where it does not exit with 0.
    @discardableResult
    package static func run(_ program: String, _ arguments: [String]) throws -> String {
        let done = try finish(program, arguments, within: 300)
        guard done.exit == .code(0) else {
            throw Python.Failure(output: done.output + "\n" + done.errors)
        }
        return done.output
    }
}
