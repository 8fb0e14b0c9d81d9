// New rules for a running relay: on SIGHUP, or when a file of the folder changes. A bad edit never
// replaces a good set: it is logged, told to the operator, and the old rules go on.

import Alerting
import Foundation
import Glibc
import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// Reads rules and templates anew and hands them to the pump and the courier.
package final class Reload: Sendable {
    private let library: RuleLibrary
    private let pump: Pump
    private let courier: Courier
    private let store: Store
    private let lateness: Duration
    private let logger: Logger
    private let state: Mutex<State>
    /// One at a time: the set that was read last is the one that stays.
    private let turn = Mutex(())

    private struct State {
        var loaded: RuleLibrary.Loaded
        /// Of the files as they were read, and as they were seen last.
        var stamp: [String]
        var seen: [String]
        var failures = 0
    }

    init(
        library: RuleLibrary, loaded: RuleLibrary.Loaded, pump: Pump, courier: Courier,
        store: Store, lateness: Duration, logger: Logger
    ) {
        self.library = library
        self.pump = pump
        self.courier = courier
        self.store = store
        self.lateness = lateness
        self.logger = logger
        let stamp = library.stamp()
        state = Mutex(State(loaded: loaded, stamp: stamp, seen: stamp))
    }

    package var current: RuleLibrary.Loaded { state.withLock { $0.loaded } }
    package var failures: Int { state.withLock { $0.failures } }

    /// Reads everything once more; the old set stays where the new one has an error. Blocks.
    package func reload() { turn.withLock { _ in readAnew() } }

    private func readAnew() {
        // Taken before the files are read: what changes meanwhile is a change.
        let stamp = library.stamp()
        state.withLock { $0.stamp = stamp }
        do {
            let loaded = try library.load()
            let contact = library.operatorContact(of: loaded.book)
            pump.reload(
                Engine(
                    rules: RuleSet(loaded.book), lateness: lateness, operatorContact: contact))
            courier.reload(loaded.renderer)
            state.withLock { $0.loaded = loaded }
            logger.info(
                "rules read anew",
                metadata: ["rules": "\(loaded.book.rules.count)", "hash": "\(loaded.book.hash)"])
        } catch {
            state.withLock { $0.failures += 1 }
            // The log gets the places alone: a line of a rule file may hold somebody's address.
            let places = (error as? RuleErrors)?.headlines ?? "\(error)"
            logger.error("the new rules are not taken, the old ones go on: \(places)")
            let trouble = Trouble(
                kind: .badReload, subject: "An edit of the rules was refused",
                text: "The rules that were there before go on. What is wrong:\n\n\(error)")
            store.submit(trouble, cause: "\(error)") { _ in
                // Said in the log above already; a disk that fails has louder voices.
            }
        }
    }

    /// Watches the folder (`rules_watch`) and SIGHUP until it is shut down.
    func watch(_ configuration: Configuration) -> some Service {
        Watch(reload: self, isWatching: configuration.watchesRules)
    }

    /// Reads once the files have changed and then kept still from one look to the next: a file
    /// that an editor has half written is no bad edit.
    func reloadIfChanged() {
        let stamp = library.stamp()
        let changed = state.withLock { state in
            defer { state.seen = stamp }
            return state.stamp != stamp && state.seen == stamp
        }
        if changed { reload() }
    }

    /// Looks each second at names, sizes and times of the files: no file system is too odd for it.
    private struct Watch: Service {
        let reload: Reload
        let isWatching: Bool

        func run() async throws {
            signal(SIGHUP, SIG_IGN)
            let hangup = DispatchSource.makeSignalSource(signal: SIGHUP)
            hangup.setEventHandler { reload.reload() }
            hangup.resume()
            defer { hangup.cancel() }
            try await untilShutdown {
                while isWatching {
                    try await Task.sleep(for: .seconds(1))
                    reload.reloadIfChanged()
                }
                try await gracefulShutdown()
            }
        }
    }
}
