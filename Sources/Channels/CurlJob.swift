// A single transfer: what it adds to its endpoint's handle, what curl calls meanwhile, what came of
// it. Everything here runs on the thread of a `CurlTransfer`.
import Alerting
import CCurl
import CCurlShim
import Synchronization

/// One transfer. Made by the task that asks, then handed to the curl thread with its order.
/// @unchecked: after `start` only the curl thread touches it; `cancelled` is atomic.
final class Job: @unchecked Sendable {
    let endpoint: Endpoint
    let cancelled = Atomic(false)
    var continuation: CheckedContinuation<TransferResult, Never>?
    private(set) var handle: UnsafeMutableRawPointer?

    /// Its handle is of use to other transfers.
    var isKept: Bool { !isProbe && !isHurried }
    private var isProbe: Bool { request.isProbe }
    private var isHurried = false

    private let request: TransferRequest
    /// This transfer's own lines. Behind the last of them come the endpoint's.
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var lastHeader: UnsafeMutablePointer<curl_slist>?
    private var recipients: UnsafeMutablePointer<curl_slist>?
    private var errors: UnsafeMutablePointer<CChar>?
    private var sent = 0
    private var received: [UInt8] = []
    private var receivedHeaders: [String] = []
    private var overflowed = false
    private var conversation = MailConversation()

    init(_ request: TransferRequest, at endpoint: Endpoint) {
        self.request = request
        self.endpoint = endpoint
    }

    /// The job that a handle works for.
    static func attached(to handle: UnsafeMutableRawPointer) -> Job? {
        var context: UnsafeMutableRawPointer?
        outcry_easy_getinfo_pointer(handle, CURLINFO_PRIVATE, &context)
        return context.map(Job.at)
    }

    private static func at(_ context: UnsafeMutableRawPointer) -> Job {
        Unmanaged<Job>.fromOpaque(context).takeUnretainedValue()
    }

    /// Gives the handle what is this transfer's own. Until `release` the handle points to `self`,
    /// which the thread's table of running jobs keeps alive.
    func attach(to handle: UnsafeMutableRawPointer, of shared: EndpointHandles) {
        self.handle = handle
        let context = Unmanaged.passUnretained(self).toOpaque()
        let errors = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        errors.initialize(to: 0)
        self.errors = errors
        outcry_easy_setopt_pointer(handle, CURLOPT_ERRORBUFFER, errors)
        outcry_easy_setopt_pointer(handle, CURLOPT_PRIVATE, context)
        outcry_easy_setopt_pointer(handle, CURLOPT_WRITEDATA, context)
        outcry_easy_setopt_long(handle, CURLOPT_FRESH_CONNECT, request.freshConnection ? 1 : 0)
        guard !isProbe else { return attachProbe(to: handle, context) }
        switch endpoint.family {
        case .web:
            addHeaders()
            lastHeader?.pointee.next = shared.headers
            outcry_easy_setopt_list(handle, CURLOPT_HTTPHEADER, headers ?? shared.headers)
            attachBody(to: handle)
        case .pages:
            outcry_easy_setopt_pointer(handle, CURLOPT_HEADERDATA, context)
            if let page = request.page { attach(page, to: handle) }
        case .mail:
            recipients = curl_slist_append(nil, "<\(request.recipient)>")
            outcry_easy_setopt_list(handle, CURLOPT_MAIL_RCPT, recipients)
            outcry_easy_setopt_pointer(handle, CURLOPT_READDATA, context)
            outcry_easy_setopt_pointer(handle, CURLOPT_DEBUGDATA, context)
        }
    }

    private func addHeaders() {
        for line in request.headers {
            // Not given as a String, of which Swift would make an array first.
            headers = line.withCString { curl_slist_append(headers, $0) }
            lastHeader = lastHeader?.pointee.next ?? headers
        }
    }

