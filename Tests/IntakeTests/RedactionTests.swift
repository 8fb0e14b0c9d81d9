// What is kept of a payload: everything but the secrets, wherever and however they are written.
import Alerting
import Foundation
import Testing

@testable import Intake

@Suite("What is kept of a body")
struct RedactionTests {
    @Test(
        "secrets are dropped at any depth, however their key is escaped",
        arguments: [
            (#""users":[1]"#, ""), (#""us\u0065rs":{"a":1}"#, ""), (#""\u0070assport":"p""#, ""),
            (#""webhookPs\u006B":"s""#, ""), (#""Users":1"#, #","Users":1"#),
            (#""user":1"#, #","user":1"#),
            (
                #""a":{"b":[{"passport":{}},{"c":1}]}"#,
                #","a":{"b":[{},{"c":1}]}"#
            ),
        ])
    func secrets(_ member: String, _ kept: String) throws {
        let reading = try read(#"{"type":"a","deviceId":1,"# + member + "}")
        let body = try #require(reading.arrivals.first).body
        #expect(String(decoding: body, as: UTF8.self) == #"{"type":"a","deviceId":1"# + kept + "}")
    }

    @Test(
        "values keep their meaning",
        arguments: [
            ("9223372036854775807", "9223372036854775807"),
            ("18446744073709551615", "18446744073709551615"), ("-5", "-5"), ("0.1", "0.1"),
            ("1e-7", "1e-07"), ("5.0E7", "5e+07"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            (#""\u00e9\n\"\\\/\u0001😀""#, #""é\n\"\\/\u0001😀""#), ("[ ]", "[]"), ("{ }", "{}"),
            ("[ 1 , null,true,false ]", "[1,null,true,false]"),
        ])
    func values(_ written: String, _ kept: String) throws {
        let start = #"{"type":"a","deviceId":1,"v":"#
        // Rewritten, as there is a secret beside it.
        let reading = try read(start + written + #","users":[]}"#)
        let body = try #require(reading.arrivals.first).body
        #expect(String(decoding: body, as: UTF8.self) == start + kept + "}")
        // Without one it is kept as it was spelled, but for white space where it had lines.
        let plain = try #require(try read(start + " " + written + " }\n").arrivals.first).body
        let spelled = written.contains("\"") ? written : written.replacing(" ", with: "")
        #expect(String(decoding: plain, as: UTF8.self) == start + spelled + "}")
    }

    @Test("a body of one line is kept byte for byte, one of several becomes one line")
    func lines() throws {
        let line = #"{ "type": "a", "deviceId" : 1,"v":"b  c", "w":[ 1.50 ] } "#
        let kept = try #require(try read(line).arrivals.first).body
        #expect(String(decoding: kept, as: UTF8.self) == line)
        for broken in ["\n", "\r", "\r\n"] {
            let lines = line.replacing(", ", with: "," + broken)
            let body = try #require(try read(lines).arrivals.first).body
            #expect(
                String(decoding: body, as: UTF8.self)
                    == #"{"type":"a","deviceId":1,"v":"b  c","w":[1.50]}"#)
        }
    }

    private static func parse(_ json: [UInt8]) throws -> NSDictionary {
        let parsed = try JSONSerialization.jsonObject(with: Data(json))
        return try #require(plain(parsed) as? NSDictionary)
    }

    /// Numbers as doubles: Foundation makes decimals of some, which compare by other rules.
    private static func plain(_ value: Any) -> Any {
        switch value {
        case let object as [String: Any]: object.mapValues(plain) as NSDictionary
        case let list as [Any]: list.map(plain) as NSArray
        case let number as NSNumber: "number \(number.doubleValue)"
        default: value
        }
    }

    @Test("random trees come back equal but for the secrets", arguments: 1...40)
    func randomTrees(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let reader = TraccarPayload()
        for _ in 0..<10 {
            var writer = TreeWriter()
            writer.member("event", last: false, &random) { writer, random in
                writer.both(#"{"type":"alarm","deviceId":1,"extra":"#)
                writer.value(depth: 0, &random)
                writer.both("}")
            }
            writer.member("more", last: true, &random) { $0.value(depth: 0, &$1) }
            let whole = Array(("{" + writer.whole + "}").utf8)
            let reading = try whole.withUnsafeBytes {
                try reader.read($0, server: "s", source: "b")
            }
            let body = try #require(reading.arrivals.first).body
            #expect(try Self.parse(body) == Self.parse(Array(("{" + writer.kept + "}").utf8)))
        }
    }
}

/// The same numbers each time: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Writes a random JSON tree twice: whole, and without its secrets.
struct TreeWriter {
    private(set) var whole = ""
    private(set) var kept = ""

    mutating func both(_ text: String) {
        whole += text
        kept += text
    }

    mutating func member(
        _ name: String, last: Bool, _ random: inout SeededGenerator,
        _ write: (inout TreeWriter, inout SeededGenerator) -> Void
    ) {
        both(Self.spell(name, &random) + Self.space(&random) + ":")
        write(&self, &random)
        if !last { both(",") }
    }

    mutating func value(depth: Int, _ random: inout SeededGenerator) {
        both(Self.space(&random))
        switch Int.random(in: 0...(depth > 6 ? 5 : 9), using: &random) {
        case 0: both("null")
        case 1: both(Bool.random(using: &random) ? "true" : "false")
        case 2: both("\(Int64.random(in: .min ... .max, using: &random))")
        case 3: both("\(Int.random(in: -1000...1000, using: &random))")
        case 4:
            let value = Double(bitPattern: random.next())
            both(value.isFinite ? "\(value)" : "0.5")
        case 5: both(Self.spell(Self.word(&random), &random))
        case 6, 7: list(depth: depth, &random)
        default: object(depth: depth, &random)
        }
        both(Self.space(&random))
    }

    private mutating func list(depth: Int, _ random: inout SeededGenerator) {
        both("[")
        for index in 0..<Int.random(in: 0...4, using: &random) {
            if index > 0 { both(",") }
            value(depth: depth + 1, &random)
        }
        both("]")
    }

    private mutating func object(depth: Int, _ random: inout SeededGenerator) {
        both("{")
        var isFirst = true
        var isFirstKept = true
        for index in 0..<Int.random(in: 0...5, using: &random) {
            let secret = ["users", "webhookPsk", "passport"].randomElement(using: &random) ?? ""
            let isSecret = Int.random(in: 0...3, using: &random) == 0
            let before = kept
            let comma = isFirst ? "" : ","
            // Names are made unlike each other: parsers differ in what a repeated one means.
            let name = isSecret ? secret : Self.word(&random) + "\(index)"
            whole += comma
            kept += isFirstKept ? "" : ","
            both(Self.spell(name, &random) + ":")
            value(depth: depth + 1, &random)
            isFirst = false
            if isSecret { kept = before } else { isFirstKept = false }
        }
        both("}")
    }

    private static func word(_ random: inout SeededGenerator) -> String {
        let letters = Array("aeuUsrp \"\\/é€😀\n\t\u{1}\u{7f}")
        return String(
            (0..<Int.random(in: 0...8, using: &random)).map { _ in
                letters.randomElement(using: &random) ?? "x"
            })
    }

    /// As a JSON string, each unit written as itself or as an escape.
    private static func spell(_ text: String, _ random: inout SeededGenerator) -> String {
        var written = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if mustEscape || Int.random(in: 0...5, using: &random) == 0 {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: Bool.random(using: &random))
                    written += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                written.unicodeScalars.append(scalar)
            }
        }
        return written + "\""
    }

    private static func space(_ random: inout SeededGenerator) -> String {
        ["", "", "", " ", "\n\t", "\r\n "].randomElement(using: &random) ?? ""
    }
}
