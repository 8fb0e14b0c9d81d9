// A fleet's day: a random walk of many devices, made step by step from a seed.

import Foundation

/// Makes the steps of `Scene.fleetDay`.
struct FleetDay {
    private struct Rider {
        var report: World.Report
        var isOnline = false
        /// How old the reports are that its tracker has buffered, oldest first.
        var buffered: [Duration] = []
    }
    private let fleet: Scene.Fleet
    private var random: SeededRandom
    private var riders: [Rider]
    private var count = 0
    private static let alarms = ["vibration", "movement", "lowBattery", "powerCut", "sos"]

    init(_ fleet: Scene.Fleet) {
        self.fleet = fleet
        var random = SeededRandom(seed: fleet.seed)
        riders = (0..<max(1, fleet.devices)).map { index in
            let place = World.depot.moved(
                east: random.fraction() * 4_000 - 2_000, north: random.fraction() * 4_000 - 2_000)
            var report = World.Report(Int64(index + 101), at: place)
            report.ignition = false
            var rider = Rider(report: report)
            // One in five comes out of a cellar and has the night's reports to tell.
            if index % 5 == 4 {
                rider.buffered = (0..<6).map { .ofMinutes(360 - Double($0) * 50) }
            }
            return rider
        }
        self.random = random
    }

    /// Each device in turn, so that one device's reports are evenly spaced.
    mutating func next() -> Scene.Step? {
        let at = Duration.seconds(Double(count) / max(0.001, fleet.rate))
        guard at < fleet.length, fleet.devices > 0 else { return nil }
        defer { count += 1 }
        return Scene.Step(at: at, action: turn(of: count % riders.count))
    }

    private mutating func turn(of index: Int) -> World.Action {
        var rider = riders[index]
        defer { riders[index] = rider }
        let device = rider.report.device
        let chance = random.fraction()
        guard rider.isOnline else {
            rider.isOnline = true
            return .status(device, .online)
        }
        rider.report.age = .zero
        rider.report.alarms = []
        if !rider.buffered.isEmpty {
            rider.report.age = rider.buffered.removeFirst()
            if rider.buffered.count % 2 == 1 { rider.report.alarms = ["vibration"] }
            return .report(rider.report)
        }
        switch chance {
        case ..<0.03:
            rider.isOnline = false
            return .status(device, .offline)
        case ..<0.04: return .unsaved(1)
        case ..<0.06:
            // Older than what is known: it makes no events.
            rider.report.age = .seconds(random.fraction() * 36_000)
        case ..<0.08: return .commandResult(device, "OK \(count)")
        case ..<0.20:
            let kind = Int(random.fraction() * Double(Self.alarms.count))
            rider.report.alarms = [Self.alarms[kind]]
        case ..<0.30: rider.report.ignition?.toggle()
        case ..<0.40: rider.report.motion.toggle()
        default: break
        }
        if rider.report.motion {
            rider.report.speed = 10 + random.fraction() * 20
            rider.report.course = random.fraction() * 360
            let angle = rider.report.course * .pi / 180
            let metres = rider.report.speed / 3.6 * 10
            rider.report.place = rider.report.place.moved(
                east: metres * sin(angle), north: metres * cos(angle))
        } else {
            rider.report.speed = 0
        }
        return .report(rider.report)
    }
}
