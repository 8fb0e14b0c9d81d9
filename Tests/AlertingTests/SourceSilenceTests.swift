import Testing

// A source that is down: what the tests of rule files cannot play, a restart and what is told.
@testable import Alerting

@Suite("A silent source")
struct SourceSilenceTests {
    private static func run() -> EngineRun {
        EngineRun(
            .of(
                .of("down", .sourceSilent(.minutes(10))) { $0.clears = Clears(notify: true) },
                .of("any", .event(nil))))
    }

    /// As after a restart: what the steps changed, and nothing else.
    private static func readBack(_ run: inout EngineRun) {
        var record = MemoryRecord()
        for case .source(let name, let silence) in run.steps.flatMap(\.changes) {
            record.silentSources[name] = silence
            record.silentSources[name]?.due = nil
        }
        record.incidents = run.memory.incidents { _ in true }
        run.memory = Memory(record)
    }

    @Test("a silence goes on over a restart, and waits for the source's first word")
    func restart() {
        var run = Self.run()
        run.step(.source("one", isSilent: true))
        run.wait(.minutes(5))
        Self.readBack(&run)
        run.wait(.minutes(30))
        #expect(run.told == [], "nobody has said that it is still down")
        run.step(.source("one", isSilent: true))
        run.wait(.seconds(1))
        #expect(run.told == ["first down to owner"])
        Self.readBack(&run)
        run.step(.source("one", isSilent: true))
        run.wait(.hours(1))
        #expect(run.told.count == 1, "one silence is told once")
        Self.readBack(&run)
        run.step(.source("one", isSilent: false))
        #expect(run.told.last == "cleared down to owner")
        #expect(run.memory.openIncidents == 0)
    }

    @Test("two that go down at one moment have an incident each")
    func two() {
        var run = Self.run()
        for name in ["one", "two"] { run.step(.source(name, isSilent: true)) }
        run.wait(.minutes(11))
        #expect(run.memory.openIncidents == 2)
        #expect(run.told == ["first down+down to owner"])
        let sources = run.steps.flatMap(\.deliveries).flatMap(\.items).map(\.source)
        #expect(Set(sources) == ["one", "two"])
        run.step(.source("one", isSilent: false))
        #expect(run.told.last == "cleared down to owner" && run.memory.openIncidents == 1)
        run.step(.source("two", isSilent: false))
        #expect(run.told.count == 3 && run.memory.openIncidents == 0)
    }

    @Test("one that is back ends nothing of another one that fires with it")
    func backBeside() {
        var run = Self.run()
        for name in ["one", "two"] { run.step(.source(name, isSilent: true)) }
        // Late by less than such rules wait: it is told, and over.
        run.now = run.now + .minutes(10) + .seconds(5)
        run.step(.source("one", isSilent: false))
        run.wait(.minutes(1))
        #expect(run.memory.incidents { _ in true }.map(\.device) == [.source("two")])
    }

    @Test("one that was back at the restart is not told")
    func backAtStart() {
        var run = Self.run()
        run.step(.source("one", isSilent: true))
        Self.readBack(&run)
        run.now = run.now + .hours(1)
        run.step(.source("one", isSilent: false))
        run.wait(.hours(1))
        #expect(run.told == [])
    }

    @Test("a word that is said again changes nothing")
    func again() {
        var run = Self.run()
        run.step(.source("one", isSilent: false))
        #expect(run.steps.last?.changes.isEmpty == true)
        run.step(.source("one", isSilent: true))
        run.now = run.now + .minutes(1)
        run.step(.source("one", isSilent: true))
        #expect(run.steps.last?.changes.isEmpty == true)
    }

    @Test("a rule that is shorter than the silence by now fires when it is read")
    func newRule() {
        var run = EngineRun(.of(.of("any", .event(nil))))
        run.step(.source("one", isSilent: true))
        run.wait(.hours(1))
        #expect(run.told == [])
        run.engine = Self.run().engine
        run.step(.source("one", isSilent: true))
        run.wait(.seconds(1))
        #expect(run.told == ["first down to owner"])
    }

    @Test("the message names the source, since when, and no device")
    func message() throws {
        var run = Self.run()
        let began = run.now
        run.step(.source("bike\ntrax", isSilent: true))
        run.wait(.minutes(11))
        let item = try #require(run.steps.flatMap(\.deliveries).first?.items.first)
        #expect(item.device == nil)
        #expect(item.source == "bike\ntrax")
        #expect(item.event?.type == "sourceSilent")
        #expect(item.event?.time == began)
        #expect(item.event?.lateMilliseconds == 0)
        #expect(item.who == "bike trax")
        #expect(item.what(Wording(language: "en")) == "no connection to the server")
        let bytes = [UInt8](String { Item.write(stored: [item], to: &$0) }.utf8)
        #expect(try Item.items(stored: bytes) == [item])
    }
}
