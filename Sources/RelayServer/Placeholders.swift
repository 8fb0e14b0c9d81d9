// `${env:NAME}` and `${file:PATH}`: the only way by which secrets get into the configuration. What
// was read is never said in an error, only its name.

import Foundation
import Glibc

/// Replaces placeholders in texts of the configuration.
struct Placeholders {
    let folder: URL
    /// false: placeholders stay as they are.
    let resolves: Bool

    struct Fault: Error {
        let message: String
    }

    static func contains(_ text: String) -> Bool { text.contains("${") }

    /// - Throws: `Fault`, which names the variable or file that is missing.
    func resolve(_ text: String) throws(Fault) -> String {
        guard resolves, Self.contains(text) else { return text }
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else {
                throw Fault(message: "'${' without its '}'")
            }
            result += try value(of: String(rest[..<end]))
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func value(of name: String) throws(Fault) -> String {
        if name.hasPrefix("env:") {
            let variable = String(name.dropFirst(4))
            guard let value = getenv(variable) else {
                throw Fault(message: "the environment has no variable \(variable)")
            }
            return String(cString: value)
        }
        if name.hasPrefix("file:") {
            let path = String(name.dropFirst(5))
            let url = URL(fileURLWithPath: path, relativeTo: folder)
            guard let bytes = FileManager.default.contents(atPath: url.path) else {
                throw Fault(message: "cannot read the file \(path)")
            }
            var text = String(decoding: bytes, as: UTF8.self)
            // Editors end a file with a newline; it is no part of a secret.
            if text.hasSuffix("\r\n") { text.removeLast() } else if text.hasSuffix("\n") {
                text.removeLast()
            }
            return text
        }
        throw Fault(message: "'${\(name)}' is neither ${env:NAME} nor ${file:PATH}")
    }
}
