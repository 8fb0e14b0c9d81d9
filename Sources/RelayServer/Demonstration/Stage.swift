// What the demonstration prints, line by line as it happens, and its summary at the end.

import Alerting
import Foundation
import Logging
import Synchronization
import TrackerSimulator

/// Prints the story; called from many threads.
final class Stage: Sendable {
    private struct Story {
        var events = 0
        var hasClosedGap = false
        var rules: [String: Int] = [:]
        var due = 0
        var mails = 0
        var posts = 0
        var refusals = 0
    }
    private let story = Mutex(Story())

    /// The relay has said that it knows what it missed.
    var hasClosedGap: Bool { story.withLock { $0.hasClosedGap } }

    /// Some message has been decided and has not arrived yet.
    var isWaiting: Bool { story.withLock { $0.mails + $0.posts < $0.due } }

    func begin(server: String, relay: Int) {
        line("A simulated tracker server stands at \(server).")
        line("A relay with the rules of rules/ is connected to it, and takes its posts at")
        line("http://127.0.0.1:\(relay)/hooks/biketrax;")
        line("a mail catcher and an HTTP catcher stand in for the outside.")
    }

    func title(_ text: String) { line("\n\(text)") }

    func event(_ caption: String) {
        story.withLock { $0.events += 1 }
        line("  event  \(caption)")
    }

    /// What the relay logs: here only how a gap was closed.
    func logged(_ event: LogEvent) {
        let message = "\(event.message)"
        guard message.hasPrefix("gap "), let what = message.firstRange(of: " closed: ") else {
            return
        }
        line("  relay  the gap is closed: \(message[what.upperBound...])")
        story.withLock { $0.hasClosedGap = true }
    }

    func decided(_ steps: [Step]) {
        for step in steps {
            story.withLock { $0.due += step.deliveries.filter { $0.state == .queued }.count }
            for verdict in step.judgement?.verdicts ?? [] {
                story.withLock { $0.rules[verdict.result.rawValue, default: 0] += 1 }
                line("    rule   \(verdict.rule): \(Self.said(verdict))")
            }
        }
    }

    private static func said(_ verdict: Verdict) -> String {
        switch verdict.result {
        case .told: "tells"
        case .oncePer: "counts it; it has told within once_per"
        case .late: "keeps it; it is late"
        case .acknowledged: "counts it; somebody has acknowledged"
        case .quiet: "is quiet, for it is not so that \(verdict.leaf ?? "its 'while' holds")"
        case .unknown: "is quiet, for nobody knows \(verdict.leaf ?? "whether its 'while' holds")"
        case .cleared: "is over"
        }
    }

    func mail(to address: String, _ text: String) {
        story.withLock { $0.mails += 1 }
        let subject = text.split(separator: "\n").first { $0.hasPrefix("Subject: ") }
        line("      mail   to \(address): \(subject?.dropFirst(9) ?? "?")")
    }

    func http(_ caught: HTTPCatcher.Caught) {
        let isRefused = caught.status != 200
        story.withLock { story in
            if isRefused { story.refusals += 1 } else { story.posts += 1 }
        }
        let end = isRefused ? "answered \(caught.status), so it will be tried again" : "taken"
        line("      http   \(caught.type), \(caught.subject): \(end)")
    }

    /// - Parameter posts: what became of the webhook's.
    func summary(_ posts: [WebhookPost]) {
        let story = story.withLock { $0 }
        let quiet = ["quiet", "unknown", "once_per"].reduce(0) { $0 + (story.rules[$1] ?? 0) }
        let posted = posts.count { $0.outcome == .accepted }
        line(
            """

            \(story.events) events happened: \(posted) came by webhook and by WebSocket and \
            counted once, \(story.events - posted) by catch-up.
            The rules were asked \(story.rules.values.reduce(0, +)) times and kept quiet \
            \(quiet) times.
            \(story.mails + story.posts) messages arrived (\(story.mails) by mail, \
            \(story.posts) by HTTP) of \(story.due) that were due; \(story.refusals) attempt was \
            refused and made again.
            Your own: see "Your first own rule in five minutes" in README.md.
            """)
    }

    private func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
