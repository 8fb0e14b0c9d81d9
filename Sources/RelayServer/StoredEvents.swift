// Joins two modules that do not know each other: what the store reads back is decoded by the code
// that decoded it when it came in.

import Alerting
import Intake
import Storage

extension TraccarPayload {
    /// For Store and Listing.
    static let decode: @Sendable (StoredBody) -> Event? = { body in
        event(
            body: body.bytes, server: body.server, source: body.source, road: body.road,
            txn: body.txn, received: body.received)
    }
}
