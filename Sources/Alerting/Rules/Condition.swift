// What must be true (`while`). Three-valued: a condition that asks for something nobody knows is
// unknown, and Kleene's logic carries that to the top, where the rule decides what it means.

/// True, false, or not known (Kleene).
package enum Truth: Hashable, Sendable {
    case yes, no, unknown

    package init(_ value: Bool?) {
        switch value {
        case .some(true): self = .yes
        case .some(false): self = .no
        case .none: self = .unknown
        }
    }
    package var negated: Truth {
        switch self {
        case .yes: .no
        case .no: .yes
        case .unknown: .unknown
        }
    }
}

/// One condition of `while`, or several joined.
package indirect enum Condition: Hashable, Sendable {
    case all([Condition])
    case any([Condition])
    case not(Condition)
    case armed(Bool)
    /// A name of `hours`; `hours: H` or `outside_hours: H`.
    case hours(String, inside: Bool)
    /// Names of `places`; inside any of them, or outside all.
    case place([String], inside: Bool)
    case speed(Bound)
    /// Per cent.
    case battery(Bound)
    case ignition(Bool)
    case moving(Bool)
    case stoppedFor(Duration)
    case attribute(AttributeTest)

    /// Strictly above or below a value: km/h for speeds, per cent for batteries.
    package enum Bound: Hashable, Sendable {
        case above(Double)
        case below(Double)

        package func holds(_ value: Double) -> Bool {
            switch self {
            case .above(let bound): value > bound
            case .below(let bound): value < bound
            }
        }
    }

    /// `attribute: { device.x: … }`.
    package struct AttributeTest: Hashable, Sendable {
        package enum Owner: String, Hashable, Sendable { case device, position, event }
        package enum Test: Hashable, Sendable {
            /// As written in the file; numbers and flags compare by value.
            case equals(String)
            case isNot(String)
            case bound(Bound)
        }
        package var owner: Owner
        package var name: String
        package var test: Test

        package init(owner: Owner, name: String, test: Test) {
            self.owner = owner
            self.name = name
            self.test = test
        }
    }
}
