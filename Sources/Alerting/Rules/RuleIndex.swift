// A rule book compiled: which rules an event must look at, found by what it is, whom it is about
// and where it happened. Immutable once made and shared by reference; what is worked out while
// events pass is in RuleSet.

final class RuleIndex: Sendable {
    let book: RuleBook
    /// The enabled rules, in the order of their ids: everything else here is numbers into this.
    let rules: [ActiveRule]
    /// Their ids.
    let ids: [String]
    let compiled: [CompiledRule]
    /// Of all rules; a rule's are `forms[rule.forms]`, in the order in which they are written.
    let forms: [Form]
    let kinds: KindTable
    let selectors: SelectorTable
    let conditions: ConditionPool
    /// Rules by (kind, selector); those that `inside` leaves out are apart.
    let matching: Buckets
    let guarded: Buckets
    /// Rules that ask for `inside` of a place of the file, by (kind, place).
    let byPlace: Buckets
    let grid: PlaceGrid
    /// What positions are compared with.
    let boundaries: BoundaryTable
    /// Rules about sources.
    let sourceRules: [Int32]
    /// The kinds of events that may end an incident; a rule's are `endings[rule.endings]`.
    let endings: [Int32]
    /// Those of any rule.
    let allEndings: Set<Int32>
    private let numbers: [String: Int32]

    /// One rule, without references.
    struct CompiledRule: Sendable {
        var forms: Range<Int32>
        /// -1: no `while`.
        var condition: Int32
        var firesOnUnknown: Bool
        var isQuietOutright: Bool
        var selectors: Range<Int32>
        var isForAll: Bool
        var endings: Range<Int32>
    }

    /// One thing that a `when` listens to.
    struct Form: Sendable {
        var kind: Int32
        /// Of a crossing of a `traccar:` place: the rule file's name, in `crossedPlaces`.
        var place: Int32 = -1
        /// Of a crossing that positions show: in `crossings`.
        var crossing: Int32 = -1
    }

    let crossedPlaces: [String]
    let crossings: [Crossing]
    /// The rule file's names of the server's geofences, by their name or id there.
    let fileNames: [String: String]
    private let ruleSelectors: [Int32]

    init(_ book: RuleBook) {
        var builder = Builder(book)
        for rule in book.rules.sorted(by: { $0.id < $1.id }) where rule.enabled {
            builder.add(rule)
        }
        builder.boundaries.finish()
        builder.conditions.finish()
        self.book = book
        // Of rules that tell the same people, the list is one.
        var hearers: Set<[Incident.Told]> = []
        rules = builder.rules.map { rule in
            let own = ActiveRule.hearers(of: rule.notify, book.contacts)
            return ActiveRule(rule, hearers: hearers.insert(own).memberAfterInsert)
        }
        ids = builder.rules.map(\.id)
        compiled = builder.compiled
        forms = builder.forms
        kinds = builder.kinds
        selectors = builder.selectors
        conditions = builder.conditions
        matching = Buckets(builder.matching)
        guarded = Buckets(builder.guarded)
        byPlace = Buckets(builder.byPlace)
        endings = builder.endings
        allEndings = Set(builder.endings)
        grid = builder.grid
        boundaries = builder.boundaries
        sourceRules = builder.sourceRules
        crossings = builder.crossings
        crossedPlaces = builder.crossedPlaces
        ruleSelectors = builder.ruleSelectors
        fileNames = Dictionary(
            book.places.compactMap { name, place in
                if case .server(let geofence) = place { (geofence, name) } else { nil }
            }, uniquingKeysWith: { min($0, $1) })
        numbers = Dictionary(
            builder.rules.enumerated().map { ($1.id, Int32($0)) }, uniquingKeysWith: { $1 })
    }

    func number(ofRule id: String) -> Int32? { numbers[id] }

    func rule(_ id: String) -> ActiveRule? { numbers[id].map { rules[Int($0)] } }

    /// The crossing that a member of a rule's incident is, if positions show it.
    func crossing(of member: Incident.Member, _ rule: ActiveRule) -> Crossing? {
        guard !boundaries.isEmpty else { return nil }
        if let place = member.place {
            guard case .area = book.places[place] else { return nil }
            return Crossing(.place(place), isInto: member.kind == Opposites.enter)
        }
        guard let bound = rule.bound else { return nil }
        return Crossing(bound, isInto: true)
    }

    /// Whether the rule is about a device that fits these selectors.
    func covers(_ rule: CompiledRule, _ fitting: [Int32]) -> Bool {
        if rule.isForAll { return true }
        for selector in ruleSelectors[
            Int(rule.selectors.lowerBound)..<Int(rule.selectors.upperBound)]
        where fitting.contains(selector) {
            return true
        }
        return false
    }

    /// Whether an event of these kinds may end an incident of the rule.
    func mayEnd(_ rule: CompiledRule, _ kinds: EventKinds) -> Bool {
        rule.endings.contains { kinds.contains(endings[Int($0)]) }
    }

