// What can be made to go wrong, by tests and by people: each field is a way in which real servers
// and networks have failed.

/// The faults that are on.
package struct Faults: Sendable, Equatable {
    /// Every REST answer and every upgrade is a 503.
    package var isDown = false
    /// Each REST answer waits for so long.
    package var delay: Duration = .zero
    /// The share of webhook posts that are never sent: 0...1.
    package var webhookLoss = 0.0
    /// The webhook is called twice for each event, as for two accounts that share a bike, and the
    /// socket pushes twice, as for two notifications of one type.
    package var duplicates = false
    /// Events overtake each other, by webhook and by socket.
    package var outOfOrder = false
    /// Lists are cut off in the middle, with status 200 (streamed since 6.9).
    package var truncates = false
    /// The sockets stay open and say nothing any more, not even pong: a dead link.
    package var isSilent = false
    /// Messages go out in fragments of so many bytes.
    package var fragment: Int?

    package init() {}
}
