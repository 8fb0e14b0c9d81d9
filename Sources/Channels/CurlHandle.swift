// libcurl's easy handles: how one is set up for an endpoint, once (what a single transfer adds to
// it: CurlJob.swift). Everything here runs on the thread of a `CurlTransfer`.
import Alerting
import CCurl
import CCurlShim

/// Handles that are set up and idle, by endpoint: to set one up takes a score of calls and copies,
/// several times what a request costs beyond its own system calls.
struct HandlePool {
    private var kept: [ObjectIdentifier: EndpointHandles] = [:]
    private var count = 0

    private mutating func handles(for endpoint: Endpoint) -> EndpointHandles {
        if let known = kept[ObjectIdentifier(endpoint)] { return known }
        let new = EndpointHandles(endpoint)
        kept[ObjectIdentifier(endpoint)] = new
        return new
    }

    /// A handle, and what its endpoint's share; nil: libcurl refuses a setting.
    mutating func take(
        for endpoint: Endpoint
    ) -> (handle: UnsafeMutableRawPointer, shared: EndpointHandles)? {
        let shared = handles(for: endpoint)
        guard let handle = shared.idle.popLast() else { return shared.make().map { ($0, shared) } }
        count -= 1
        return (handle, shared)
    }

    mutating func put(_ handle: UnsafeMutableRawPointer, for endpoint: Endpoint) {
        guard count < Limits.idleHandles else { return curl_easy_cleanup(handle) }
        handles(for: endpoint).idle.append(handle)
        count += 1
    }

    /// When no transfer runs any more.
    mutating func empty() {
        kept = [:]
        count = 0
    }
}

/// An endpoint's idle handles, and what all of its transfers share. It holds the endpoint, whose
/// identity is not given again meanwhile. Used by the curl thread alone.
final class EndpointHandles {
    fileprivate var idle: [UnsafeMutableRawPointer] = []
    /// The endpoint's own header lines.
    let headers: UnsafeMutablePointer<curl_slist>?
    private let endpoint: Endpoint
    /// Its URL in parts: curl would take it apart at each transfer. nil: it has none, or not one
    /// that curl understands, which curl says when it is asked to use it.
    private let url: OpaquePointer?

    init(_ endpoint: Endpoint) {
        self.endpoint = endpoint
        headers = endpoint.headers.reduce(nil) { curl_slist_append($0, $1.revealed) }
        var url = endpoint.family == .web ? curl_url() : nil
        if url != nil, curl_url_set(url, CURLUPART_URL, endpoint.url.revealed, 0) != CURLUE_OK {
            curl_url_cleanup(url)
            url = nil
        }
        self.url = url
    }

    deinit {
        idle.forEach(curl_easy_cleanup)
        curl_slist_free_all(headers)
        curl_url_cleanup(url)
    }

    fileprivate func make() -> UnsafeMutableRawPointer? {
        guard let handle = curl_easy_init() else { return nil }
        if endpoint.configure(handle, url) { return handle }
        curl_easy_cleanup(handle)
        return nil
    }
}

// MARK: - Settings

extension Endpoint {
    /// - Returns: false if libcurl refuses a setting: then the handle must not be used, because a
    ///   protection may be missing.
    fileprivate func configure(_ easy: UnsafeMutableRawPointer, _ parsed: OpaquePointer?) -> Bool {
        var handle = HandleSettings(easy)
        if let parsed {
            handle.set(parsed)
        } else if family != .pages {
            handle.set(CURLOPT_URL, url.revealed)
        }
        handle.set(CURLOPT_PROTOCOLS_STR, family == .mail ? "smtp,smtps" : "http,https")
        handle.set(CURLOPT_REDIR_PROTOCOLS_STR, "https")
        handle.set(CURLOPT_FOLLOWLOCATION, 0)
        // "" and not NULL: NULL would let the proxy variables of the environment in again.
        handle.set(CURLOPT_PROXY, "")
        handle.set(CURLOPT_NOSIGNAL, 1)
        // A name server that does not answer would hold up the whole thread when a transfer ends.
        handle.set(CURLOPT_QUICK_EXIT, 1)
        handle.set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(connectTimeout))
        handle.set(CURLOPT_TIMEOUT_MS, milliseconds(timeout))
        handle.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        handle.set(CURLOPT_SSL_VERIFYPEER, 1)
        handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        if let certificateAuthority {
            handle.set(CURLOPT_CAINFO, certificateAuthority)
            // Else the system's authorities would still be trusted beside it.
            handle.set(CURLOPT_CAPATH, nil)
        }
        handle.set(CURLOPT_WRITEFUNCTION, Job.receive)
        switch family {
        case .web:
            handle.set(CURLOPT_POST, 1)
            // Answers are short, and curl takes a new buffer for each transfer.
            handle.set(CURLOPT_BUFFERSIZE, 1_024)
            handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
            if method != "POST" { handle.set(CURLOPT_CUSTOMREQUEST, method) }
        case .pages:
            handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
            // Whatever curl can unpack: lists of devices shrink to a tenth. The limit is on what
            // comes out of it.
            handle.set(CURLOPT_ACCEPT_ENCODING, "")
            handle.set(CURLOPT_HEADERFUNCTION, Job.receiveHeader)
        case .mail: configureMail(&handle)
        }
        return handle.areAccepted
    }

    private func configureMail(_ handle: inout HandleSettings) {
        // No INFILESIZE: with it curl sends SIZE in MAIL FROM, and a mail that is too large would
        // be refused there, as if the channel had failed.
        handle.set(CURLOPT_UPLOAD, 1)
        handle.set(CURLOPT_MAIL_FROM, sender)
        handle.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, milliseconds(timeout) / 1_000))
        let level =
            switch encryption {
            case .required: CURLUSESSL_ALL
            case .opportunistic: CURLUSESSL_TRY
            case .none: CURLUSESSL_NONE
            }
        handle.set(CURLOPT_USE_SSL, Int(level.rawValue))
        if let username {
            handle.set(CURLOPT_USERNAME, username)
            handle.set(CURLOPT_PASSWORD, password?.revealed ?? "")
        }
        handle.set(CURLOPT_VERBOSE, 1)
        handle.set(CURLOPT_READFUNCTION, Job.send)
        handle.setTrace(Job.trace)
    }

    private func milliseconds(_ duration: Duration) -> Int {
        Int(min(max(duration.wholeMilliseconds, 1), Int64(Int32.max)))
    }
}

/// Settings of a handle, and whether libcurl takes all of them.
private struct HandleSettings {
    private let handle: UnsafeMutableRawPointer
    private(set) var areAccepted = true

    init(_ handle: UnsafeMutableRawPointer) { self.handle = handle }

    mutating func set(_ option: CURLoption, _ value: Int) {
        note(outcry_easy_setopt_long(handle, option, value))
    }
    mutating func set(_ option: CURLoption, _ value: String?) {
        note(outcry_easy_setopt_string(handle, option, value))
    }
    mutating func set(_ option: CURLoption, _ callback: outcry_data_callback) {
        note(outcry_easy_setopt_data(handle, option, callback))
    }
    mutating func set(_ url: OpaquePointer) { note(outcry_easy_setopt_url(handle, url)) }
    mutating func setTrace(_ callback: curl_debug_callback) {
        note(outcry_easy_setopt_debug(handle, callback))
    }

    private mutating func note(_ code: CURLcode) { areAccepted = areAccepted && code == CURLE_OK }
}
