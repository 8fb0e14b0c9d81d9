// A small table in the order of its keys. What one device has of rules is nearly always a handful:
// a binary search over a list costs less than hashing the key, and iterating it is always in order,
// so that the same memory gives the same step.

struct SortedTable<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    private var entries: [(key: Key, value: Value)] = []

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    var keys: [Key] { entries.map(\.key) }
    var values: [Value] { entries.map(\.value) }

    func contains(_ key: Key) -> Bool { place(of: key).isThere }

    subscript(key: Key) -> Value? {
        let place = place(of: key)
        return place.isThere ? entries[place.index].value : nil
    }

    mutating func updateValue(_ value: consuming Value, forKey key: Key) {
        let place = place(of: key)
        if place.isThere {
            entries[place.index].value = value
        } else {
            entries.insert((key, value), at: place.index)
        }
    }

    mutating func removeValue(forKey key: Key) {
        let place = place(of: key)
        if place.isThere { entries.remove(at: place.index) }
    }

    /// Where the key is, or would be.
    private func place(of key: Key) -> (index: Int, isThere: Bool) {
        var range = 0..<entries.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if entries[middle].key == key { return (middle, true) }
            range =
                entries[middle].key < key
                ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return (range.lowerBound, false)
    }
}
