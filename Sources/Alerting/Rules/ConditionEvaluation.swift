// Judges `while` in Kleene's logic: one false decides "all", one true decides "any", `not` of
// unknown is unknown. The node that decided gives its words for the explanation, and each answer
// says whether something that is still to come could change it ("disorder never silences").

/// How a condition ended.
struct Answer {
    var truth: Truth
    /// The node that decided, for `no` and `unknown`.
    var leaf: Int32
    /// A report or a fuller copy that is still to come could change it.
    var isOpen: Bool
}

/// Judges the conditions of a pool at one event; remembers what it has worked out.
struct ConditionJudge {
    private let pool: ConditionPool
    /// Answers of hours, each good for the moments `from..<until`.
    private var hourAnswers: [(from: Instant, until: Instant, inside: Bool)]
    /// What each place said to the event of the same round.
    private var placeAnswers: [(round: UInt32, truth: Truth)]
    private var round: UInt32 = 0
    /// The report that places look at in this round; nil: not looked for yet.
    private(set) var placeReport: (report: Report, isOwn: Bool)?
    private var hasLooked = false

    init(_ pool: ConditionPool) {
        self.pool = pool
        hourAnswers = Array(
            repeating: (.distantFuture, .distantPast, false), count: pool.hours.count)
        placeAnswers = Array(repeating: (0, .unknown), count: pool.places.count)
    }

    /// Begins with another event, or with other facts of the same one.
    mutating func begin() {
        round &+= 1
        if round == 0 {
            // After 2³² rounds: the old answers would look new.
            for index in placeAnswers.indices { placeAnswers[index].round = 0 }
            round = 1
        }
        hasLooked = false
        placeReport = nil
    }

    /// The newest report with a place, usable or not.
    mutating func reportOfPlace(_ facts: Facts) -> (report: Report, isOwn: Bool)? {
        if !hasLooked {
            placeReport = facts.newest(\.saysPlace)
            hasLooked = true
        }
        return placeReport
    }

    mutating func judge(
        _ root: Int32, _ facts: Facts, _ memory: Memory
    ) -> Answer {
        switch pool.nodes[Int(root)] {
        case .all(let first, let count):
            return joined(
                first, count, decides: .no, root, facts, memory)
        case .any(let first, let count):
            return joined(
                first, count, decides: .yes, root, facts, memory)
        case .not(let part):
            var answer = judge(part, facts, memory)
            answer.truth = answer.truth.negated
            if answer.truth == .no { answer.leaf = root }
            return answer
        case .hours(let number, let inside):
            return Answer(
                truth: Truth(isInside(number, facts.time) == inside), leaf: root,
                isOpen: false)
        case .place(let first, let count, let inside):
            return judgePlaces(first, count, inside: inside, root, facts, memory)
        case .armed(let wanted):
            if let flag = facts.deviceAttributes?.flag("guarded") {
                return Answer(truth: Truth(flag == wanted), leaf: root, isOpen: false)
            }
            return Self.said(facts.newest { $0.armed != nil }, root) { $0.armed == wanted }
        case .speed(let bound):
            guard let found = facts.newest({ $0.speed != nil }), !found.report.unusableFix else {
                return Answer(truth: .unknown, leaf: root, isOpen: facts.own?.speed == nil)
            }
            return Self.said(found, root) { bound.holds($0.speed?.kilometresPerHour ?? 0) }
        case .battery(let bound):
            return Self.said(facts.newest { $0.battery != nil }, root) {
                bound.holds($0.battery ?? 0)
            }
        case .ignition(let wanted):
            return Self.said(facts.newestWord { $0.ignition != nil }, root) {
                $0.ignition == wanted
            }
        case .moving(let wanted):
            return Self.said(facts.newestWord { $0.moving != nil }, root) { $0.moving == wanted }
        case .stoppedFor(let milliseconds):
            guard let found = facts.newestWord({ $0.moving != nil }) else {
                return Answer(truth: .unknown, leaf: root, isOpen: true)
            }
            guard found.report.moving == false, let since = facts.standsSince() else {
                return Answer(truth: .no, leaf: root, isOpen: true)
            }
            return Answer(
                truth: Truth((facts.time - since).wholeMilliseconds >= milliseconds), leaf: root,
                isOpen: true)
        case .attribute(let number):
            return Self.judgeAttribute(pool.attributeTests[Int(number)], root, facts)
        case .unknown:
            return Answer(truth: .unknown, leaf: root, isOpen: false)
        }
    }

    private static func said(
        _ found: (report: Report, isOwn: Bool)?, _ leaf: Int32, _ holds: (Report) -> Bool
    ) -> Answer {
        guard let found else { return Answer(truth: .unknown, leaf: leaf, isOpen: true) }
        return Answer(truth: Truth(holds(found.report)), leaf: leaf, isOpen: !found.isOwn)
    }

