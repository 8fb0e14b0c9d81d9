// The few HTTP requests that are the relay's own: the heartbeat, and a command that speaks to the
// running relay. They go over libcurl like everything else that goes out.

import Alerting
import Channels

/// Asks one server.
struct WebClient {
    let transfer: CurlTransfer

    /// An answer: its status (0: none came) and its body.
    struct Answer {
        var status: Int
        var body: [UInt8]
    }

    func ask(
        _ method: String, _ url: String, headers: [String] = [], body: [UInt8] = [],
        timeout: Duration = .seconds(10)
    ) async -> Answer {
        var request = TransferRequest()
        request.headers = headers
        request.body = body
        let result = await transfer.perform(
            request, at: Endpoint(url: Secret(url), method: method, timeout: timeout))
        return Answer(status: result.end == .answered ? result.status : 0, body: result.body)
    }
}
