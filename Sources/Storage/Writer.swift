// The one writer: a thread that takes everything that waits, puts it into ONE transaction, one
// fsync, and then answers each. The busier it is, the more share an fsync: this is what makes the
// road fast (STACK: 4 300 commits/s by one, 90 000 by 64). A round that fails is rolled back and
// tried again by halves, down to one: a bad submission fails alone, and a full disk fails what
// does not fit and nothing else. Nothing is answered, and nothing is seen, before its COMMIT.
//
// What nobody waits for (how an attempt ended) makes no round of its own where one is to be
// expected: behind each round the thread naps, and only what is waited for ends the nap. At full
// load it lets the parts of a round come together first (Gathering).
import Alerting
import Dispatch
import Foundation
import GRDB
import Synchronization

/// Something to be written, and who is to hear of it.
struct Submission: Sendable {
    typealias Answer = @Sendable () -> Void
    enum Part {
        /// Inputs that were received.
        case accepted
        /// What steps did.
        case decided
        /// How attempts ended. Nobody waits for it: it may come with another round that follows
        /// soon.
        case settled
        case other
    }

    /// About how many pages it touches: what bounds a round.
    var weight: Int
    var part = Part.other
    /// Writes inside the round's transaction; what it returns is called after COMMIT.
    var write: @Sendable (Ledger) throws -> Answer
    /// Called instead where it could not be written.
    var fail: @Sendable (StoreError) -> Void
}

final class Writer: Sendable {
    private struct Waiting {
        var submissions: [Submission] = []
        var rest = Rest.none
        var stopping = false

        func isEnough(_ wanted: Int) -> Bool {
            RoundWeight(of: submissions).isEnough(accepted: wanted)
        }

        /// The next ones, up to the weight of a round.
        mutating func takeRound() -> [Submission] {
            var weight = 0
            var count = 0
            while count < submissions.count, weight < Limits.submissionsPerRound {
                weight += submissions[count].weight
                count += 1
            }
            if count == submissions.count {
                defer { submissions = [] }
                return submissions
            }
            let round = Array(submissions.prefix(count))
            submissions.removeFirst(count)
            return round
        }
    }
    private enum Rest {
        case none
        /// A very short one under load, ended when so much that was received waits, and a decision.
        case gathering(Int)
        /// A short one, ended by what is waited for.
        case nap
        case sleep
    }
    private let waiting = Mutex(Waiting())
    private let wake = DispatchSemaphore(value: 0)
    private let stopped = DispatchSemaphore(value: 0)
    private let file: DatabaseFile
    private let publish: @Sendable (Outcome) -> Void

