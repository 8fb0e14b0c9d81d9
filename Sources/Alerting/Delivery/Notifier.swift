// The seam between the courier and the channels: a rendered message goes in, one of three
// outcomes comes out. A notifier never throws: every failure is an Outcome (docs/decisions/0009).

/// A delivery rendered for one attempt.
package struct Message: Sendable, Hashable {
    package var delivery: Delivery
    /// One line, without controls.
    package var subject: String
    package var text: String
    /// nil: plain text only.
    package var html: String?
    /// The body for HTTP and the hook's stdin: CONFIG.md's shape, or what a template made.
    package var json: [UInt8]
    /// When this attempt began.
    package var now: Instant

    package init(
        delivery: Delivery, subject: String, text: String, html: String?, json: [UInt8],
        now: Instant
    ) {
        self.delivery = delivery
        self.subject = subject
        self.text = text
        self.html = html
        self.json = json
        self.now = now
    }
}

/// How an attempt ended. `note` is for the history: one short line, without secrets or addresses;
/// what a hook wrote, up to `Limits.hookOutputBytes`, follows it after a line break.
package enum Outcome: Sendable, Hashable {
    case delivered(note: String)
    /// The channel (or, at RCPT and DATA, this message for now) failed: try again, not before
    /// `after`. `blames` says whether it counts for the channel's circuit breaker.
    case retry(after: Duration?, blames: Blame, note: String)
    /// The message was refused: it will never be delivered so.
    case rejected(note: String)

    package enum Blame: Sendable, Hashable { case channel, message }
}

/// Speaks to one channel. Cancelling the task ends the attempt as a `.retry`.
package protocol Notifier: Sendable {
    func notify(_ message: Message) async -> Outcome
}
