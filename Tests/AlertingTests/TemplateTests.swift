import Foundation
import TestSupport
import Testing

// Every shipped template says something sensible for every reason in every language, hostile names
// stay harmless in each part, and a mistake in a user's template is found before it matters.
@testable import Alerting

@Suite("Templates")
struct TemplateTests {
    static let names = ["alarm", "theft", "left-place", "battery", "silent"]
    private let shipped = Renderer(
        library: TemplateLibrary(), publicURL: "https://alerts.example.org",
        offset: DeliveryFixture.vienna)

    private func message(
        _ items: [Item] = [DeliveryFixture.item()], reason: Reason = .first,
        template: String = "alarm", language: String = "en", after: Duration = .zero
    ) -> Message {
        let delivery = DeliveryFixture.delivery(
            items, reason: reason, channel: .email, template: template, language: language)
        return shipped.message(for: delivery, now: delivery.created + after)
    }

    // MARK: - The shipped ones

    @Test("the shipped ones are checked like a user's, and are all there")
    func shippedAreRight() {
        let library = TemplateLibrary(files: shippedTemplates)
        #expect(library.findings == [])
        #expect(
            TemplateLibrary().names
                == ["alarm", "battery", "left-place", "silent", "slack", "theft", "trouble"])
        for name in Self.names {
            for part in [TemplatePart.subject, .text, .html] {
                #expect(library.part(part, of: name, language: "de") != nil)
                #expect(library.part(part, of: name, language: "en") != nil)
            }
        }
        #expect(library.hasBody("slack") && !library.hasBody("alarm"))
    }

    @Test("the binary carries the folder, byte for byte")
    func embedded() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "templates")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".mustache") }.sorted()
        #expect(shippedTemplates.map(\.path).sorted() == paths, "run make templates")
        for (path, text) in shippedTemplates {
            let bytes = try Data(contentsOf: folder.appending(path: path))
            #expect(bytes == Data(text.utf8), "\(path): run make templates")
        }
    }

    @Test(
        "each says who, what, where and why, for each reason in each language",
        arguments: names, ["en", "de"])
    func allOfThem(name: String, language: String) throws {
        for reason in Reason.allCases {
            let item = DeliveryFixture.item(reason: reason, held: 3)
            for items in [[item], [item, item]] {
                let message = message(items, reason: reason, template: name, language: language)
                let html = try #require(message.html)
                #expect(message.subject.contains("Cargo 1: "), "\(reason)")
                #expect(!message.subject.contains("{") && !message.subject.contains("  "))
                for text in [message.text, html] {
                    #expect(text.contains("Cargo 1: "))
                    #expect(text.contains("48.20820, 16.37380"))
                    #expect(text.contains("theft-at-night"))
                    #expect(text.contains("https://alerts.example.org/incidents/8f1c"))
                    #expect(!text.contains("{{") && !text.contains("View("))
                    #expect(!text.contains("\n\n\n"))
                }
                #expect(message.text.contains("https://www.openstreetmap.org/?mlat=48.20820"))
                let count = message.text.components(separatedBy: "theft-at-night (").count - 1
                #expect(count == items.count, "one line about the rule for each item")
            }
        }
    }

    @Test("an alarm, word for word")
    func english() {
        let item = DeliveryFixture.item(DeliveryFixture.event(late: .minutes(42)), held: 3)
        let message = message([item])
        #expect(message.subject == "Cargo 1: vibration alarm")
        #expect(
            message.text == """
                Cargo 1: vibration alarm
                When: Tue 24 Nov 2026, 03:12:05 (42 min late)
                Where: 48.20820, 16.37380
                Map: https://www.openstreetmap.org/?mlat=48.20820&mlon=16.37380\
                #map=17/48.20820/16.37380
                Held back since the last message: 3
                Rule: theft-at-night (first message)
                Incident: https://alerts.example.org/incidents/8f1c

                Severity: critical
                """)
    }

    @Test("ein Alarm, Wort für Wort")
    func german() {
        var item = DeliveryFixture.item(DeliveryFixture.event(late: .minutes(42)))
        item.position = nil
        let message = message([item], language: "de-AT", after: .minutes(12))
        #expect(message.subject == "Cargo 1: Erschütterungsalarm")
        #expect(
            message.text == """
                Cargo 1: Erschütterungsalarm
                Wann: Di 24.11.2026, 03:12:05 (42 Min. verspätet)
                Wo: Position unbekannt
                Regel: theft-at-night (erste Meldung)
                Vorfall: https://alerts.example.org/incidents/8f1c

                Stufe: kritisch
                Diese Nachricht ist 12 Min. verspätet.
                """)
    }

    @Test("an end names the rule and what ended it")
    func cleared() {
        var event = DeliveryFixture.event()
        event.type = "geofenceEnter"
        var item = DeliveryFixture.item(event, reason: .cleared)
        item.rule = "left-depot"
        item.place = "depot"
        item.incident.state = .cleared
        let message = message([item], reason: .cleared, template: "left-place")
        #expect(message.subject == "Cargo 1: left-depot is over")
        #expect(message.text.contains("\nEnded by: entered depot\n"))
        #expect(!message.text.contains("Ask who has it"), "no advice when it is over")
    }

    @Test("several are counted in the subject, which names the worst")
    func several() {
        var worst = DeliveryFixture.item()
        worst.device?.name = "Gravel 2"
        var other = DeliveryFixture.item()
        other.severity = .info
        let message = message([other, worst, other], reason: .digest)
        #expect(message.subject == "3 messages: Gravel 2: vibration alarm")
        #expect(message.text.components(separatedBy: "When:").count == 4)
    }

    @Test("trouble of the relay's own is told as it is, whatever template the delivery names")
    func trouble() {
        let message = shipped.message(for: DeliveryFixture.trouble(), now: DeliveryFixture.night)
        #expect(message.subject == "Outcry: a message could not be delivered")
        #expect(message.text.hasPrefix("To fleet by http:fleet, given up after 3 days.\n"))
    }

    @Test("every kind and type of Traccar's has words in both languages; an unknown one is named")
    func wording() {
        for (key, words) in Wording.alarms.merging(Wording.eventTypes, uniquingKeysWith: { $1 }) {
            #expect(!words.english.isEmpty && !words.german.isEmpty, "\(key)")
        }
        #expect(Wording.alarms.count == 38)
        #expect(Wording.english.alarm("geofence_in") == "alarm: geofence_in")
        #expect(Wording.german.eventType("x") == "Ereignis: x")
    }

    // MARK: - Hostile facts

    static let hostile =
        "<script>alert(\"1\")</script>' \u{202E}&\r\nSubject: x\u{0}\u{1B}[2J \"\u{301}"

    @Test("a hostile device name breaks no subject, no line and no HTML", arguments: names)
    func injection(name: String) throws {
        var item = DeliveryFixture.item()
        item.device?.name = Self.hostile
        item.rule = "r<b>"
        let message = message([item], template: name)
        let html = try #require(message.html)
        #expect(!html.contains("<script") && !html.contains("<b>)") && !html.contains("r<b>"))
        #expect(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; &amp;"))
        #expect(!html.unicodeScalars.contains("\u{202E}"))
        #expect(html.contains("&quot;\u{301}"), "an accent does not hide a quote")
        for text in [message.subject, message.text] {
            #expect(text.contains("<script>"), "text is not escaped")
            let scalars = text.unicodeScalars
            #expect(!scalars.contains { $0.value < 0x20 && $0 != "\n" || $0 == "\u{202E}" })
        }
        #expect(!message.subject.unicodeScalars.contains("\n"))
        #expect(!message.text.contains("\nSubject"))
    }

    @Test("a name of a megabyte is cut, a subject has 200 characters at most")
    func huge() {
        var item = DeliveryFixture.item()
        item.device?.name = String(repeating: "ä", count: 1 << 19)
        let message = message(Array(repeating: item, count: Limits.itemsPerMessage))
        #expect(message.subject.count == 200 && message.subject.hasSuffix("…"))
        #expect(message.text.utf8.count < Limits.renderedBytes)
    }

    @Test("slack's body is JSON whatever the facts hold")
    func slack() throws {
        var item = DeliveryFixture.item()
        item.device?.name = Self.hostile
        let message = shipped.message(
            for: DeliveryFixture.delivery([item]), now: DeliveryFixture.night, body: "slack")
        let body = try #require(
            JSONSerialization.jsonObject(with: Data(message.json)) as? [String: String])
        let text = try #require(body["text"])
        #expect(text.hasPrefix("&lt;script&gt;alert(\"1\")&lt;/script&gt;' &amp; Subject: x"))
        #expect(text.contains("\nWhen: Tue 24 Nov 2026"))
    }

    // MARK: - A user's folder

    private func library(_ files: [(String, String)]) -> TemplateLibrary {
        TemplateLibrary(files: files.map { (path: $0.0, text: $0.1) })
    }

    @Test("a user's template replaces the shipped one whole; LANG falls back to none, then to en")
    func replaces() throws {
        let library = library([
            ("alarm/text.mustache", "mine"), ("mine/text.en.mustache", "en"),
            ("mine/text.de-at.mustache", "at"),
        ])
        #expect(library.findings == [])
        #expect(library.part(.html, of: "alarm", language: "en") == nil)
        let renderer = Renderer(library: library, publicURL: nil, offset: { _, _ in 0 })
        func text(_ template: String, _ language: String) -> String {
            renderer.message(
                for: DeliveryFixture.delivery(template: template, language: language),
                now: DeliveryFixture.night
            ).text
        }
        #expect(text("alarm", "de") == "mine")
        #expect(text("mine", "fr") == "en")
        #expect(text("mine", "de-AT") == "at")
        #expect(text("mine", "de") == "en")
    }

    @Test(
        "a mistake is found with its place and a suggestion",
        arguments: [
            ("{{devcie.name}}", "1:1", "unknown variable 'devcie.name'"),
            ("{{#items}}\n {{device.nmae}}{{/items}}", "2:2", "did you mean 'device.name'?"),
            ("{{#items}}{{rul}}{{/items}}", "1:11", "did you mean 'rule'?"),
            ("{{data.items}}", "1:1", "named directly: 'items'"),
            ("{{type}}", "1:1", "unknown variable 'type'"),
            ("{{device.name}}", "1:1", "unknown variable 'device.name'"),
            ("{{#items}}{{localtime(event.time)}}{{/items}}", "1:11", "did you mean 'localTime'?"),
            ("{{#items}}{{localTime(rule)}}{{/items}}", "1:11", "'localTime' of a text"),
            ("{{#items}}{{device}}{{/items}}", "1:11", "device.name, device.uniqueId"),
            ("{{items}}", "1:1", "{{#items}}…{{/items}}"),
            ("{{index()}}", "1:1", "directly inside '{{#items}}' only"),
            ("{{#items}}{{#device}}{{index()}}{{/device}}{{/items}}", "1:22", "directly inside"),
            ("{{^place}}{{nope}}{{/place}}", "1:1", "unknown variable 'place'"),
            ("{{#items}}{{^place}}{{nope}}{{/place}}{{/items}}", "1:21", "unknown variable 'nope'"),
            ("{{#items}}{{#items}}{{/items}}{{/items}}", "1:11", "'items' inside 'items'"),
            ("{{#items}}", "1:1", "'items' is not closed"),
            ("{{#items}}{{/item}}", "1:11", "'{{/items}}' was expected (opened in line 1)"),
            ("{{/items}}", "1:1", "closes nothing"), ("a\nb {{", "2:3", "without its '}}'"),
            ("{{ severity", "1:1", "without its '}}'"), ("{{}}", "1:1", "not a well-formed tag"),
            ("{{a b}}", "1:1", "not a well-formed tag"),
            ("{{words(severity}}", "1:1", "not a well-formed tag"),
            ("{{> other}}", "1:1", "cannot include"), ("{{=<% %>=}}", "1:1", "not supported"),
            ("{{% CONTENT_TYPE:HTML}}", "1:1", "not supported"),
            ("{{text}}", "1:1", "unknown variable 'text'"),
            (String(repeating: "{{#items}}", count: 40), "1:161", "more than 16 deep"),
        ])
    func mistakes(text: String, place: String, message: String) throws {
        let findings = library([("mine/text.mustache", text)]).findings
        let all = findings.map(\.description).joined(separator: "\n")
        #expect(
            findings.contains {
                "\($0.line):\($0.column)" == place && $0.message.contains(message)
            }, "\(all)")
        #expect(findings.first?.path == "mine/text.mustache")
    }

    @Test(
        "what is right is not found fault with",
        arguments: [
            "", "plain }} text { {", "{{! a comment }}{{severity}}{{&contact}}",
            "{{#items}}{{plusone(index())}}. {{who(.)}}{{^last()}}, {{/last()}}{{/items}}",
            "{{#items}}{{#event}}{{type}} {{rule}} {{device.name}}{{/event}}{{severity}}{{/items}}",
            "{{#first(items)}}{{speed(position.speed_kmh)}} {{.place}}{{/first(items)}}",
            "{{#items}}{{#event.clock_wrong}}!{{/event.clock_wrong}}{{/items}}",
            "{{#delay(.)}}{{.}}{{/delay(.)}}{{uppercased(words(reason))}}",
            "{{#items}}\r\n{{#several(items)}}{{index()}}{{/several(items)}}\r\n{{/items}}",
        ])
    func right(text: String) {
        #expect(library([("mine/text.mustache", text)]).findings == [])
    }

    @Test(
        "a body that gives no JSON is found, also where it is right for one item",
        arguments: [
            ("[{{#items}}{{held}},{{/items}}]", "one item"),
            ("[{{#items}}{{held}} {{/items}}]", "several items"),
            ("[{{#items}}{{event.id}}{{^last()}},{{/last()}}{{/items}}, 1]", "little is known"),
            ("{\"a\": {{held}} }", "held"), ("{\"a\": \"{{subject}}, ]\"", "one item"),
            ("{\"a\": [ {{#items}}{{held}}{{^last()}}, {{/last()}}{{/items}} , 1]}", "no items"),
        ])
    func bodyThatIsNoJSON(text: String, sample: String) {
        let findings = library([("mine/json.mustache", text)]).findings
        #expect(findings.count == 1 && findings[0].message.contains(sample), "\(findings)")
    }

    @Test("unescaped tags are refused where they would be holes")
    func unescaped() {
        for part in ["html", "json"] {
            for tag in ["{{{contact}}}", "{{&contact}}"] {
                let findings = library([("mine/\(part).mustache", tag)]).findings
                #expect(findings.first?.message.contains("not escaped") == true)
            }
        }
    }

    @Test(
        "a file that is no template is named",
        arguments: [
            ("text.mustache", "NAME/subject|text|html|json"), ("a/b/text.mustache", "NAME/"),
            ("a/txt.mustache", "did you mean 'text'?"), ("a/text.d$.mustache", "is no language"),
            ("a/text", "is no part of a template"), ("a/text.de.x.mustache", "is no part"),
        ])
    func paths(path: String, message: String) {
        let findings = library([(path, "")]).findings
        #expect(findings.count == 1 && findings[0].message.contains(message), "\(findings)")
    }

    @Test("too much is refused before it is parsed: size and depth of a template")
    func bounds() {
        let big = String(repeating: "x", count: Limits.templateBytes + 1)
        #expect(library([("a/text.mustache", big)]).findings[0].message.contains("256 KiB"))
        let filters =
            String(repeating: "words(", count: 9_000) + "severity"
            + String(repeating: ")", count: 9_000)
        #expect(library([("a/text.mustache", "{{\(filters)}}")]).findings.count == 1)
    }

    // MARK: - The table and the facts

    /// An expression for each shape; but for the first two inside `{{#items}}`.
    static let expressions: [(shape: TemplateShape, expression: String)] = [
        (.message, "."), (.items, "items"), (.item, "."), (.incident, "incident"),
        (.device, "device"), (.event, "event"), (.position, "position"), (.text, "rule"),
        (.word, "event.alarm"), (.time, "event.time"), (.number, "held"),
        (.flag, "position.valid"), (.loop, ""), (.index, "index()"),
    ]

    @Test("what the checker allows, the facts answer: every member and filter of everything")
    func tableHolds() {
        #expect(Set(Self.expressions.map(\.shape)) == Set(TemplateShape.allCases))
        for (shape, place) in Self.expressions {
            for (name, result) in shape.members {
                expectAnswer(place == "." ? name : "\(place).\(name)", of: shape, result)
            }
            for (name, result) in shape.filters {
                expectAnswer("\(name)(\(place))", of: shape, result)
            }
        }
    }

    private func expectAnswer(
        _ expression: String, of shape: TemplateShape, _ result: TemplateShape
    ) {
        let tag = result.isValue ? "{{\(expression)}}" : "{{#\(expression)}}x{{/\(expression)}}"
        let inner = "[\(tag)]"
        let text = shape == .message || shape == .items ? inner : "{{#items}}\(inner){{/items}}"
        let library = library([("mine/html.mustache", text)])
        #expect(library.findings == [], "\(expression)")
        let renderer = Renderer(
            library: library, publicURL: "https://a.example", offset: DeliveryFixture.vienna)
        // Late and with a broken clock is more than one event can be.
        var wrong = DeliveryFixture.event()
        wrong.time = DeliveryFixture.night - .days(4_000)
        let answers = [DeliveryFixture.event(late: .minutes(5)), wrong].map { event in
            var item = DeliveryFixture.item(event, held: 1)
            item.place = "depot"
            item.device?.group = "g"
            item.position?.battery = 18
            item.source = "biketrax"
            let delivery = DeliveryFixture.delivery([item], channel: .email, template: "mine")
            return renderer.message(for: delivery, now: delivery.created + .minutes(9)).html
        }
        #expect(answers.contains { $0 != nil && $0 != "[]" }, "\(expression): \(answers)")
    }
}
