// A mail as Python's `email` reads it, and as a person would count it: no defect, no line too
// long, no header that a text brought in.
import Alerting
import Foundation
import TestSupport
import Testing

@testable import Channels

@Suite("MIME", .serialized)
struct MIMEMessageTests {
    private struct Parsed: Decodable {
        var defects: [String]
        var names: [String]
        var headers: [String: String]
        var type: String
        var text: String
        var html: String?
    }

    private func parse(_ message: Message, from sender: String = "Outcry <outcry@example.org>")
        throws -> (Parsed, [String])
    {
        let from = try #require(MailAddress(sender))
        let to = try #require(MailAddress("night@example.org"))
        let bytes = MIMEMessage(message, from: from, to: to).bytes
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(bytes.allSatisfy { $0 < 128 }, "a mail of ours is ASCII")
        #expect(!text.replacing("\r\n", with: "").contains { $0 == "\r" || $0 == "\n" })
        let lines = text.components(separatedBy: "\r\n")
        for line in lines { #expect(line.utf8.count <= 76, "\(line)") }
        let json = try Python.run(Parse.script, [text, "json"])
        return (try JSONDecoder().decode(Parsed.self, from: Data(json.utf8)), lines)
    }

    @Test("a mail with text and HTML has all its headers and no defect")
    func whole() throws {
        let (mail, _) = try parse(
            Sample.message(text: "Cargo 1\nbewegt", html: "<p>Cargo 1 &amp; bewegt</p>"))
        #expect(mail.defects.isEmpty)
        #expect(mail.type == "multipart/alternative")
        #expect(mail.text == "Cargo 1\nbewegt")
        #expect(mail.html == "<p>Cargo 1 &amp; bewegt</p>")
        #expect(mail.headers["from"] == "Outcry <outcry@example.org>")
        #expect(mail.headers["to"] == "night@example.org")
        #expect(mail.headers["subject"] == "Cargo 1: vibration")
        #expect(mail.headers["date"] == "Tue, 24 Nov 2026 15:00:00 +0000")
        #expect(mail.headers["message-id"] == "<0f3a@example.org>")
        #expect(mail.headers["auto-submitted"] == "auto-generated")
        #expect(mail.headers["x-outcry-incident"] == "inc1")
        #expect(mail.headers["x-outcry-rule"] == "theft-at-night")
    }

    @Test("all mails of one incident refer to one root; a mail of several stands alone")
    func threads() throws {
        let (first, _) = try parse(Sample.message(id: "d1"))
        let (second, _) = try parse(Sample.message(id: "d2"))
        #expect(first.headers["references"] == "<incident.inc1@example.org>")
        #expect(first.headers["references"] == second.headers["references"])
        #expect(first.headers["in-reply-to"] == first.headers["references"])
        let (digest, _) = try parse(
            Sample.message(items: [Sample.item("inc1"), Sample.item("inc2", rule: "left-place")]))
        #expect(digest.headers["references"] == nil)
        #expect(digest.headers["x-outcry-incident"] == "inc1, inc2")
        #expect(digest.headers["x-outcry-rule"] == "theft-at-night, left-place")
    }

    @Test(
        "a subject comes out as it went in, whatever its script and length",
        arguments: [
            "plain", "Fahrrad «Öko» bewegt sich",
            "盗難アラーム：カーゴ一号が動いています" + String(repeating: "自転車", count: 40),
            "🚲" + String(repeating: "👩‍👩‍👧‍👦", count: 20), "=?utf-8?B?YWJj?=", "a  b   c",
            String(repeating: "word ", count: 60) + "end", String(repeating: "x", count: 400),
            String(repeating: "é", count: 200), "1", "ends in colon:",
            "Ünï " + String(repeating: "a", count: 300),
        ])
    func subjects(subject: String) throws {
        let (mail, lines) = try parse(Sample.message(subject: subject))
        #expect(mail.defects.isEmpty)
        #expect(mail.headers["subject"] == subject)
        // Each encoded word is a text of its own (RFC 2047 §5): whole characters.
        for word in lines.joined().matches(of: /=\?utf-8\?B\?([^?]*)\?=/) {
            let bytes = try #require(Base64.decode(String(word.1)))
            #expect(word.0.count <= 75)
            #expect(String(validating: bytes, as: UTF8.self) != nil)
        }
    }

    @Test(
        "no text adds a header or a body",
        arguments: [
            "Cargo\r\nBcc: thief@example.net", "Cargo\nX-Evil: 1", "Cargo\rX-Evil: 1",
            "Cargo\r\n\r\n<b>body</b>", "Cargo\u{0}\u{1B}[31m", "Cargo \u{202E}gnp.exe\u{2066}",
            "Cargo\u{2028}X-Evil: 1\u{85}X-Evil: 2", "Cargo\u{0B}\u{0C}X-Evil: 1",
        ])
    func injection(name: String) throws {
        let (plain, _) = try parse(Sample.message())
        let (mail, _) = try parse(
            Sample.message(
                id: name, subject: name, items: [Sample.item(name, rule: name, device: name)]))
        #expect(mail.names == plain.names)
        for (_, value) in mail.headers {
            #expect(!value.unicodeScalars.contains { PlainText.isControl($0) })
            #expect(!value.unicodeScalars.contains { PlainText.isBidirectionalControl($0) })
        }
    }

    @Test(
        "a body comes out as it went in",
        arguments: [
            "", "one line", "trailing space \nand tab\t\nend", ".\n..\n.dot", "From the start",
            "= equals = signs =3D", String(repeating: "long ", count: 300), "Grüße aus 東京 🚲",
            String(repeating: "ü", count: 500), "\n\nblank\n\n\nlines",
            "=_outcry_0f3a\n--=_outcry_0f3a--",
            String(repeating: "y", count: 75) + " ", String(repeating: "z", count: 76),
        ])
    func bodies(text: String) throws {
        let (mail, _) = try parse(Sample.message(text: text, html: text))
        #expect(mail.defects.isEmpty)
        #expect(mail.text == text)
        #expect(mail.html == text)
        let (plain, _) = try parse(Sample.message(text: text))
        #expect(plain.defects.isEmpty)
        #expect(plain.text == text + "\n")
    }

    @Test(
        "a sender's name is quoted or encoded where it must be",
        arguments: [
            ("outcry@example.org", "outcry@example.org"),
            ("Night Shift <a@example.org>", "Night Shift <a@example.org>"),
            ("\"Fleet, Night\" <a@example.org>", "\"Fleet, Night\" <a@example.org>"),
            ("Flotte Süd <a@example.org>", "Flotte Süd <a@example.org>"),
        ])
    func senders(from: String, shown: String) throws {
        let (mail, _) = try parse(Sample.message(), from: from)
        #expect(mail.defects.isEmpty)
        #expect(mail.headers["from"] == shown)
    }

    @Test(
        "a date is RFC 5322's, in UTC",
        arguments: [
            (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
            (1_709_210_096, "Thu, 29 Feb 2024 12:34:56 +0000"),
            (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
            (1_795_532_400, "Tue, 24 Nov 2026 15:00:00 +0000"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) {
        #expect(MIMEMessage.date(Instant(seconds: seconds)) == text)
    }
}
