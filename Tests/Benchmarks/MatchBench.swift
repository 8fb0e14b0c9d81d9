// The workload of gen.py (neutral rules, Traccar events) against the index and the engine: CPU per
// event at 10, 100, 1 000 and 10 000 rules, and whether the matches are the expected ones. The
// neutral rules test circles on a plane, ours on a sphere: a match more or less at an edge is
// said, not hidden.
import Alerting
import Foundation

/// Where gen.py has written its files, and what came of it.
struct MatchBench {
    struct Figure {
        var rules: Int
        var matches: Int
        var expected: Int
        var matchMicroseconds: Double
        var stepMicroseconds: Double
        var told: Int
    }

    let directory: String

    /// Runs all four sets and returns a line of figures for each.
    static func run(directory: String) throws -> [Figure] {
        let bench = MatchBench(directory: directory)
        let events = try bench.events()
        return try [10, 100, 1_000, 10_000].map { try bench.figure(rules: $0, events) }
    }

    private func figure(rules count: Int, _ events: [Event]) throws -> Figure {
        let book = try book(rules: count)
        let expected = try json("expected-\(count).json") as? [String: Any]
        let used = expected?["eventsUsed"] as? Int ?? 0
        var set = RuleSet(book)
        let nothing = Memory()
        var matches = 0
        for event in events.prefix(used) { matches += set.matches(event, nothing).count }
        let known = self.memory(of: events)
        for event in events { _ = set.matches(event, known) }
        let start = Self.cpuSeconds()
        for event in events { _ = set.matches(event, known) }
        let matched = Self.cpuSeconds() - start

        var engine = Engine(rules: RuleSet(book))
        var memory = Memory()
        var told = 0
        let begin = Self.cpuSeconds()
        for (seq, event) in events.enumerated() {
            let step = engine.step(
                .event(event), seq: Int64(seq + 1), memory, now: event.received)
            memory.apply(step)
            told += step.deliveries.count
        }
        let stepped = Self.cpuSeconds() - begin
        let perEvent = 1e6 / Double(events.count)
        return Figure(
            rules: count, matches: matches, expected: expected?["total"] as? Int ?? -1,
            matchMicroseconds: matched * perEvent, stepMicroseconds: stepped * perEvent, told: told)
    }

