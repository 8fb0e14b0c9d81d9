import TestSupport
import Testing

// What the relay renders is what swift-mustache would have rendered, byte for byte: every shipped
// template, every pair of constructs that the checker allows, and templates drawn at random, over
// deliveries that differ in what is known of them.
@testable import Alerting

@Suite("A template's program gives what the library gives")
struct TemplateProgramTests {
    private static func compiled(_ text: String, _ part: TemplatePart) -> CompiledTemplate? {
        guard case .success(let place) = TemplatePath.parse("t/\(part.rawValue).mustache") else {
            return nil
        }
        let made = CompiledTemplate.make(text, at: place)
        return made.findings.contains { !$0.message.contains("gives no JSON") }
            ? nil : made.template
    }

    /// - Returns: whether it was covered by the program.
    @discardableResult
    private func expectSame(_ text: String, _ part: TemplatePart = .html) -> Bool {
        guard let template = Self.compiled(text, part) else { return false }
        for view in Self.views {
            let (own, reference) = (template.render(view), template.renderByLibrary(view))
            #expect(own == reference && own.utf8.elementsEqual(reference.utf8), "\(part): \(text)")
        }
        return template.isCovered
    }

    /// Deliveries of one, several and no items, with all known, little known, and hostile names.
    private static let views: [MessageView] = {
        var wrong = DeliveryFixture.event()
        wrong.time = DeliveryFixture.night - .days(4_000)
        var bare = DeliveryFixture.item(nil)
        bare.device = nil
        bare.position = nil
        var hostile = DeliveryFixture.item(DeliveryFixture.event(late: .minutes(42)), held: 3)
        hostile.device?.name = TemplateTests.hostile
        hostile.device?.group = "Gruppe Ä \u{1F6B2}"
        hostile.place = "a & b"
        var ended = DeliveryFixture.item(wrong, reason: .cleared)
        ended.event?.id = 0
        ended.position?.speed = nil
        ended.position?.time = nil
        let lists = [[DeliveryFixture.item()], [hostile, bare, ended], [bare], []]
        return lists.flatMap { items in
            [(Duration.seconds(1), "https://a.example/"), (.minutes(9), nil)].map { after, url in
                let delivery = DeliveryFixture.delivery(
                    items, language: items.count > 1 ? "de" : "en")
                let facts = TemplateFacts(
                    delivery: delivery, now: delivery.created + after, publicURL: url,
                    offset: DeliveryFixture.vienna)
                return MessageView(
                    facts: facts, subject: after > .minutes(1) ? nil : "s & t", text: "x\ny")
            }
        }
    }()

    @Test("every shipped template, in each part")
    func shipped() {
        for (path, text) in shippedTemplates {
            guard case .success(let place) = TemplatePath.parse(path) else { continue }
            #expect(expectSame(text, place.part) || place.name == "trouble", "\(path)")
            let template = CompiledTemplate.make(text, at: place).template
            #expect(template?.isCovered == true, "\(path)")
        }
    }

