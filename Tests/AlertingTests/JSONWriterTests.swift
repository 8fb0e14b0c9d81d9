// The writer gives valid JSON for any text and number, and the stored form is what Codable reads
// and writes.
import Alerting
import Foundation
import TestSupport
import Testing

@Suite("JSON is written right, byte for byte")
struct JSONWriterTests {
    private func written(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return writer.text
    }

    @Test(
        "strings are escaped as RFC 8259 §7 says",
        arguments: [
            ("", #""""#), ("Cargo 1", #""Cargo 1""#), ("a\"b\\c", #""a\"b\\c""#),
            ("a\r\nb\t\u{8}\u{C}", #""a\r\nb\t\b\f""#),
            ("\u{0}\u{1F}\u{7F}", #""\u0000\u001f\u007f""#),
            ("Größe 🚲", #""Größe 🚲""#), ("\"\u{301}", "\"\\\"\u{301}\""),
            ("</script>", #""</script>""#),
            // Eight bytes are looked at together: whatever must be escaped stands at each place.
            ("0123456\n89abcdef", #""0123456\n89abcdef""#),
            ("\n123456789\"", #""\n123456789\"""#),
            ("\u{1F} \u{7F}é\\12345678", #""\u001f \u007fé\\12345678""#),
        ])
    func strings(text: String, expected: String) {
        #expect(written { $0.value(text) } == expected)
    }

    @Test("each character is escaped at each place as alone, and reads back as itself")
    func everyPlace() throws {
        for code in UInt8.min...0x7F {
            let character = String(Unicode.Scalar(code))
            let alone = written { $0.value(character) }.dropFirst().dropLast()
            for place in 0..<18 {
                let head = String(repeating: "a", count: place)
                let tail = String(repeating: " ", count: 17 - place)
                let text = written { $0.value(head + character + tail) }
                #expect(text == "\"\(head)\(alone)\(tail)\"")
            }
            let read = try JSONDecoder().decode(
                String.self, from: Data(written { $0.value(character) }.utf8))
            #expect(read == character)
        }
    }

    @Test("whole numbers are written digit for digit, with zeros before them up to a width")
    func decimals() {
        var numbers: [Int64] = [0, .min, .max]
        for power in 0..<19 {
            let ten = Int64((0..<power).reduce(1) { product, _ in product * 10 })
            numbers += [ten - 1, ten, ten + 1, 1 - ten, -ten, ten / 7 * 5]
        }
        for number in numbers {
            #expect(String { $0.append(decimal: number) } == String(number))
            for width in 1...5 {
                let digits = String(number.magnitude)
                let zeros = String(repeating: "0", count: max(0, width - digits.count))
                let text = String { $0.append(decimal: number, width: width) }
                #expect(text == (number < 0 ? "-" : "") + zeros + digits)
            }
        }
    }

    @Test(
        "a number is the shortest text that reads back as the same",
        arguments: [
            (0.0, "0"), (-0.0, "0"), (48.0, "48"), (48.2082, "48.2082"), (-16.5, "-16.5"),
            (0.1 + 0.2, "0.30000000000000004"), (1e-7, "1e-07"), (1e300, "1e+300"),
            (9_007_199_254_740_992, "9007199254740992"), (.nan, "0"), (.infinity, "0"),
        ])
    func doubles(number: Double, expected: String) throws {
        let text = written { $0.value(number) }
        #expect(text == expected)
        if number.isFinite {
            #expect(try JSONDecoder().decode(Double.self, from: Data(text.utf8)) == number)
        }
    }

    @Test("whole numbers are exact to the ends of Int64")
    func integers() {
        for number in [Int64.min, -1, 0, 7, 10, 1_000_000, .max] {
            #expect(written { $0.value(number) } == String(number))
        }
    }

    @Test("objects and lists put their commas themselves, empty ones too")
    func structure() {
        let text = written { writer in
            writer.object { writer in
                writer.member("a", true)
                writer.name("b")
                writer.list(of: [1, 2] as [Int64]) { $0.value($1) }
                writer.name("c")
                writer.list(of: [Int64]()) { $0.value($1) }
                writer.name("d")
                writer.object { _ in }
                writer.member(known: "e", nil)
                writer.member("f", "x")
            }
        }
        #expect(text == #"{"a":true,"b":[1,2],"c":[],"d":{},"f":"x"}"#)
    }

    @Test("any text comes back through JSONDecoder")
    func randomTexts() throws {
        var numbers = Numbers(seed: 3)
        for _ in 0..<500 {
            let text = numbers.text()
            let bytes = written { $0.list(of: [text]) { $0.value($1) } }
            #expect(try JSONDecoder().decode([String].self, from: Data(bytes.utf8)) == [text])
        }
    }

    @Test("times are RFC 3339 with milliseconds, clamped to what it can say")
    func times() {
        let cases: [(Int64, String)] = [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_795_486_325_007, "2026-11-24T02:12:05.007Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (Int64.min / 4, "0000-01-01T00:00:00.000Z"),
            (Int64.max / 4, "9999-12-31T23:59:59.999Z"),
        ]
        for (milliseconds, expected) in cases {
            let instant = Instant(milliseconds: milliseconds)
            #expect(instant.rfc3339 == expected)
            #expect(written { $0.value(rfc3339: instant) } == "\"\(expected)\"")
        }
    }

    // MARK: - Stored

    @Test("stored items are read by JSONDecoder, and what JSONEncoder writes by us")
    func storedItems() throws {
        var numbers = Numbers(seed: 11)
        for _ in 0..<200 {
            let items = (0..<numbers.next(4)).map { _ in numbers.item() }
            let stored = [UInt8](String { Item.write(stored: items, to: &$0) }.utf8)
            #expect(try Item.items(stored: stored) == items)
            let encoded = try [UInt8](JSONEncoder().encode(items))
            #expect(try Item.items(stored: encoded) == items)
            #expect(try object(encoded) == object(stored), "the same keys and values")
        }
    }

    @Test("stored trouble is read back", arguments: Trouble.Kind.allCases)
    func storedTrouble(kind: Trouble.Kind) throws {
        let trouble = Trouble(kind: kind, subject: "a \"b\"", text: "c\nd")
        #expect(try Trouble(stored: trouble.stored) == trouble)
        let encoded = try [UInt8](JSONEncoder().encode(trouble))
        #expect(try object(encoded) == object(trouble.stored))
    }

    @Test("what is no stored form is an error, not a guess")
    func broken() {
        #expect(throws: DecodingError.self) { try Item.items(stored: Array("[{}]".utf8)) }
        #expect(throws: DecodingError.self) { try Trouble(stored: Array("{".utf8)) }
    }

    private func object(_ bytes: [UInt8]) throws -> NSObject? {
        try JSONSerialization.jsonObject(with: Data(bytes)) as? NSObject
    }
}

/// Random facts from a seed (SplitMix64), so that a failure comes again.
private struct Numbers {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }

    mutating func text() -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "ß", "\"", "\\", "\n", "\u{0}", "\u{301}", "🚲", "<", "/", "\u{7F}", "\u{2028}",
            "é",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<next(9) { text.append(scalars[next(scalars.count)]) }
        return String(text)
    }

    private mutating func maybe<Value>(_ value: Value) -> Value? { next(2) == 0 ? nil : value }

    mutating func item() -> Item {
        var event = Event(server: "s", source: "s", type: next(2) == 0 ? "alarm" : text())
        event.id = Int64(next(1 << 40)) * (next(2) == 0 ? 0 : 1)
        event.attributes = ["alarm": .text(text())]
        event.time = maybe(Instant(milliseconds: Int64(next(1 << 42))))
        event.received = Instant(milliseconds: Int64(next(1 << 42)))
        event.txn = maybe(text())
        var position = Position(
            coordinate: Coordinate(
                latitude: Double(next(180_000_000)) / 1e6 - 90,
                longitude: Double(next(360_000_000)) / 7e6))
        position.speed = maybe(Speed(knots: Double(next(1_000)) / 7))
        position.valid = next(2) == 0
        position.fixTime = maybe(Instant(milliseconds: Int64(next(1 << 42))))
        position.address = maybe(text())
        let states: [Incident.State] = [.open, .acknowledged, .cleared]
        return Item(
            incident: .init(
                id: text(), state: states[next(3)],
                opened: Instant(milliseconds: Int64(next(1 << 42))), count: next(1_000)),
            rule: text(),
            device: maybe(.init(name: text(), uniqueId: text(), group: maybe(text()))),
            event: maybe(.init(event)), position: maybe(.init(position)), place: maybe(text()),
            held: next(100), reason: Reason.allCases[next(Reason.allCases.count)],
            severity: Severity.allCases[next(3)], template: text())
    }
}
