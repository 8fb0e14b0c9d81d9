// `${env:NAME}` and `${file:PATH}`: the only way by which secrets get into the configuration. What
// was read is never said in an error, only its name.

import Foundation
import Glibc

/// Replaces placeholders in texts of the configuration.
struct Placeholders {
    let folder: URL
    /// false: what cannot be resolved stays as it is, for commands that need no secrets.
    let isStrict: Bool

    struct Fault: Error {
        let message: String
        /// It is written wrongly, whatever the environment and the files have.
        var isMisspelt = false
    }

    static func contains(_ text: String) -> Bool { text.contains("${") }

    /// - Throws: `Fault`, which names the variable or file that is missing.
    func resolve(_ text: String) throws(Fault) -> String {
        do {
            return try resolved(text)
        } catch {
            guard isStrict || error.isMisspelt else { return text }
            throw error
        }
    }

    /// Whether it still has a placeholder after `resolve`.
    func isOpen(_ text: String) -> Bool { !isStrict && Self.contains(text) }

    private func resolved(_ text: String) throws(Fault) -> String {
        guard Self.contains(text) else { return text }
        var result = ""
        var rest = Substring(text)
        var missing: Fault?
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else {
                throw Fault(message: "'${' without its '}'", isMisspelt: true)
            }
            do {
                result += try value(of: String(rest[..<end]))
            } catch {
                // One that is misspelt is said, wherever it stands.
                if error.isMisspelt { throw error }
                missing = missing ?? error
            }
            rest = rest[rest.index(after: end)...]
        }
        if let missing { throw missing }
        return result + rest
    }

    private func value(of name: String) throws(Fault) -> String {
        if name.hasPrefix("env:") {
            let variable = String(name.dropFirst(4))
            guard !variable.isEmpty else {
                throw Fault(message: "'${env:}' names no variable", isMisspelt: true)
            }
            guard let value = getenv(variable) else {
                throw Fault(message: "the environment has no variable \(variable)")
            }
            guard value.pointee != 0 else {
                throw Fault(message: "the variable \(variable) is empty")
            }
            return String(cString: value)
        }
        if name.hasPrefix("file:") {
            let path = String(name.dropFirst(5))
            guard !path.isEmpty else {
                throw Fault(message: "'${file:}' names no file", isMisspelt: true)
            }
            let url = URL(fileURLWithPath: path, relativeTo: folder)
            guard let bytes = FileManager.default.contents(atPath: url.path) else {
                throw Fault(message: "cannot read the file \(path)")
            }
            var text = String(decoding: bytes, as: UTF8.self)
            // Editors end a file with a newline; it is no part of a secret.
            if text.hasSuffix("\r\n") {
                text.removeLast()
            } else if text.hasSuffix("\n") {
                text.removeLast()
            }
            guard !text.isEmpty else { throw Fault(message: "the file \(path) is empty") }
            return text
        }
        // Not shown: a secret may well contain these two characters.
        throw Fault(message: "'${…}' is neither ${env:NAME} nor ${file:PATH}", isMisspelt: true)
    }
}
