// A small table in the order of its keys. What one device has of rules is nearly always a handful:
// a binary search over a list costs less than hashing the key, and iterating it is always in order,
// so that the same memory gives the same step.

struct SortedTable<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    /// Apart, so that a search touches nothing but keys.
    private(set) var keys: [Key] = []
    private(set) var values: [Value] = []

    var isEmpty: Bool { keys.isEmpty }
    var count: Int { keys.count }

    func contains(_ key: Key) -> Bool { place(of: key).isThere }

    subscript(key: Key) -> Value? {
        get {
            let place = place(of: key)
            return place.isThere ? values[place.index] : nil
        }
        set {
            let place = place(of: key)
            switch (place.isThere, newValue) {
            case (true, let value?): values[place.index] = value
            case (false, let value?):
                keys.insert(key, at: place.index)
                values.insert(value, at: place.index)
            case (true, nil):
                keys.remove(at: place.index)
                values.remove(at: place.index)
            case (false, nil): break
            }
        }
    }

    /// Where the key is, or would be.
    private func place(of key: Key) -> (index: Int, isThere: Bool) {
        var range = 0..<keys.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if keys[middle] == key { return (middle, true) }
            range =
                keys[middle] < key
                ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return (range.lowerBound, false)
    }
}
