// A file of certificates that a server's certificate is verified with (`ca:`), looked at before
// anything connects: one that is missing or is none would look like a server that is away.
import NIOSSL

/// Certificate authorities of one's own, PEM.
package enum Authorities {
    /// - Returns: whether the text of a file has at least one certificate, and no broken one.
    package static func areReadable(_ pem: [UInt8]) -> Bool {
        // What is wrong inside helps nobody: it is another file than was meant.
        let found = try? NIOSSLCertificate.fromPEMBytes(pem)
        return found?.isEmpty == false
    }
}
