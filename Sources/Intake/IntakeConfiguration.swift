// Where the intake listens and what it bears; and what it says when it cannot.
import Alerting
package import NIOCore
import NIOSSL
import Synchronization

/// `listen` and `tls` of the configuration.
package struct IntakeConfiguration: Sendable {
    package var host: String
    /// 0: one that is free (`IntakeServer.port` says which).
    package var port: Int
    package var tls: TLSFiles?
    package var bounds = IntakeBounds()

    package init(host: String, port: Int, tls: TLSFiles? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}

/// A certificate chain and its key, both PEM.
package struct TLSFiles: Sendable {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    func load() throws(IntakeError) -> TLSConfiguration {
        let chain: [NIOSSLCertificateSource]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
        } catch {
            throw .unusable(file: certificate, what: "certificate")
        }
        do {
            let key = try NIOSSLPrivateKey(file: key, format: .pem)
            return .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        } catch {
            throw .unusable(file: key, what: "private key")
        }
    }
}

/// How long and how many; the defaults are the program's, tests take shorter ones.
package struct IntakeBounds: Sendable {
    package var connections = Limits.connections
    package var header = TimeAmount.seconds(Limits.headerSeconds)
    package var body = TimeAmount.seconds(Limits.bodySeconds)
    package var idle = TimeAmount.seconds(Limits.idleSeconds)
    package var linger = TimeAmount.seconds(Limits.lingerSeconds)
    /// How often connections are looked at: what a time limit may be late by.
    package var sweep = TimeAmount.milliseconds(250)

    package init() {}
}

/// Why the intake does not run.
package enum IntakeError: Error, CustomStringConvertible {
    case cannotListen(address: String, reason: String)
    case unusable(file: String, what: String)
    case stopped

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason):
            return "cannot listen on \(address): \(reason) (see listen: in the configuration)"
        case .unusable(let file, let what):
            return "\(file): no \(what) in PEM that can be read; see tls: in the configuration"
        case .stopped: return "the intake has stopped"
        }
    }
}

/// The port, once it is known, to everybody who asks.
final class BoundPort: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Int, any Error>])
        case known(Result<Int, any Error>)
    }
    private let state = Mutex(State.waiting([]))

    /// The first result counts.
    func resolve(_ result: Result<Int, any Error>) {
        let waiting = state.withLock { state -> [CheckedContinuation<Int, any Error>] in
            guard case .waiting(let continuations) = state else { return [] }
            state = .known(result)
            return continuations
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    func value() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            let known = state.withLock { state -> Result<Int, any Error>? in
                switch state {
                case .known(let result): return result
                case .waiting(let others):
                    state = .waiting(others + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }
}
