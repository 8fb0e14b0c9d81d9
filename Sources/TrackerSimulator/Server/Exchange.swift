// A request and its answer as values, so that what the server says can be decided, and tested,
// without a socket.

import Foundation
import NIOHTTP1

/// A request, read.
package struct Request: Sendable {
    package var method: String
    /// Without `/api`, in parts: `["reports", "events"]`.
    package var path: [String]
    package var query: [(name: String, value: String)]
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(
        _ method: String, _ uri: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        let parts = uri.split(separator: "?", maxSplits: 1)
        path = (parts.first ?? "").split(separator: "/").map { Self.decoded($0) }
        query = parts.count > 1 ? Self.pairs(parts[1]) : []
        self.headers = headers
        self.body = body
    }

    package func value(_ name: String) -> String? { query.first { $0.name == name }?.value }
    package func values(_ name: String) -> [String] {
        query.filter { $0.name == name }.map(\.value)
    }
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
    package func cookie(_ name: String) -> String? {
        header("Cookie")?.split(separator: ";").lazy
            .map { $0.drop { $0 == " " } }
            .first { $0.hasPrefix(name + "=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }
    /// A body of `application/x-www-form-urlencoded`.
    package func form(_ name: String) -> String? {
        Self.pairs(Substring(String(decoding: body, as: UTF8.self)))
            .first { $0.name == name }?.value
    }

    private static func pairs(_ text: Substring) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decoded(sides[0]), sides.count > 1 ? decoded(sides[1]) : "")
        }
    }

    /// A plus is a blank, as in every servlet: a zone's `+` must be written `%2B`.
    private static func decoded(_ text: Substring) -> String {
        let spaced = text.replacing("+", with: " ")
        return String(spaced).removingPercentEncoding ?? String(spaced)
    }
}

/// An answer.
package struct Answer: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8] = []

    package init(_ status: Int) { self.status = status }

    static func json(_ body: [UInt8]) -> Answer {
        var answer = Answer(200)
        answer.headers = [("Content-Type", "application/json")]
        answer.body = body
        return answer
    }

    static func text(_ text: String, status: Int = 200) -> Answer {
        var answer = Answer(status)
        answer.headers = [("Content-Type", "text/plain;charset=utf-8")]
        answer.body = Array(text.utf8)
        return answer
    }

    /// As Traccar's ResourceErrorHandler answers: a stack trace for people to puzzle over.
    static func trace(_ status: Int, _ exception: String) -> Answer {
        text(
            """
            \(exception)
            \tat org.traccar.api.security.PermissionsService.check(PermissionsService.java:177)
            \tat org.traccar.api.resource.SimulatedResource.get(SimulatedResource.java:42)
            \tat java.base/java.lang.Thread.run(Thread.java:1583)

            """, status: status)
    }

    static let notFound = trace(404, "jakarta.ws.rs.NotFoundException: HTTP 404 Not Found")
    static let unauthorized = trace(
        401, "jakarta.ws.rs.WebApplicationException: HTTP 401 Unauthorized")
}
