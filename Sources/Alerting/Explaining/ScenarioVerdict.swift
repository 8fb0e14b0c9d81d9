// Compares what a test expects with what was sent. Lines with `to` are complete: what is missing
// and what is too much are both said, in the words of the file.

struct ScenarioVerdict {
    let scenario: Scenario
    let book: RuleBook
    let messages: [ScenarioRun.Sent]
    let keptBack: [ScenarioRun.KeptBack]

    /// One message that a line of `expect` asks for.
    private struct Wanted {
        var line: Scenario.Expectation
        var contact: String
        var way: Contact.Way
    }

    var differences: [String] {
        var found: [String] = []
        var left = messages
        var missing: [Wanted] = []
        for wanted in scenario.expect.filter({ $0.held == nil }).flatMap(wanted) {
            if let index = left.firstIndex(where: { fits($0, wanted) }) {
                left.remove(at: index)
            } else {
                missing.append(wanted)
            }
        }
        for wanted in missing { found.append(words(ofMissing: wanted, &left)) }
        for line in scenario.expect where line.held != nil {
            if let difference = checkHeld(line) { found.append(difference) }
        }
        for message in left {
            found.append("\(prefix(scenario.place))sent, but not expected: \(words(of: message))")
        }
        return found
    }

    /// `by` missing means each channel of the contact.
    private func wanted(_ line: Scenario.Expectation) -> [Wanted] {
        line.to.flatMap { contact in
            (book.contacts[contact]?.ways ?? [])
                .filter { line.by?.contains($0.channel.kind) ?? true }
                .map { Wanted(line: line, contact: contact, way: $0) }
        }
    }

    private func fits(_ message: ScenarioRun.Sent, _ wanted: Wanted) -> Bool {
        message.at == wanted.line.at && whatDiffers(message, wanted) == nil
    }

    /// What is wrong with a message that is for the right contact; nil: nothing but perhaps the
    /// time. Of a message for somebody else: an empty text.
    private func whatDiffers(_ message: ScenarioRun.Sent, _ wanted: Wanted) -> String? {
        let delivery = message.delivery
        let line = wanted.line
        guard delivery.contact == wanted.contact, delivery.channel == wanted.way.channel,
            delivery.address == wanted.way.address,
            Set(delivery.items.map(\.rule)) == Set(line.rules)
        else { return "" }
        if let devices = line.devices,
            !Self.isSame(devices, delivery.items.compactMap(\.device))
        {
            return "it is about \(Self.list(delivery.items.compactMap { $0.device?.name }))"
        }
        if let because = line.because, because != delivery.reason {
            return "it is sent because: \(delivery.reason.rawValue)"
        }
        if let late = line.late, late != message.isLate {
            return message.isLate ? "it is late" : "it is not late"
        }
        return nil
    }

    private static func isSame(_ names: [String], _ devices: [Item.DeviceFacts]) -> Bool {
        names.allSatisfy { name in devices.contains { $0.name == name || $0.uniqueId == name } }
            && devices.allSatisfy { names.contains($0.name) || names.contains($0.uniqueId) }
    }

    // MARK: - Held

    private func checkHeld(_ line: Scenario.Expectation) -> String? {
        guard let held = line.held else { return nil }
        for rule in line.rules {
            let here = keptBack.filter { kept in
                kept.at == line.at && kept.verdict.rule == rule
                    && (line.devices.map { $0.contains(kept.device) } ?? true)
            }
            if here.contains(where: { Self.results(of: held).contains($0.verdict.result) }) {
                continue
            }
            let instead =
                here.isEmpty
                ? "the rule said nothing then"
                : "it was: " + Self.list(here.map { $0.verdict.result.rawValue })
            return "\(prefix(line.place))expected at \(line.at.words): \(rule) held by "
                + "\(held.rawValue); \(instead)"
        }
        return nil
    }

    /// A match that joins an acknowledged incident is one within `once_per` as well.
    private static func results(of held: Scenario.Expectation.Held) -> [Verdict.Result] {
        switch held {
        case .oncePer: [.oncePer, .acknowledged]
        case .acknowledged: [.acknowledged]
        case .late: [.late]
        case .unknown: [.unknown]
        // The checker refuses what these come from.
        case .quiet, .limit, .group, .digest, .silence, .unlessOpen, .replaced: []
        }
    }

    // MARK: - Words

    private func words(ofMissing wanted: Wanted, _ left: inout [ScenarioRun.Sent]) -> String {
        let line = wanted.line
        var text =
            "\(prefix(line.place))expected at \(line.at.words): \(Self.list(line.rules)) to "
            + "\(wanted.contact) by \(wanted.way.channel)"
        if let because = line.because { text += ", because: \(because.rawValue)" }
        // A message that is nearly the one: say what is different, and do not say it twice.
        if let index = left.firstIndex(where: {
            $0.at == line.at && whatDiffers($0, wanted).map { !$0.isEmpty } ?? false
        }) {
            let difference = whatDiffers(left[index], wanted) ?? ""
            left.remove(at: index)
            return "\(text); but \(difference)"
        }
        if let index = left.firstIndex(where: { whatDiffers($0, wanted) == nil }) {
            return "\(text); but it was sent at \(left.remove(at: index).at.words)"
        }
        return "\(text); nothing was sent"
    }

    private func words(of message: ScenarioRun.Sent) -> String {
        let delivery = message.delivery
        let devices = Set(delivery.items.compactMap { $0.device?.name }).sorted()
        return "at \(message.at.words) \(Self.list(delivery.items.map(\.rule))) to "
            + "\(delivery.contact) by \(delivery.channel), because: \(delivery.reason.rawValue)"
            + (devices.isEmpty ? "" : ", about \(Self.list(devices))")
    }

    private func prefix(_ place: String) -> String { place.isEmpty ? "" : "\(place): " }

    private static func list(_ names: [String]) -> String {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }.joined(separator: " and ")
    }
}
