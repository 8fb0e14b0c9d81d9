// What a source logs in with. It prints itself without its secrets, and takes them out of foreign
// texts: a server's stack trace may well quote the token that it could not read.

/// `session:` of a source.
package enum Credential: Sendable, Hashable {
    /// Of the account's settings page, or made by `POST /api/session/token`.
    case token(String)
    case login(email: String, password: String)

    /// What must not be shown, as it is and as it stands in a request.
    var secrets: [String] {
        let plain =
            switch self {
            case .token(let token): [token]
            case .login(let email, let password): [password, email]
            }
        return plain.flatMap { [$0, Form.encoded($0)] }
    }
}

extension Credential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        switch self {
        case .token: "a token"
        case .login: "e-mail and password"
        }
    }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// `application/x-www-form-urlencoded`, which queries and login forms share.
enum Form {
    static func encoded(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
    }

    /// All but RFC 3986's unreserved characters as %XX: a `+` is none there, and Jetty reads one as
    /// a blank.
    static func encoded(_ text: String) -> String {
        var result = [UInt8]()
        result.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.append(byte)
            default:
                let digits = Array("0123456789ABCDEF".utf8)
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