    /// "All" is decided by a no, "any" by a yes.
    private mutating func joined(
        _ first: Int32, _ count: Int32, decides: Truth, _ root: Int32, _ facts: Facts,
        _ memory: Memory
    ) -> Answer {
        var result = Answer(truth: decides.negated, leaf: root, isOpen: false)
        for index in first..<first + count {
            let answer = judge(pool.links[Int(index)], facts, memory)
            if answer.truth == decides, !answer.isOpen { return answer }
            let isOpen = result.isOpen || answer.isOpen
            // The first that decides is named, else the first unknown.
            if result.truth != decides,
                answer.truth == decides || (answer.truth == .unknown && result.truth != .unknown)
            {
                result = answer
            }
            result.isOpen = isOpen
        }
        return result
    }

    private mutating func isInside(_ number: Int32, _ time: Instant) -> Bool {
        let known = hourAnswers[Int(number)]
        if time >= known.from, time < known.until { return known.inside }
        let state = pool.hours[Int(number)].state(at: time)
        // Late events ask for the past; what is good for now is kept for the others.
        if time >= known.until || known.from == .distantFuture {
            hourAnswers[Int(number)] = (time, state.until, state.inside)
        }
        return state.inside
    }

    private mutating func judgePlaces(
        _ first: Int32, _ count: Int32, inside: Bool, _ root: Int32, _ facts: Facts,
        _ memory: Memory
    ) -> Answer {
        guard let found = reportOfPlace(facts) else {
            return Answer(truth: .unknown, leaf: root, isOpen: true)
        }
        var result = Truth.no
        for index in first..<first + count {
            switch truth(ofPlace: pool.links[Int(index)], found.report, facts, memory) {
            case .yes:
                return Answer(truth: Truth(inside), leaf: root, isOpen: !found.isOwn)
            case .unknown: result = .unknown
            case .no: break
            }
        }
        // Which geofence the name means may still be told.
        return Answer(
            truth: inside ? result : result.negated, leaf: root,
            isOpen: !found.isOwn || result == .unknown)
    }

    private mutating func truth(
        ofPlace number: Int32, _ report: Report, _ facts: Facts, _ memory: Memory
    ) -> Truth {
        let known = placeAnswers[Int(number)]
        if known.round == round { return known.truth }
        var truth = Truth.unknown
        switch pool.places[Int(number)] {
        case .area(let fence):
            if let fix = report.fix { truth = fence.holds(fix, accuracy: report.accuracy) }
        case .server(let geofence):
            if report.geofencesKnown, !report.unusableFix {
                let id = memory.geofence(named: geofence, server: facts.server) ?? Int64(geofence)
                truth = Self.holds(report.geofences ?? [], id)
            }
        }
        placeAnswers[Int(number)] = (round, truth)
        return truth
    }

    /// In no geofence is in none, whatever its id; else the id must be known.
    private static func holds(_ ids: [Int64], _ id: Int64?) -> Truth {
        ids.isEmpty ? .no : Truth(id.map { ids.contains($0) })
    }

    private static func judgeAttribute(
        _ test: Condition.AttributeTest, _ leaf: Int32, _ facts: Facts
    ) -> Answer {
        let attributes: Attributes? =
            switch test.owner {
            case .device: facts.deviceAttributes
            case .position: facts.positionAttributes
            case .event: facts.eventAttributes
            }
        guard let attributes else { return Answer(truth: .unknown, leaf: leaf, isOpen: true) }
        let value = attributes[test.name]
        // A fuller copy may have it; of the device what was known at the event's receipt counts.
        let mayCome = value == nil && (test.owner != .device || attributes.isEmpty)
        return Answer(truth: Truth(test.test.holds(value)), leaf: leaf, isOpen: mayCome)
    }
}

extension Condition.AttributeTest.Test {
    /// An attribute that is absent from an object that we have equals nothing.
    func holds(_ value: Attribute?) -> Bool {
        switch self {
        case .equals(let wanted): value?.equals(wanted) ?? false
        case .isNot(let wanted): !(value?.equals(wanted) ?? false)
        case .bound(let bound): value?.number.map(bound.holds) ?? false
        }
    }
}

extension Attribute {
    /// Against a value as written in a rule file: numbers and flags by value.
    fileprivate func equals(_ wanted: String) -> Bool {
        switch self {
        case .text(let text):
            if text == wanted { return true }
            // A re-encoder may have made text of a number: "97".
            guard let number = Double(text), let other = Double(wanted) else { return false }
            return number == other
        case .number(let number): return Double(wanted) == number
        case .flag(let flag): return wanted == (flag ? "true" : "false")
        case .null: return wanted == "null"
        case .nested(let json): return json == wanted
        }
    }
}
