// STUB-A: wall time in a zone, from the system's TZif data (bytes are handed in: no I/O here).
package struct Zone: Hashable, Sendable {
    /// The IANA name.
    package var name: String
    package static let utc = Zone(name: "UTC")
}
