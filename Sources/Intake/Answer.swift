// The answers of the webhook: made once, as headers are the costly part of writing one.
import NIOCore
import NIOHTTP1

/// An answer of a few bytes; it never quotes the request.
struct Answer {
    let status: HTTPResponseStatus
    var headers: [(String, String)] = []
    var text = ""

    static let ok = Answer(status: .ok)
    /// No body and no `WWW-Authenticate`: no hint at what would be right.
    static let unauthorized = Answer(status: .unauthorized)
    static let methodNotAllowed = Answer(status: .methodNotAllowed, headers: [("allow", "POST")])
    static let tooLarge = Answer(status: .payloadTooLarge)
    static let headersTooLarge = Answer(status: .requestHeaderFieldsTooLarge)
    static let badRequest = Answer(status: .badRequest)
    static let timeout = Answer(status: .requestTimeout)
    /// The disk is full or broken, or memory is short: neither heals in a moment.
    static let unavailable = Answer(status: .serviceUnavailable, headers: [("retry-after", "5")])

    static func malformed(_ reason: String) -> Answer {
        Answer(
            status: .badRequest, headers: [("content-type", "text/plain; charset=utf-8")],
            text: reason + "\n")
    }

    /// `ok` as it goes out on a connection that stays: what nearly every post gets, and so it is
    /// not encoded each time.
    static let okBytes = ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    /// - Parameters:
    ///   - isLast: the connection ends with it.
    ///   - isOld: the request was HTTP/1.0, which takes a connection as ended unless told.
    func write(isLast: Bool, isOld: Bool, to part: (HTTPServerResponsePart) -> Void) {
        var fields = HTTPHeaders(headers)
        fields.add(name: "content-length", value: "\(text.utf8.count)")
        if isLast {
            fields.add(name: "connection", value: "close")
        } else if isOld {
            fields.add(name: "connection", value: "keep-alive")
        }
        part(.head(HTTPResponseHead(version: .http1_1, status: status, headers: fields)))
        if !text.isEmpty { part(.body(.byteBuffer(ByteBuffer(string: text)))) }
        part(.end(nil))
    }
}
