// The only clock of the program. It runs on the boot-time clock from a wall anchor, so that it
// never goes back: a wall that is set forward by more than `jump` takes it along, behind one that
// is set back it goes at half its pace until they meet (docs/decisions/0005). Everybody else is
// told what time it is.

package import Alerting
import Foundation
import Glibc
import Synchronization

/// Tells the time: the wall's, but never going back.
package final class Timekeeper: Sendable {
    private struct Anchor {
        var last: Int64
        /// The boot clock when it was `last`.
        var boot: Int64
        /// When the wall was set forward, as it said then, and by how much; the last ones.
        var leaps: [(to: Int64, by: Int64)] = []
        var jumps = 0
        var leapt: Int64 = 0
    }
    private let anchor: Mutex<Anchor>
    private let clocks: Clocks
    /// The wall may differ by this before something is done about it.
    private static let jump: Int64 = 5_000
    private static let leapsKept = 64

    /// Both clocks at one moment, in milliseconds.
    package typealias Clocks = @Sendable () -> (wall: Int64, boot: Int64)

    package convenience init() {
        self.init { (Self.milliseconds(CLOCK_REALTIME), Self.milliseconds(CLOCK_BOOTTIME)) }
    }

    /// - Parameter clocks: tests hand in their own.
    package init(clocks: @escaping Clocks) {
        self.clocks = clocks
        let (wall, boot) = clocks()
        anchor = Mutex(Anchor(last: wall, boot: boot))
    }

    /// Now: never earlier than any answer before.
    package func now() -> Instant {
        // The clocks are read under the lock: two threads do not see each other's time go back.
        anchor.withLock { anchor in
            let (wall, boot) = clocks()
            let elapsed = boot - anchor.boot
            let ahead = anchor.last + elapsed - wall
            if ahead < -Self.jump {
                anchor.leaps.append((wall, -ahead))
                if anchor.leaps.count > Self.leapsKept { anchor.leaps.removeFirst() }
                anchor.leapt -= ahead
                anchor.last = wall
                anchor.boot += elapsed
                anchor.jumps += 1
            } else if ahead > Self.jump, wall < anchor.last + elapsed / 2 {
                anchor.last += elapsed / 2
                anchor.boot += elapsed / 2 * 2
            } else if ahead > Self.jump {
                // They have met since the last look.
                anchor.last = max(anchor.last, wall)
                anchor.boot += elapsed
            } else {
                anchor.last += elapsed
                anchor.boot += elapsed
            }
            return Instant(milliseconds: anchor.last)
        }
    }

    /// Goes on from a moment that stands on disk, where the wall says that it is earlier: else
    /// what was decided then would be due only when the wall has come there again.
    package func goOn(from moment: Instant) {
        anchor.withLock { $0.last = max($0.last, moment.milliseconds) }
    }

    /// How far the wall is behind this clock; more than a few seconds means that it was set back.
    package var wallIsBehind: Duration {
        let now = now()
        return now - Instant(milliseconds: clocks().wall)
    }

    /// By how much the wall was set forward in all.
    package var leapt: Duration { .milliseconds(anchor.withLock { $0.leapt }) }

    /// By how much of the time since a moment the wall was only set forward: no time passed.
    package func leapt(since moment: Instant) -> Duration {
        anchor.withLock { anchor in
            .milliseconds(
                anchor.leaps.filter { $0.to > moment.milliseconds }.map(\.by).reduce(0, +))
        }
    }

    /// How often the wall was set forward.
    package var jumps: Int { anchor.withLock { $0.jumps } }

    /// What the wall says: for log lines and for commands that run beside the relay.
    package static var wallTime: Instant { Instant(milliseconds: milliseconds(CLOCK_REALTIME)) }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
