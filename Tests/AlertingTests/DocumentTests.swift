// YAML at its edges: what the tree holds, and what is refused with its place.
import Alerting
import Testing

@Suite("Document")
struct DocumentTests {
    @Test("every scalar is text, with its place in characters")
    func scalars() throws {
        let document = Document(file: "x", text: "a: 22:00\nß: [no, \"0x1F\", ~]\n")
        #expect(document.findings == [])
        guard case .map(let entries) = try #require(document.roots.first).value else {
            Issue.record("no map")
            return
        }
        #expect(entries.map(\.key) == ["a", "ß"])
        guard case .scalar("22:00", isPlain: true) = entries[0].value.value,
            case .list(let items) = entries[1].value.value
        else {
            Issue.record("other values")
            return
        }
        #expect(
            items.map(\.mark) == [
                Mark(line: 2, column: 5), Mark(line: 2, column: 9),
                Mark(line: 2, column: 17),
            ])
        #expect(items.map(\.description) == ["'no'", "'0x1F'", "'~'"])
    }

    @Test(
        "what is no YAML is said in plain words, with its place",
        arguments: [
            ("a: [1, 2\nb: 3\n", "2:2", "the list that begins at line 1:4 is not closed"),
            ("a: { b: 1\nc: 3\n", "2:2", "the '{' at line 1:4 is not closed"),
            ("a: \"b\n", "1:4", "not closed"),
            ("a: b\n  c: d\n", "2:4", "indented too far"),
            ("a: b\nc\nd: e\n", "2:1", "'key: value'"),
            ("a:\tb\n", "1:3", "tab"),
            ("a:\n\tb: c\n", "2:1", "tab"),
            ("a: { b: ${env:X} }\n", "1:9", "must be quoted"),
            ("a: [*]\n", "1:5", "must be quoted"),
            ("a: [*-x]\n", "1:5", "quote a name that begins with '*'"),
            ("a: %x\n", "1:4", "must be quoted"),
            ("a: @x\n", "1:4", "must be quoted"),
            ("a: 1\nb: 2\na: 3\n", "3:1", "twice; it stands at line 1"),
            ("a: &x { b: 1 }\nc:\n  <<: *x\n", "3:3", "merge key"),
            ("[a, b]: 1\n", "1:1", "is no key"),
            ("a: \u{1}\n", "1:4", "control character"),
        ])
    func faults(text: String, place: String, word: String) {
        let findings = Document(file: "x", text: text).findings
        #expect(findings.map { "\($0.line):\($0.column)" } == [place])
        #expect(findings.first?.message.contains(word) == true, "\(findings.map(\.message))")
    }

    @Test("tabs in quotes, blocks and comments are text")
    func tabs() {
        let text = "a: \"b\tc\" # d\te\nf: |\n  g\th\n"
        #expect(Document(file: "x", text: text).findings.map(\.headline) == [])
    }

    @Test("an alias stands for its anchor")
    func aliases() throws {
        let document = Document(file: "x", text: "a: &x [1, 2]\nb: *x\n")
        guard case .map(let entries) = try #require(document.roots.first).value,
            case .list(let items) = entries[1].value.value
        else {
            Issue.record("no list")
            return
        }
        #expect(items.count == 2)
    }

    @Test("an anchor is not known in the next document, nor inside itself")
    func anchors() {
        #expect(Document(file: "x", text: "a: &x 1\n---\nb: *x\n").findings.count == 1)
        #expect(Document(file: "x", text: "a: &x [*x]\n").findings.count == 1)
    }

    @Test("depth and size are bounded")
    func bounds() {
        let deep = String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
        let document = Document(file: "x", text: deep)
        #expect(document.isCutOff)
        #expect(document.findings.count == 1)
        let large = "a: \"" + String(repeating: "x", count: 4 << 20) + "\"\n"
        #expect(Document(file: "x", text: large).isCutOff)
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let findings = Document(file: "x", text: bomb).findings
        #expect(findings.map { "\($0.line):\($0.column)" } == ["2:10"])
    }

    @Test("bytes of any kind never trap", arguments: 0..<200)
    func anyText(seed: Int) {
        // A small generator of its own: the same texts in each run.
        var state = UInt64(seed) &* 2_862_933_555_777_941_757 &+ 3_037_000_493
        let letters = Array("ab:-[]{},&*!|>'\"%@#? \n\t\u{0}\u{85}ü0$<~")
        let text = (0..<120).map { _ -> Character in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return letters[Int(state >> 33) % letters.count]
        }
        let document = Document(file: "x", text: String(text))
        for finding in document.findings { #expect(finding.line >= 1 && finding.column >= 1) }
    }
}
