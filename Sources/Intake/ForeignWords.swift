// What a server says in its own words, as far as it may be shown: the first line (a stack trace has
// hundreds), cut, without controls, and without what we sent it in confidence.
import Alerting

enum ForeignWords {
    /// - Parameter secrets: texts that the server may repeat; short ones too.
    static func line(_ bytes: [UInt8], without secrets: [String] = []) -> String {
        // Secrets are looked for before anything is cut: half of one is still half of one.
        let start = bytes.drop { $0 <= 32 }
        let whole = start.prefix { $0 != 10 && $0 != 13 }.prefix(16 * Limits.foreignWordsBytes)
        var text = String(decoding: whole, as: UTF8.self)
        for secret in secrets.sorted(by: { $0.utf8.count > $1.utf8.count }) where !secret.isEmpty {
            text.replace(secret, with: "•••")
        }
        return cleaned(text)
    }

    /// At most `Limits.foreignWordsBytes`, without controls.
    static func cleaned(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: continue
            default: break
            }
            count += UTF8.width(scalar)
            guard count <= Limits.foreignWordsBytes else { break }
            kept.append(scalar)
        }
        return String(kept)
    }
}
