// STUB-A: wall time in a zone, from the system's TZif data (bytes are handed in: no I/O here).
package struct Zone: Hashable, Sendable {
    /// The IANA name.
    package var name: String
    package static let utc = Zone(name: "UTC")
    package func offset(at instant: Instant) -> Int64 { 0 }
}
/// Gives the TZif bytes of an IANA zone name; nil: there is none.
package typealias ZoneReader = @Sendable (_ name: String) -> [UInt8]?
