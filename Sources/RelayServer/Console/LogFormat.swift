// Log lines on stderr, as text or as one JSON object a line. Metadata never holds a secret or a
// person's data: those types do not show themselves, and nothing else is put into it.

import Alerting
import Foundation
import Glibc
package import Logging

/// Sets swift-log up, once, at start.
package enum LogFormat {
    package static func start(_ settings: Configuration.LogSettings) -> Logger {
        let format = settings.format
        LoggingSystem.bootstrap { _ in StderrHandler(format: format) }
        var logger = Logger(label: "outcry")
        logger.logLevel =
            switch settings.level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        return logger
    }
}

extension Configuration.LogSettings {
    /// For the demonstration, which tells its own story.
    package static var quiet: Self {
        var settings = Self()
        settings.level = .error
        return settings
    }
}

private struct StderrHandler: LogHandler {
    let format: Configuration.LogSettings.Format
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
            .map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 }
        let time = Timekeeper.wallTime.rfc3339
        let line =
            switch format {
            case .text: text(time, event, all)
            case .json: json(time, event, all)
            }
        // One write for a line: lines of several threads do not mix.
        let bytes = Array((line + "\n").utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(2, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            guard count > 0 else { return }
            done += count
        }
    }

    private func text(_ time: String, _ event: LogEvent, _ all: [(String, String)]) -> String {
        let rest = all.map { " \($0)=\($1.contains(" ") ? Self.quoted($1) : Self.plain($1))" }
        return "\(time) \(event.level.rawValue): \(Self.plain("\(event.message)"))"
            + rest.joined()
    }

    private func json(_ time: String, _ event: LogEvent, _ all: [(String, String)]) -> String {
        var members = [
            "\"time\":\(Self.quoted(time))", "\"level\":\(Self.quoted(event.level.rawValue))",
            "\"message\":\(Self.quoted("\(event.message)"))",
        ]
        members += all.map { "\(Self.quoted($0)):\(Self.quoted($1))" }
        return "{\(members.joined(separator: ","))}"
    }

    /// Controls would let a device's name write log lines of its own.
    private static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map {
            $0.properties.generalCategory == .control && $0 != "\n" ? " " : $0
        }))
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.value(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
