// One HTTP request to a tracker's server, as plain values. Intake decides what is asked and what an
// answer means; who carries it out (libcurl, in RelayServer) is handed in, so that Intake knows
// neither Channels nor curl, and tests can play a server with a closure.

/// A request. It may carry a token, a password or a cookie: it prints itself without them.
package struct FetchRequest: Sendable {
    package enum Method: String, Sendable { case get = "GET", post = "POST", delete = "DELETE" }

    package var method: Method
    /// Whole, with its query.
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// For all of it, from the name's look-up to the answer's last byte.
    package var timeout: Duration
    /// Bytes of an answer's body; more are `FetchFailure.tooLarge`.
    package var limit: Int

    package init(
        _ method: Method = .get, url: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = [], timeout: Duration, limit: Int
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.limit = limit
    }
}

extension FetchRequest: CustomStringConvertible, CustomReflectable {
    package var description: String { "\(method.rawValue) \(url.prefix { $0 != "?" })" }
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

/// An answer, whatever its status. Redirects are answers too: they are not followed.
package struct FetchAnswer: Sendable {
    package var status: Int
    /// In the order in which they came; a name may come more than once.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The values of a header; its name in any spelling.
    package func values(of name: String) -> [String] {
        let wanted = name.lowercased()
        return headers.filter { $0.name.lowercased() == wanted }.map(\.value)
    }
}

extension FetchAnswer: CustomStringConvertible, CustomReflectable {
    /// Without headers and body: `Set-Cookie` is a key.
    package var description: String { "\(status), \(body.count) bytes" }
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

/// Why there is no answer. The words may name the host, never a whole address.
package enum FetchFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case unreachable(String)
    case timedOut
    /// The server's certificate does not verify.
    case notTrusted(String)
    case tooLarge
    case cancelled

    package var description: String {
        switch self {
        case .unreachable(let words): "no connection to the server: \(words)"
        case .timedOut: "the server does not answer in time"
        case .notTrusted(let words): "the server's certificate does not verify: \(words)"
        case .tooLarge: "the server's answer is too large"
        case .cancelled: "cancelled"
        }
    }
}

/// Carries out one request: TLS is verified, no redirect is followed, no `Origin` is sent (servers
/// since 6.12 take a request with another one than the login's as logged out). Cancelling the task
/// ends it.
package typealias Fetch =
    @Sendable (_ request: FetchRequest) async throws(FetchFailure) -> FetchAnswer
