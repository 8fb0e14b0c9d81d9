// Mail addresses as they stand in the configuration and in rule files: `a@example.org` or
// `Outcry <outcry@example.org>`.
import Alerting

/// An address, and the name shown beside it.
package struct MailAddress: Sendable, Hashable {
    /// Empty: none.
    package let name: String
    /// `local@domain`, ASCII.
    package let address: String

    /// The part behind the `@`.
    package var host: Substring { address[address.index(after: at)...] }

    private var at: String.Index { address.lastIndex(of: "@") ?? address.startIndex }

    /// nil: no address that a mail can be sent to.
    package init?(_ text: String) {
        var rest = Substring(text)
        var name = ""
        if rest.hasSuffix(">"), let open = rest.lastIndex(of: "<") {
            name = String(rest[..<open])
            rest = rest[rest.index(after: open)...].dropLast()
        }
        while name.last == " " { name.removeLast() }
        if name.count >= 2, name.hasPrefix("\""), name.hasSuffix("\"") {
            name = String(name.dropFirst().dropLast())
        }
        guard MailSyntax.isAddress(rest), name == PlainText.line(name) else { return nil }
        self.name = name
        address = String(rest)
    }
}
