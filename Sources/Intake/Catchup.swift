// What a catch-up asks for (`GET /api/reports/events`), and how it says what it found. Pure: the
// source sends the requests and tells how each ended. Time is cut into windows and devices into
// chunks, oldest window first, so that no request line and no answer is a giant, however many
// devices there are and however long the gap was (domain.md 4).
//
// Events are matched by their own time, so what a tracker uploads late lies before the gap:
// therefore the overlap. What comes twice is merged by the inbox (docs/ARCHITECTURE.md).
package import Alerting

/// The requests of one catch-up, one after the other.
package struct CatchupPlan: Sendable {
    /// One request for a report; both ends of the time are inclusive on the server.
    package struct Request: Sendable, Hashable {
        package var devices: [Int64]
        package var from: Instant
        package var to: Instant

        /// Devices and both ends are always sent: servers before 5.x refuse a report without.
        package var query: [(name: String, value: String)] {
            [("from", from.rfc3339), ("to", to.rfc3339)] + devices.map { ("deviceId", "\($0)") }
        }
        var span: Duration { to - from }
    }

    /// Why a request has to be asked in smaller parts.
    package enum Narrowing: Sendable {
        /// The answer was larger than one may be.
        case tooLarge
        /// 400: the period is longer than the server allows (`report.periodLimit`), or one of the
        /// devices is not ours any more. The server does not say which.
        case refused
    }

    /// What comes of it.
    package enum Verdict: Sendable, Hashable {
        case goOn
        /// The server refuses this device by itself: it is left out.
        case skipped(device: Int64)
        /// It refuses every report of this account (`disableReports`).
        case reportsRefused
    }

    private var chunks: [[Int64]]
    /// Parts of the window in hand that are still to be asked, the next one last.
    private var pending: [Request] = []
    private var current: Request?
    private var nextFrom: Instant
    private let end: Instant
    /// How much time one request spans now, and at most.
    private var span: Duration
    private var longest: Duration
    private var answers = 0
    private var refusedDevices = 0

    private static let firstSpan = Duration.days(1)
    /// Below these, devices are parted instead of time.
    private static let shortestRefused = Duration.hours(1)
    private static let shortestLarge = Duration.seconds(1)
    private static let refusedUntilGivenUp = 3

    /// - Parameters:
    ///   - devices: the server's ids of all devices of the account.
    ///   - bytes: of a request line's ids: `Limits.requestLineBytes` without the rest of the line.
    package init(
        devices: [Int64], from: Instant, to: Instant, bytes: Int = Self.bytesOfIds
    ) {
        chunks = Self.chunks(of: devices, bytes: bytes)
        nextFrom = from
        end = max(from, to)
        span = Self.firstSpan
        longest = Self.firstSpan
    }

    /// What is left for ids beside the method, a path, both times and the version.
    package static let bytesOfIds = Limits.requestLineBytes - 512

    /// Ids in as few lists as fit: `&deviceId=…` costs ten bytes and the digits.
    package static func chunks(of devices: [Int64], bytes: Int, each: Int = 10) -> [[Int64]] {
        var chunks: [[Int64]] = []
        var room = 0
        for device in devices {
            let cost = each + String(device).utf8.count
            if chunks.isEmpty || room < cost {
                chunks.append([])
                room = bytes
            }
            chunks[chunks.count - 1].append(device)
            room -= cost
        }
        return chunks
    }

    /// The next request; nil: everything was asked.
    package mutating func next() -> Request? {
        while pending.isEmpty, nextFrom < end, !chunks.isEmpty {
            let to = min(nextFrom + span, end)
            pending = chunks.reversed().map { Request(devices: $0, from: nextFrom, to: to) }
            nextFrom = to
        }
        guard var request = pending.popLast() else {
            current = nil
            return nil
        }
        // A window that was cut before the server showed how long one may be.
        if request.span > longest {
            var rest = request
            request.to = request.from + longest
            rest.from = request.to
            pending.append(rest)
        }
        current = request
        return request
    }

    /// The request in hand was answered. After small answers the windows grow again.
    package mutating func answered(bytes: Int) {
        answers += 1
        if bytes < Limits.reportBytes / 8 { span = min(longest, span * 2) }
        current = nil
    }

    /// The request in hand is to be asked in smaller parts.
    package mutating func narrow(_ why: Narrowing) -> Verdict {
        guard let request = current else { return .goOn }
        current = nil
        let shortest =
            switch why {
            case .tooLarge: Self.shortestLarge
            case .refused: Self.shortestRefused
            }
        if request.span > shortest {
            let half = max(shortest, .milliseconds(request.span.wholeMilliseconds / 2))
            span = min(span, half)
            if case .refused = why { longest = min(longest, half) }
            var (older, newer) = (request, request)
            older.to = request.from + half
            newer.from = older.to
            pending.append(newer)
            pending.append(older)
            return .goOn
        }
        guard request.devices.count == 1, let device = request.devices.first else {
            let middle = request.devices.count / 2
            var (first, second) = (request, request)
            first.devices = Array(request.devices[..<middle])
            second.devices = Array(request.devices[middle...])
            pending.append(second)
            pending.append(first)
            return .goOn
        }
        return leaveOut(device)
    }

    private mutating func leaveOut(_ device: Int64) -> Verdict {
        refusedDevices += 1
        for index in chunks.indices { chunks[index].removeAll { $0 == device } }
        for index in pending.indices { pending[index].devices.removeAll { $0 == device } }
        chunks.removeAll(where: \.isEmpty)
        pending.removeAll(where: \.devices.isEmpty)
        guard answers > 0 || refusedDevices < Self.refusedUntilGivenUp, !chunks.isEmpty else {
            return .reportsRefused
        }
        // It was the device, not the time.
        longest = Self.firstSpan
        return .skipped(device: device)
    }
}