    /// - Parameter publish: called after each COMMIT, before its submissions are answered.
    init(
        _ file: DatabaseFile, clock: @escaping @Sendable () -> Instant,
        leapt: @escaping @Sendable () -> Duration, fault: Fault?,
        ready: @escaping @Sendable (Ledger.Marks) -> Void,
        publish: @escaping @Sendable (Outcome) -> Void
    ) throws {
        self.file = file
        self.publish = publish
        let started = DispatchSemaphore(value: 0)
        let failure = Mutex<(any Error)?>(nil)
        // The ledger is made, used and let go on its thread: no other ever sees it.
        let thread = Thread { [self] in
            do {
                try run(clock, leapt, fault) {
                    ready($0)
                    started.signal()
                }
            } catch {
                failure.withLock { $0 = error }
                started.signal()
            }
            stopped.signal()
        }
        thread.name = "outcry.writer"
        thread.start()
        started.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    func submit(_ submission: Submission) {
        let (refused, signal) = waiting.withLock { waiting -> (Bool, Bool) in
            if waiting.stopping { return (true, false) }
            waiting.submissions.append(submission)
            switch waiting.rest {
            case .none: return (false, false)
            case .gathering(let wanted) where !waiting.isEnough(wanted): return (false, false)
            case .nap where submission.part == .settled: return (false, false)
            case .gathering, .nap, .sleep:
                waiting.rest = .none
                return (false, true)
            }
        }
        if signal { wake.signal() }
        if refused { submission.fail(StoreError(.closed, "the store is closed")) }
    }

    /// Writes what waits, then ends the thread.
    func stop() {
        let first = waiting.withLock { waiting -> Bool in
            defer { waiting.stopping = true }
            return !waiting.stopping
        }
        guard first else { return }
        wake.signal()
        stopped.wait()
    }

    // MARK: On the thread

    private func run(
        _ clock: @escaping @Sendable () -> Instant, _ leapt: @escaping @Sendable () -> Duration,
        _ fault: Fault?,
        _ started: (Ledger.Marks) -> Void
    ) throws {
        let ledger = try file.writing.writeWithoutTransaction { db in
            guard let connection = db.sqliteConnection else {
                throw StoreError(.closed, "the store is closed")
            }
            return try Ledger(connection, clock: clock, leapt: leapt, fault: fault)
        }
        let wal = WriteAheadLog(ledger.connection)
        started(ledger.marks)
        var gathering = Gathering()
        while let batch = take(quiet: {
            gathering = Gathering()
            file.writing.writeWithoutTransaction { _ in wal.checkpoint(idle: true) }
        }) {
            let weight = RoundWeight(of: batch)
            file.writing.writeWithoutTransaction { _ in
                round(batch[...], ledger)
                wal.checkpoint(
                    idle: weight.isSmall && waiting.withLock { $0.submissions.isEmpty })
            }
            if let wanted = gathering.wanted(behind: weight) { gather(wanted) }
        }
    }

    private func gather(_ wanted: Int) {
        let isThere = waiting.withLock { waiting in
            if waiting.stopping || waiting.isEnough(wanted) { return true }
            waiting.rest = .gathering(wanted)
            return false
        }
        if !isThere { _ = wake.wait(timeout: .now() + .microseconds(Limits.gatherMicroseconds)) }
    }

    /// The next round; naps, then sleeps, while there is none; nil at the end.
    /// - Parameter quiet: called where nothing came during the nap.
    private func take(quiet: () -> Void) -> [Submission]? {
        var hasNapped = false
        while true {
            let (batch, end) = waiting.withLock { waiting -> ([Submission], Bool) in
                // Where nobody has ended the rest.
                waiting.rest = .none
                guard
                    waiting.submissions.contains(where: { $0.part != .settled })
                        || hasNapped && !waiting.submissions.isEmpty || waiting.stopping
                else {
                    waiting.rest = hasNapped ? .sleep : .nap
                    return ([], false)
                }
                return (waiting.takeRound(), waiting.stopping)
            }
            if !batch.isEmpty { return batch }
            if end { return nil }
            if hasNapped {
                wake.wait()
            } else {
                let nap = wake.wait(timeout: .now() + .milliseconds(Limits.settleWaitMilliseconds))
                // What waits is written first: the nap behind it is the quiet one.
                if nap == .timedOut, waiting.withLock({ $0.submissions.isEmpty }) { quiet() }
                hasNapped = true
            }
        }
    }

    private func round(_ batch: ArraySlice<Submission>, _ ledger: Ledger) {
        var answers: [Submission.Answer] = []
        answers.reserveCapacity(batch.count)
        do {
            let outcome = try ledger.transaction {
                for submission in batch { answers.append(try submission.write(ledger)) }
            }
            publish(outcome)
            for answer in answers { answer() }
        } catch {
            guard batch.count > 1 else {
                // What is not SQLite's is a value that cannot be written: it is not repeated in
                // the message, since it may hold anything.
                let reason =
                    error as? StoreError ?? StoreError(.refused, "a value that cannot be stored")
                for submission in batch { submission.fail(reason) }
                return
            }
            let middle = batch.startIndex + batch.count / 2
            round(batch[..<middle], ledger)
            round(batch[middle...], ledger)
        }
    }

    /// Writes and waits. Not on the writer's thread.
    func perform<T: Sendable>(
        weight: Int = 1, _ body: @escaping @Sendable (Ledger) throws -> T
    ) throws -> T {
        let ended = DispatchSemaphore(value: 0)
        let box = Box<T>()
        submit(
            Submission(
                weight: weight,
                write: { ledger in
                    let value = try body(ledger)
                    return {
                        box.result.withLock { $0 = .success(value) }
                        ended.signal()
                    }
                },
                fail: { error in
                    box.result.withLock { $0 = .failure(error) }
                    ended.signal()
                }))
        ended.wait()
        guard let result = box.result.withLock({ $0 }) else {
            throw StoreError(.closed, "the store is closed")
        }
        return try result.get()
    }

    private final class Box<T: Sendable>: Sendable {
        let result = Mutex<Result<T, StoreError>?>(nil)
    }
}
