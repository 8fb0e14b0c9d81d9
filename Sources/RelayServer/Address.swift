// Where a listener of ours listens, and the one error of this module.

/// `host:port`; an IPv6 host stands in brackets.
package struct Address: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    /// 0: any free port.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { return nil }
        self.init(host: host, port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    package var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}

/// The relay cannot start, or a command cannot be done, as things are set up: one clear line that
/// says where and what to do. Ends with exit code 78 (EX_CONFIG) unless it says otherwise.
package struct ConfigurationError: Error, CustomStringConvertible, Sendable {
    package var description: String
    package var exitCode: Int32

    package init(_ description: String, exitCode: Int32 = 78) {
        self.description = description
        self.exitCode = exitCode
    }
}
