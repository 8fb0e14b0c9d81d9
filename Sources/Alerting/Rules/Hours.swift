// `hours` of the rule file: windows of wall time by weekday, in a zone, except where a calendar
// says otherwise. All is decided by what a clock on the wall shows at an instant, so a wall time
// that is skipped begins at the next instant and one that is repeated counts both times by itself.
// The answer comes with the moment until which it holds, so that the engine can keep it.

/// When something is wanted: `night: { daily: "22:00-06:00" }`.
package struct Hours: Hashable, Sendable {
    /// For each weekday (0 is Monday) the spans of that day, in milliseconds of the wall clock,
    /// ascending and apart. A window over midnight is two spans.
    private(set) package var spans: [[Span]]
    package let zone: Zone
    /// Instants in one of these are never inside.
    package let except: [Holidays]

    /// Milliseconds since 00:00 on the wall clock; the end is exclusive, at most 24:00.
    package struct Span: Hashable, Sendable {
        package var start: Int64
        package var end: Int64
    }

    /// A window of some weekdays, in minutes of the day. `end` at or before `start` crosses
    /// midnight: it belongs to the day on which it begins.
    package struct Window: Hashable, Sendable {
        package var weekdays: [Int]
        package var start: Int
        package var end: Int

        package init(weekdays: [Int], start: Int, end: Int) {
            self.weekdays = weekdays
            self.start = start
            self.end = end
        }

        /// It ends where it begins, and is not the whole day (`00:00-24:00`, `00:00-00:00`).
        package var isEmpty: Bool { start == end && start != 0 }
    }

    private static let day: Int64 = 86_400_000
    /// How many edges `state` looks ahead for the one at which the answer really changes.
    private static let edgesAhead = 64

    package init(windows: [Window], zone: Zone, except: [Holidays] = []) {
        self.zone = zone
        self.except = except
        spans = Array(repeating: [], count: 7)
        for window in windows where !window.isEmpty {
            let start = Int64(window.start) * 60_000
            // An end of 00:00 is midnight.
            let end = window.end == 0 ? Self.day : Int64(window.end) * 60_000
            for weekday in window.weekdays {
                if start < end {
                    spans[weekday].append(Span(start: start, end: end))
                } else {
                    spans[weekday].append(Span(start: start, end: Self.day))
                    spans[(weekday + 1) % 7].append(Span(start: 0, end: end))
                }
            }
        }
        spans = spans.map(Self.merged)
    }

    private static func merged(_ spans: [Span]) -> [Span] {
        var result: [Span] = []
        for span in spans.sorted(by: { $0.start < $1.start }) {
            if let last = result.last, span.start <= last.end {
                result[result.count - 1].end = max(last.end, span.end)
            } else {
                result.append(span)
            }
        }
        return result
    }

    /// Whether no instant is ever inside, whatever the calendars say.
    package var isEmpty: Bool { spans.allSatisfy(\.isEmpty) }

    /// Whether `instant` lies inside, and the next instant at which that may change (exclusive;
    /// nearly always it does change there).
    package func state(at instant: Instant) -> (inside: Bool, until: Instant) {
        guard !isEmpty else { return (false, .distantFuture) }
        var (inside, until) = edge(at: instant)
        for _ in 0..<Self.edgesAhead {
            let next = edge(at: until)
            if next.inside != inside { break }
            until = next.until
        }
        return (inside, until)
    }

    /// As `state`, but only as far as the next edge of a span, calendar, day or clock change.
    private func edge(at instant: Instant) -> (inside: Bool, until: Instant) {
        let local = zone.local(instant)
        var inside = false
        var edge = Self.day
        for span in spans[local.weekday] {
            if local.millisecond < span.start {
                edge = span.start
                break
            }
            if local.millisecond < span.end {
                inside = true
                edge = span.end
                break
            }
        }
        var until = Instant(milliseconds: instant.milliseconds + edge - local.millisecond)
        if let transition = zone.nextTransition(after: instant) { until = min(until, transition) }
        guard inside else { return (false, until) }
        for calendar in except {
            let busy = calendar.state(at: instant)
            if busy.inside { return (false, busy.until) }
            until = min(until, busy.until)
        }
        return (true, until)
    }
}
