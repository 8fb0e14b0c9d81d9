import Foundation
import TestSupport
import Testing

// The renderer keeps its promises whatever the delivery and the templates are: deterministic, true
// at each attempt, bounded, and never without a message.
@testable import Alerting

@Suite("A delivery becomes a message")
struct RendererTests {
    private func renderer(_ files: [(path: String, text: String)] = []) -> Renderer {
        Renderer(
            library: TemplateLibrary(files: files), publicURL: nil,
            offset: DeliveryFixture.vienna)
    }

    @Test("the same delivery and moment give the same message")
    func deterministic() {
        let delivery = DeliveryFixture.delivery(channel: .email)
        let first = renderer().message(for: delivery, now: delivery.created)
        #expect(renderer().message(for: delivery, now: delivery.created) == first)
        #expect(first.delivery == delivery && first.now == delivery.created)
    }

    @Test("the body is CONFIG.md's shape with the rendered subject and text; only mail has HTML")
    func defaultBody() {
        let delivery = DeliveryFixture.delivery()
        let message = renderer().message(for: delivery, now: delivery.created)
        #expect(message.html == nil)
        #expect(
            message.json
                == delivery.wire(subject: message.subject, text: message.text, publicURL: nil))
        var mail = delivery
        mail.channel = .email
        #expect(renderer().message(for: mail, now: delivery.created).html != nil)
    }

    @Test("the text says its age at each attempt; what is held on purpose is not late")
    func delay() {
        var delivery = DeliveryFixture.delivery()
        let renderer = renderer()
        func text(after: Duration) -> String {
            renderer.message(for: delivery, now: delivery.due + after).text
        }
        #expect(!text(after: .seconds(59)).contains("This message"))
        #expect(text(after: .minutes(3)).contains("This message is 3 min late."))
        delivery.due = delivery.created + .hours(8)
        #expect(!text(after: .seconds(1)).contains("This message"))
    }

    @Test("times are in the contact's zone, and say so where it is UTC")
    func zones() {
        let vienna = DeliveryFixture.delivery()
        let utc = DeliveryFixture.delivery(timezone: "UTC")
        #expect(renderer().message(for: vienna, now: vienna.created).text.contains(", 03:12:05\n"))
        #expect(renderer().message(for: utc, now: utc.created).text.contains(", 02:12:05 UTC\n"))
    }

    @Test(
        "a clock that cannot be trusted is said",
        arguments: [
            (Instant?.none, "When: not known; received Tue 24 Nov 2026, 03:12:06"),
            (
                DeliveryFixture.night - .days(4_000),
                "When: not known, the tracker's clock is wrong; received Tue 24 Nov 2026, 03:12:06"
            ),
        ])
    func clock(time: Instant?, expected: String) {
        var event = DeliveryFixture.event()
        event.time = time
        let delivery = DeliveryFixture.delivery([DeliveryFixture.item(event)])
        #expect(renderer().message(for: delivery, now: delivery.created).text.contains(expected))
    }

    @Test("where: an address, the last known place, or unknown; never a number that is no place")
    func places() {
        func text(_ change: (inout Item) -> Void) -> String {
            var item = DeliveryFixture.item()
            change(&item)
            let delivery = DeliveryFixture.delivery([item])
            return renderer().message(for: delivery, now: delivery.created).text
        }
        let address = text { $0.position?.address = "Prater 1" }
        #expect(address.contains("Where: Prater 1\nMap: "))
        let stale = text { $0.position?.valid = false }
        #expect(stale.contains("Where: last known: 48.2"))
        for broken in [Double.nan, .infinity, 91, -1e300] {
            let text = text { $0.position?.latitude = broken }
            #expect(text.contains("Where: position unknown\n") && !text.contains("Map:"))
        }
    }

    @Test("an item without device or event is told by its rule")
    func bare() {
        var item = DeliveryFixture.item(nil)
        item.device = nil
        item.position = nil
        let delivery = DeliveryFixture.delivery([item])
        let message = renderer().message(for: delivery, now: delivery.created)
        #expect(message.subject == "theft-at-night: theft-at-night")
        #expect(!message.text.contains("When:"))
    }

    @Test("what is over when it is told says so")
    func overAlready() {
        var item = DeliveryFixture.item()
        item.incident.state = .cleared
        let delivery = DeliveryFixture.delivery([item])
        let message = renderer().message(for: delivery, now: delivery.created)
        #expect(message.subject == "Cargo 1: vibration alarm (over already)")
    }

    // MARK: - Never without a message

    @Test("a template that is gone, says nothing or lacks a part gives way to one that speaks")
    func fallback() {
        let renderer = renderer([
            ("empty/subject.mustache", " \n"), ("empty/text.mustache", "{{! }}"),
            ("broken/text.mustache", "{{#items}}"), ("half/text.mustache", "half"),
            ("half/html.mustache", "<p>half</p>"),
        ])
        for name in ["gone", "empty", "broken", "slack"] {
            for language in ["en", "de"] {
                let delivery = DeliveryFixture.delivery(
                    channel: .email, template: name, language: language)
                let message = renderer.message(for: delivery, now: delivery.created)
                #expect(message.subject.hasPrefix("Cargo 1: "), "\(name)")
                #expect(message.text.contains("48.20820, 16.37380"), "\(name)")
            }
        }
        let half = DeliveryFixture.delivery(channel: .email, template: "half")
        let message = renderer.message(for: half, now: half.created)
        #expect(message.subject == "Cargo 1: vibration alarm")
        #expect(message.text == "half" && message.html == "<p>half</p>")
    }

    @Test("a body that is no JSON, or is missing, gives way to the default shape")
    func bodies() {
        let delivery = DeliveryFixture.delivery([DeliveryFixture.item(), DeliveryFixture.item()])
        let renderer = renderer([
            ("commas/json.mustache", "[{{#items}}{{held}},{{/items}}]"),
            ("right/json.mustache", "[{{#items}}{{held}}{{^last()}},{{/last()}}{{/items}}]"),
        ])
        let standard = renderer.message(for: delivery, now: delivery.created).json
        for body in ["commas", "gone", "alarm"] {
            #expect(
                renderer.message(for: delivery, now: delivery.created, body: body).json == standard)
        }
        let right = renderer.message(for: delivery, now: delivery.created, body: "right").json
        #expect(right == Array("[0,0]".utf8))
    }

    @Test("a template that would grow beyond bounds over many items is not begun; text is cut")
    func bounds() {
        let item = DeliveryFixture.item()
        let many = DeliveryFixture.delivery(Array(repeating: item, count: 200), channel: .email)
        let large = String(repeating: "x", count: 30_000)
        let renderer = renderer([
            ("alarm/text.mustache", "{{#items}}\(large){{/items}}"),
            (
                "alarm/html.mustache",
                String(repeating: "y", count: 9_000) + "{{#items}}"
                    + String(repeating: "z", count: 9_000) + "{{/items}}"
            ),
        ])
        let message = renderer.message(for: many, now: many.created)
        #expect(message.text.hasPrefix("Cargo 1: vibration alarm; Tue 24 Nov 2026"))
        #expect(message.html == nil, "cut HTML would be broken HTML")
        let some = DeliveryFixture.delivery(Array(repeating: item, count: 100), channel: .email)
        let text = renderer.message(for: some, now: some.created).text
        #expect(text.utf8.count == Limits.renderedBytes && text.hasSuffix("x…"))
    }

    @Test("200 items are one bounded message in which each is named")
    func many() {
        let items = (0..<Limits.itemsPerMessage).map { index in
            var item = DeliveryFixture.item()
            item.device?.name = "Bike \(index)"
            return item
        }
        let delivery = DeliveryFixture.delivery(items, reason: .digest, channel: .email)
        let message = renderer().message(for: delivery, now: delivery.created)
        #expect(message.subject == "200 messages: Bike 0: vibration alarm")
        for index in [0, 7, 199] { #expect(message.text.contains("Bike \(index): vibration")) }
    }
}

