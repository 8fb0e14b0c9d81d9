// Carries out Intake's requests over libcurl: TLS verified, the proxy variables of the environment
// ignored, no redirect followed, nothing sent that was not asked for (no `Origin`, no `Expect`).
// Lists of a thousand devices are unpacked on the transfer's thread: give it one of its own, so
// that no delivery waits for them.
import Alerting
package import Channels
package import Intake

/// Asks trackers' servers. One serves any number of them that trust the same authorities, and keeps
/// their connections.
package struct Fetching: Sendable {
    private let transfer: CurlTransfer
    private let endpoint: Endpoint

    /// - Parameter ca: a PEM file, trusted instead of the system's authorities.
    package init(over transfer: CurlTransfer, ca: String? = nil) {
        self.transfer = transfer
        endpoint = Endpoint(pagesTrusting: ca)
    }

    package var fetch: Fetch {
        { request throws(FetchFailure) in try await perform(request) }
    }

    private func perform(_ request: FetchRequest) async throws(FetchFailure) -> FetchAnswer {
        var order = TransferRequest()
        // A header that was switched off by an empty one: curl asks before it sends a large form.
        order.headers = ["Expect:", "User-Agent: Outcry/\(Version.current)"]
        order.headers += request.headers.map { "\($0.name): \($0.value)" }
        order.body = request.body
        let method: TransferRequest.Page.Method =
            switch request.method {
            case .get: .get
            case .post: .post
            case .delete: .delete
            }
        order.page = .init(
            method, url: Secret(request.url), timeout: request.timeout, limit: request.limit)
        let result = await transfer.perform(order, at: endpoint)
        let words = result.detail.isEmpty ? result.end.words : result.detail
        switch result.end {
        case .answered:
            guard !result.isCut else { throw .tooLarge }
            return FetchAnswer(
                status: result.status, headers: result.headers.compactMap(Self.header),
                body: result.body)
        case .cancelled: throw .cancelled
        case .timedOut: throw .timedOut
        case .badCertificate: throw .notTrusted(words)
        case .cannotResolve, .cannotConnect, .cannotEncrypt, .loginRefused, .refused, .broken,
            .unusable:
            throw .unreachable(words)
        }
    }

    private static func header(_ line: String) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        return (String(line[..<colon]), String(value))
    }
}
