// Bytes to a parsed document, which the readers of payloads, lists and socket messages then walk. A
// document that simdjson refuses is repaired where it is known how (PayloadRepair), so that one bad
// name does not spoil an answer with a thousand others; only then it is refused.
import Alerting
import CSimdjson
import Foundation

/// A reader of simdjson's with its buffers, which are kept from one document to the next.
final class TraccarJSON {
    let reader: OpaquePointer
    private let depth: Int

    /// - Parameter depth: levels of lists and objects within each other that are read.
    init(depth: Int) {
        guard let reader = cj_reader_new(depth + 1) else {
            preconditionFailure("out of memory for a JSON reader")
        }
        self.reader = reader
        self.depth = depth
    }

    deinit { cj_reader_free(reader) }

    /// - Throws: plain words without any of the document's content.
    func parse(_ bytes: UnsafeRawBufferPointer) throws(TraccarPayload.Refusal) {
        var reason: UnsafePointer<CChar>?
        var status = cj_parse(reader, bytes.baseAddress, bytes.count, &reason)
        if status == CJ_OK { return }
        if status == CJ_NO_MEMORY {
            throw TraccarPayload.Refusal(description: "there is not enough memory to read it")
        }
        var copy = Array(bytes)
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if copy.starts(with: mark) {
            copy.removeFirst(mark.count)
            status = cj_parse(reader, copy, copy.count, &reason)
        }
        // Each repair cures one complaint, and there are three.
        for _ in 0..<3 {
            guard let repaired = PayloadRepair.repaired(copy, after: status) else { break }
            copy = repaired
            status = cj_parse(reader, copy, copy.count, &reason)
        }
        switch status {
        case CJ_OK: return
        case CJ_EMPTY: throw TraccarPayload.Refusal(description: "the body is empty")
        case CJ_TOO_DEEP:
            throw TraccarPayload.Refusal(
                description: "nested too deeply: more than \(depth) levels")
        default:
            let words = reason.map { String(cString: $0) } ?? "malformed"
            throw TraccarPayload.Refusal(description: "not JSON\(Self.place(in: copy)): \(words)")
        }
    }

    /// " at line 1, column 12", as Foundation finds it (simdjson does not say). Only the offset is
    /// taken from its message: the rest may quote the body.
    private static func place(in bytes: [UInt8]) -> String {
        guard bytes.count <= Limits.placedJSONBytes else { return "" }
        let message: String
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            return ""
        } catch {
            message = "\((error as NSError).userInfo["NSDebugDescription"] ?? "")"
        }
        if message.contains("end of file") { return " at its end" }
        guard let found = message.firstMatch(of: /character (\d+)/), let offset = Int(found.1),
            offset <= bytes.count
        else { return "" }
        let lines = bytes[..<offset].split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return " at line \(lines.count), column \((lines.last?.count ?? 0) + 1)"
    }
}