@Suite("Measures in words")
struct WordingTests {
    @Test(
        "spans",
        arguments: [
            (-5, "0 s"), (45, "45 s"), (60, "1 min"), (2_520, "42 min"), (3_600, "1 h"),
            (11_100, "3 h 5 min"), (172_799, "47 h 59 min"), (345_600, "4 days"),
        ] as [(Int64, String)])
    func spans(seconds: Int64, expected: String) {
        #expect(Wording.english.span(seconds: seconds) == expected)
    }

    @Test("late is from a minute on; German has its own words and cases")
    func late() {
        #expect(Wording.english.late(seconds: 59) == nil)
        #expect(Wording.english.late(seconds: 2_520) == "42 min late")
        #expect(Wording.german.late(seconds: 2_520) == "42 Min. verspätet")
        #expect(Wording.german.ago(seconds: 345_600) == "vor 4 Tagen")
        #expect(Wording.english.ago(seconds: 61) == "1 min ago")
    }

    @Test("speeds and distances, rounded for a reader")
    func measures() {
        #expect(Wording.english.speed(24.076) == "24 km/h")
        #expect(Wording.german.speed(4.26) == "4,3 km/h")
        #expect(Wording.english.speed(9.96) == "10 km/h")
        #expect(Wording.english.distance(metres: 849.6) == "850 m")
        #expect(Wording.english.distance(metres: 999.6) == "1 km")
        #expect(Wording.german.distance(metres: 1_234) == "1,2 km")
        #expect(Wording.fixed(-0.000_004, places: 5) == "0.00000")
        #expect(Wording.fixed(-16.5, places: 5) == "-16.50000")
        #expect(Wording.fixed(.nan, places: 2) == "nan")
    }

