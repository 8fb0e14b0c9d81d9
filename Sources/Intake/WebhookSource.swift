// A source that posts to us: which server it is, at which path, and what it must show. It holds a
// secret, so it prints itself without it.

/// One `webhook:` of the configuration (CONFIG.md, sources). An object, for each post holds one.
package final class WebhookSource: Sendable {
    package let name: String
    /// The source's `url`: the name space of its ids.
    package let server: String
    /// As in the request line, without a query: `/hooks/biketrax`.
    package let path: String
    /// The value of the `Authorization` header, whole; nil: anybody may post (`none`).
    package let authorization: String?

    package init(name: String, server: String, path: String, authorization: String?) {
        self.name = name
        self.server = server
        self.path = path
        // Blanks around a header's value are no part of it (RFC 9112 §5).
        self.authorization = authorization.map { String(Self.trimmed(Substring($0))) }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.utf8.last == 0x20 || text.utf8.last == 0x09 { text.removeLast() }
        return text
    }

    /// Compares in a time that does not depend on where the two differ.
    func admits(_ given: String?) -> Bool {
        guard let authorization else { return true }
        guard let given = given.map({ Self.trimmed(Substring($0)) }) else { return false }
        var difference: UInt8 = given.utf8.count == authorization.utf8.count ? 0 : 1
        // Over the expected value's length always: of it, only this can be learnt.
        var next = given.utf8.makeIterator()
        for expected in authorization.utf8 { difference |= expected ^ (next.next() ?? ~expected) }
        return difference == 0
    }
}

extension WebhookSource: CustomStringConvertible, CustomReflectable {
    package var description: String {
        let proof = authorization == nil ? "none" : "set"
        return "webhook \(name) of \(server) at \(path), authorization: \(proof)"
    }
    /// `dump` and crash reports look here.
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
