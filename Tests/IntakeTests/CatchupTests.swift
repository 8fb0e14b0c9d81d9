// What a catch-up asks for, and how it says what it found.
import Alerting
import Testing

@testable import Intake

@Suite("The plan of a catch-up")
struct CatchupPlanTests {
    let start = Instant(seconds: 1_795_000_000)

    /// Answers every request with `answer` and gives back those that were answered.
    private func run(
        _ plan: inout CatchupPlan, atMost: Int = 10_000,
        _ answer: (CatchupPlan.Request) -> CatchupPlan.Narrowing?
    ) -> (answered: [CatchupPlan.Request], refused: Int, verdicts: [CatchupPlan.Verdict]) {
        var answered: [CatchupPlan.Request] = []
        var refused = 0
        var verdicts: [CatchupPlan.Verdict] = []
        while let request = plan.next(), answered.count + refused < atMost {
            if let why = answer(request) {
                refused += 1
                let verdict = plan.narrow(why)
                if verdict != .goOn { verdicts.append(verdict) }
                if verdict == .reportsRefused { break }
            } else {
                answered.append(request)
                plan.answered(bytes: 100)
            }
        }
        return (answered, refused, verdicts)
    }

    /// Whether each device is asked for at each moment: no hole, whatever the windows.
    private func covers(
        _ requests: [CatchupPlan.Request], devices: [Int64], from: Instant, to: Instant
    ) -> Bool {
        var reached: [Int64: Instant] = [:]
        for request in requests {
            for device in request.devices {
                let before = reached[device] ?? from
                guard request.from <= before else { return false }
                reached[device] = max(before, request.to)
            }
        }
        return devices.allSatisfy { reached[$0].map { $0 >= to } ?? false }
    }

    @Test("a short gap of a few devices is one request, both ends and the devices in it")
    func one() {
        var plan = CatchupPlan(devices: [7, 8], from: start, to: start + .hours(1))
        let request = plan.next()
        #expect(
            request?.query.map { "\($0.name)=\($0.value)" } == [
                "from=\(start.rfc3339)", "to=\((start + .hours(1)).rfc3339)", "deviceId=7",
                "deviceId=8",
            ])
        plan.answered(bytes: 2)
        #expect(plan.next() == nil)
    }

    @Test("without devices there is nothing to ask")
    func none() {
        var plan = CatchupPlan(devices: [], from: start, to: start + .hours(1))
        #expect(plan.next() == nil)
    }

    @Test("ten thousand devices and a week: no request line is long, nothing is left out")
    func large() {
        let devices = (0..<10_000).map { Int64(2_000_000_000 + $0) }
        var plan = CatchupPlan(devices: devices, from: start, to: start + .days(7))
        let (answered, _, _) = run(&plan) { _ in nil }
        for request in answered {
            let line =
                "GET /api/reports/events?"
                + request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
                + " HTTP/1.1"
            #expect(line.utf8.count <= Limits.requestLineBytes)
            #expect(request.to - request.from <= .days(1))
        }
        #expect(answered.count < 250)
        #expect(covers(answered, devices: devices, from: start, to: start + .days(7)))
        #expect(answered.map(\.from) == answered.map(\.from).sorted(), "oldest first")
    }

    @Test("a server's limit of the period is found by halves, once", arguments: [2, 5, 12])
    func periodLimit(hours: Int64) {
        let devices: [Int64] = [1, 2, 3]
        var plan = CatchupPlan(
            devices: devices, from: start, to: start + .days(3), bytes: 22)
        let (answered, refused, verdicts) = run(&plan) { request in
            request.to - request.from > .hours(hours) ? .refused : nil
        }
        #expect(refused <= 5)
        #expect(verdicts.isEmpty)
        #expect(covers(answered, devices: devices, from: start, to: start + .days(3)))
    }

    @Test("an answer that is too large is asked in parts, and only there")
    func tooLarge() {
        let busy = start + .hours(30)
        var plan = CatchupPlan(devices: [1, 2], from: start, to: start + .days(4))
        let (answered, refused, verdicts) = run(&plan) { request in
            let isBusy = request.from < busy + .hours(1) && request.to > busy
            return isBusy && request.to - request.from > .minutes(10) ? .tooLarge : nil
        }
        #expect(verdicts.isEmpty && refused < 30 && answered.count < 60)
        #expect(covers(answered, devices: [1, 2], from: start, to: start + .days(4)))
        let later = answered.filter { $0.from > busy + .days(1) }.map { $0.to - $0.from }
        #expect(later.max().map { $0 >= .hours(6) } ?? false, "it grows again")
    }

    @Test("a device that the server refuses is found and left out, the others are asked for")
    func refusedDevice() {
        let devices = (1...400).map { Int64($0) }
        var plan = CatchupPlan(devices: devices, from: start, to: start + .days(3))
        let (answered, refused, verdicts) = run(&plan) { request in
            request.devices.contains(77) ? .refused : nil
        }
        #expect(verdicts == [.skipped(device: 77)])
        #expect(refused < 20)
        #expect(
            covers(
                answered, devices: devices.filter { $0 != 77 }, from: start, to: start + .days(3)))
        #expect(answered.last?.to == start + .days(3))
        #expect(answered.last.map { $0.to - $0.from } == .days(1))
    }

    @Test("an account that may not ask is found out soon", arguments: [1, 2, 400])
    func refusedAtAll(count: Int) {
        var plan = CatchupPlan(
            devices: (1...count).map { Int64($0) }, from: start, to: start + .days(2))
        let (answered, refused, verdicts) = run(&plan) { _ in .refused }
        #expect(answered.isEmpty && refused < 25)
        #expect(verdicts.last == .reportsRefused)
    }

    @Test("the result is one line")
    func line() {
        let gap = CatchupResult.Gap(
            from: Instant(rfc3339: "2026-05-01T02:11:40Z") ?? .distantPast,
            to: Instant(rfc3339: "2026-05-01T02:19:59Z") ?? .distantPast)
        var result = CatchupResult(gap: gap)
        #expect(result.line(told: 0) == "gap 02:11–02:19 closed: no event was missed")
        for row in [9, 7, 12] { result.note(row: Int64(row)) }
        #expect(result.rows == 7...12)
        #expect(result.line(told: 1) == "gap 02:11–02:19 closed: 3 events, 1 alarm sent late")
        #expect(result.line(told: 0) == "gap 02:11–02:19 closed: 3 events, no alarm sent late")
        result.gap?.to = gap.to + .days(1)
        result.recorded = 5
        result.skipped = 1
        #expect(
            result.line(told: 2)
                == "gap 2026-05-01 02:11–2026-05-02 02:19 closed: 3 events, 2 alarms sent late, 5 "
                + "from before the first connection recorded, the server refuses reports of 1 device"
        )
        #expect(CatchupResult().line(told: 0) == nil)
        result = CatchupResult()
        result.note(row: 1)
        #expect(result.line(told: 1) == "caught up: 1 event, 1 alarm sent late")
    }
}
