// Figures (a) and (b): of the core alone, in this process, by the processor time of this thread, so
// that what else the machine does counts little.

import Alerting
import Foundation
import Intake
import TestSupport

/// Figure (a): the match and the whole step, at 10 to 10 000 rules, with the matches compared.
/// - Parameter only: of these sizes; empty: all of them.
func matching(_ report: Report, in folder: String, only: [Int]) throws {
    guard let workload = try Workload(in: folder) else {
        report.skip("match", "../shared/bench/gen.py is missing")
        return
    }
    for (count, target) in [(10, 0.5), (100, 1), (1_000, 2), (10_000, 5)]
    where only.isEmpty || only.contains(count) {
        let book = try workload.book(count)
        let expected = try workload.expected(count)
        let judged = Array(workload.events.prefix(expected.eventsUsed))
        var set = RuleSet(book)
        let memory = knowing(judged)
        try compare(judged.map { ($0.id, set.matches($0, memory)) }, with: expected, in: folder)

        let match = least(of: 20) {
            microseconds(each: judged.count) {
                for index in judged.indices { use(set.matches(judged[index], memory).count) }
            }
        }
        report.add("match_\(count)_rules", match, "us/event", target: "<= \(target)")

        let rounds = (0..<10).map { _ in steps(judged, set, memory) }
        let step = rounds.map(\.step).min() ?? 0
        let perEvent = Double(expected.total) / Double(judged.count)
        report.add("step_\(count)_rules", step, "us/event")
        report.add("apply_\(count)_rules", rounds.map(\.apply).min() ?? 0, "us/event")
        report.add("matches_\(count)_rules", perEvent, "matches/event")
        report.add(
            "step_\(count)_rules_beyond_match", max(0, step - match) / max(perEvent, 1), "us/match",
            target: "<= 3")
    }
}

/// Microseconds of `Engine.step`, and of applying what it changes, an event. One way through, in
/// time's order: a step changes what the next one sees. The clock is read between the two, which
/// costs each some 20 ns; of several ways through the least counts, for others of the machine are
/// in it.
/// - Parameter rules: those that the match was measured with: what they have worked out by then
///   (which rules each device is of) is not counted again.
private func steps(
    _ events: [Event], _ rules: RuleSet, _ memory: Memory
) -> (step: Double, apply: Double) {
    var engine = Engine(rules: rules)
    var memory = memory
    let inputs = events.map { (input: Input.event($0), received: $0.received) }
    var seq: Int64 = 0
    var (stepping, applying) = (UInt64(0), UInt64(0))
    // By their places, so that none is copied.
    for index in inputs.indices {
        seq += 1
        let start = DispatchTime.now().uptimeNanoseconds
        let step = engine.step(inputs[index].input, seq: seq, memory, now: inputs[index].received)
        let middle = DispatchTime.now().uptimeNanoseconds
        memory.apply(step)
        stepping += middle - start
        applying += DispatchTime.now().uptimeNanoseconds - middle
    }
    let count = 1_000 * Double(inputs.count)
    return (Double(stepping) / count, Double(applying) / count)
}

/// Figure (b): one body of a kilobyte to an event, with what is kept for the record.
func decoding(_ report: Report) throws {
    let body = Array(EventTemplate.body(alarm: "vibration").utf8)
    let payload = TraccarPayload()
    let count = 20_000
    var decoded = 0
    let each = try microseconds(each: count) {
        for _ in 0..<count {
            decoded += try body.withUnsafeBytes {
                try payload.read($0, server: "https://iot.example.org", source: "bench")
                    .arrivals.count
            }
        }
    }
    guard decoded == count else { throw BenchError("only \(decoded) of \(count) were decoded") }
    report.add("decode_body", Double(body.count), "bytes")
    report.add("decode", each, "us/event")
}

/// Part of figure (d): a delivery of one item to subject, text and JSON body, and its stored form.
func rendering(_ report: Report) {
    let renderer = Renderer(
        library: TemplateLibrary(), publicURL: "https://alerts.example.org",
        offset: DeliveryFixture.vienna)
    let delivery = DeliveryFixture.delivery()
    let now = delivery.created + .seconds(1)
    let count = 2_000
    let render = least(of: 10) {
        microseconds(each: count) {
            for _ in 0..<count { use(renderer.message(for: delivery, now: now).json.count) }
        }
    }
    let wire = least(of: 10) {
        microseconds(each: count) {
            for _ in 0..<count {
                use(delivery.wire(subject: "subject", text: "text", publicURL: nil).count)
            }
        }
    }
    var column = ByteWriter(capacity: 1_024)
    let stored = least(of: 10) {
        microseconds(each: count) {
            for _ in 0..<count {
                column.removeAll(keepingAtMost: .max)
                Item.write(stored: delivery.items, to: &column)
                use(column.written.count)
            }
        }
    }
    report.add("render_message", render, "us/delivery", target: "<= 8")
    report.add("render_body_alone", wire, "us/delivery")
    report.add("stored_items", stored, "us/delivery")
}

/// A memory that has heard of every device, as a relay has that runs for a while.
private func knowing(_ events: [Event]) -> Memory {
    var memory = Memory()
    var step = Step(seq: nil, now: events.first?.received ?? .distantPast)
    var known: Set<DeviceKey> = []
    for event in events {
        guard let device = event.device else { continue }
        let key = DeviceKey(server: event.server, uniqueId: device.uniqueId)
        guard known.insert(key).inserted else { continue }
        step.changes.append(.device(key, deviceId: device.id, device, firstKnown: step.now))
    }
    memory.apply(step)
    return memory
}

/// The same matches as everybody finds, or no figure at all.
private func compare(
    _ found: [(event: Int64, rules: [String])], with expected: Workload.Expected, in folder: String
) throws {
    let total = found.reduce(0) { $0 + $1.rules.count }
    guard total == expected.total else {
        throw BenchError("\(total) matches instead of \(expected.total)")
    }
    // In the order of the rule file: `r2` before `r10`.
    let lines = found.map { event, rules in
        let ordered = rules.sorted { ($0.count, $0) < ($1.count, $1) }
        return "\(event):\(ordered.joined(separator: ","))\n"
    }
    let path = folder + "/matches.txt"
    try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: path))
    let sum = try finish("sha256sum", [path])
    guard sum.output.hasPrefix(expected.sha256) else {
        throw BenchError("as many matches as expected, but not the same: see \(path)")
    }
}

/// The least of several measurements: what else the machine does only ever adds.
private func least(of rounds: Int, _ measure: () -> Double) -> Double {
    (0..<rounds).map { _ in measure() }.min() ?? 0
}

/// Processor time of this thread, in microseconds for each of `count`.
private func microseconds(each count: Int, _ body: () throws -> Void) rethrows -> Double {
    let start = threadNanoseconds()
    try body()
    return Double(threadNanoseconds() - start) / 1_000 / Double(count)
}

/// Uses a value, so that what made it is not optimised away.
@inline(never) private func use(_ value: Int) { if value < 0 { complain("\(value)") } }
