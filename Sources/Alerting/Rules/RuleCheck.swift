// What can be said of a set only when all of it is read: rules that replace each other in a circle,
// contacts that nobody uses. What one rule says by itself is checked where it is read.

extension RuleLoader {
    func checkSet() {
        checkReplacements()
        warnOfUnusedContacts()
    }

    // MARK: - Replacing

    /// A circle is said where it closes; all other uses of `replaces` are refused as not built.
    private func checkReplacements() {
        var inCircle: Set<String> = []
        for (replacement, circle) in circles() {
            inCircle.formUnion(circle)
            let way = circle.map { "'\($0)'" }.joined(separator: " replaces ")
            replacement.reader.error(
                at: replacement.mark,
                "rules replace each other in a circle: \(way) replaces "
                    + "'\(replacement.target)'")
        }
        var refused: Set<String> = []
        let all = replacements.values.joined().sorted { left, right in
            (left.reader.file, left.key) < (right.reader.file, right.key)
        }
        for replacement in all where !inCircle.contains(replacement.rule) {
            guard refused.insert(replacement.rule).inserted else { continue }
            replacement.reader.notSupported("'replaces'", at: replacement.key)
        }
    }

    /// The edges that close a circle, each with the rules on it. Without recursion: a chain may be
    /// as long as a set has rules.
    private func circles() -> [(closing: Replacement, circle: [String])] {
        var found: [(closing: Replacement, circle: [String])] = []
        var isDone: Set<String> = []
        let starts = replacements.values.compactMap(\.first).sorted { left, right in
            (left.reader.file, left.key) < (right.reader.file, right.key)
        }
        for start in starts.map(\.rule) where !isDone.contains(start) {
            var path: [(rule: String, next: Int)] = [(start, 0)]
            var onPath: Set<String> = [start]
            while let step = path.last {
                let edges = replacements[step.rule] ?? []
                guard step.next < edges.count else {
                    onPath.remove(step.rule)
                    isDone.insert(step.rule)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let edge = edges[step.next]
                if onPath.contains(edge.target) {
                    let rules = path.map(\.rule)
                    let begin = rules.firstIndex(of: edge.target) ?? 0
                    found.append((edge, Array(rules[begin...])))
                } else if !isDone.contains(edge.target) {
                    path.append((edge.target, 0))
                    onPath.insert(edge.target)
                }
            }
        }
        return found
    }

    // MARK: - Contacts

    private func warnOfUnusedContacts() {
        guard !isIncomplete, !hasUnreadSteps else { return }
        for (name, definition) in inOrder(contacts)
        where !contactsUsed.contains(name) && !surroundings.contactsInUse.contains(name) {
            definition.reader.warning(
                at: definition.entry.mark,
                "nobody uses the contact '\(name.abbreviated)': no rule tells it anything")
        }
    }
}
