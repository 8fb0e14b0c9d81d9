// What may stand as a mail address. Only what can go into an envelope and a header without quoting:
// no quoted local parts, no SMTPUTF8, which few servers have. Strict, because an address is the one
// text that is put into a command of the conversation; and in one place, so that no rule file is
// taken whose mails could not be sent.

package enum MailSyntax {
    /// RFC 5321 §4.1.2: a dot-string, `@`, a domain or an address literal; lengths of §4.5.3.1.
    package static func isAddress(_ text: Substring) -> Bool {
        guard text.utf8.count <= 254, let at = text.lastIndex(of: "@") else { return false }
        let local = text[..<at]
        let domain = text[text.index(after: at)...]
        guard local.utf8.count <= 64 else { return false }
        let atoms = local.split(separator: ".", omittingEmptySubsequences: false)
        guard atoms.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isAtomText) }) else {
            return false
        }
        if domain.hasPrefix("["), domain.hasSuffix("]") {
            return domain.utf8.dropFirst().dropLast().allSatisfy {
                isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":")
            }
        }
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            !label.isEmpty && label.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 45 }
                && !label.hasPrefix("-") && !label.hasSuffix("-")
        }
    }

    /// RFC 5322 §3.2.3, `atext`.
    package static func isAtomText(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }
}
