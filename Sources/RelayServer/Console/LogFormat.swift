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

struct StderrHandler: LogHandler {
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
        let line = line(
            Timekeeper.wallTime.rfc3339, event.level, "\(event.message)", all)
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

    func line(
        _ time: String, _ level: Logger.Level, _ message: String, _ all: [(String, String)]
    ) -> String {
        switch format {
        case .text:
            let rest = all.map { " \($0)=\(Self.isWord($1) ? $1 : Self.quoted($1))" }
            return "\(time) \(level.rawValue): \(Self.plain(message))" + rest.joined()
        case .json:
            let members = [("time", time), ("level", level.rawValue), ("message", message)] + all
            return "{"
                + members.map { "\(Self.quoted($0)):\(Self.quoted($1))" }.joined(separator: ",")
                + "}"
        }
    }

    /// Whether it stands in a text line as it is: a value with a blank or a control would look
    /// like more than one, or write a line of its own.
    private static func isWord(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0 != "\"" && !$0.properties.isWhitespace
                    && $0.properties.generalCategory != .control
            }
    }

    /// Our own messages may have several lines: each but the first is indented, so that none looks
    /// like a new one.
    private static func plain(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map {
                    $0.properties.generalCategory == .control && $0 != "\n" ? " " : $0
                })
        ).split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n    ")
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.value(text)
        return writer.text
    }
}
