// `outcry doctor`: everything that a relay stands on, looked at once and told in one line each, ok
// or what to do. It reads what the relay reads and speaks to whom the relay speaks to, but sends no
// message, changes nothing, and prints no secret, no address of a page's query and no person's.

import Alerting
import Channels
import Foundation
import Intake
import Storage

/// One look at one relay's surroundings.
package struct Doctor: Sendable {
    /// What one look has shown.
    package struct Line: Sendable, Hashable, CustomStringConvertible {
        package enum Verdict: String, Sendable {
            case ok
            /// The relay works, but not for everything or not as well.
            case warning = "warn"
            case problem = "FAIL"
        }
        package var verdict: Verdict
        /// What was looked at.
        package var subject: String
        package var words: String

        package init(_ verdict: Verdict, _ subject: String, _ words: String) {
            self.verdict = verdict
            self.subject = subject
            self.words = words
        }

        package var description: String {
            let mark = verdict.rawValue.padding(toLength: 4, withPad: " ", startingAt: 0)
            return "\(mark)  \(subject): \(words)"
        }
    }

    private let path: String
    private let tell: @Sendable (Line) -> Void

    /// - Parameters:
    ///   - path: of the configuration.
    ///   - tell: hears of each look as soon as it is done.
    package init(path: String, tell: @escaping @Sendable (Line) -> Void) {
        self.path = path
        self.tell = tell
    }

    /// - Returns: whether there is no problem; warnings are none.
    package func run() async -> Bool {
        let transfer = CurlTransfer(name: "doctor")
        let isWell = await lookAtAll(transfer)
        await transfer.stop()
        return isWell
    }

    private func lookAtAll(_ transfer: CurlTransfer) async -> Bool {
        var isWell = true
        func say(_ lines: [Line]) {
            for line in lines {
                if line.verdict == .problem { isWell = false }
                tell(line)
            }
        }
        let read = readConfiguration()
        say(read.lines)
        guard let configuration = read.configuration else { return false }
        let rules = readRules(configuration)
        say(rules.lines)
        say(Self.disk(below: configuration.data))
        for source in configuration.sources {
            let doctor = SourceDoctor(
                source, book: rules.book, publicURL: configuration.publicURL,
                listen: configuration.listen, isEncrypted: configuration.tls != nil,
                over: transfer)
            await doctor.look { say([$0]) }
        }
        for (channel, settings) in configuration.channelSettings.sorted(by: { $0.key < $1.key }) {
            let found = await ChannelCheck(settings, over: transfer)
            say([Line(found.isWell ? .ok : .problem, "channel \(channel)", found.words)])
        }
        return isWell
    }

    // MARK: - Files

    private func readConfiguration() -> (configuration: Configuration?, lines: [Line]) {
        let file: ConfigurationFile
        do { file = try ConfigurationFile(path: path) } catch {
            return (nil, [Line(.problem, "configuration", "\(error)")])
        }
        var lines = file.findings.map { finding in
            Line(
                finding.severity == .error ? .problem : .warning, "configuration",
                finding.headline)
        }
        if file.configuration != nil { lines.insert(Line(.ok, "configuration", path), at: 0) }
        return (file.configuration, lines)
    }

    private func readRules(_ configuration: Configuration) -> (book: RuleBook?, lines: [Line]) {
        do {
            let library = RuleLibrary(configuration)
            let read = try library.read()
            let errors = read.findings.filter { $0.severity == .error }
            guard errors.isEmpty else {
                let first = errors.prefix(Limits.doctorFindings)
                return (nil, first.map { Line(.problem, "rules", $0.headline) })
            }
            var lines = [
                Line(
                    .ok, "rules",
                    "\(read.book.rules.count) in \(read.files) files, templates and all")
            ]
            lines += read.findings.prefix(Limits.doctorFindings).map {
                Line(.warning, "rules", $0.headline)
            }
            return (read.book, lines)
        } catch {
            return (nil, [Line(.problem, "rules", "\(error)")])
        }
    }

    /// Room for the database, and leave to write it.
    static func disk(below path: String) -> [Line] {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let files = FileManager.default
        guard files.isWritableFile(atPath: folder) else {
            let what = files.fileExists(atPath: folder) ? "may not be written to" : "is missing"
            return [Line(.problem, "disk", "the folder \(folder) \(what): see data:")]
        }
        if files.fileExists(atPath: path), !files.isWritableFile(atPath: path) {
            return [Line(.problem, "disk", "\(path) may not be written to by this user")]
        }
        // No answer is no measure: then nothing is said of it.
        let facts = try? files.attributesOfFileSystem(forPath: folder)
        guard let free = (facts?[.systemFreeSize] as? NSNumber)?.int64Value else {
            return [Line(.warning, "disk", "how much is free at \(folder) cannot be found out")]
        }
        let words = "\(free / 1_000_000) MB free at \(folder)"
        if free < Limits.diskProblemBytes {
            return [Line(.problem, "disk", "\(words): a full disk turns events away")]
        }
        return [Line(free < Limits.diskWarningBytes ? .warning : .ok, "disk", words)]
    }
}
