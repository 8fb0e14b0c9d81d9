// Where RuleIndex keeps which rules listen to what: small sorted lists of numbers.

/// Lists of rules under a key of two numbers: sorted, for a search in a list of numbers costs less
/// than a hash. By reference: each event asks several times, and would count four lists each time.
final class Buckets: Sendable {
    /// For each kind, where its second numbers are in `others`.
    private let kinds: [Range<Int>]
    /// Ascending within a kind.
    private let others: [Int32]
    /// For each of `others`, where its rules begin; and the end of all.
    private let starts: [Int]
    private let rules: [Int32]

    init(_ entries: [(kind: Int32, other: Int32, rule: Int32)]) {
        let sorted = entries.sorted { ($0.kind, $0.other, $0.rule) < ($1.kind, $1.other, $1.rule) }
        var kinds: [Range<Int>] = []
        var others: [Int32] = []
        var starts: [Int] = []
        for (rule, entry) in sorted.enumerated() {
            while kinds.count <= entry.kind { kinds.append(others.count..<others.count) }
            let own = kinds[Int(entry.kind)]
            if own.isEmpty || others.last != entry.other {
                others.append(entry.other)
                starts.append(rule)
                kinds[Int(entry.kind)] = own.lowerBound..<others.count
            }
        }
        starts.append(sorted.count)
        self.kinds = kinds
        self.others = others
        self.starts = starts
        rules = sorted.map(\.rule)
    }

    @inline(__always)
    func has(_ kind: Int32) -> Bool { kind < kinds.count && !kinds[Int(kind)].isEmpty }

    func has(any kinds: EventKinds) -> Bool {
        var isThere = false
        kinds.forEach { if has($0) { isThere = true } }
        return isThere
    }

    /// Adds the rules that listen to one of the kinds and are for all devices or for one of these
    /// selectors; one may come several times.
    func collect(_ kinds: EventKinds, _ fitting: [Int32], into found: inout [Int32]) {
        kinds.forEach { kind in
            forEach(kind, SelectorTable.all) { found.append($0) }
            for selector in fitting { forEach(kind, selector) { found.append($0) } }
        }
    }

    @inline(__always)
    func forEach(_ kind: Int32, _ other: Int32, _ body: (Int32) -> Void) {
        guard has(kind) else { return }
        var (low, high) = (kinds[Int(kind)].lowerBound, kinds[Int(kind)].upperBound)
        while low < high {
            let middle = (low + high) / 2
            if others[middle] < other { low = middle + 1 } else { high = middle }
        }
        guard low < kinds[Int(kind)].upperBound, others[low] == other else { return }
        for index in starts[low]..<starts[low + 1] { body(rules[index]) }
    }
}