    @Test(
        "white space, comments and quirks",
        arguments: [
            "", " ", "\n", "a", "{", "a {", "{{!c}}", "  {{!c}}  \n x", "a {{!c}}\n b",
            "x {{!c}} y",
            "{{#items}}\nx{{/items}}\n y", "  {{#items}}  \n  {{rule}}\n  {{/items}}\n end",
            "a {{#items}}\n b {{/items}}\n c", "{{#items}} {{/items}} ", "{{#items}}\n{{/items}}",
            "\t{{#items}}\t\n\t{{^last()}}\t\n,\n{{/last()}} \n{{/items}}\t", "{{severity}}\n",
            "  {{severity}}  \n  {{ severity }}", "{{severity}}}", "{{{contact}}}} {{& contact }}",
            "{{#items}}{{/items}}  ", "  {{^items}}  ", "  {{^items}}none{{/items}}",
            "{{^items}}{{title(.)}}{{count(items)}}{{severity}}{{/items}}", "ä {{contact}} ö\n\n",
            "{{#several(items)}}\n{{#items}}\n {{plusone(index())}}{{#event}}{{index()}}{{/event}}",
            "{{#items}}{{#event}}{{time}} {{#position}}{{time}}{{.time}}{{/position}}{{/event}}\n"
                + "{{/items}}",
            "{{#items}}{{#index()}}[{{.}}{{plusone(.)}}]{{/index()}}{{/items}}",
            "{{#items}}{{#even()}}e{{/even()}}{{^first()}}f{{/first()}}{{/items}}\n",
            "{{#lead(items)}}{{rule}} {{#held}}{{.}}{{/held}}{{^held}}0{{/held}}{{/lead(items)}}",
            "{{#subject}}{{.}}{{entities(.)}}{{severity}}{{/subject}}", "a\r\n{{severity}}\r\n",
            "{{severity}}\u{301} {\u{301}{ {{severity}}", "\u{2028}{{#items}}\u{2028}x{{/items}}",
        ])
    func quirks(text: String) {
        for part in TemplatePart.allCases { expectSame(text, part) }
    }

    @Test("what the library reads by characters is left to it")
    func notCovered() {
        for text in ["a\r\n{{severity}}", "{\u{301}{{severity}}", "\u{2028}{{severity}}"] {
            let template = Self.compiled(text, .text)
            #expect(template?.isCovered == false, "\(text)")
        }
    }

    @Test("every member and filter, printed and as a section, inside and outside of the items")
    func everything() {
        var covered = 0
        for (shape, place) in TemplateTests.expressions {
            let members = shape.members.map { place == "." ? $0.name : "\(place).\($0.name)" }
            let filters = shape.filters.map { "\($0.name)(\(place))" }
            for expression in members + filters {
                for inner in [
                    "{{\(expression)}}", "{{#\(expression)}}[{{.}}]{{/\(expression)}}",
                    "{{#\(expression)}}[{{rule}}{{id}}{{time}}]{{/\(expression)}}",
                    "{{^\(expression)}}none{{/\(expression)}}",
                ] {
                    if expectSame("{{#items}}{{#device}}{{/device}}\(inner){{/items}}") {
                        covered += 1
                    }
                    if expectSame("<\(inner)>") { covered += 1 }
                }
            }
        }
        #expect(covered > 150, "\(covered)")
    }

    @Test("templates drawn at random", arguments: 1...40)
    func random(seed: UInt64) {
        var generator = Seeded(seed)
        var covered = 0
        for _ in 0..<60 {
            let part = TemplatePart.allCases.randomElement(using: &generator) ?? .text
            if expectSame(Self.draw(depth: 3, &generator), part) { covered += 1 }
        }
        #expect(covered > 0)
    }

    private static let names =
        TemplateName.allCases.map(\.rawValue) + [
            "event.time", "device.name", "position.valid", ".",
        ]
    private static let texts = ["a", " ", "  ", "\n", "\n\n", "\t", "{", "}", "ö", ",\n  "]

    private static func draw(depth: Int, _ generator: inout Seeded) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            var name = names.randomElement(using: &generator) ?? "."
            if Int.random(in: 0..<4, using: &generator) == 0 {
                let filter = TemplateFilter.allCases.randomElement(using: &generator)
                name = "\(filter?.rawValue ?? "title")(\(name))"
            }
            switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1, 2: text += texts.randomElement(using: &generator) ?? ""
            case 3: text += "{{! note }}"
            case 4: text += "{{\(name)}}"
            case 5 where depth > 0:
                text += "{{#items}}\(draw(depth: depth - 1, &generator)){{/items}}"
            case 6 where depth > 0:
                text += "{{#\(name)}}\(draw(depth: depth - 1, &generator)){{/\(name)}}"
            case 7 where depth > 0:
                text += "{{^\(name)}}\(draw(depth: depth - 1, &generator)){{/\(name)}}"
            default: text += "\n"
            }
        }
        return text
    }
}
