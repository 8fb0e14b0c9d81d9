// The webhook's road: a handler between the HTTP decoder and Hummingbird's router that takes the
// posts at the sources' paths itself and lets everything else through. It promises an answer to
// each request in the order in which they came, 200 only after `accept` has said that the events
// are on disk, and bounds on what a peer may send. Through the router, with a task for each
// request, the same work costs four times as much.
//
// One request of a connection is in hand at a time. What comes behind it (pipelining) waits in
// `queue`, and nothing more is read meanwhile.
import Alerting
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

final class WebhookHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Between requests.
        case head
        case body(Post)
        /// Answered already; its end is still to come.
        case answered
        /// With the store.
        case committing
        /// With the router; which of the two directions are over.
        case routed(isReceived: Bool, isAnswered: Bool)
        /// The last answer is out.
        case closing
    }

    private let sources: [WebhookSource]
    private let lane: WebhookLane
    private let connection: Connection
    private let connections: Connections
    private let logger: Logger

    private var state = State.head
    private var queue = CircularBuffer<HTTPServerRequestPart>()
    private var isDraining = false
    /// The router was given parts outside of a read, and waits for the read's end.
    private var hasForwarded = false
    private var isReadHeld = false
    /// Of the request in hand: whether another may follow it.
    private var isLast = false
    /// Of the request in hand: HTTP/1.0 is told that its connection stays.
    private var isOld = false
    /// Somebody wants this connection closed: the peer, a stop, or one who needs its place.
    private var closesAfterAnswer = false
    private var isInputClosed = false
    /// What came behind the request in hand was no HTTP: answered after it.
    private var failure: Answer?
    private var heldBytes = 0
    private var context: ChannelHandlerContext?
    /// Where bytes that are an answer already are written behind.
    private var encoder: ChannelHandlerContext?

    init(
        sources: [WebhookSource], lane: WebhookLane, connection: Connection,
        connections: Connections, logger: Logger
    ) {
        self.sources = sources
        self.lane = lane
        self.connection = connection
        self.connections = connections
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        encoder = try? context.pipeline.syncOperations.context(
            handlerType: HTTPResponseEncoder.self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        encoder = nil
        release()
    }

    // MARK: - What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isBusy || !queue.isEmpty {
            queue.append(part)
        } else {
            take(part, context)
        }
    }

    /// The next part may have to wait.
    private var isBusy: Bool {
        switch state {
        case .committing: true
        case .routed(let isReceived, _): isReceived
        case .head, .body, .answered, .closing: false
        }
    }

    private func drain(_ context: ChannelHandlerContext) {
        guard !isDraining else { return }
        isDraining = true
        while !isBusy, let part = queue.popFirst() { take(part, context) }
        isDraining = false
        if hasForwarded {
            hasForwarded = false
            context.fireChannelReadComplete()
        }
        if queue.isEmpty, isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    /// Back pressure: what is behind a request in hand stays in the kernel.
    func read(context: ChannelHandlerContext) {
        if queue.isEmpty { context.read() } else { isReadHeld = true }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.head, .head(let head)):
            begin(head, context)
        case (.body(var post), .body(let bytes)):
            // So that the buffer is not shared, and not copied, while it grows.
            state = .answered
            receive(bytes, &post, context)
        case (.body(let post), .end):
            commit(post, context)
        case (.answered, .end):
            complete(context)
        case (.routed(_, let isAnswered), let part):
            forward(part, context)
            if case .end = part {
                state = .routed(isReceived: true, isAnswered: isAnswered)
                connection.enter(.routed)
                if isAnswered { complete(context) }
            }
        case (.head, _), (.body, .head), (.answered, _), (.committing, _), (.closing, _):
            break
        }
    }

    private func forward(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        if isDraining { hasForwarded = true }
        context.fireChannelRead(wrapInboundOut(part))
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        isLast = !head.isKeepAlive
        isOld = head.version.major == 1 && head.version.minor == 0
        switch Admission(head, sources: sources) {
        case .routed:
            state = .routed(isReceived: false, isAnswered: false)
            connection.enter(.body)
            forward(.head(head), context)
        case .refused(let answer, let reason, let hasBody):
            lane.counters.count(reason)
            logger.debug("a post was refused: \(reason.rawValue)")
            state = .answered
            // Nobody's body is read before it is known to be welcome.
            if hasBody { isLast = true }
            self.answer(answer, context)
        case .post(let post, let expectsContinue):
            state = .body(post)
            connection.enter(.body)
            guard expectsContinue else { return }
            let go = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(go)), promise: nil)
        }
    }

    private func receive(
        _ bytes: ByteBuffer, _ post: inout Post, _ context: ChannelHandlerContext
    ) {
        let size = (post.body?.readableBytes ?? 0) + bytes.readableBytes
        guard size <= Limits.bodyBytes else {
            lane.counters.count(.tooLarge)
            isLast = true
            return answer(.tooLarge, context)
        }
        guard lane.hold(bytes.readableBytes) else {
            lane.counters.count(.unavailable)
            isLast = true
            return answer(.unavailable, context)
        }
        heldBytes += bytes.readableBytes
        if post.body == nil {
            post.body = bytes
        } else {
            post.body?.writeImmutableBuffer(bytes)
        }
        state = .body(post)
    }

    // MARK: - From body to answer

    private func commit(_ post: Post, _ context: ChannelHandlerContext) {
        var reading: TraccarPayload.Reading
        let body = post.body ?? ByteBuffer()
        state = .committing
        do {
            reading = try body.withUnsafeReadableBytes { bytes throws(TraccarPayload.Refusal) in
                try lane.payload.read(
                    bytes, server: post.source.server, source: post.source.name, txn: post.txn)
            }
        } catch {
            lane.counters.count(.malformed)
            logger.warning(
                "a post was refused: \(error)",
                metadata: ["source": "\(post.source.name)", "txn": "\(post.txn ?? "")"])
            return conclude(.malformed(error.description), context)
        }
        lane.counters.bytes.add(body.readableBytes, ordering: .relaxed)
        lane.counters.ignored.add(reading.reports + reading.others, ordering: .relaxed)
        if reading.arrivals.isEmpty {
            lane.counters.posts.add(1, ordering: .relaxed)
            return conclude(.ok, context)
        }
        connection.enter(.committing)
        lane.submit(&reading.arrivals, for: self)
    }

    /// The store has answered, on this loop.
    func settle(_ result: Result<Int, AcceptFailure>) {
        guard let context else { return }
        switch result {
        case .success:
            lane.counters.posts.add(1, ordering: .relaxed)
            lane.refusedInARow = 0
            conclude(.ok, context)
        case .failure(let failure):
            lane.counters.count(.unavailable)
            lane.refusedInARow += 1
            // The first, and then ever fewer: a full disk is not made fuller by its log.
            if lane.refusedInARow.nonzeroBitCount == 1 {
                let more = lane.refusedInARow == 1 ? "" : " (\(lane.refusedInARow) in a row)"
                logger.error("a post could not be stored: \(failure)\(more)")
            }
            conclude(.unavailable, context)
        }
        drain(context)
    }

    private func conclude(_ answer: Answer, _ context: ChannelHandlerContext) {
        release()
        self.answer(answer, context)
        complete(context)
    }

    private func release() {
        lane.release(heldBytes)
        heldBytes = 0
    }

    private func answer(_ answer: Answer, _ context: ChannelHandlerContext) {
        if closesAfterAnswer { isLast = true }
        if answer.status == .ok, !isLast, !isOld, let encoder {
            encoder.writeAndFlush(NIOAny(IOData.byteBuffer(Answer.okBytes)), promise: nil)
            return
        }
        answer.write(isLast: isLast, isOld: isOld) { part in
            context.write(wrapOutboundOut(part), promise: nil)
        }
        context.flush()
        // What it has still to send is of no use to anybody.
        if isLast { hangUp(context) }
    }

    /// A request is over in both directions.
    private func complete(_ context: ChannelHandlerContext) {
        if case .closing = state { return }
        if isLast || closesAfterAnswer { return hangUp(context) }
        state = .head
        connection.enter(.idle)
        if let failure, queue.isEmpty {
            self.failure = nil
            isLast = true
            answer(failure, context)
        }
    }

    /// Ends our side, and leaves the peer a moment to read what it was sent: closing at once, with
    /// input unread, would reset the connection and lose the answer (RFC 9112 §9.6).
    private func hangUp(_ context: ChannelHandlerContext) {
        if case .closing = state { return }
        state = .closing
        connection.enter(.closing)
        release()
        queue.removeAll()
        if isInputClosed {
            context.close(promise: nil)
        } else {
            context.close(mode: .output, promise: nil)
            if isReadHeld {
                isReadHeld = false
                context.read()
            }
        }
    }

    // MARK: - The router's answers, which pass through here

    func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        guard case .routed(let isReceived, _) = state else {
            return context.write(data, promise: promise)
        }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if closesAfterAnswer { isLast = true }
            if isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            state = .routed(isReceived: isReceived, isAnswered: true)
            context.writeAndFlush(data, promise: promise)
            guard isReceived || isLast else { return }
            complete(context)
            drain(context)
        }
    }

    // MARK: - What else happens to a connection

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ConnectionOrder.evict: makeRoom(context)
        case ConnectionOrder.overdue: expire(context)
        case is ChannelShouldQuiesceEvent:
            connections.stop()
            closesAfterAnswer = true
            if case .routed = state {
                context.fireUserInboundEventTriggered(event)
            } else if connection.phase == .idle || connection.phase == .opened {
                context.close(promise: nil)
            }
        case ChannelEvent.inputClosed:
            isInputClosed = true
            switch state {
            case .head, .body, .answered, .closing: context.close(promise: nil)
            case .committing: closesAfterAnswer = true
            case .routed: context.fireUserInboundEventTriggered(event)
            }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func makeRoom(_ context: ChannelHandlerContext) {
        closesAfterAnswer = true
        switch state {
        case .committing, .routed: break
        case .head, .body, .answered, .closing: context.close(promise: nil)
        }
    }

    private func expire(_ context: ChannelHandlerContext) {
        // It may have gone on since the sweep looked.
        guard connections.isOverdue(connection) else { return }
        switch connection.phase {
        case .head, .body:
            lane.counters.count(.slow)
            switch state {
            case .head, .body:
                isLast = true
                answer(.timeout, context)
            case .answered, .committing, .routed, .closing: context.close(promise: nil)
            }
        case .opened, .idle, .routed, .closing: context.close(promise: nil)
        case .committing: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, error != .invalidEOFState else {
            // A broken pipe, a failed TLS handshake, an end in the middle.
            return context.close(promise: nil)
        }
        let answer = error == .headerOverflow ? Answer.headersTooLarge : .badRequest
        switch state {
        case .answered: context.close(promise: nil)
        case .head, .body:
            lane.counters.count(error == .headerOverflow ? .headers : .badRequest)
            isLast = true
            self.answer(answer, context)
        case .committing: failure = answer
        case .routed: context.fireErrorCaught(error)
        case .closing: break
        }
    }
}
