// The cookies of one session (RFC 6265, as much of it as one server and one login need):
// JSESSIONID, and beside it what a proxy in front sets to find the same server again.
import Alerting

/// Names and values, in the order in which they came.
struct CookieJar: CustomReflectable {
    private var cookies: [(name: String, value: String)] = []

    /// The value of a `Cookie` header; nil: there are none.
    var header: String? {
        cookies.isEmpty
            ? nil : cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }

    /// What must not be shown.
    var values: [String] { cookies.map(\.value) }

    var customMirror: Mirror { Mirror(self, children: []) }

    /// Takes the values of `Set-Cookie` headers; more and longer ones than anybody needs are left.
    mutating func take(_ lines: [String]) {
        for line in lines where line.utf8.count <= Limits.cookieBytes {
            let pair = line.prefix { $0 != ";" }
            guard let equals = pair.firstIndex(of: "=") else { continue }
            let name = Self.trimmed(pair[..<equals])
            let value = Self.trimmed(pair[pair.index(after: equals)...])
            // Neither may break out of the header that it goes back in.
            let isPlain = (name + value).utf8.allSatisfy { $0 > 32 && $0 < 127 }
            guard !name.isEmpty, isPlain else { continue }
            cookies.removeAll { $0.name == name }
            let attributes = line.dropFirst(pair.count).lowercased()
            let isGone = value.isEmpty || attributes.contains("max-age=0")
            if !isGone, cookies.count < Limits.cookies { cookies.append((name, value)) }
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(start[...last])
    }
}
