// Where a message goes: what one step sends to one destination is one message (RULES.md, *What a
// rule does* 6), and what is gathered for a digest is gathered by it.

/// A contact, reached at one address by one channel.
package struct Destination: Hashable, Comparable, Sendable {
    package var contact: String
    package var channel: ChannelName
    /// Empty for `http:` and `hook:`.
    package var address: String

    package init(contact: String, channel: ChannelName, address: String) {
        self.contact = contact
        self.channel = channel
        self.address = address
    }

    package init(_ delivery: Delivery) {
        self.init(
            contact: delivery.contact, channel: delivery.channel, address: delivery.address)
    }

    package init(_ told: borrowing Incident.Told) {
        self.init(contact: told.contact, channel: told.channel, address: told.address)
    }

    package static func < (left: Destination, right: Destination) -> Bool {
        left.contact != right.contact
            ? left.contact < right.contact
            : left.channel != right.channel
                ? left.channel < right.channel : left.address < right.address
    }
}
