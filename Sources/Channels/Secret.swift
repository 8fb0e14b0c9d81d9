// A text that must not reach a log: a password, a token, a URL that is itself a key. Printing,
// interpolating or dumping it shows dots; only `revealed` gives the text, and that word is easy
// to find in a review.

/// A text that does not show itself.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable, ExpressibleByStringLiteral
{
    /// The text itself: for the wire only, never for a log, a note or an error.
    package let revealed: String

    package init(_ text: String) { revealed = text }
    package init(stringLiteral text: String) { revealed = text }

    package var description: String { "•••" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
