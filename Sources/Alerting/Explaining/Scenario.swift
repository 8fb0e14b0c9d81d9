// STUB-A (parsed by RuleFile), run by STUB-B: the tests of a rule file.
package struct Scenario: Sendable {
    package var name = ""
}
