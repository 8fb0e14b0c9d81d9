// HTTP and HTTPS: the message's JSON in one request, signed as Standard Webhooks asks
// (standardwebhooks.com; the reference library checks it in the tests). Redirects are not
// followed: a 3xx is a refusal like a 4xx. What a receiver writes into its answer is not noted.
package import Alerting
import Crypto
import Foundation

/// Sends to one URL.
package struct HTTPNotifier: Notifier {
    private let transfer: CurlTransfer
    let endpoint: Endpoint
    private let signer: WebhookSigner?

    /// - Throws: `SettingsError`: a URL, header, method or secret that cannot be used.
    package init(_ settings: HTTPSettings, over transfer: CurlTransfer) throws {
        try settings.check()
        self.transfer = transfer
        var headers = ["Content-Type": "application/json", "User-Agent": "outcry", "Expect": ""]
        for (name, value) in settings.headers {
            // Ours are replaced whatever the case: HTTP's names have none.
            for own in headers.keys where own.lowercased() == name.lowercased() {
                headers[own] = nil
            }
            headers[name] = value.revealed
        }
        // To curl `Expect:` means without; an empty header of the settings' is written `Name;`.
        let lines = headers.sorted { $0.key < $1.key }.map { name, value in
            Secret(value.isEmpty && name != "Expect" ? "\(name);" : "\(name): \(value)")
        }
        endpoint = Endpoint(
            url: settings.url, method: settings.method, headers: lines,
            certificateAuthority: settings.ca,
            connectTimeout: min(settings.timeout, .seconds(Limits.connectSeconds)),
            timeout: settings.timeout)
        signer = try WebhookSigner(settings.secrets)
    }

    package func notify(_ message: Message) async -> Outcome {
        var request = TransferRequest()
        request.body = message.json
        let id = PlainText.line(message.delivery.id)
        let timestamp = "\(message.now.seconds)"
        request.headers = [
            Self.header("webhook-id: ", id), Self.header("webhook-timestamp: ", timestamp),
        ]
        if let signer {
            let signatures = signer.signatures(id: id, timestamp: timestamp, body: message.json)
            request.headers.append(Self.header("webhook-signature: ", signatures))
        }
        return Self.outcome(await transfer.perform(request, at: endpoint))
    }

    private static func header(_ name: StaticString, _ value: String) -> String {
        String(capacity: 128) {
            $0.append(literal: name)
            $0.append(value)
        }
    }

    static func outcome(_ result: TransferResult) -> Outcome {
        switch result.end {
        case .answered: break
        case .cancelled: return .retry(after: nil, blames: .message, note: "cancelled")
        case .timedOut, .cannotResolve, .cannotConnect, .cannotEncrypt, .badCertificate,
            .loginRefused, .refused, .broken, .unusable:
            return .retry(after: nil, blames: .channel, note: result.end.words)
        }
        let note = "HTTP \(result.status)"
        switch result.status {
        case 200...299: return .delivered(note: note)
        // Request Timeout, Too Early, Too Many Requests, and every fault of the server's.
        case 408, 425, 429, 500...:
            return .retry(after: result.retryAfter, blames: .channel, note: note)
        default: return .rejected(note: note)
        }
    }
}

/// Signatures by each of several secrets: while a receiver changes from one to the other, either
/// is enough.
struct WebhookSigner: Sendable {
    private let keys: [SymmetricKey]

    /// nil: no secret, no signature.
    /// - Throws: `SettingsError`: a secret that is not base 64, with or without `whsec_`. The
    ///   reference libraries take both and nothing else.
    init?(_ secrets: [Secret]) throws {
        guard !secrets.isEmpty else { return nil }
        keys = try secrets.map { secret in
            let prefix = "whsec_"
            let text = secret.revealed
            let encoded = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
            guard let key = Base64.decode(encoded), !key.isEmpty else {
                throw SettingsError.secret
            }
            return SymmetricKey(data: key)
        }
    }

    /// `v1,<base 64>`, separated by spaces.
    func signatures(id: String, timestamp: String, body: [UInt8]) -> String {
        let signed = Array("\(id).\(timestamp).".utf8) + body
        return keys.map { key in
            "v1," + Base64.encode(HMAC<SHA256>.authenticationCode(for: signed, using: key))
        }.joined(separator: " ")
    }
}
