// The examples of the contract that this version supports whole: their own tests must hold.
import Alerting
import Testing

@Suite("Examples")
struct ExampleScenariosTests {
    @Test(
        "the tests in a right file hold",
        arguments: RuleFileExamplesTests.names("right", suffix: ".yaml"))
    func holds(name: String) throws {
        let outcome = try RuleFileExamplesTests.load("right", name)
        // What is not built yet is refused where it stands.
        guard !outcome.hasErrors else { return }
        for scenario in outcome.book.scenarios {
            #expect(ScenarioRun.differences(scenario, in: outcome.book) == [], "\(scenario.name)")
        }
    }
}
