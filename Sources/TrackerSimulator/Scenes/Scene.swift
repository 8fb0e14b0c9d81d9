// A script: what arrives at the server, and when, counted from the scene's beginning. A scene is a
// sequence and not a list, so that a fleet's day of a million reports needs no memory. The same
// name, size and seed give the same steps, always.

import Foundation

/// A script of actions.
package struct Scene: Sequence, Sendable {
    package struct Step: Sendable {
        /// From the scene's beginning.
        package var at: Duration
        package var action: World.Action

        package init(at: Duration, action: World.Action) {
            self.at = at
            self.action = action
        }
    }

    package let name: String
    /// What it shows, in a line.
    package let summary: String
    /// How many devices it needs beside the three with names.
    package let fleet: Int
    private let steps: @Sendable () -> AnyIterator<Step>

    package init(
        _ name: String, _ summary: String, fleet: Int = 0,
        steps: @escaping @Sendable () -> AnyIterator<Step>
    ) {
        self.name = name
        self.summary = summary
        self.fleet = fleet
        self.steps = steps
    }

    package func makeIterator() -> AnyIterator<Step> { steps() }

    /// Plays it on a world in no time at all.
    /// - Returns: what listeners would have heard, in order.
    @discardableResult
    package func play(on world: inout World, from start: Moment) -> [World.Change] {
        flatMap { step in world.take(step.action, now: start + step.at) }
    }
}

/// Chance from a seed (SplitMix64, Steele and others 2014): the same on every machine.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// In 0..<1.
    package mutating func fraction() -> Double { Double(next() >> 11) / Double(1 << 53) }
}

/// Writes a scene of one device down, step by step.
struct Script {
    private(set) var steps: [Scene.Step] = []
    private(set) var clock: Duration = .zero
    /// Says each report's state until it is changed.
    var report: World.Report

    init(_ device: Int64, at place: Place = World.depot) {
        report = World.Report(device, at: place)
    }

    mutating func wait(_ seconds: Double) { clock += .seconds(seconds) }

    mutating func add(_ action: World.Action) {
        steps.append(Scene.Step(at: clock, action: action))
    }

    /// One report; its alarms are said once.
    mutating func says(_ alarms: String..., change: (inout World.Report) -> Void = { _ in }) {
        change(&report)
        report.alarms = alarms
        add(.report(report))
        report.alarms = []
    }

    /// Reports each ten seconds of a ride, with a bend in it.
    mutating func ride(seconds: Int, speed: Double, course: Double) {
        for step in 0..<(seconds / 10) {
            wait(10)
            let heading = (course + Double(step) * 2) * .pi / 180
            let metres = speed / 3.6 * 10
            says { report in
                report.motion = true
                report.speed = speed
                report.course = (course + Double(step) * 2).truncatingRemainder(dividingBy: 360)
                report.place = report.place.moved(
                    east: metres * sin(heading), north: metres * cos(heading))
            }
        }
    }

    mutating func stops() {
        wait(10)
        says { report in
            report.motion = false
            report.speed = 0
        }
    }
}
