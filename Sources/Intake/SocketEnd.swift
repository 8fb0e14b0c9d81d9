// Why a connection to the socket ended, in words for people and without any of the server's
// secrets. NIO and BoringSSL tell it by a dozen types of error; what is left of them here is what
// somebody can do something about.
import Alerting
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOWebSocket

extension TraccarSocket {
    package enum End: Error, Sendable, Hashable, CustomStringConvertible {
        /// The upgrade was answered with this: 503, 401 or 404 where there is no session.
        case refused(status: Int)
        case unreachable(String)
        /// The server's certificate does not verify.
        case notTrusted(String)
        /// In order, with its code (RFC 6455 §7.4); nil: it gave none.
        case closed(code: UInt16?, reason: String)
        case broken(String)
        /// Nothing came for so long.
        case silent(Duration)
        /// A message larger than `Settings.messageBytes`.
        case tooLarge
        case cancelled

        package var description: String {
            switch self {
            case .refused(let status):
                let word = [401, 403, 404, 503].contains(status) ? " (no session?)" : ""
                return "the server refuses the socket: \(status)\(word)"
            case .unreachable(let words): return FetchFailure.unreachable(words).description
            case .notTrusted(let words): return FetchFailure.notTrusted(words).description
            case .closed(let code, let reason):
                let said = [code.map(String.init), reason.isEmpty ? nil : reason]
                    .compactMap { $0 }.joined(separator: " ")
                return "the server closed the socket" + (said.isEmpty ? "" : ": \(said)")
            case .broken(let words): return "the socket broke: \(words)"
            case .silent(let span): return "the socket was silent for \(span.wholeSeconds) s"
            case .tooLarge: return "the server sent a message that is too large"
            case .cancelled: return "cancelled"
            }
        }
    }
}

extension TraccarSocket.End {
    /// Before the connection was open.
    init(connecting error: any Error) {
        switch error {
        case let end as TraccarSocket.End: self = end
        case is CancellationError: self = .cancelled
        case let error as NIOConnectionError:
            if error.connectionErrors.isEmpty {
                self = .unreachable("the server's name cannot be resolved")
            } else {
                self = .unreachable(error.connectionErrors.map { Self.words($0.error) }[0])
            }
        case let error as NIOSSLError where Self.isDistrust("\(error)"):
            self = .notTrusted("it was made by nobody who is trusted here")
        case NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate:
            self = .notTrusted("it is for another name than the server's")
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self = .notTrusted("it is for another name than the server's")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self = .unreachable("no encryption with the server")
        case ChannelError.inappropriateOperationForState, ChannelError.eof:
            self = .unreachable("the server hung up before it answered")
        default: self = .unreachable(Self.words(error))
        }
    }

    /// While it was open.
    init(open error: (any Error)?) {
        guard let error else {
            self = .broken("the server hung up")
            return
        }
        switch error {
        case NIOWebSocketError.invalidFrameLength: self = .tooLarge
        case let error as NIOWebSocketFrameAggregator.Error:
            switch error {
            case .accumulatedFrameSizeIsTooLarge, .tooManyFragments: self = .tooLarge
            case .nonFinalFragmentSizeIsTooSmall, .receivedNewFrameWithoutFinishingPrevious,
                .didReceiveFragmentBeforeReceivingTextOrBinaryFrame:
                self = .broken("fragments that do not belong together")
            }
        case is NIOWebSocketError: self = .broken("not the WebSocket protocol")
        case is NIOSSLError: self = .broken("the encryption ended without a goodbye")
        default: self = .broken(Self.words(error))
        }
    }

    /// BoringSSL's stack names the reason among its lines.
    private static func isDistrust(_ stack: String) -> Bool {
        stack.contains("CERTIFICATE_VERIFY_FAILED")
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: "no answer in time"
        case is ChannelError: "the connection is closed"
        default: "\(type(of: error))"
        }
    }
}
