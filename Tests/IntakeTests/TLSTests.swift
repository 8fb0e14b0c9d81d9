// TLS by certificate and key files, with tools that people have: openssl makes the certificate,
// curl is the client.
import Alerting
import Foundation
import Testing

@testable import Intake

@Suite("TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    static let hasTools = ["openssl", "curl"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
    }

    @Test("a post by https is accepted, one without TLS is not", .enabled(if: hasTools))
    func post() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "outcry-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // Temporary anyway.
        let (certificate, key) = (
            folder.appending(path: "cert.pem").path, folder.appending(path: "key.pem").path
        )
        _ = try await run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
        let store = StoreDouble()
        let files = TLSFiles(certificate: certificate, key: key)
        try await withIntake(store, tls: files) { _, port in
            let status = try await run(
                "curl", "-sS", "--cacert", certificate, "--resolve", "localhost:\(port):127.0.0.1",
                "-o", "/dev/null", "-w", "%{http_code} %{num_connects}",
                "-H", "Authorization: Bearer s3cret", "-d", body(5),
                "https://localhost:\(port)/hooks/a")
            #expect(status == "200 1")
            #expect(store.arrivals.map(\.event.id) == [5])

            let refused = try await run(
                "curl", "-sS", "--cacert", certificate, "--resolve", "localhost:\(port):127.0.0.1",
                "-o", "/dev/null", "-w", "%{http_code}", "-d", body(5),
                "https://localhost:\(port)/hooks/a")
            #expect(refused == "401")

            let plain = try await RawClient(port: port)
            try await plain.post(body(6))
            await plain.end()
            #expect(store.arrivals.count == 1)
        }
    }

    @Test("a certificate that cannot be read is one clear line")
    func missingFiles() async throws {
        var configuration = IntakeConfiguration(host: "127.0.0.1", port: 0)
        configuration.tls = TLSFiles(certificate: "/nowhere/cert.pem", key: "/nowhere/key.pem")
        let server = IntakeServer(
            configuration: configuration, sources: [], accept: StoreDouble().accept,
            logger: silent)
        let error = await #expect(throws: IntakeError.self) { try await server.run() }
        #expect(error?.description.contains("/nowhere/cert.pem: no certificate") == true)
    }

    private func run(_ tool: String, _ arguments: String...) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/\(tool)")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { _ in
                let data = output.fileHandleForReading.readDataToEndOfFile()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
    }
}