    /// The form, of those that the event fits, that is written first.
    @inline(__always)
    func form(of rule: CompiledRule, _ kinds: EventKinds) -> Form? {
        for index in rule.forms where kinds.contains(forms[Int(index)].kind) {
            return forms[Int(index)]
        }
        return nil
    }
}

/// What a rule does when it fires. By reference: a rule is large, and each match looks at it.
final class ActiveRule: Sendable {
    let id: String
    /// Its part of the ids of its incidents.
    let digest: DerivedId.Digest
    let severity: Severity
    /// `once_per`; nil: `none`.
    let quietMilliseconds: Int64?
    let quietsByDevice, quietsByAlarm, quietsByPlace: Bool
    let lateMilliseconds: Int64
    let lateThen: Late.Then
    /// Everybody that `notify` names, once for each way, with the template of the first step.
    let hearers: [Incident.Told]
    let clears: Clears?
    let clearAfterMilliseconds: Int64
    /// Of a `when` that is a bound of the battery or the speed, or the silence of a source.
    let bound: Boundary?
    /// Of `source: silent`.
    let silenceMilliseconds: Int64?

    init(_ rule: Rule, hearers: [Incident.Told]) {
        id = rule.id
        digest = DerivedId.digest("incident", rule.id)
        severity = rule.severity
        quietMilliseconds = rule.oncePer.duration?.wholeMilliseconds
        quietsByDevice = rule.oncePer.by.contains(.device)
        quietsByAlarm = rule.oncePer.by.contains(.alarm)
        quietsByPlace = rule.oncePer.by.contains(.place)
        lateMilliseconds = rule.late.upTo.wholeMilliseconds
        lateThen = rule.late.then
        self.hearers = hearers
        clears = rule.clears
        clearAfterMilliseconds = rule.clearAfter.wholeMilliseconds
        switch rule.when {
        case .passes(let bound): self.bound = bound
        case .sourceSilent: bound = .source
        case .alarm, .event, .enters, .leaves, .any: bound = nil
        }
        silenceMilliseconds =
            if case .sourceSilent(let span) = rule.when { span.wholeMilliseconds } else { nil }
    }

    static func hearers(
        of notify: [NotifyStep], _ contacts: [String: Contact]
    ) -> [Incident.Told] {
        var found: [Incident.Told] = []
        for step in notify {
            for name in step.to {
                for way in contacts[name]?.ways ?? []
                where step.by?.contains(way.channel.kind) ?? true {
                    let told = Incident.Told(
                        contact: name, channel: way.channel, address: way.address,
                        template: step.message)
                    if !found.contains(where: { Destination($0) == Destination(told) }) {
                        found.append(told)
                    }
                }
            }
        }
        return found
    }
}

// MARK: - Building

