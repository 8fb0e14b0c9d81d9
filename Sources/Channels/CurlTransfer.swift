// One libcurl multi handle on one thread of its own. Requests come from any task as values,
// answers go back as values; curl's handles never leave the thread, so none of this needs a lock
// but the queue of orders. Handles are set up once for an endpoint and kept, connections are kept
// by the multi handle. Rejected: curl_multi_socket_action (more code, and built and measured with
// 64 at once it gave nothing).
//
// Mail and HTTP get one each (`Notifiers`): curl closes an SMTP connection with a QUIT for whose
// answer it waits, and a mail server that is slow at that must not slow HTTP.
import Alerting
import CCurl
import CCurlShim
import Foundation
import Synchronization

/// Runs transfers. `stop()` it when it is no longer needed: its thread does not end by itself.
package final class CurlTransfer: Sendable {
    private enum Order: Sendable {
        case start(Job)
        case cancel(Job)
    }

    private struct Orders {
        var waiting: [Order] = []
        /// The thread waits in poll, or is about to: whoever brings an order wakes it.
        var asleep = false
        var stopping = false
        var stopped = false
        var awaitingStop: [CheckedContinuation<Void, Never>] = []
    }

    private let orders = Mutex(Orders())
    /// Unsafe only by its type: used by the thread alone, but for `curl_multi_wakeup`, which any
    /// thread may call.
    private nonisolated(unsafe) let multi: UnsafeMutableRawPointer

    /// curl_global_init is to be called once, before any other thread uses curl.
    private static let initialized = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    /// - Parameter name: the thread's name; Linux shows 15 bytes of it.
    package init(name: String) {
        precondition(Self.initialized, "libcurl does not start")
        guard let multi = curl_multi_init() else { preconditionFailure("no memory for libcurl") }
        self.multi = multi
        _ = outcry_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, Limits.idleHandles)
        let thread = Thread { [self] in run() }
        thread.name = name
        thread.start()
    }

    /// Never throws; cancelling the task ends the transfer, wherever it stands.
    package func perform(
        _ request: TransferRequest, at endpoint: Endpoint
    ) async -> TransferResult {
        let job = Job(request, at: endpoint)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                job.continuation = continuation
                if !give(.start(job)) { job.finish(TransferResult(end: .cancelled)) }
            }
        } onCancel: {
            // May come before `start` has been given, hence the mark beside the order.
            job.cancelled.store(true, ordering: .relaxed)
            give(.cancel(job))
        }
    }

    /// Ends what is under way as cancelled, and returns when nothing is any more. Connections that
    /// idle are closed behind it: a mail server may take its time to answer QUIT.
    package func stop() async {
        await withCheckedContinuation { continuation in
            let stopped = orders.withLock { orders in
                orders.stopping = true
                guard !orders.stopped else { return true }
                orders.awaitingStop.append(continuation)
                // Under the lock: the thread says that it has stopped before it frees `multi`.
                curl_multi_wakeup(multi)
                return false
            }
            if stopped { continuation.resume() }
        }
    }

    /// - Returns: false once it is stopping: the order is not carried out.
    @discardableResult private func give(_ order: Order) -> Bool {
        orders.withLock { orders in
            guard !orders.stopping else { return false }
            orders.waiting.append(order)
            // One wake-up for all the orders of a round: it is a system call. Under the lock, as
            // in `stop`.
            if orders.asleep { curl_multi_wakeup(multi) }
            orders.asleep = false
            return true
        }
    }

    // MARK: - The thread

    private func run() {
        // CURLOPT_NOSIGNAL leaves SIGPIPE to us; blocked, a write to a closed socket just fails.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        var pool = HandlePool()
        var running: [ObjectIdentifier: Job] = [:]
        var finished: [(Job, TransferResult)] = []
        // Cancelled, and said so: curl is still to let go of them. Of a mail server it takes leave
        // with a QUIT for whose answer it waits.
        var leaving: [Job] = []
        while let round = takeOrders() {
            for order in round {
                switch order {
                case .start(let job): start(job, &pool, &running)
                case .cancel(let job):
                    guard running[ObjectIdentifier(job)] != nil else { continue }
                    job.finish(job.detach(.cancelled))
                    leaving.append(job)
                }
            }
            // One in a round, so that a stop waits for no more.
            if !leaving.isEmpty { dismiss(leaving.removeFirst(), &pool, &running) }
            var count: Int32 = 0
            curl_multi_perform(multi, &count)
            endFinished(&pool, &running, &finished)
            // All of a round together: one by one, each would wake a sleeping thread of its own.
            for (job, result) in finished { job.finish(result) }
            finished.removeAll(keepingCapacity: true)
            if leaving.isEmpty, goToSleep() { curl_multi_poll(multi, nil, 0, 60_000, nil) }
        }
        for job in running.values { job.finish(job.detach(.cancelled)) }
        let awaiting = orders.withLock { orders in
            orders.stopped = true
            defer { orders.awaitingStop = [] }
            return orders.awaitingStop
        }
        for continuation in awaiting { continuation.resume() }
        for job in running.values { dismiss(job, &pool, &running) }
        pool.empty()
        curl_multi_cleanup(multi)
    }

    /// nil: it is to stop. What was given before is carried out as cancelled.
    private func takeOrders() -> [Order]? {
        let (round, stopping) = orders.withLock { orders in
            orders.asleep = false
            defer { orders.waiting.removeAll(keepingCapacity: true) }
            return (orders.waiting, orders.stopping)
        }
        guard stopping else { return round }
        for case .start(let job) in round { job.finish(TransferResult(end: .cancelled)) }
        return nil
    }

    private func goToSleep() -> Bool {
        orders.withLock { orders in
            orders.asleep = orders.waiting.isEmpty && !orders.stopping
            return orders.asleep
        }
    }

    private func start(
        _ job: Job, _ pool: inout HandlePool, _ running: inout [ObjectIdentifier: Job]
    ) {
        guard !job.cancelled.load(ordering: .relaxed) else {
            return job.finish(TransferResult(end: .cancelled))
        }
        guard let (handle, shared) = pool.take(for: job.endpoint) else {
            return job.finish(TransferResult(end: .unusable, detail: "libcurl refuses a setting"))
        }
        job.attach(to: handle, of: shared)
        guard curl_multi_add_handle(multi, handle) == CURLM_OK else {
            let result = job.detach(.unusable)
            curl_easy_cleanup(handle)
            return job.finish(result)
        }
        running[ObjectIdentifier(job)] = job
    }

    private func endFinished(
        _ pool: inout HandlePool, _ running: inout [ObjectIdentifier: Job],
        _ finished: inout [(Job, TransferResult)]
    ) {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle,
                let job = Job.attached(to: handle)
            else { continue }
            // `message` is curl's own and is gone with the next call.
            let end = job.end(of: outcry_message_result(message))
            finished.append((job, self.end(job, end, &pool, &running)))
        }
    }

    /// Takes a cancelled job from curl.
    private func dismiss(
        _ job: Job, _ pool: inout HandlePool, _ running: inout [ObjectIdentifier: Job]
    ) {
        guard running[ObjectIdentifier(job)] != nil else { return }
        job.hurry()
        _ = end(job, .cancelled, &pool, &running)
    }

    private func end(
        _ job: Job, _ end: TransferResult.End, _ pool: inout HandlePool,
        _ running: inout [ObjectIdentifier: Job]
    ) -> TransferResult {
        guard let handle = job.handle else { return TransferResult(end: end) }
        // The answer is read before the handle is taken out, which may change it.
        let result = job.detach(end)
        curl_multi_remove_handle(multi, handle)
        running[ObjectIdentifier(job)] = nil
        job.release(handle)
        if job.isKept { pool.put(handle, for: job.endpoint) } else { curl_easy_cleanup(handle) }
        return result
    }
}
