// Where RuleIndex keeps which rules listen to what: small sorted lists of numbers.

/// Lists of rules under a key of two numbers: sorted, for a search in a list of numbers costs less
/// than a hash.
struct Buckets: Sendable {
    /// For each kind, where its second numbers are in `others`.
    private var kinds: [Range<Int>] = []
    /// Ascending within a kind.
    private var others: [Int32] = []
    /// For each of `others`, where its rules begin; and the end of all.
    private var starts: [Int] = []
    private var rules: [Int32] = []

    init(_ entries: [(kind: Int32, other: Int32, rule: Int32)]) {
        let sorted = entries.sorted { ($0.kind, $0.other, $0.rule) < ($1.kind, $1.other, $1.rule) }
        for entry in sorted {
            while kinds.count <= entry.kind { kinds.append(others.count..<others.count) }
            let own = kinds[Int(entry.kind)]
            if own.isEmpty || others.last != entry.other {
                others.append(entry.other)
                starts.append(rules.count)
                kinds[Int(entry.kind)] = own.lowerBound..<others.count
            }
            rules.append(entry.rule)
        }
        starts.append(rules.count)
    }

    var isEmpty: Bool { rules.isEmpty }

    @inline(__always)
    func has(_ kind: Int32) -> Bool { kind < kinds.count && !kinds[Int(kind)].isEmpty }

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
