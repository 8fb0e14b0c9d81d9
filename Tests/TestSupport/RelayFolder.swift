// A folder of its own for each test: configuration, rules, secrets and the database of one relay.
// What a test does not say has the value here: one source with a secret, JSON logs, port 0.

package import Foundation
import Glibc

/// A temporary folder that holds all of one relay's files; removed with the value's last owner.
package final class RelayFolder: Sendable {
    package static let webhookPath = "/hooks/biketrax"
    /// Looked for in logs and databases, where it must never be.
    package static let webhookKey = "Bearer webhook-key-0cf1e7a2"

    package let path: String
    /// Known beforehand: commands find the running relay by the configuration.
    package let adminPort: Int

    /// - Parameters:
    ///   - rules: the text of the one rule file.
    ///   - channels: the lines below `channels:`, unindented.
    ///   - more: further top-level lines, such as `operator: workshop`.
    ///   - parent: where it is made; nil: where temporary files are.
    package init(
        rules: String, channels: String = "", more: String = "", in parent: String? = nil
    ) throws {
        let parent = parent ?? FileManager.default.temporaryDirectory.path
        var template = Array(parent.utf8CString.dropLast())
        template += Array("/outcry-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw HarnessError("no temporary folder: errno \(errno)")
        }
        path = String(cString: made)
        adminPort = try LoopbackSocket.freePort()
        try write("webhook-key", Self.webhookKey + "\n")
        try write("rules/rules.yaml", rules)
        try configure(channels: channels, more: more)
    }

    deinit {
        // Left behind at worst: it is in the folder for temporary files.
        try? FileManager.default.removeItem(atPath: path)
    }

    package var configuration: String { path + "/outcry.yaml" }
    package var database: String { path + "/outcry.db" }
    /// The token of the admin API; empty before the first start.
    package var token: String {
        read("outcry.token").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Writes a file below the folder.
    package func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws {
        let file = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        chmod(file.path, mode)
    }

    /// A file's text; empty where there is none.
    package func read(_ name: String) -> String {
        let bytes = FileManager.default.contents(atPath: path + "/" + name)
        return String(decoding: bytes ?? Data(), as: UTF8.self)
    }

    /// Permission bits of a file of the folder; nil where there is none.
    package func mode(_ name: String) -> mode_t? {
        var found = stat()
        return stat(path + "/" + name, &found) == 0 ? found.st_mode & 0o777 : nil
    }

    /// Every file of the folder whose name begins so, as it lies on disk.
    package func bytes(ofFilesBeginning prefix: String) throws -> [Data] {
        try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasPrefix(prefix) }
            .map { try Data(contentsOf: URL(fileURLWithPath: path + "/" + $0)) }
    }

    /// Writes the configuration that a test starts from.
    /// - Parameters:
    ///   - session: of the source, such as `{ token: abc }`; empty: webhooks alone.
    ///   - every: how often it catches up.
    package func configure(
        channels: String = "", more: String = "", listen: String = "127.0.0.1:0",
        data: String = "outcry.db", url: String = "https://iot.example.org", session: String = "",
        every: String = "10s"
    ) throws {
        let indented = channels.split(separator: "\n", omittingEmptySubsequences: false)
            .map { "  \($0)" }.joined(separator: "\n")
        let text = """
            listen: \(listen)
            admin: 127.0.0.1:\(adminPort)
            data: \(data)
            rules: rules
            rules_watch: false
            sources:
              biketrax:
                url: \(url)
                webhook: { path: \(Self.webhookPath), authorization: "${file:webhook-key}" }
            \(session.isEmpty ? "" : "    session: \(session)\n    catch_up: { every: \(every) }")
            \(channels.isEmpty ? "" : "channels:\n" + indented)
            log: { level: info, format: json }
            \(more)

            """
        try write("outcry.yaml", text)
    }
}
