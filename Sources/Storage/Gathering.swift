// What the writer waits for behind a round. Under load an event comes to it three times: as it is
// accepted, as it is decided, and when its message was sent. Each of these that makes a round of
// its own pays an fsync and writes the last page of every table again. So behind a round it waits,
// for a millisecond at most, until nearly as much was received as in the rounds before, and the
// pump has decided; how attempts ended comes with that.
import Alerting

/// How much there is of each part of a round, by `Submission.weight`.
struct RoundWeight: Equatable {
    var accepted = 0
    var decided = 0
    var settled = 0
    var other = 0

    /// Of a few events, and nothing that was received and is still to be decided: there is time for
    /// other things.
    var isSmall: Bool {
        accepted == 0 && decided + settled + other <= Limits.smallRound
    }

    /// Whether a round of this may begin, where so much that was received is waited for, and a
    /// decision. The pump hands over one list of steps and waits for it, so more of them cannot
    /// come; and nothing else is to wait.
    func isEnough(accepted wanted: Int) -> Bool {
        other > 0 || accepted >= wanted && decided > 0
    }
}

extension RoundWeight {
    init(of submissions: [Submission]) {
        for index in submissions.indices {
            let weight = submissions[index].weight
            switch submissions[index].part {
            case .accepted: accepted += weight
            case .decided: decided += weight
            case .settled: settled += weight
            case .other: other += weight
            }
        }
    }
}

/// Learns from round to round what comes.
struct Gathering {
    private var usual = RoundWeight()

    /// How much that was received is to be waited for behind a round; nil: nothing is. A few events
    /// are not to wait for more. Nor is anything where few messages are sent: answers alone come in
    /// no greater number for it (measured: a sixth fewer were accepted in a second).
    mutating func wanted(behind round: RoundWeight) -> Int? {
        usual = RoundWeight(
            accepted: max(round.accepted, usual.accepted * 3 / 4),
            decided: max(round.decided, usual.decided * 3 / 4),
            settled: max(round.settled, usual.settled * 3 / 4))
        guard usual.accepted > Limits.fewAccepted, usual.decided > 0,
            usual.settled >= usual.accepted / 2
        else { return nil }
        // Who posts a little less than before is not waited for in vain.
        return usual.accepted * 9 / 10
    }
}