/// What a catch-up came to.
package struct CatchupResult: Sendable, Hashable {
    /// The time in which nobody listened; nil: a look by the clock, nothing had been missed for all
    /// that is known.
    package var gap: Gap?
    /// Events that no other road had brought.
    package var events = 0
    /// Of before the source's first connection: on record, not judged.
    package var recorded = 0
    /// Devices for which the server gives no report.
    package var skipped = 0
    package var requests = 0
    /// The inbox rows of `events`, the first and the last.
    package var rows: ClosedRange<Int64>?

    package struct Gap: Sendable, Hashable {
        package var from: Instant
        package var to: Instant

        package init(from: Instant, to: Instant) {
            self.from = from
            self.to = to
        }
    }

    package init(gap: Gap? = nil) { self.gap = gap }

    mutating func note(row: Int64) {
        events += 1
        rows = min(rows?.lowerBound ?? row, row)...max(rows?.upperBound ?? row, row)
    }

    /// The one line for the log: `gap 02:11–02:19 closed: 3 events, 1 alarm sent late`. Times are
    /// UTC, as those of the log.
    /// - Parameter told: of `events`, those of which somebody was told.
    /// nil: a look by the clock that found nothing, which is not worth a line.
    package func line(told: Int) -> String? {
        guard gap != nil || events > 0 || recorded > 0 || skipped > 0 else { return nil }
        var parts: [String] = []
        if events > 0 {
            parts.append("\(events) event\(events == 1 ? "" : "s")")
            parts.append(
                told == 0 ? "no alarm sent late" : "\(told) alarm\(told == 1 ? "" : "s") sent late")
        } else {
            parts.append("no event was missed")
        }
        if recorded > 0 { parts.append("\(recorded) from before the first connection recorded") }
        if skipped > 0 {
            parts.append(
                "the server refuses reports of \(skipped) device\(skipped == 1 ? "" : "s")")
        }
        let what = gap.map { "gap \(Self.words($0)) closed" } ?? "caught up"
        return "\(what): \(parts.joined(separator: ", "))"
    }

    /// `02:11–02:19`, with the dates where they differ.
    private static func words(_ gap: Gap) -> String {
        let (from, to) = (gap.from.rfc3339, gap.to.rfc3339)
        let isOneDay = from.prefix(10) == to.prefix(10)
        func words(_ text: String) -> String {
            let time = text.dropFirst(11).prefix(5)
            return isOneDay ? String(time) : "\(text.prefix(10)) \(time)"
        }
        return "\(words(from))–\(words(to))"
    }
}
