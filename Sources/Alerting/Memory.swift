// STUB-B: what the engine remembers.
package struct Memory: Sendable {
    package init() {}
}
