// A certificate for 127.0.0.1 and localhost, made by openssl when a test needs it: nothing in the
// repository can expire.
import Foundation

/// A self-signed certificate and its key, as files that vanish with the value.
package final class TestCertificate: Sendable {
    package let certificate: String
    package let key: String
    private let folder: URL

    /// - Parameter host: another one than the servers are at, for a certificate that is not theirs.
    package init(host: String = "IP:127.0.0.1,DNS:localhost") throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "outcry-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        certificate = folder.appending(path: "cert.pem").path
        key = folder.appending(path: "key.pem").path
        try Command.run(
            "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=sink",
                "-addext", "subjectAltName=\(host)", "-keyout", key, "-out", certificate,
            ])
    }

    /// The arguments of a sink that uses it.
    package var arguments: [String] { ["--cert", certificate, "--key", key] }

    deinit {
        // A left-over folder in the temporary one harms nobody.
        try? FileManager.default.removeItem(at: folder)
    }
}
