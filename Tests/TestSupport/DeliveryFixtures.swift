// Deliveries for the tests of messages and templates: one that says everything, made by small
// changes into all others.
package import Alerting

package enum DeliveryFixture {
    /// 2026-11-24T02:12:05Z: 03:12:05 in Vienna, a Tuesday.
    package static let night = Instant(milliseconds: 1_795_486_325_000)
    package static let vienna: @Sendable (String, Instant) -> Int = { zone, _ in
        zone == "Europe/Vienna" ? 3_600 : 0
    }

    /// A vibration alarm of Cargo 1 that was received a second after it happened.
    package static func event(late: Duration = .seconds(1)) -> Event {
        var event = Event(server: "https://iot.example", source: "biketrax", type: "alarm")
        event.id = 173
        event.attributes = ["alarm": .text("vibration")]
        event.time = night
        event.received = night + late
        event.txn = "txn-7"
        return event
    }

    package static func position() -> Position {
        var position = Position(coordinate: Coordinate(latitude: 48.2082, longitude: 16.3738))
        position.speed = Speed(knots: 13)
        position.fixTime = night
        position.deviceTime = night
        return position
    }

    package static func item(
        _ event: Event? = event(), reason: Reason = .first, held: Int = 0
    ) -> Item {
        Item(
            incident: .init(id: "8f1c", state: .open, opened: night + .seconds(1), count: 1),
            rule: "theft-at-night",
            device: .init(name: "Cargo 1", uniqueId: "860000000000001", group: nil),
            event: event.map { .init($0) }, position: .init(position()), place: nil, held: held,
            reason: reason, severity: .critical, template: "alarm")
    }

    package static func delivery(
        _ items: [Item] = [item()], reason: Reason = .first, channel: ChannelName = .http("fleet"),
        template: String = "alarm", language: String = "en", timezone: String = "Europe/Vienna"
    ) -> Delivery {
        Delivery(
            id: "d41d8c", contact: "owner", channel: channel, address: "", reason: reason,
            severity: .critical, template: template, language: language, timezone: timezone,
            items: items, rulesHash: "0123456789abcdef", created: night + .seconds(1))
    }

    package static func trouble() -> Delivery {
        var delivery = delivery([])
        delivery.trouble = Trouble(
            kind: .deadDelivery, subject: "a message could not be delivered",
            text: "To fleet by http:fleet, given up after 3 days.")
        return delivery
    }
}
