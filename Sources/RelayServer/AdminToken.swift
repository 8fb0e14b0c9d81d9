// The token of the admin API: a file beside the database that only its owner can read.

import Foundation
import Glibc
import Storage

/// `outcry.token`, made at the first start, mode 0600.
package enum AdminToken {
    package static func path(beside database: String) -> String {
        URL(fileURLWithPath: database).deletingLastPathComponent()
            .appendingPathComponent("outcry.token").path
    }

    /// Reads the token; makes it where there is none.
    /// - Throws: `ConfigurationError` where it can be neither read nor made.
    package static func readOrMake(beside database: String) throws -> String {
        let path = path(beside: database)
        if let token = try? read(path) {  // none yet: it is made below
            // One that was put back from a copy may be open to others.
            do { try OwnersOnly.take(path) } catch { throw ConfigurationError("\(error)") }
            return token
        }
        var generator = SystemRandomNumberGenerator()
        let token = (0..<4).map { _ in
            let word = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }.joined()
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw ConfigurationError("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let written = token.withCString { write(descriptor, $0, strlen($0)) }
        guard written == token.utf8.count else {
            throw ConfigurationError("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        return token
    }

    /// - Throws: `ConfigurationError` that says what to do.
    package static func read(_ path: String) throws -> String {
        guard let bytes = FileManager.default.contents(atPath: path), bytes.count >= 32 else {
            throw ConfigurationError(
                "cannot read the token \(path): has the relay been started, and may you read it?")
        }
        return String(decoding: bytes, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
