// What a request's head decides, before any of its body is read: whose it is, and whether it is
// welcome. In this order, so that nobody without the key makes us read or remember anything.
import Alerting
import NIOCore
import NIOHTTP1

/// A post that is being received.
struct Post {
    let source: WebhookSource
    /// `X-PowTxn`, which BikeTrax' support asks for.
    let txn: String?
    var body: ByteBuffer?
}

enum Admission {
    case post(Post, expectsContinue: Bool)
    case refused(Answer, IntakeCounters.Refusal, hasBody: Bool)
    /// At no source's path: the router's.
    case routed

    init(_ head: HTTPRequestHead, sources: [WebhookSource]) {
        guard let source = Self.source(at: head.uri, sources) else {
            self = .routed
            return
        }
        let headers = head.headers
        let length = headers.first(name: "content-length").flatMap(Int.init) ?? 0
        let hasBody = length > 0 || headers.contains(name: "transfer-encoding")
        let given = headers["authorization"]
        if head.method != .POST {
            self = .refused(.methodNotAllowed, .method, hasBody: hasBody)
        } else if !source.admits(given.count == 1 ? given[0] : nil) {
            self = .refused(.unauthorized, .authorization, hasBody: hasBody)
        } else if length > Limits.bodyBytes {
            self = .refused(.tooLarge, .tooLarge, hasBody: hasBody)
        } else {
            let txn = headers.first(name: "x-powtxn").flatMap(Self.cleaned)
            let expects = headers.first(name: "expect")?.lowercased() == "100-continue"
            self = .post(Post(source: source, txn: txn), expectsContinue: expects)
        }
    }

    /// Nearly always the whole URI is its path.
    private static func source(at uri: String, _ sources: [WebhookSource]) -> WebhookSource? {
        if let source = sources.first(where: { $0.path == uri }) { return source }
        var path = uri[...]
        // As a proxy is asked, which servers take too (RFC 9112 §3.2.2).
        if !path.hasPrefix("/"), path.contains("://") {
            path = path.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" }
        }
        path = path.prefix { $0 != "?" }
        return sources.first { $0.path == path }
    }

    /// At most `Limits.txnBytes`, without controls, as it is shown to people.
    private static func cleaned(_ txn: String) -> String? {
        var kept = String()
        for scalar in txn.unicodeScalars where scalar.properties.generalCategory != .control {
            guard kept.utf8.count + String(scalar).utf8.count <= Limits.txnBytes else { break }
            kept.unicodeScalars.append(scalar)
        }
        return kept.isEmpty ? nil : kept
    }
}