extension RuleIndex {
    /// What grows while the rules are added one by one.
    fileprivate struct Builder {
        typealias Entry = (kind: Int32, other: Int32, rule: Int32)

        let book: RuleBook
        var rules: [Rule] = []
        var compiled: [CompiledRule] = []
        var forms: [Form] = []
        var kinds = KindTable()
        var selectors = SelectorTable()
        var conditions = ConditionPool()
        var matching: [Entry] = []
        var guarded: [Entry] = []
        var byPlace: [Entry] = []
        var endings: [Int32] = []
        var grid = PlaceGrid()
        var boundaries = BoundaryTable()
        var sourceRules: [Int32] = []
        var crossedPlaces: [String] = []
        var crossings: [Crossing] = []
        var ruleSelectors: [Int32] = []
        private var crossedNumbers: [String: Int32] = [:]
        private var inGrid: Set<Int32> = []

        init(_ book: RuleBook) { self.book = book }

        mutating func add(_ rule: Rule) {
            let number = Int32(rules.count)
            let fitting = selectors.intern(rule.devices)
            let firstForm = Int32(forms.count)
            append(rule.when)
            let firstSelector = Int32(ruleSelectors.count)
            ruleSelectors += fitting
            rules.append(rule)
            if case .sourceSilent = rule.when { sourceRules.append(number) }
            let firstEnding = Int32(endings.count)
            endings += self.endings(of: rule).sorted()
            compiled.append(
                CompiledRule(
                    forms: firstForm..<Int32(forms.count),
                    condition: rule.condition.map { conditions.add($0, book) } ?? -1,
                    firesOnUnknown: rule.firesOnUnknown, isQuietOutright: rule.isQuietOutright,
                    selectors: firstSelector..<Int32(ruleSelectors.count),
                    isForAll: fitting == [SelectorTable.all],
                    endings: firstEnding..<Int32(endings.count)))
            let listened = Self.fewest(forms[Int(firstForm)...])
            let isWide = fitting.contains { !selectors.isExact($0) }
            let places = isWide ? guardPlaces(of: rule) : nil
            for kind in listened {
                for selector in fitting {
                    if places == nil {
                        matching.append((kind, selector, number))
                    } else {
                        guarded.append((kind, selector, number))
                    }
                }
                for place in places ?? [] { byPlace.append((kind, place, number)) }
            }
        }

        private mutating func append(_ trigger: Trigger) {
            switch trigger {
            case .alarm(nil): forms.append(Form(kind: kinds.intern(type: "alarm")))
            case .alarm(let list?):
                for alarm in list {
                    forms.append(Form(kind: kinds.intern(alarm: alarm)))
                }
            case .event(nil): forms.append(Form(kind: EventKinds.any))
            case .event(let list?):
                for type in list {
                    forms.append(Form(kind: kinds.intern(type: type)))
                }
            case .enters(let places): append(crossings: places, enters: true)
            case .leaves(let places): append(crossings: places, enters: false)
            case .passes(let bound): append(Crossing(bound, isInto: true))
            case .sourceSilent: append(Crossing(.source, isInto: true))
            case .any(let triggers): for trigger in triggers { append(trigger) }
            }
        }

        private mutating func append(crossings places: [String], enters: Bool) {
            for place in places {
                switch book.places[place] {
                case .area: append(Crossing(.place(place), isInto: enters))
                case .server(let geofence):
                    if crossedNumbers[place] == nil {
                        crossedNumbers[place] = Int32(crossedPlaces.count)
                        crossedPlaces.append(place)
                    }
                    forms.append(
                        Form(
                            kind: kinds.intern(crossing: geofence, enters: enters),
                            place: crossedNumbers[place] ?? -1))
                case nil: continue
                }
            }
        }

        private mutating func append(_ crossing: Crossing) {
            forms.append(Form(kind: intern(crossing), crossing: Int32(crossings.count)))
            crossings.append(crossing)
        }

        /// The kind of a crossing, whose boundary is watched from now on.
        private mutating func intern(_ crossing: Crossing) -> Int32 {
            var fence: Geofence?
            if case .place(let name) = crossing.boundary, case .area(let area) = book.places[name] {
                fence = area
            }
            boundaries.add(crossing.boundary, fence: fence)
            return kinds.intern(crossing)
        }

        /// A rule that listens to any event is found there, and by what positions show, which is
        /// no event.
        private static func fewest(_ forms: ArraySlice<Form>) -> [Int32] {
            let all = Set(forms.map(\.kind))
            guard all.contains(EventKinds.any) else { return all.sorted() }
            return [EventKinds.any]
                + Set(forms.filter { $0.crossing >= 0 }.map(\.kind)).sorted()
        }

        /// The places of which a rule needs one to hold: it may be left out elsewhere.
        private mutating func guardPlaces(of rule: Rule) -> [Int32]? {
            let parts: [Condition] =
                if case .all(let parts)? = rule.condition { parts } else {
                    rule.condition.map { [$0] } ?? []
                }
            for case .place(let names, inside: true) in parts {
                let boxes = names.compactMap { name -> Geofence.BoundingBox? in
                    guard case .area(let fence) = book.places[name] else { return nil }
                    return fence.boundingBox
                }
                guard boxes.count == names.count else { continue }
                return zip(names, boxes).compactMap { name, box in
                    guard let number = conditions.number(ofPlace: name, book) else { return nil }
                    if inGrid.insert(number).inserted { grid.add(number, box: box) }
                    return number
                }
            }
            return nil
        }

        /// The kinds of events that may end an incident of the rule.
        private mutating func endings(of rule: Rule) -> Set<Int32> {
            if let trigger = rule.clears?.when {
                let first = forms.count
                append(trigger)
                let found = Set(forms[first...].map(\.kind))
                forms.removeLast(forms.count - first)
                return found
            }
            return opposites(of: rule.when)
        }

        private mutating func opposites(of trigger: Trigger) -> Set<Int32> {
            var found: Set<Int32> = []
            switch trigger {
            case .alarm(let list):
                for alarm in list ?? Opposites.allAlarms {
                    for other in Opposites.undoing(alarm: alarm) {
                        found.insert(kinds.intern(alarm: other))
                    }
                }
            case .event(let list):
                for type in list ?? Opposites.allTypes {
                    for other in Opposites.undoing(type: type) {
                        found.insert(kinds.intern(type: other))
                    }
                }
                // Any event, or any alarm by its type.
                if list?.contains("alarm") ?? true { found.formUnion(opposites(of: .alarm(nil))) }
            case .enters(let places), .leaves(let places):
                let enters = if case .enters = trigger { true } else { false }
                for place in places {
                    switch book.places[place] {
                    case .server(let geofence):
                        found.insert(kinds.intern(crossing: geofence, enters: !enters))
                    case .area: found.insert(intern(Crossing(.place(place), isInto: !enters)))
                    case nil: continue
                    }
                }
            case .passes(let bound): found.insert(intern(Crossing(bound, isInto: false)))
            case .sourceSilent: break
            case .any(let triggers): for part in triggers { found.formUnion(opposites(of: part)) }
            }
            return found
        }
    }
}
