// What a device crosses that no server tells: places of the rule file, by its fixes, and bounds of
// its battery and speed, by its values (RULES.md, `when`). A boundary has two sides; a report is on
// one of them, or decides nothing. Nothing is remembered for it but the device's reports.

/// A line with two sides that a rule listens to.
package enum Boundary: Hashable, Sendable {
    /// The edge of a place that is defined in the rule file, by its name there.
    case place(String)
    /// Per cent; beyond it is what is below the first, and back what is above the second.
    case battery(fallsBelow: Double, clearsAbove: Double?)
    /// km/h; beyond it is what exceeds the first, and back what is below the second.
    case speed(exceeds: Double, clearsBelow: Double?)
    /// A source of ours: beyond it is what is down. No report crosses it.
    case source

    static let batteryKind = "battery"
    static let speedKind = "speed"
    static let silentKind = "sourceSilent"
    static let connectedKind = "sourceConnected"
}

/// One crossing: into a place or out of it, past a bound or back past its second one.
package struct Crossing: Hashable, Sendable {
    package var boundary: Boundary
    package var isInto: Bool

    package init(_ boundary: Boundary, isInto: Bool) {
        self.boundary = boundary
        self.isInto = isInto
    }

    var opposite: Crossing { Crossing(boundary, isInto: !isInto) }

    /// In place of an event's type, which no server gave: of a place Traccar's word, of a bound
    /// the rule file's.
    var kind: String {
        switch boundary {
        case .place: isInto ? Opposites.enter : Opposites.exit
        case .battery: Boundary.batteryKind
        case .speed: Boundary.speedKind
        case .source: isInto ? Boundary.silentKind : Boundary.connectedKind
        }
    }

    /// The rule file's name of the place.
    var place: String? { if case .place(let name) = boundary { name } else { nil } }
}

extension Incident.Member {
    init(_ crossing: Crossing, at moment: Instant) {
        self.init(kind: crossing.kind, place: crossing.place, at: moment)
    }
}

/// A report with what was crossed at it.
struct CrossedReport {
    var report: Report
    var crossings: [Crossing]
}

/// All boundaries that the rules of a set listen to, so that a report is compared only with those
/// that it can have crossed.
struct BoundaryTable: Sendable {
    private struct Entry: Sendable {
        var boundary: Boundary
        /// Of a place.
        var fence: Geofence?
        /// Under which a folded report keeps its side: it changes with what the boundary means.
        var key: String
    }

    private var entries: [Entry] = []
    private var numbers: [Boundary: Int32] = [:]
    private var numbersOfKeys: [String: Int32] = [:]
    private var grid = PlaceGrid()
    private var hasPlaces = false
    private var batteries = Bounds()
    private var speeds = Bounds()

    /// The values at which a boundary of one measure begins and ends, ascending.
    private struct Bounds: Sendable {
        var values: [(value: Double, boundary: Int32)] = []

        mutating func add(_ boundary: Int32, _ first: Double, _ second: Double?) {
            values.append((first, boundary))
            if let second, second != first { values.append((second, boundary)) }
        }

        /// Those that may part two values: an open end is a value that is not known.
        func forEach(between low: Double, and high: Double, _ body: (Int32) -> Void) {
            var (first, end) = (0, values.count)
            while first < end {
                let middle = (first + end) / 2
                if values[middle].value < low { first = middle + 1 } else { end = middle }
            }
            while first < values.count, values[first].value <= high {
                body(values[first].boundary)
                first += 1
            }
        }
    }

    var isEmpty: Bool { entries.isEmpty }

    mutating func add(_ boundary: Boundary, fence: Geofence?) {
        guard numbers[boundary] == nil else { return }
        let number = Int32(entries.count)
        numbers[boundary] = number
        let key = Self.key(boundary, fence)
        numbersOfKeys[key] = number
        entries.append(Entry(boundary: boundary, fence: fence, key: key))
        switch boundary {
        case .place:
            hasPlaces = true
            if let fence { grid.add(number, box: fence.boundingBox) }
        case .battery(let first, let second): batteries.add(number, first, second)
        case .speed(let first, let second): speeds.add(number, first, second)
        case .source: break
        }
    }

    /// To be called once, when all are added.
    mutating func finish() {
        batteries.values.sort { $0.value < $1.value }
        speeds.values.sort { $0.value < $1.value }
    }

    private static func key(_ boundary: Boundary, _ fence: Geofence?) -> String {
        switch boundary {
        case .place(let name): "\(String(fence?.digest ?? 0, radix: 36))|\(name)"
        case .battery(let first, let second): "battery|\(first)|\(second ?? first)"
        case .speed(let first, let second): "speed|\(first)|\(second ?? first)"
        case .source: "source"
        }
    }
}

// MARK: - Sides

extension BoundaryTable {
    /// Whether a report is beyond a boundary (of a place: inside); nil: it decides nothing.
    func isBeyond(_ boundary: Boundary, _ report: Report) -> Bool? {
        numbers[boundary].flatMap { side($0, report) }
    }

    private func side(_ number: Int32, _ report: Report) -> Bool? {
        own(entries[Int(number)], report) ?? report.folded?.sides[entries[Int(number)].key]
    }

    private func own(_ entry: Entry, _ report: Report) -> Bool? {
        switch entry.boundary {
        case .place:
            guard let fence = entry.fence, let (point, accuracy) = report.lastFix else {
                return nil
            }
            switch fence.holds(point, accuracy: accuracy) {
            case .yes: return true
            case .no: return false
            case .unknown: return nil
            }
        case .battery(let bound, let back):
            guard let value = report.battery else { return nil }
            if value < bound { return true }
            return back.map { value > $0 } ?? true ? false : nil
        case .speed(let bound, let back):
            guard let value = report.usableSpeed else { return nil }
            if value > bound { return true }
            return back.map { value < $0 } ?? true ? false : nil
        case .source: return nil
        }
    }