    /// All devices known, nothing else.
    private func memory(of events: [Event]) -> Memory {
        var memory = Memory()
        var engine = Engine(rules: RuleSet(RuleBook()))
        for event in events {
            var first = event
            first.position = nil
            memory.apply(engine.step(.report(first), seq: nil, memory, now: first.received))
        }
        return memory
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    // MARK: - Converting

    private func json(_ name: String) throws -> Any {
        try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: directory).appendingPathComponent(name)))
    }

    private func book(rules count: Int) throws -> RuleBook {
        var book = RuleBook()
        let tzif = try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin"))
        let zone = try Zone(name: "Europe/Berlin", tzif: [UInt8](tzif))
        var owner = Contact(name: "owner")
        owner.ways = [Contact.Way(channel: .http("sink"))]
        book.contacts["owner"] = owner
        for case let source as [String: Any] in try json("rules-\(count).json") as? [Any] ?? [] {
            book.rules.append(rule(source, &book, zone))
        }
        return book
    }

    private func rule(_ source: [String: Any], _ book: inout RuleBook, _ zone: Zone) -> Rule {
        let types = source["eventTypes"] as? [String] ?? []
        var parts: [Trigger] = []
        for type in types {
            // Alarm kinds are asked of alarms; a list with kinds matches nothing else.
            if let alarms = source["alarms"] as? [String] {
                if type == "alarm" { parts.append(.alarm(alarms)) }
            } else {
                parts.append(.event([type]))
            }
        }
        var rule = Rule(
            id: source["id"] as? String ?? "", severity: .warning,
            when: parts.count == 1 ? parts[0] : .any(parts))
        if let devices = source["devices"] as? [Int] {
            rule.devices = .matching(devices.map { String(860_000_000_000_000 + $0) }.map(padded))
        }
        var conditions: [Condition] = []
        if let window = source["window"] as? [String: Any], let from = window["fromMin"] as? Int,
            let to = window["toMin"] as? Int
        {
            let name = "\(from)-\(to)"
            book.hours[name] = Hours(
                windows: [
                    Hours.Window(
                        weekdays: Array(0..<7), start: from, end: to)
                ], zone: zone)
            conditions.append(.hours(name, inside: true))
        }
        if let fence = source["geofence"] as? [String: Any], let id = fence["id"] as? String {
            if let circle = fence["circle"] as? [String: Double] {
                book.places[id] = .area(
                    Geofence(
                        center: Coordinate(
                            latitude: circle["lat"] ?? 0, longitude: circle["lon"] ?? 0),
                        radius: circle["radiusM"] ?? 0))
            } else if let corners = fence["polygon"] as? [[Double]] {
                book.places[id] = .area(
                    Geofence(
                        polygon: corners.map { Coordinate(latitude: $0[0], longitude: $0[1]) }))
            }
            conditions.append(.place([id], inside: true))
        }
        if !conditions.isEmpty { rule.condition = .all(conditions) }
        rule.notify = [NotifyStep(to: ["owner"])]
        return rule
    }

    private func padded(_ text: String) -> String {
        String(repeating: "0", count: max(0, 15 - text.count)) + text
    }

    private func events() throws -> [Event] {
        let url = URL(fileURLWithPath: directory).appendingPathComponent("events.jsonl")
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").compactMap {
            guard
                let body = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any],
                let event = body["event"] as? [String: Any],
                let device = body["device"] as? [String: Any],
                let position = body["position"] as? [String: Any]
            else { return nil }
            return Self.event(event, device, position)
        }
    }

    private static func event(
        _ source: [String: Any], _ device: [String: Any], _ position: [String: Any]
    ) -> Event {
        var event = Event(
            server: "https://iot.example.com", source: "bench",
            type: source["type"] as? String ?? "")
        event.id = (source["id"] as? NSNumber)?.int64Value ?? 0
        event.deviceId = (source["deviceId"] as? NSNumber)?.int64Value ?? 0
        event.time = Instant(rfc3339: source["eventTime"] as? String ?? "")
        event.received = event.time ?? .distantPast
        event.attributes = attributes(source["attributes"])
        var known = Device(
            id: event.deviceId, uniqueId: device["uniqueId"] as? String ?? "",
            name: device["name"] as? String ?? "")
        known.attributes = attributes(device["attributes"])
        event.device = known
        var place = Position(
            coordinate: Coordinate(
                latitude: (position["latitude"] as? NSNumber)?.doubleValue ?? 0,
                longitude: (position["longitude"] as? NSNumber)?.doubleValue ?? 0))
        place.deviceTime = event.time
        place.fixTime = event.time
        place.speed = Speed(knots: (position["speed"] as? NSNumber)?.doubleValue ?? 0)
        place.geofences = .known([])
        place.attributes = attributes(position["attributes"])
        event.position = place
        return event
    }

    private static func attributes(_ source: Any?) -> Attributes {
        let object = source as? [String: Any] ?? [:]
        return Attributes(
            object.map { name, value in
                let made: Attribute =
                    if let text = value as? String {
                        .text(text)
                    } else if let number = value as? NSNumber {
                        .number(number.doubleValue)
                    } else {
                        .null
                    }
                return Attributes.Entry(name: name, value: made)
            })
    }
}

/// Prints the figures of gen.py's workload in `directory`.
func benchMatch(directory: String) throws {
    for figure in try MatchBench.run(directory: directory) {
        print("match.\(figure.rules).cpu  \(figure.matchMicroseconds)  us/event")
        print("step.\(figure.rules).cpu  \(figure.stepMicroseconds)  us/event")
        print("match.\(figure.rules).matches  \(figure.matches)  of \(figure.expected)")
        print("step.\(figure.rules).messages  \(figure.told)  messages")
    }
}
