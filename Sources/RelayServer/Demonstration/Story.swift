// The scripted ride and theft of the demonstration: what the trackers of the simulated server
// report, beat by beat.

import TrackerSimulator

/// What happens in the demonstration.
enum Story {
    struct Act {
        var title: String
        /// What arrives at the server together; a pause follows each.
        var beats: [[World.Action]]
        /// Meanwhile the server is out of reach, and its webhook's posts are lost.
        var isCutOff = false
    }

    private static let cargo: Int64 = 1
    private static let courier: Int64 = 2

    static let acts = [
        Act(
            title: "The owner takes the bike out: it is not armed, so nobody is told.",
            beats: [
                [.guarding(cargo, false), said("vibration")],
                [said { $0.ignition = true }],
                [
                    said {
                        $0.ignition = true
                        $0.motion = true
                    }
                ],
                [said { $0.ignition = true }],
                [said()],
            ]),
        Act(
            title: "At night somebody is at it: one message, not one for each jolt. "
                + "The fleet's server answers 503 at first.",
            beats: [
                [.guarding(cargo, true), said("vibration")],
                // A kind that stood in the report before would be no new event.
                [said(), said("vibration")],
                [said("movement")],
            ]),
        Act(
            title: "Its supply is cut and comes back: those who were told hear of the end.",
            beats: [[said("powerCut")], [said("powerRestored")]]),
        Act(
            title: "The line to the server breaks, and its webhook is not heard. "
                + "A battery runs low meanwhile.",
            beats: [[said("lowBattery", by: courier)]], isCutOff: true),
    ]

    private static func said(
        _ alarms: String..., by device: Int64 = cargo,
        _ change: (inout World.Report) -> Void = { _ in }
    ) -> World.Action {
        var report = World.Report(device, at: World.depot)
        report.alarms = alarms
        report.ignition = false
        change(&report)
        return .report(report)
    }
}
