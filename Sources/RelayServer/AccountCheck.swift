// What a server's account should have so that the rules can work, looked at when its socket opens:
// the server pushes an event only where the account owns a notification of its type with `web`
// among the notificators, linked to the device (domain.md 5), and says nothing where it has none.
// The catch-up brings such events all the same, a quarter of an hour late: so it is a warning.

import Alerting
import Intake
import Logging

enum AccountCheck {
    /// - Parameters:
    ///   - device: the server's id of a device by its name or uniqueId.
    ///   - ask: the account's notifications, or those that are linked to a device.
    static func warnings(
        _ book: RuleBook, device: (String) -> Int64?,
        ask: (Int64?) async throws(SessionFailure) -> [ServerNotification]
    ) async throws(SessionFailure) -> [String] {
        let all = try await ask(nil)
        var linked: [String: [ServerNotification]] = [:]
        for name in book.devicesNamed.prefix(Limits.devicesChecked) {
            guard let id = device(name) else { continue }
            linked[name] = try await ask(id)
        }
        return warnings(book, all, linked: linked)
    }

    /// What is missing, a line for each type or kind.
    /// - Parameter linked: of devices that rules name, the notifications that are linked to them.
    static func warnings(
        _ book: RuleBook, _ all: [ServerNotification], linked: [String: [ServerNotification]]
    ) -> [String] {
        let pushed = all.filter(\.isForTheSocket)
        return book.happenings.sorted().compactMap { happening in
            let fitting = pushed.filter { happening.isPushed(by: $0) }
            guard !fitting.isEmpty else {
                return "the server will not push \(happening): the account has no notification of "
                    + "it with 'web' among its channels (Settings, Notifications); rules about it "
                    + "hear of it by webhook, or late by catch-up"
            }
            guard !fitting.contains(where: \.always) else { return nil }
            let without = linked.filter { _, own in
                !own.contains { $0.isForTheSocket && happening.isPushed(by: $0) }
            }
            guard !without.isEmpty else { return nil }
            let names = without.keys.sorted().joined(separator: ", ")
            return "the server will not push \(happening) of \(names): no "
                + "notification of it with 'web' is linked to the device, and none is for all"
        }
    }

    static func sayStatusEventsSeemOff(_ book: RuleBook, _ logger: Logger) {
        guard book.happenings.contains(where: { Event.isOfStatus($0.type) }) else { return }
        logger.warning(
            """
            devices come and go, but the server makes no deviceOnline or deviceOffline events \
            (event.status.enable is off since Traccar 6.14): rules about them will never fire
            """)
    }
}

/// Something that rules listen to: a type of event, of alarms with the kind.
struct Listened: Hashable, Comparable, CustomStringConvertible {
    var type: String
    /// nil: any kind, or no alarm.
    var alarm: String?

    var description: String { alarm.map { "alarm \($0)" } ?? type }

    func isPushed(by notification: ServerNotification) -> Bool {
        guard notification.type == type else { return false }
        guard type == "alarm" else { return true }
        return alarm.map { notification.alarms.contains($0) } ?? !notification.alarms.isEmpty
    }

    static func < (left: Listened, right: Listened) -> Bool {
        (left.type, left.alarm ?? "") < (right.type, right.alarm ?? "")
    }
}

extension RuleBook {
    /// What the enabled rules listen to. "Any event" asks for nothing in particular.
    var happenings: Set<Listened> {
        var found: Set<Listened> = []
        for rule in rules where rule.enabled {
            gather(rule.when, &found)
            if let clears = rule.clears?.when { gather(clears, &found) }
        }
        return found
    }

    /// Places and bounds of the rule files are crossed by positions: no event of the server's.
    private func gather(_ trigger: Trigger, _ found: inout Set<Listened>) {
        switch trigger {
        case .alarm(nil): found.insert(Listened(type: "alarm"))
        case .alarm(let kinds?):
            for kind in kinds { found.insert(Listened(type: "alarm", alarm: kind)) }
        case .event(nil): break
        case .event(let types?): for type in types { found.insert(Listened(type: type)) }
        case .enters(let names) where names.contains(where: isOnServer):
            found.insert(Listened(type: "geofenceEnter"))
        case .leaves(let names) where names.contains(where: isOnServer):
            found.insert(Listened(type: "geofenceExit"))
        case .enters, .leaves, .passes, .sourceSilent: break
        case .any(let parts): for part in parts { gather(part, &found) }
        }
    }

    private func isOnServer(_ place: String) -> Bool {
        if case .server = places[place] { true } else { false }
    }

    /// Devices that rules name outright, without wildcards.
    var devicesNamed: [String] {
        var names: Set<String> = []
        for rule in rules where rule.enabled {
            guard case .matching(let list) = rule.devices else { continue }
            names.formUnion(list.filter { !$0.contains("*") && !$0.contains("?") })
        }
        return names.sorted()
    }
}
