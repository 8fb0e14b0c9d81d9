// What the writer waits for behind a round.
import Alerting
import Testing

@testable import Storage

@Suite struct GatheringTests {
    private let busy = RoundWeight(accepted: 33, decided: 129, settled: 65)

    @Test("nearly as much as came before is waited for, and a decision")
    func wanted() throws {
        var gathering = Gathering()
        let behind = gathering.wanted(behind: busy)
        let wanted = try #require(behind)
        #expect(wanted == 29)
        #expect(!RoundWeight(accepted: 33, settled: 65).isEnough(accepted: wanted))
        #expect(!RoundWeight(accepted: 28, decided: 129, settled: 65).isEnough(accepted: wanted))
        #expect(RoundWeight(accepted: 29, decided: 5).isEnough(accepted: wanted))
        // A command, or the pump asking up to when everything is visible.
        #expect(RoundWeight(other: 1).isEnough(accepted: wanted))
    }

    @Test("parts that came in rounds of their own are waited for together")
    func parts() {
        var gathering = Gathering()
        let wanted = [
            RoundWeight(accepted: 33), RoundWeight(decided: 129),
            RoundWeight(accepted: 33, settled: 65),
        ].map { gathering.wanted(behind: $0) }
        #expect(wanted == [nil, nil, 29])
    }

    @Test("nothing is waited for where few come, or few messages are sent")
    func few() {
        for round in [
            RoundWeight(accepted: 2, decided: 5, settled: 3),
            RoundWeight(accepted: 65, decided: 65),
            // Positions of a fleet are decided beside them.
            RoundWeight(accepted: 2, decided: 4_000, settled: 3),
            // Of 32 events, five are told.
            RoundWeight(accepted: 33, decided: 60, settled: 11),
        ] {
            var gathering = Gathering()
            let wanted = (0..<5).map { _ in gathering.wanted(behind: round) }
            #expect(wanted == [nil, nil, nil, nil, nil])
        }
    }

    @Test("what comes no more is soon not waited for")
    func decay() {
        var gathering = Gathering()
        _ = gathering.wanted(behind: busy)
        let one = RoundWeight(accepted: 2, decided: 5, settled: 3)
        let rounds = (1...20).first { _ in gathering.wanted(behind: one) == nil }
        #expect(rounds.map { $0 <= 10 } == true)
    }

    @Test("there is time for other things behind little, but not before a decision")
    func small() {
        #expect(RoundWeight(decided: 5, settled: 3).isSmall)
        #expect(!RoundWeight(accepted: 2, settled: 3).isSmall)
        #expect(!RoundWeight(decided: 129).isSmall)
    }

    @Test("a round's weight is that of its parts")
    func sums() {
        let part = { (part: Submission.Part, weight: Int) in
            Submission(weight: weight, part: part, write: { _ in {} }, fail: { _ in })
        }
        let round = [
            part(.accepted, 4), part(.decided, 6), part(.settled, 3), part(.other, 2),
            part(.accepted, 1), part(.settled, 5),
        ]
        #expect(
            RoundWeight(of: round) == RoundWeight(accepted: 5, decided: 6, settled: 8, other: 2))
    }
}
