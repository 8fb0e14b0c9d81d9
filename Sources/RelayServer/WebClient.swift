// The few HTTP requests that are the relay's own: the heartbeat, and a command that speaks to the
// running relay. They go over libcurl like everything else that goes out.

import Alerting
import Channels

/// Asks one page of one server, as often as it likes: the transfer keeps what an endpoint needs as
/// long as it lives.
struct WebClient {
    private let transfer: CurlTransfer
    private let endpoint: Endpoint

    init(
        _ method: String, _ url: String, timeout: Duration = .seconds(10),
        over transfer: CurlTransfer
    ) {
        self.transfer = transfer
        endpoint = Endpoint(url: Secret(url), method: method, timeout: timeout)
    }

    /// An answer: its status (0: none came) and its body.
    struct Answer {
        var status: Int
        var body: [UInt8]
    }

    func ask(headers: [String] = [], body: [UInt8] = []) async -> Answer {
        var request = TransferRequest()
        request.headers = headers
        request.body = body
        let result = await transfer.perform(request, at: endpoint)
        return Answer(status: result.end == .answered ? result.status : 0, body: result.body)
    }
}