    /// The sides that a report keeps of older ones that it has absorbed: of all boundaries of which
    /// it says nothing by itself.
    func sides(of older: [Report], in report: Report) -> [String: Bool] {
        var kept: [String: Bool] = [:]
        guard !isEmpty else { return kept }
        var report = report
        report.folded?.sides = [:]
        let series = older + [report]
        var found = Set(
            series.flatMap { ($0.folded?.sides ?? [:]).keys }.compactMap { numbersOfKeys[$0] })
        for report in series { forEachPlace(around: report) { found.insert($0) } }
        for (number, entry) in entries.enumerated() where entry.fence == nil {
            found.insert(Int32(number))
        }
        for number in found where side(number, report) == nil {
            let sides = older.reversed().lazy.compactMap { side(number, $0) }
            if let side = sides.first { kept[entries[Int(number)].key] = side }
        }
        return kept
    }

    /// Places of which a report's fix may not decide. Of every other one it decides: outside.
    private func forEachPlace(around report: Report, _ body: (Int32) -> Void) {
        guard let (point, accuracy) = report.lastFix else { return }
        grid.forEach(around: point, within: accuracy ?? 0, body)
    }
}

// MARK: - Crossings

extension BoundaryTable {
    /// What a device has crossed, now that `news` are among its reports, in the order of time. A
    /// report that comes out of order may make that a crossing which stands behind it.
    /// - Parameters:
    ///   - old: the device's reports before, oldest first.
    ///   - all: the same with the news.
    func crossings(_ news: [Report], old: [Report], all: [Report]) -> [CrossedReport] {
        guard !isEmpty, var first = all.firstIndex(where: { news.contains($0) }) else { return [] }
        // What is older than a folded report: on which side it came from is not known any more.
        if let folded = all.lastIndex(where: { $0.folded != nil }) { first = max(first, folded) }
        let last = all.lastIndex { news.contains($0) } ?? first
        guard first <= last else { return [] }
        var found: [(report: Int, crossing: Crossing)] = []
        for number in candidates(all, first, last) {
            let before = side(number, before: all[first], in: all)
            let had = transitions(number, old, from: all[first], through: all[last], before)
            for (index, isInto) in transitions(
                number, all, from: all[first], through: all[last], before)
            where !had.contains(where: {
                old[$0.index].isSame(as: all[index]) && $0.isInto == isInto
            }) {
                found.append((index, Crossing(entries[Int(number)].boundary, isInto: isInto)))
            }
        }
        guard !found.isEmpty else { return [] }
        return Dictionary(grouping: found, by: \.report).sorted { $0.key < $1.key }.map {
            CrossedReport(report: all[$0.key], crossings: $0.value.map(\.crossing))
        }
    }

    /// The boundaries that reports around the news may lie on two sides of, in a fixed order.
    private func candidates(_ all: [Report], _ first: Int, _ last: Int) -> [Int32] {
        var found: Set<Int32> = []
        // To the next fix: it decides of every place that is not near it.
        func places(_ indices: some Sequence<Int>) {
            for index in indices {
                forEachPlace(around: all[index]) { found.insert($0) }
                for key in (all[index].folded?.sides ?? [:]).keys {
                    if let number = numbersOfKeys[key] { found.insert(number) }
                }
                if all[index].lastFix != nil { return }
            }
        }
        if hasPlaces {
            for index in first...last { forEachPlace(around: all[index]) { found.insert($0) } }
            places((0..<first).reversed())
            places(all.indices[(last + 1)...])
        }
        between(batteries, \.battery, all, first, last) { found.insert($0) }
        between(speeds, \.usableSpeed, all, first, last) { found.insert($0) }
        return found.sorted()
    }

    private func between(
        _ bounds: Bounds, _ value: (Report) -> Double?, _ all: [Report], _ first: Int, _ last: Int,
        _ body: (Int32) -> Void
    ) {
        guard !bounds.values.isEmpty else { return }
        let own = all[first...last].compactMap(value)
        guard var low = own.min(), var high = own.max() else { return }
        if let before = all[..<first].lazy.reversed().compactMap(value).first {
            (low, high) = (min(low, before), max(high, before))
        } else {
            (low, high) = (-.infinity, .infinity)
        }
        if let after = all[(last + 1)...].lazy.compactMap(value).first {
            (low, high) = (min(low, after), max(high, after))
        }
        bounds.forEach(between: low, and: high, body)
    }

    /// The side on which the device was known to be before a report.
    private func side(_ number: Int32, before report: Report, in all: [Report]) -> Bool? {
        for earlier in all.reversed() where Report.inOrder(earlier, report) {
            if let side = side(number, earlier) { return side }
        }
        return nil
    }

    /// Where the side changes, from one report on and up to the first that decides after another.
    private func transitions(
        _ number: Int32, _ series: [Report], from: Report, through: Report, _ before: Bool?
    ) -> [(index: Int, isInto: Bool)] {
        var found: [(index: Int, isInto: Bool)] = []
        // A first value beyond a bound counts as crossed; a first fix sets the side.
        var side = before ?? (entries[Int(number)].fence == nil ? false : nil)
        for (index, report) in series.enumerated() where !Report.inOrder(report, from) {
            guard let now = self.side(number, report) else { continue }
            if let side, side != now { found.append((index, now)) }
            side = now
            if Report.inOrder(through, report) { break }
        }
        return found
    }
}

extension Report {
    /// km/h; nil: none, or that of a fix that may not be used.
    fileprivate var usableSpeed: Double? { unusableFix ? nil : speed?.kilometresPerHour }
}
