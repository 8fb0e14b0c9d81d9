// The relay's memory on disk: one SQLite file, one writer (docs/decisions/0002). `accept`, `commit`
// and `settle` are submissions to it; each round of the writer is one transaction and one fsync,
// and nobody is answered before it. What was just written is handed on from memory (Tail, Backlog),
// so that in steady state the pump and the courier read nothing back.
//
// The interface knows no type of SQLite or GRDB. Callbacks come from the writer's thread and have
// to return at once; what is said to block is not called from them.
package import Alerting
import GRDB

/// The one database of a relay.
package final class Store: Sendable {
    let file: DatabaseFile
    let writer: Writer
    let shared: Shared
    let clock: @Sendable () -> Instant
    let decode: @Sendable (StoredBody) -> Event?

    /// Opens or makes the database; a second relay on the same file is refused.
    /// - Parameter clock: what `received` is stamped with.
    /// - Parameter leapt: by how much that clock was set forward since the start, in all.
    /// - Parameter decode: the payload's decoder, for bodies that are read back.
    /// - Parameter fault: for tests: called before each statement of the writer.
    /// - Throws: `StoreError`, one line for people.
    package init(
        path: String, clock: @escaping @Sendable () -> Instant,
        leapt: @escaping @Sendable () -> Duration = { .zero },
        decode: @escaping @Sendable (StoredBody) -> Event?, fault: Fault? = nil
    ) throws {
        let file = try DatabaseFile(path: path)
        let shared = Shared()
        self.file = file
        self.shared = shared
        self.clock = clock
        self.decode = decode
        shared.backlog.reload(try file.reading.snapshot { try $0.queuedChannels() })
        writer = try Writer(
            file, clock: clock, leapt: leapt, fault: fault,
            ready: { shared.tail.start(after: $0.seq) },
            publish: { outcome in
                // A failure here costs nothing but time: the queues stay unread as they are.
                let channels =
                    outcome.reload
                    ? try? file.reading.snapshot { try $0.queuedChannels() } : nil
                shared.publish(outcome, queues: channels)
            })
    }

    deinit { close() }

    /// Writes what was submitted, then lets the file go. Blocks. Afterwards everything fails.
    package func close() {
        guard shared.close() else { return }
        writer.stop()
        // Everything is on disk already; what cannot be closed is let go by the process.
        try? file.close()
    }

    // MARK: Submissions

    /// `Accept`: stamps, stores and answers a source's arrivals, all of them or none.
    package func accept(
        _ arrivals: [Arrival],
        done: @escaping @Sendable (Result<[Acceptance], AcceptFailure>) -> Void
    ) {
        let began = clock()
        var weight = 1
        for index in arrivals.indices { weight += 1 + arrivals[index].body.count / 4_096 }
        submit(.accepted, weight: weight) { ledger in
            let acceptances = try ledger.accept(arrivals)
            return { done(.success(acceptances)) }
        } fail: { [shared, clock] error in
            shared.missed(arrivals, from: began, to: clock())
            done(.failure(AcceptFailure(error.description)))
        }
    }

    /// A person's command: an input like an event.
    package func submit(
        _ command: Command, done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        submit(weight: 2, done) { try $0.store(command) }
    }

    /// Trouble of the relay's own, for the operator: an input like an event.
    /// - Parameter cause: what it is about: part of the ids of what is sent.
    package func submit(
        _ trouble: Trouble, cause: String,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        submit(weight: 2, done) { try $0.store(trouble, cause: cause) }
    }

    /// Writes what steps did, with the cursor, all of them or none.
    package func commit(
        _ steps: [Step], done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        var weight = 1
        for index in steps.indices {
            weight += 1 + steps[index].changes.count + 2 * steps[index].deliveries.count
        }
        submit(.decided, weight: weight, done) { ledger in
            for index in steps.indices { try ledger.commit(steps, index) }
        }
    }

    /// Writes how attempts ended, with whatever else is written in the next milliseconds.
    package func settle(
        _ settlements: [Settlement], done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        submit(.settled, weight: 1 + 2 * settlements.count) { ledger in
            for settlement in settlements { try ledger.settle(settlement) }
            return { done(.success(())) }
        } fail: {
            done(.failure($0))
        }
    }

    /// Moves queued deliveries to a later moment. It is no attempt: their history stays as it is.
    package func postpone(
        _ deliveries: [String], until due: Instant,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        submit(weight: 1 + deliveries.count, done) { ledger in
            for delivery in deliveries { try ledger.postpone(delivery, until: due) }
        }
    }

    /// Calls back with a moment: everything received up to it is seen by `inputs`, and nothing
    /// will be stamped with it or before. The distant past where the disk fails: nothing is known.
    package func through(_ done: @escaping @Sendable (Instant) -> Void) {
        submit(weight: 1) { ledger in
            // What comes later in this millisecond is not seen yet: the one before is over.
            let moment = ledger.stamp() - .milliseconds(1)
            return { done(moment) }
        } fail: { _ in
            done(.distantPast)
        }
    }

    func submit<Value: Sendable>(
        _ part: Submission.Part = .other, weight: Int,
        _ done: @escaping @Sendable (Result<Value, StoreError>) -> Void,
        _ write: @escaping @Sendable (Ledger) throws -> Value
    ) {
        submit(part, weight: weight) { ledger in
            let value = try write(ledger)
            return { done(.success(value)) }
        } fail: {
            done(.failure($0))
        }
    }

    /// Whatever is written next carries the gaps that could not be written when they were made.
    private func submit(
        _ part: Submission.Part = .other, weight: Int,
        write: @escaping @Sendable (Ledger) throws -> Submission.Answer,
        fail: @escaping @Sendable (StoreError) -> Void
    ) {
        let gaps = shared.takeGaps()
        guard !gaps.isEmpty else {
            return writer.submit(
                Submission(weight: weight, part: part, write: write, fail: fail))
        }
        writer.submit(
            Submission(weight: weight + gaps.count, part: part) { ledger in
                for gap in gaps { try ledger.store(gap) }
                return try write(ledger)
            } fail: { [shared] error in
                shared.putBack(gaps)
                fail(error)
            })
    }

    // MARK: Inputs

    /// Called after each round that stored inputs; once at the end of it.
    package func setOnInputs(_ wake: @escaping @Sendable () -> Void) { shared.setOnInputs(wake) }

    /// Called after each round that put deliveries into a queue.
    package func setOnQueued(_ wake: @escaping @Sendable () -> Void) { shared.setOnQueued(wake) }

    /// The next inputs in order, without those that were set aside. Blocks where it has to read.
    /// A body that cannot be decoded is set aside, and the operator told, instead of returned.
    package func inputs(after seq: Int64, limit: Int) throws -> [StoredInput] {
        if let inputs = shared.tail.inputs(after: seq, limit: limit) { return inputs }
        var after = seq
        while true {
            let rows = try read { try $0.inputs(after: after, limit: limit, decode) }
            for seq in rows.undecodable { setAsideUndecodable(seq) }
            guard rows.inputs.isEmpty, let last = rows.last else { return rows.inputs }
            // Nothing of this part could be decoded: go on behind it.
            after = last
        }
    }

    private func setAsideUndecodable(_ seq: Int64) {
        let trouble = Trouble(
            kind: .poisonEvent, subject: "An event could not be read back",
            text: "Event \(seq) of the database cannot be decoded and was set aside. "
                + "`outcry events` shows it.")
        submit(weight: 2, { _ in }) { try $0.setAside(seq, reason: "cannot be decoded", trouble) }
    }

    // MARK: Deliveries

    /// Queued deliveries of a channel that are due, by due, and leased from now on: none is given
    /// again before it is settled or postponed. Blocks where it has to read.
    package func lease(
        channel: ChannelName, now: Instant, limit: Int
    ) throws -> [Delivery] {
        try shared.backlog.lease(channel, now: now, limit: limit) { channel, from, limit in
            try read { try $0.queued(channel, from: from, limit: limit) }
        }
    }

    /// When the first of a channel's queued deliveries is due that is not leased; may be too
    /// early (then `lease` is empty and the next answer is right), never too late.
    package func nextDue(channel: ChannelName) -> Instant? { shared.backlog.nextDue(channel) }

    /// Channels that have, or may have, queued deliveries.
    package var channelsWithWork: [ChannelName] { shared.backlog.channels }

    /// Queued deliveries that failed before and wait for their next attempt. Blocks.
    package func retrying() throws -> [Delivery] { try read { try $0.retrying() } }

    /// Queues a dead delivery again, now; false: there is no such dead delivery. Blocks.
    package func retry(_ deliveryID: String) throws -> Bool {
        try writer.perform { try $0.retry(deliveryID) > 0 }
    }

    /// Queues all dead deliveries again; how many. Blocks.
    package func retryAllDead() throws -> Int { try writer.perform { try $0.retry(nil) } }

    // MARK: Start and end

    /// The last input that was stepped, and the greatest moment that was ever stamped or stepped:
    /// `now` goes on from there. Blocks.
    package func progress() throws -> (cursor: Int64, latest: Instant) {
        try read { try $0.progress() }
    }

    /// Everything that Memory is made of. Blocks; for the start only.
    /// - Parameter reach: for so long events may be judged again, or say of others that they are
    ///   over: those from before are not read. What counts is the receipt of the next input, which
    ///   is not before now, unless it waits already.
    package func recall(reaching reach: Duration) throws -> Recalled {
        let now = clock()
        // By a connection of its own: it takes its time, and nobody who asks is to wait for it.
        let own = try DatabaseFile.opening(file.path) {
            try DatabaseFile.openForReading(file.path)
        }
        return try read(by: own) { snapshot in
            let next = try snapshot.firstWaiting() ?? now
            return try snapshot.recall(recentFrom: min(next, now) - reach, decode)
        }
    }

    /// Notes that a run has begun; whether the one before ended in order. Blocks.
    package func beginRun() throws -> Bool { try writer.perform { try $0.beginRun() } }

    /// Notes that this run ends in order. Blocks.
    package func endRun() throws { try writer.perform { try $0.endRun() } }

    /// Notes, on disk, that the input is about to be stepped alone; how often it was. Blocks.
    package func countStart(_ seq: Int64) throws -> Int {
        try writer.perform { try $0.countStart(seq) }
    }

    /// Takes an input out of the engine's way for good. Blocks.
    /// - Parameter trouble: what the operator is told, in the same transaction.
    package func setAside(_ seq: Int64, reason: String, trouble: Trouble? = nil) throws {
        try writer.perform { try $0.setAside(seq, reason: reason, trouble) }
    }

    // MARK: Numbers

    /// Copies that were not stored again, since the start.
    package var duplicates: Int { shared.duplicates }

    /// What there is of everything; reads indexes only.
    package func counts() throws -> StoreCounts { try read { try $0.counts() } }

    /// Times in which nothing could be stored, that are on disk.
    package func gaps() throws -> [Gap] { try read { try $0.gaps() } }

    /// What the commands show, from the running relay's own file.
    package var listing: Listing { Listing(reading: file.reading, decode: decode) }

    func read<T>(_ body: (Snapshot) throws -> T) throws -> T {
        try read(by: file.reading, body)
    }

    private func read<T>(by queue: DatabaseQueue, _ body: (Snapshot) throws -> T) throws -> T {
        guard !shared.isClosed else { throw StoreError(.closed, "the store is closed") }
        do {
            return try queue.snapshot(body)
        } catch let error as DatabaseError {
            throw StoreError(.failed, "the database cannot be read: \(error.message ?? "")")
        }
    }
}
