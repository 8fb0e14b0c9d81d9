// The scenes that come with the stand-in, after what BikeTrax' FAQ tells of a ride and what real
// captures show (flapping: seven pairs in fourteen minutes; buffered uploads hours late).

extension Scene {
    /// All names that `named` knows.
    package static let names = [
        "own-ride", "forgotten", "theft", "flapping", "late-upload", "vibration-storm",
        "fleet-day", "all",
    ]

    /// How large a fleet's day is.
    package struct Fleet: Sendable {
        package var devices = 20
        /// Reports a second, of all devices together. One in three makes an event.
        package var rate = 2.0
        package var length: Duration = .ofMinutes(10)
        package var seed: UInt64 = 1

        package init() {}
    }

    /// nil: there is none of that name.
    package static func named(_ name: String, fleet: Fleet = Fleet()) -> Scene? {
        switch name {
        case "own-ride": ownRide()
        case "forgotten": forgotten()
        case "theft": theft()
        case "flapping": flapping()
        case "late-upload": lateUpload()
        case "vibration-storm": vibrationStorm()
        case "fleet-day": fleetDay(fleet)
        case "all": all(fleet)
        default: nil
        }
    }

    private static func scripted(
        _ name: String, _ summary: String, _ write: @escaping @Sendable () -> Script
    ) -> Scene {
        Scene(name, summary) { AnyIterator(write().steps.makeIterator()) }
    }

    /// The usual order: a jolt, ignition, and after 130 s or 215 m the ride.
    package static func ownRide(_ device: Int64 = 1) -> Scene {
        scripted("own-ride", "the owner disarms, rides out of the depot and comes back") {
            var script = Script(device)
            script.report.ignition = false
            script.add(.guarding(device, false))
            script.says()
            script.wait(5)
            script.says("vibration")
            script.wait(8)
            script.says { $0.ignition = true }
            script.wait(110)
            script.ride(seconds: 240, speed: 18, course: 70)
            script.stops()
            script.wait(300)
            script.ride(seconds: 240, speed: 18, course: 270)
            script.report.place = World.depot
            script.stops()
            script.says { $0.ignition = false }
            script.wait(20)
            script.add(.guarding(device, true))
            script.wait(180)
            script.add(.status(device, .offline))
            return script
        }
    }

    /// Vibration and ignition within seconds of each other tell this from a theft.
    package static func forgotten(_ device: Int64 = 1) -> Scene {
        scripted("forgotten", "the owner forgets to disarm: vibration, then ignition") {
            var script = Script(device)
            script.report.ignition = false
            script.add(.guarding(device, true))
            script.says()
            script.wait(5)
            script.says("vibration")
            script.wait(20)
            script.says { $0.ignition = true }
            script.wait(20)
            script.add(.guarding(device, false))
            script.ride(seconds: 120, speed: 16, course: 90)
            script.stops()
            return script
        }
    }

    /// Armed, lifted, cut off its battery, carried away without ignition, silent at last.
    package static func theft(_ device: Int64 = 1) -> Scene {
        scripted("theft", "an armed bike is shaken, lifted and driven away") {
            var script = Script(device)
            script.report.ignition = false
            script.add(.guarding(device, true))
            script.says { $0.charge = true }
            script.wait(5)
            script.says("vibration")
            script.wait(12)
            script.says("vibration", "movement")
            script.wait(25)
            script.says("powerCut") { $0.charge = false }
            script.ride(seconds: 180, speed: 35, course: 80)
            script.wait(10)
            script.says { $0.hasFix = false }
            script.wait(180)
            script.add(.status(device, .offline))
            return script
        }
    }

    package static func flapping(_ device: Int64 = 2) -> Scene {
        scripted("flapping", "a bad connection: seven times away and back in 14 minutes") {
            var script = Script(device)
            script.says()
            for round in 0..<7 {
                script.wait(60)
                script.add(.status(device, .offline))
                // Once in less than a second, as it was seen.
                script.wait(round == 3 ? 0.673 : 60)
                script.add(.status(device, .online))
            }
            return script
        }
    }

    /// Its events are forwarded hours late with the tracker's old times; the last report is older
    /// than what the server has by then, and makes none.
    package static func lateUpload(_ device: Int64 = 3) -> Scene {
        scripted("late-upload", "a tracker was in a cellar and uploads its buffer hours late") {
            var script = Script(device)
            script.add(.status(device, .online))
            script.wait(2)
            let old = 5.0
            for (index, alarm) in ["vibration", nil, "movement", nil, "lowBattery"].enumerated() {
                script.wait(0.5)
                script.report.age = .ofHours(old) - .ofMinutes(Double(index) * 20)
                script.report.alarms = alarm.map { [$0] } ?? []
                script.add(.report(script.report))
            }
            script.report.alarms = ["sos"]
            script.report.age = .ofHours(old + 1)
            script.wait(0.5)
            script.add(.report(script.report))
            script.report.age = .zero
            script.wait(5)
            script.says()
            return script
        }
    }

    /// A kind on each second report: each time it is a new event.
    package static func vibrationStorm(_ device: Int64 = 3) -> Scene {
        scripted("vibration-storm", "wind at an armed bike: sixty alarms in ten minutes") {
            var script = Script(device)
            script.add(.guarding(device, true))
            for _ in 0..<60 {
                script.wait(5)
                script.says("vibration")
                script.wait(5)
                script.says()
            }
            return script
        }
    }

    /// So many devices, so many reports a second: rides, alarms, lost connections, late uploads,
    /// and now and then an event that cannot be stored.
    package static func fleetDay(_ fleet: Fleet = Fleet()) -> Scene {
        Scene("fleet-day", "\(fleet.devices) devices, \(fleet.rate)/s", fleet: fleet.devices) {
            var day = FleetDay(fleet)
            return AnyIterator { day.next() }
        }
    }

    /// One after the other.
    private static func all(_ fleet: Fleet) -> Scene {
        let scenes = [
            ownRide(), forgotten(), theft(), flapping(), lateUpload(), vibrationStorm(),
            fleetDay(fleet),
        ]
        return Scene("all", "all of them, one after the other", fleet: fleet.devices) {
            var rest = scenes.makeIterator()
            var current = rest.next()?.makeIterator()
            var (offset, last) = (Duration.zero, Duration.zero)
            return AnyIterator {
                while let scene = current {
                    if var step = scene.next() {
                        step.at += offset
                        last = step.at
                        return step
                    }
                    offset = last + .seconds(10)
                    current = rest.next()?.makeIterator()
                }
                return nil
            }
        }
    }
}
