// A notification as a mail: RFC 5322 headers, RFC 2047 words in them, RFC 2045 bodies. Written by
// hand and whole, and handed to curl as bytes: curl_mime writes its own Date and boundary, does
// not encode headers, and cannot be compared with an expected text in a test.
//
// Every text from outside goes through `PlainText` or an encoding that has no line breaks: no
// device's name can add a header. The same message gives the same bytes at each attempt, but for
// `Date` and what the template makes of the age.
import Alerting

/// The bytes of a mail.
struct MIMEMessage {
    /// With CRLF line ends; dots at line beginnings are curl's to double.
    let bytes: [UInt8]

    init(_ message: Message, from: MailAddress, to: MailAddress) {
        let delivery = message.delivery
        var headers = MailHeaders()
        headers.add("From", from)
        headers.add("To", to)
        headers.add("Subject", text: message.subject)
        headers.add("Date", raw: Self.date(message.now))
        headers.add("Message-ID", raw: Self.identifier(delivery.id, from.host))
        headers.add("Auto-Submitted", raw: "auto-generated")  // RFC 3834
        let incidents = Self.distinct(delivery.items.map(\.incident.id))
        if incidents.count == 1 {
            // All mails of one incident refer to a root that was never sent: clients draw their
            // thread around it (RFC 5256 and JWZ's algorithm). A mail of several incidents stands
            // alone: as a reference to each it would join threads that are not one.
            let root = Self.identifier("incident." + incidents[0], from.host)
            headers.add("In-Reply-To", raw: root)
            headers.add("References", raw: root)
        }
        headers.add("X-Outcry-Incident", list: incidents)
        headers.add("X-Outcry-Rule", list: Self.distinct(delivery.items.map(\.rule)))
        headers.add("MIME-Version", raw: "1.0")

        var bytes = headers.bytes
        func add(_ text: String) { bytes.append(contentsOf: text.utf8) }
        func add(part text: String, _ type: String) {
            add("Content-Type: \(type); charset=utf-8\r\n")
            add("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
            QuotedPrintable.append(PlainText.lines(text), to: &bytes)
        }
        if let html = message.html {
            // `=_` cannot be in quoted-printable text, so no part can hold the boundary
            // (RFC 2045 §6.7).
            let boundary = "=_outcry_" + Self.token(delivery.id).prefix(50)
            add("Content-Type: multipart/alternative; boundary=\"\(boundary)\"\r\n\r\n")
            add("--\(boundary)\r\n")
            add(part: message.text, "text/plain")
            add("--\(boundary)\r\n")
            add(part: html, "text/html")
            add("--\(boundary)--\r\n")
        } else {
            add(part: message.text, "text/plain")
        }
        self.bytes = bytes
    }

    /// RFC 5322 §3.6.4, `<id@host>`; what an id may not hold is left out.
    private static func identifier(_ id: String, _ host: Substring) -> String {
        "<\(token(id))@\(host)>"
    }

    private static func token(_ id: String) -> String {
        let kept = id.utf8.filter { MailSyntax.isAtomText($0) || $0 == UInt8(ascii: ".") }
        return String(decoding: kept.prefix(200), as: UTF8.self)
    }

    /// RFC 5322 §3.3, in UTC.
    static func date(_ instant: Instant) -> String {
        let days =
            instant.seconds >= 0
            ? instant.seconds / 86_400 : (instant.seconds - 86_399) / 86_400
        let second = instant.seconds - days * 86_400
        let date = Instant.civil(days: days)
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let weekday = names[Int(((days % 7) + 7) % 7)]
        let time = "\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))"
        return "\(weekday), \(date.day) \(months[Int(date.month) - 1]) \(date.year) \(time) +0000"
    }

    /// Without repetitions, in order.
    private static func distinct(_ texts: [String]) -> [String] {
        var seen = Set<String>()
        return texts.filter { seen.insert($0).inserted }
    }
}

/// Header lines, folded at 76 columns.
struct MailHeaders {
    private(set) var bytes: [UInt8] = []

    /// A value that we made ourselves: short and ASCII.
    mutating func add(_ name: String, raw value: String) {
        bytes.append(contentsOf: "\(name): \(value)\r\n".utf8)
    }