    @Test("dates before 1970, at midnight and on a leap day")
    func dates() {
        let cases: [(Int64, String, String)] = [
            (0, "Thu 1 Jan 1970, 00:00:00", "Do 1.1.1970, 00:00:00"),
            (-1, "Wed 31 Dec 1969, 23:59:59", "Mi 31.12.1969, 23:59:59"),
            (1_709_164_800, "Thu 29 Feb 2024, 00:00:00", "Do 29.2.2024, 00:00:00"),
        ]
        func text(_ wording: Wording, _ wall: Instant) -> String {
            String { wording.append(dateAndTime: wall, to: &$0) }
        }
        for (seconds, english, german) in cases {
            #expect(text(.english, Instant(seconds: seconds)) == english)
            #expect(text(.german, Instant(seconds: seconds)) == german)
        }
    }

    @Test("a contact's language gives its words, English for the others")
    func languages() {
        #expect(Wording(language: "de") == .german && Wording(language: "DE-at") == .german)
        #expect(Wording(language: "en") == .english && Wording(language: "fr") == .english)
    }

    @Test(
        "clean text",
        arguments: [
            ("Cargo 1", "Cargo 1"), ("a\r\n\tb", "a b"), ("a\u{2028}b\u{85}c", "a b c"),
            ("a\u{0}\u{1B}\u{7F}\u{9B}b", "ab"), ("\u{202E}cba\u{2066}", "cba"), ("ä🚲", "ä🚲"),
        ])
    func clean(text: String, expected: String) {
        #expect(CleanText.line(text) == expected)
    }

    @Test("a control is found at each place, whatever stands around it")
    func controlsEverywhere() {
        for code in UInt32(0)...0xFF where code != 0x20 {
            guard let scalar = Unicode.Scalar(code) else { continue }
            let isBreak = [0x09, 0x0A, 0x0D, 0x85].contains(code)
            let isHidden = code < 0x20 || 0x7F...0x9F ~= code
            let alone = isBreak ? " " : isHidden ? "" : String(Character(scalar))
            let isKept = code == 0x0A || code == 0x09
            for place in 0..<17 {
                let head = String(repeating: "a", count: place)
                let tail = String(repeating: "\u{7E}", count: 16 - place)
                let text = head + String(Character(scalar)) + tail
                #expect(CleanText.line(text) == head + alone + tail, "\(code) at \(place)")
                let several = isKept ? text : head + (code == 0x0D ? "" : alone) + tail
                #expect(CleanText.lines(text) == several, "\(code) at \(place)")
            }
        }
    }

    @Test("a cut is within its bytes, visible, and valid", arguments: 3...12)
    func cut(limit: Int) {
        let text = CleanText.cut("aä🚲🚲ä", bytes: limit)
        #expect(text.utf8.count <= limit)
        #expect(text.hasSuffix("…") == (limit < 13))
        #expect(!text.contains("\u{FFFD}"))
    }
}
