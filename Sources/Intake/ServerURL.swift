// The address of a tracker's server, taken apart once: `https://host[:port][/prefix]`. Pages are
// asked for below it, and the socket needs its host and port.
import Foundation

/// A source's `url`.
package struct ServerURL: Sendable {
    /// As it was given, without slashes at its end.
    let text: String

    package init(_ text: String) {
        var text = Substring(text)
        while text.hasSuffix("/") { text.removeLast() }
        // People copy the address of the API itself (BikeTrax' page shows that one).
        if text.hasSuffix("/api") { text.removeLast(4) }
        self.text = String(text)
    }

    package func url(_ path: String, query: [(name: String, value: String)] = []) -> String {
        query.isEmpty ? text + path : text + path + "?" + Form.encoded(query)
    }

    private var parts: URLComponents? { URLComponents(string: text) }

    var isEncrypted: Bool { parts?.scheme?.lowercased() == "https" }

    /// Without brackets where it is an IPv6 address; nil: this is no address of the web.
    var host: String? {
        guard let parts, let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else { return nil }
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }

    var port: Int { parts?.port ?? (isEncrypted ? 443 : 80) }

    /// `host`, with its port where it is not the usual one: as in a `Host` header.
    var authority: String? {
        guard let host else { return nil }
        let bracketed = host.contains(":") ? "[\(host)]" : host
        return parts?.port == nil ? bracketed : "\(bracketed):\(port)"
    }

    /// Scheme and authority alone.
    var origin: String? { authority.map { "\(isEncrypted ? "https" : "http")://\($0)" } }

    /// Of a page, as it stands in a request line.
    func target(_ path: String) -> String { (parts?.percentEncodedPath ?? "") + path }
}
