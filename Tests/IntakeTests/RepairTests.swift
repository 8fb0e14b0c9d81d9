// What a parser refuses and a sender may mean is repaired; what is malformed is refused, with a
// reason that says where and never quotes the body.
import Alerting
import Foundation
import Testing

@testable import Intake

@Suite("Repairs and refusals")
struct RepairTests {
    @Test(
        "numbers beyond 64 bits keep their digits, as text",
        arguments: [
            ("123456789012345678901234567890", true), ("-9223372036854775809", true),
            ("1e999", true), ("-1.5E+400", true), ("18446744073709551616", true),
            ("18446744073709551615", false), ("1e300", false),
        ])
    func hugeNumbers(_ number: String, _ isText: Bool) throws {
        let reading = try read(
            #"{"type":"a","deviceId":1,"attributes":{"n":"# + number + #","s":"12e999"}}"#)
        let made = try #require(reading.arrivals.first)
        if isText {
            #expect(made.event.attributes["n"] == .text(number))
            #expect(String(decoding: made.body, as: UTF8.self).contains("\"n\":\"\(number)\""))
        } else {
            #expect(made.event.attributes["n"] == Double(number).map(Attribute.number))
        }
        #expect(made.event.attributes["s"] == .text("12e999"))
    }

    @Test("bytes that are no UTF-8 become replacement characters")
    func utf8() throws {
        var json = Array(#"{"type":"a","deviceId":1,"attributes":{"result":"Fahrrad "#.utf8)
        json += [0xFC, 0xFF] + Array(#""}}"#.utf8)
        let made = try #require(try read(json).arrivals.first).event
        #expect(made.attributes.text("result") == "Fahrrad \u{FFFD}\u{FFFD}")
    }

    @Test("a byte order mark is no obstacle")
    func mark() throws {
        let json: [UInt8] = [0xEF, 0xBB, 0xBF] + Array(#"{"type":"a","deviceId":1}"#.utf8)
        #expect(try read(json).arrivals.count == 1)
    }

    @Test(
        "half of a surrogate pair is replaced, a whole one kept",
        arguments: [
            (#"\uD83D"#, "\u{FFFD}"), (#"\ude00x"#, "\u{FFFD}x"), (#"\uD83D\uDE00"#, "😀"),
            (#"\uD83D\uD83D\uDE00"#, "\u{FFFD}😀"), (#"\uD83D\n"#, "\u{FFFD}\n"),
            (#"\\uD83D\uD83D"#, "\\uD83D\u{FFFD}"),
        ])
    func surrogates(_ written: String, _ text: String) throws {
        let made = try event(
            #"{"type":"a","deviceId":1,"attributes":{"result":""# + written + #""}}"#)
        #expect(made.attributes.text("result") == text)
    }

    @Test("several things at once")
    func together() throws {
        var json: [UInt8] = [0xEF, 0xBB, 0xBF]
        json += Array(#"{"type":"a","deviceId":1,"attributes":{"x":"\uD83D","n":1e999,"y":""#.utf8)
        json += [0xFF] + Array(#""}}"#.utf8)
        #expect(try read(json).arrivals.count == 1)
    }

    @Test(
        "what is malformed is refused in plain words",
        arguments: [
            ("", "empty"), ("  \n", "empty"), ("hello-secret", "not JSON"),
            (#"{"event":"#, "not JSON"), (#"{"a":1}}"#, "not JSON"), (#"{"a":01}"#, "not JSON"),
            (#"{"a":1.2.3}"#, "not JSON"), (#"{"a":"\x"}"#, "not JSON"), ("{'a':1}", "not JSON"),
            (#"{"a":"unfinished"#, "not JSON"), ("[1,]", "not JSON"),
            (#"{"a":"\uD83"}"#, "not JSON"),
            ("{\"a\":\"\u{1}\"}", "not JSON"),
        ])
    func malformed(_ json: String, _ words: String) throws {
        let refusal = #expect(throws: TraccarPayload.Refusal.self) { try read(json) }
        #expect(refusal?.description.contains(words) == true, "\(refusal.debugDescription)")
        #expect(refusal?.description.contains("secret") == false)
    }

    @Test("a refusal says where")
    func place() throws {
        let refusal = #expect(throws: TraccarPayload.Refusal.self) {
            try read("{\"a\": 1,\n  \"b\": nope}")
        }
        #expect(
            refusal?.description.contains("at line 2, column") == true,
            "\(refusal.debugDescription)")
    }

    @Test("depth is bounded", arguments: [(Limits.jsonDepth, true), (Limits.jsonDepth + 1, false)])
    func depth(_ levels: Int, _ isTaken: Bool) throws {
        let inner = levels - 1
        let json =
            #"{"type":"a","deviceId":1,"x":"# + String(repeating: "[", count: inner) + "1"
            + String(repeating: "]", count: inner) + "}"
        if isTaken {
            #expect(try read(json).arrivals.count == 1)
        } else {
            let refusal = #expect(throws: TraccarPayload.Refusal.self) { try read(json) }
            #expect(refusal?.description.contains("nested too deeply") == true)
        }
    }

    @Test("a million brackets are refused, not followed")
    func bomb() {
        #expect(throws: TraccarPayload.Refusal.self) {
            try read(Array(repeating: UInt8(ascii: "["), count: Limits.bodyBytes))
        }
    }

    @Test("a reader goes on after a refusal, and after a large body")
    func reuse() throws {
        let reader = TraccarPayload()
        func take(_ json: String) throws -> Int {
            try Array(json.utf8).withUnsafeBytes {
                try reader.read($0, server: "s", source: "b").arrivals.count
            }
        }
        let padding = String(repeating: "x", count: 900_000)
        #expect(try take(#"{"type":"a","deviceId":1}"#) == 1)
        #expect(throws: TraccarPayload.Refusal.self) { try take("{") }
        #expect(try take(#"{"type":"a","deviceId":1,"p":""# + padding + #""}"#) == 1)
        #expect(try take(#"[{"type":"a","deviceId":1},{"type":"a","deviceId":1}]"#) == 2)
        #expect(throws: TraccarPayload.Refusal.self) {
            try take(String(repeating: "[", count: 70) + String(repeating: "]", count: 70))
        }
    }
}
