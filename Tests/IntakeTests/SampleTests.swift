// Real payloads (anonymised), where they are at hand: beside the project, not in it.
import Alerting
import Foundation
import Testing

@testable import Intake

@Suite("Payloads as servers sent them")
struct SampleTests {
    struct Sample: CustomTestStringConvertible, Sendable {
        var file: String
        var type: String
        var id: Int64
        var deviceId: Int64
        var time: String
        var testDescription: String { file }
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/samples").standardized

    static let samples = [
        Sample(
            file: "biketrax_webhook_deviceOnline_documented", type: "deviceOnline", id: 1,
            deviceId: 1, time: "2021-01-01T00:00:00.000Z"),
        Sample(
            file: "event_2021_commandResult", type: "commandResult", id: 2261, deviceId: 3,
            time: "2021-08-11T09:04:33.305Z"),
        Sample(
            file: "event_2021_deviceOffline", type: "deviceOffline", id: 2354, deviceId: 4,
            time: "2021-08-12T11:30:36.321Z"),
        Sample(
            file: "event_2021_deviceOnline", type: "deviceOnline", id: 2353, deviceId: 4,
            time: "2021-08-12T11:30:35.648Z"),
        Sample(
            file: "event_2022_geofenceExit_forum", type: "geofenceExit", id: 25183, deviceId: 3,
            time: "2022-01-03T15:10:55.000Z"),
        Sample(
            file: "webhook_2017_deviceOffline", type: "deviceOffline", id: 223, deviceId: 3,
            time: "2017-03-27T19:51:26.242Z"),
        Sample(
            file: "webhook_2018_deviceOnline_users", type: "deviceOnline", id: 1187, deviceId: 7,
            time: "2018-09-14T10:18:32.285Z"),
        Sample(
            file: "webhook_2024_deviceOffline_v5", type: "deviceOffline", id: 43334, deviceId: 385,
            time: "2024-05-10T10:45:34.984Z"),
        Sample(
            file: "webhook_trimmed_deviceStopped_2026", type: "deviceStopped", id: 1, deviceId: 1,
            time: "2026-07-15T18:30:17.386Z"),
        Sample(
            file: "webhook_trimmed_geofenceEnter_2026", type: "geofenceEnter", id: 1, deviceId: 1,
            time: "2026-07-15T18:30:17.386Z"),
    ]

    @Test("event webhooks decode", arguments: samples)
    func decodes(_ sample: Sample) throws {
        guard let json = try Self.load(sample.file) else { return }
        let reading = try read(json)
        let arrival = try #require(reading.arrivals.first)
        let made = arrival.event
        #expect(reading.arrivals.count == 1)
        #expect(made.type == sample.type && made.id == sample.id)
        #expect(made.deviceId == sample.deviceId && made.time?.rfc3339 == sample.time)
        #expect(!String(decoding: arrival.body, as: UTF8.self).contains("user@example.org"))
    }

    @Test("no event webhook was forgotten in the table above")
    func tableIsWhole() throws {
        guard FileManager.default.fileExists(atPath: Self.folder.path) else { return }
        let events = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
            .filter {
                $0.hasPrefix("webhook_") || $0.hasPrefix("event_") || $0.contains("_webhook_")
            }
            .map { String($0.dropLast(".json".count)) }
        #expect(Set(events) == Set(Self.samples.map(\.file)))
    }

    @Test("everything else that a server may post is accepted and is no event")
    func others() throws {
        guard FileManager.default.fileExists(atPath: Self.folder.path) else { return }
        for file in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        where file.hasSuffix(".json") {
            let name = String(file.dropLast(".json".count))
            guard !Self.samples.contains(where: { $0.file == name }),
                let json = try Self.load(name)
            else { continue }
            #expect(try read(json).arrivals.isEmpty, "\(file)")
        }
    }

    private static func load(_ name: String) throws -> [UInt8]? {
        let file = folder.appending(path: name + ".json")
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        return Array(try Data(contentsOf: file))
    }
}
