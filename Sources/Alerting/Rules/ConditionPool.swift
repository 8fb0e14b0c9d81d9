// The conditions of a rule set compiled into one flat list of nodes without references, so that
// judging them allocates nothing. Equal hours are one, and so are equal names of places: each is
// looked at once per event however many rules ask.

/// All conditions of a rule set, compiled.
struct ConditionPool: Sendable {
    enum Node: Sendable {
        /// The children are `links[first..<first + count]`.
        case all(first: Int32, count: Int32)
        case any(first: Int32, count: Int32)
        case not(Int32)
        case armed(Bool)
        case hours(Int32, inside: Bool)
        /// Places are `links[first..<first + count]`.
        case place(first: Int32, count: Int32, inside: Bool)
        case speed(Condition.Bound)
        case battery(Condition.Bound)
        case ignition(Bool)
        case moving(Bool)
        case stoppedFor(milliseconds: Int64)
        /// An index into `attributeTests`.
        case attribute(Int32)
        /// Asks for something that the set does not have.
        case unknown
    }

    private(set) var nodes: [Node] = []
    private(set) var links: [Int32] = []
    private(set) var attributeTests: [Condition.AttributeTest] = []
    /// What each node says, in the file's words. Equal ones are one, so that it is near when it is
    /// wanted: an event comes by many conditions.
    private(set) var words: [String] = []
    private var spoken: Set<String> = []

    private(set) var hours: [Hours] = []
    private var hoursNumbers: [Hours: Int32] = [:]
    private(set) var places: [Place] = []
    private var placeNumbers: [String: Int32] = [:]
}

// MARK: - Compiling

extension ConditionPool {
    /// Adds a condition; the root's number.
    mutating func add(_ condition: Condition, _ book: RuleBook) -> Int32 {
        let node: Node
        switch condition {
        case .all(let parts):
            let (first, count) = link(parts.sorted { $0.cost < $1.cost }, book)
            node = .all(first: first, count: count)
        case .any(let parts):
            let (first, count) = link(parts.sorted { $0.cost < $1.cost }, book)
            node = .any(first: first, count: count)
        case .not(let part): node = .not(add(part, book))
        case .armed(let flag): node = .armed(flag)
        case .hours(let name, let inside):
            node = book.hours[name].map { .hours(number(of: $0), inside: inside) } ?? .unknown
        case .place(let names, let inside):
            let numbers = names.compactMap { number(ofPlace: $0, book) }
            let first = Int32(links.count)
            links += numbers
            node =
                numbers.count == names.count
                ? .place(first: first, count: Int32(numbers.count), inside: inside) : .unknown
        case .speed(let bound): node = .speed(bound)
        case .battery(let bound): node = .battery(bound)
        case .ignition(let isOn): node = .ignition(isOn)
        case .moving(let flag): node = .moving(flag)
        case .stoppedFor(let duration):
            node = .stoppedFor(milliseconds: duration.wholeMilliseconds)
        case .attribute(let test):
            node = .attribute(Int32(attributeTests.count))
            attributeTests.append(test)
        }
        nodes.append(node)
        words.append(spoken.insert(condition.words).memberAfterInsert)
        return Int32(nodes.count - 1)
    }

    /// Whether a node asks for an attribute of the position.
    func asksPosition(at node: Int32) -> Bool {
        guard case .attribute(let test) = nodes[Int(node)] else { return false }
        return attributeTests[Int(test)].owner == .position
    }

    /// Nothing is added any more: what it was found again by goes.
    mutating func finish() {
        spoken = []
        hoursNumbers = [:]
        placeNumbers = [:]
    }

    private mutating func link(_ parts: [Condition], _ book: RuleBook) -> (Int32, Int32) {
        let numbers = parts.map { add($0, book) }
        let first = Int32(links.count)
        links += numbers
        return (first, Int32(numbers.count))
    }

    private mutating func number(of value: Hours) -> Int32 {
        if let number = hoursNumbers[value] { return number }
        hours.append(value)
        hoursNumbers[value] = Int32(hours.count - 1)
        return Int32(hours.count - 1)
    }

    mutating func number(ofPlace name: String, _ book: RuleBook) -> Int32? {
        if let number = placeNumbers[name] { return number }
        guard let place = book.places[name] else { return nil }
        places.append(place)
        placeNumbers[name] = Int32(places.count - 1)
        return Int32(places.count - 1)
    }
}

extension Condition {
    /// Cheap ones first, and those that no later report can change.
    fileprivate var cost: Int {
        switch self {
        case .hours: 0
        case .armed: 1
        case .attribute: 2
        case .speed, .battery: 3
        case .ignition, .moving: 4
        case .stoppedFor: 5
        case .not(let part): part.cost
        case .place: 6
        case .all(let parts), .any(let parts): parts.map(\.cost).max() ?? 0
        }
    }

    /// As it stands in the file.
    package var words: String {
        switch self {
        case .all(let parts): parts.map(\.words).joined(separator: ", ")
        case .any(let parts): "any: [\(parts.map(\.words).joined(separator: ", "))]"
        case .not(let part): "not: { \(part.words) }"
        case .armed(let flag): "armed: \(flag)"
        case .hours(let name, let inside): "\(inside ? "hours" : "outside_hours"): \(name)"
        case .place(let names, let inside):
            "\(inside ? "inside" : "outside"): "
                + (names.count == 1 ? names[0] : "[\(names.joined(separator: ", "))]")
        case .speed(let bound): "speed: \(bound.words) km/h"
        case .battery(let bound): "battery: \(bound.words) %"
        case .ignition(let isOn): "ignition: \(isOn ? "on" : "off")"
        case .moving(let flag): "moving: \(flag)"
        case .stoppedFor(let duration): "stopped_for: \(duration.words)"
        case .attribute(let test):
            switch test.test {
            case .equals(let value): "\(test.owner.rawValue).\(test.name): \(value)"
            case .isNot(let value): "\(test.owner.rawValue).\(test.name): is_not \(value)"
            case .bound(let bound): "\(test.owner.rawValue).\(test.name): \(bound.words)"
            }
        }
    }
}

extension Condition.Bound {
    var words: String {
        switch self {
        case .above(let value): "above \(value.words)"
        case .below(let value): "below \(value.words)"
        }
    }
}

extension Double {
    /// Without the `.0` of a whole number.
    var words: String { Int64(exactly: self).map(String.init) ?? String(self) }
}

extension Duration {
    /// As a rule file writes it, in the largest unit that is exact: `15m`, `90s`.
    package var words: String {
        let total = wholeMilliseconds
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
            as [(String, Int64)]
        where total % size == 0 && (total != 0 || unit == "s") {
            return "\(total / size)\(unit)"
        }
        return "\(total)ms"
    }
}
