// A channel that fails again and again is left alone for a while, then tried with one delivery:
// a dead server is not hammered, and the attempts of what waits are not spent on it.

import Alerting

/// The circuit breaker of one channel. A value: the lane holds it, `now` comes in.
struct Breaker: Sendable {
    private(set) var failures = 0
    private(set) var openUntil: Instant?
    private(set) var probing = false

    static let threshold = 5
    static let pause = Duration.seconds(5)
    static let pauseMost = Duration.seconds(60)

    var isOpen: Bool { openUntil != nil }

    /// Whether an attempt may start now. While open, one probe at a time after each pause.
    mutating func admits(now: Instant) -> Bool {
        guard let openUntil else { return true }
        guard now >= openUntil, !probing else { return false }
        probing = true
        return true
    }

    /// The channel took, or at least answered, a message.
    mutating func succeeded() {
        failures = 0
        openUntil = nil
        probing = false
    }

    /// The channel failed. While open only the probe counts: what was under way when it opened
    /// failed of the same cause, and would make the first pause the longest.
    mutating func failed(now: Instant) {
        guard openUntil == nil || probing else { return }
        failures += 1
        probing = false
        guard failures >= Self.threshold else { return }
        var pause = Self.pause
        for _ in Self.threshold..<min(failures, Self.threshold + 4) { pause = pause * 2 }
        openUntil = now + min(pause, Self.pauseMost)
    }
}