    private func attachBody(to handle: UnsafeMutableRawPointer) {
        outcry_easy_setopt_offset(
            handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
        request.body.withUnsafeBytes { bytes in
            _ = outcry_easy_setopt_bytes(handle, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress)
        }
    }

    private func attachProbe(
        to handle: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer
    ) {
        addHeaders()
        outcry_easy_setopt_list(handle, CURLOPT_HTTPHEADER, headers)
        outcry_easy_setopt_pointer(handle, CURLOPT_DEBUGDATA, context)
        outcry_easy_setopt_long(handle, CURLOPT_UPLOAD, 0)
        outcry_easy_setopt_long(handle, CURLOPT_NOBODY, 1)
        outcry_easy_setopt_string(
            handle, CURLOPT_CUSTOMREQUEST, endpoint.family == .mail ? "NOOP" : nil)
    }

    private func attach(_ page: TransferRequest.Page, to handle: UnsafeMutableRawPointer) {
        outcry_easy_setopt_string(handle, CURLOPT_URL, page.url.revealed)
        outcry_easy_setopt_long(
            handle, CURLOPT_TIMEOUT_MS, Int(clamping: max(page.timeout.wholeMilliseconds, 1)))
        addHeaders()
        outcry_easy_setopt_list(handle, CURLOPT_HTTPHEADER, headers)
        // The method of the page before it stays set otherwise.
        outcry_easy_setopt_string(
            handle, CURLOPT_CUSTOMREQUEST, page.method == .delete ? "DELETE" : nil)
        guard page.method == .post else {
            outcry_easy_setopt_long(handle, CURLOPT_HTTPGET, 1)
            return
        }
        outcry_easy_setopt_long(handle, CURLOPT_POST, 1)
        attachBody(to: handle)
    }

    /// What came of it, read from the handle.
    func detach(_ end: TransferResult.End) -> TransferResult {
        guard let handle else { return TransferResult(end: end) }
        var status = 0
        var connections = 0
        var seconds: curl_off_t = 0
        outcry_easy_getinfo_long(handle, CURLINFO_RESPONSE_CODE, &status)
        outcry_easy_getinfo_long(handle, CURLINFO_NUM_CONNECTS, &connections)
        outcry_easy_getinfo_offset(handle, CURLINFO_RETRY_AFTER, &seconds)
        var result = TransferResult(end: end)
        result.status = status
        result.retryAfter =
            seconds > 0 ? .seconds(min(Int64(seconds), Limits.retryAfterSeconds)) : nil
        result.body = received
        result.isCut = overflowed
        result.headers = receivedHeaders
        result.detail = errors.map { String(cString: $0) } ?? ""
        result.reusedConnection = connections == 0
        result.conversation = conversation
        return result
    }

    /// Takes back what the handle points to, so that it can wait for its next transfer.
    func release(_ handle: UnsafeMutableRawPointer) {
        outcry_easy_setopt_pointer(handle, CURLOPT_PRIVATE, nil)
        outcry_easy_setopt_pointer(handle, CURLOPT_ERRORBUFFER, nil)
        outcry_easy_setopt_list(handle, CURLOPT_HTTPHEADER, nil)
        outcry_easy_setopt_list(handle, CURLOPT_MAIL_RCPT, nil)
        outcry_easy_setopt_pointer(handle, CURLOPT_DEBUGDATA, nil)
        // Frees curl's copy of the body.
        if endpoint.family != .mail {
            outcry_easy_setopt_bytes(handle, CURLOPT_COPYPOSTFIELDS, nil)
        }
        if endpoint.family == .pages { outcry_easy_setopt_string(handle, CURLOPT_URL, nil) }
        self.handle = nil
    }

    /// Of a mail conversation: no answer is waited for longer than a second.
    func hurry() {
        guard let handle, endpoint.family == .mail else { return }
        isHurried = true
        outcry_easy_setopt_long(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT, 1)
    }

    func finish(_ result: TransferResult) {
        continuation?.resume(returning: result)
        continuation = nil
    }

    deinit {
        // The endpoint's are not ours to free.
        lastHeader?.pointee.next = nil
        curl_slist_free_all(headers)
        curl_slist_free_all(recipients)
        errors?.deallocate()
    }

    /// Whether the request went out.
    private var hasSent: Bool {
        var bytes = 0
        if let handle { outcry_easy_getinfo_long(handle, CURLINFO_REQUEST_SIZE, &bytes) }
        return bytes > 0
    }

    func end(of code: CURLcode) -> TransferResult.End {
        switch code {
        case CURLE_OK: .answered
        // Only `receive` makes it: the answer is longer than wanted, but it is one.
        case CURLE_WRITE_ERROR where overflowed: .answered
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_COULDNT_RESOLVE_HOST: .cannotResolve
        case CURLE_COULDNT_CONNECT: .cannotConnect
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            .badCertificate
        case CURLE_SSL_CONNECT_ERROR, CURLE_USE_SSL_FAILED, CURLE_SSL_CIPHER,
            CURLE_SSL_ENGINE_INITFAILED:
            .cannotEncrypt
        case CURLE_LOGIN_DENIED: .loginRefused
        // An answer that is no HTTP is another protocol to curl.
        case CURLE_UNSUPPORTED_PROTOCOL where endpoint.family == .web && hasSent: .broken
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_FUNCTION_ARGUMENT,
            CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_NOT_BUILT_IN:
            .unusable
        // What is left tells little: a mail server's refusals come as SEND_ERROR and others, which
        // also stand for a connection that broke.
        default: conversation.reply >= 400 ? .refused : .broken
        }
    }

    // MARK: - What curl calls

    private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        let room = (request.page?.limit ?? Limits.responseBytes) - received.count
        received.append(contentsOf: bytes.prefix(room))
        overflowed = bytes.count > room
        return overflowed ? 0 : bytes.count
    }

    /// A line of an answer's head. Interim answers (100) have heads of their own: the last counts.
    private func receiveHeader(_ bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes.prefix { $0 != 13 && $0 != 10 }, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            receivedHeaders.removeAll()
        } else if !line.isEmpty {
            receivedHeaders.append(line)
        }
    }

    private func send(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        // It was said to be cancelled, and is tried again: it is not to be sent now.
        if cancelled.load(ordering: .relaxed) { return Int(CURL_READFUNC_ABORT) }
        let count = min(buffer.count, request.body.count - sent)
        request.body.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[sent..<(sent + count)]))
        }
        sent += count
        return count
    }

    private func trace(_ kind: curl_infotype, _ bytes: UnsafeRawBufferPointer) {
        switch kind {
        case CURLINFO_HEADER_OUT: conversation.sent(bytes)
        case CURLINFO_HEADER_IN: conversation.received(bytes)
        case CURLINFO_DATA_OUT: conversation.sentContent()
        default: break
        }
    }
}

extension Job {
    static let receive: outcry_data_callback = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        return Job.at(context).receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }

    static let receiveHeader: outcry_data_callback = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        Job.at(context).receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
        return size * count
    }

    static let send: outcry_data_callback = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        return Job.at(context).send(
            into: UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
    }

    static let trace: curl_debug_callback = { _, kind, bytes, count, context in
        guard let bytes, let context else { return 0 }
        Job.at(context).trace(kind, UnsafeRawBufferPointer(start: bytes, count: count))
        return 0
    }
}
