// STUB-A: hours of the rule file.
package struct Hours: Hashable, Sendable {
    /// Whether `instant` lies inside, and until when (exclusive) that answer holds.
    package func state(at instant: Instant) -> (inside: Bool, until: Instant) {
        (false, .distantFuture)
    }
}
