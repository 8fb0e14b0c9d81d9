// Which devices rules are about, as small numbers: each name, uniqueId and pattern that a rule
// names is a selector. A device is turned into the selectors that it fits once and remembered.

struct SelectorTable: Sendable {
    /// The selector of "all devices".
    static let all: Int32 = 0

    private var exact: [String: Int32] = [:]
    private var patterns: [(pattern: Wildcard, selector: Int32)] = []
    private var patternNumbers: [String: Int32] = [:]
    private var patternSelectors: Set<Int32> = []
    private var count: Int32 = 1

    /// The selectors of a rule; none: no device. "All" takes the place of all others.
    mutating func intern(_ devices: DeviceSelector) -> [Int32] {
        switch devices {
        case .all: return [Self.all]
        case .matching(let names):
            if names.contains("*") { return [Self.all] }
            var found: [Int32] = []
            for name in names {
                let selector = intern(name)
                if !found.contains(selector) { found.append(selector) }
            }
            return found
        }
    }

    private mutating func intern(_ name: String) -> Int32 {
        guard Wildcard.isPattern(name) else {
            if let selector = exact[name] { return selector }
            exact[name] = count
            count += 1
            return count - 1
        }
        if let selector = patternNumbers[name] { return selector }
        patterns.append((Wildcard(name), count))
        patternNumbers[name] = count
        patternSelectors.insert(count)
        count += 1
        return count - 1
    }

    /// Whether the selector is a single name or uniqueId.
    func isExact(_ selector: Int32) -> Bool {
        selector != Self.all && !patternSelectors.contains(selector)
    }

    /// What a device fits, "all" left out. Walks all patterns: ask once per device.
    func selectors(name: String, uniqueId: String) -> [Int32] {
        var found: [Int32] = []
        if let selector = exact[name] { found.append(selector) }
        if uniqueId != name, let selector = exact[uniqueId] { found.append(selector) }
        for (pattern, selector) in patterns
        where pattern.matches(name) || pattern.matches(uniqueId) {
            found.append(selector)
        }
        return found
    }
}

/// `*` (any text, also none) and `?` (any one character) of device names.
struct Wildcard: Sendable {
    private let pattern: [Character]

    init(_ text: String) { pattern = Array(text) }

    static func isPattern(_ text: String) -> Bool {
        text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
    }

    /// Linear but for going back to the last star: no pattern takes exponential time.
    func matches(_ text: String) -> Bool {
        let text = Array(text)
        var (at, next) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while at < text.count {
            if next < pattern.count, pattern[next] == "*" {
                star = (next, at)
                next += 1
            } else if next < pattern.count, pattern[next] == "?" || pattern[next] == text[at] {
                next += 1
                at += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                next = last.pattern + 1
                at = last.text + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == "*" }
    }
}
