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
    private let state: Mutex<(loaded: RuleLibrary.Loaded, stamp: [String], failures: Int)>

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
        state = Mutex((loaded, library.stamp(), 0))
    }

    package var current: RuleLibrary.Loaded { state.withLock { $0.loaded } }
    package var failures: Int { state.withLock { $0.failures } }

    /// Reads everything once more; the old set stays where the new one has an error.
    package func reload() {
        do {
            let loaded = try library.load()
            let contact = try library.operatorContact(of: loaded.book)
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
            logger.error("the new rules are not taken, the old ones go on: \(error)")
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

    private func reloadIfChanged() {
        let stamp = library.stamp()
        let changed = state.withLock { state in
            guard state.stamp != stamp else { return false }
            state.stamp = stamp
            return true
        }
        if changed { reload() }
    }

    /// Looks each second at names, sizes and times of the files: an editor's half-written file is
    /// seen again a second later, and no file system is too odd for it.
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