    /// Any text from outside.
    mutating func add(_ name: String, text: String) {
        let line = PlainText.line(text)
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        // Double spaces would be lost in folding, `=?` would be read as an encoded word.
        let isPlain =
            line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && !line.contains("=?")
            && words.allSatisfy { !$0.isEmpty && $0.utf8.count <= 60 }
        fold(name, isPlain ? words.map(String.init) : EncodedWord.words(line, after: name))
    }

    mutating func add(_ name: String, _ address: MailAddress) {
        guard !address.name.isEmpty else { return add(name, raw: address.address) }
        let words = address.name.split(separator: " ", omittingEmptySubsequences: false)
        let isPlain = words.allSatisfy { word in
            !word.isEmpty && word.utf8.count <= 60 && word.utf8.allSatisfy(MailSyntax.isAtomText)
                && !word.contains("=?")
        }
        let shown =
            isPlain ? words.map(String.init) : EncodedWord.words(address.name, after: name)
        fold(name, shown + ["<\(address.address)>"])
    }

    /// Identifiers, separated by commas. None: no header.
    mutating func add(_ name: String, list: [String]) {
        guard !list.isEmpty else { return }
        add(name, text: list.joined(separator: ", "))
    }

    /// RFC 5322 §2.2.3: a line may be broken before a space.
    private mutating func fold(_ name: String, _ words: [String]) {
        bytes.append(contentsOf: "\(name):".utf8)
        var column = name.utf8.count + 1
        for word in words {
            let width = word.utf8.count + 1
            if column + width > 76, column > name.utf8.count + 1 {
                bytes.append(contentsOf: "\r\n".utf8)
                column = 0
            }
            bytes.append(contentsOf: " \(word)".utf8)
            column += width
        }
        bytes.append(contentsOf: "\r\n".utf8)
    }
}

/// RFC 2047: other than ASCII in a header.
enum EncodedWord {
    /// Words of at most 75 characters, the first short enough to stand behind the header's name;
    /// each holds whole characters (§5 (3)).
    static func words(_ text: String, after name: String) -> [String] {
        var words: [String] = []
        var chunk: [UInt8] = []
        func limit() -> Int {
            // A line of 76: the space, `=?utf-8?B?` and `?=`; 4 characters for 3 bytes.
            let columns = 76 - 13 - (words.isEmpty ? name.utf8.count + 1 : 0)
            return max(columns, 12) / 4 * 3
        }
        for scalar in text.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if chunk.count + bytes.count > limit() {
                words.append("=?utf-8?B?\(Base64.encode(chunk))?=")
                chunk = []
            }
            chunk.append(contentsOf: bytes)
        }
        if !chunk.isEmpty { words.append("=?utf-8?B?\(Base64.encode(chunk))?=") }
        return words
    }
}

/// RFC 2045 §6.7.
enum QuotedPrintable {
    /// Lines of at most 76 characters. A line break follows: the text itself ends before it.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        let hex = Array("0123456789ABCDEF".utf8)
        var column = 0
        func softBreak(before width: Int, _ bytes: inout [UInt8]) {
            guard column + width > 75 else { return }  // the 76th is for the `=`
            bytes.append(contentsOf: "=\r\n".utf8)
            column = 0
        }
        let input = Array(text.utf8)
        for (index, byte) in input.enumerated() {
            if byte == 10 {
                bytes.append(contentsOf: "\r\n".utf8)
                column = 0
                continue
            }
            let endsLine = index + 1 == input.count || input[index + 1] == 10
            let isPlain =
                byte > 32 && byte < 127 && byte != UInt8(ascii: "=")
                || (byte == 32 || byte == 9) && !endsLine
            softBreak(before: isPlain ? 1 : 3, &bytes)
            if isPlain {
                bytes.append(byte)
                column += 1
            } else {
                bytes.append(UInt8(ascii: "="))
                bytes.append(hex[Int(byte >> 4)])
                bytes.append(hex[Int(byte & 15)])
                column += 3
            }
        }
        bytes.append(contentsOf: "\r\n".utf8)
    }
}
