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
        self.authorization = authorization?.withBytes {
            String(decoding: Self.trimmed($0), as: UTF8.self)
        }
    }

    private static func trimmed(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == 0x09 }
        guard let first = text.firstIndex(where: { !isBlank($0) }),
            let last = text.lastIndex(where: { !isBlank($0) })
        else { return UnsafeBufferPointer(rebasing: text[..<0]) }
        return UnsafeBufferPointer(rebasing: text[first...last])
    }

    /// Compares in a time that does not depend on where the two differ.
    func admits(_ given: String?) -> Bool {
        guard let authorization else { return true }
        guard let given else { return false }
        return authorization.withBytes { expected in
            given.withBytes { bytes in
                let given = Self.trimmed(bytes)
                var difference: UInt8 = given.count == expected.count ? 0 : 1
                // Over the expected value's length always: of it, only this can be learnt.
                for index in expected.indices {
                    difference |=
                        expected[index] ^ (index < given.count ? given[index] : ~expected[index])
                }
                return difference == 0
            }
        }
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
