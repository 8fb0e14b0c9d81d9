// The only clock of the program. It runs on the boot-time clock from a wall anchor, so that it
// never goes back: a wall that is set back leaves it running on, a wall that is set forward by
// more than `jump` takes it along (docs/decisions/0005). Everybody else is told what time it is.

package import Alerting
import Glibc
import Synchronization

/// Tells the time: the wall's, but never going back.
package final class Timekeeper: Sendable {
    private struct Anchor {
        /// Wall minus boot time, milliseconds.
        var offset: Int64
        var last: Int64
        var jumps = 0
    }
    private let anchor: Mutex<Anchor>
    private let wall: @Sendable () -> Int64
    private let boot: @Sendable () -> Int64
    /// The wall may drift by this against the boot clock before it is followed.
    private static let jump: Int64 = 5_000

    package convenience init() {
        self.init(
            wall: { Self.milliseconds(CLOCK_REALTIME) },
            boot: { Self.milliseconds(CLOCK_BOOTTIME) })
    }

    /// - Parameters: clocks in milliseconds; tests hand in their own.
    package init(
        wall: @escaping @Sendable () -> Int64, boot: @escaping @Sendable () -> Int64
    ) {
        self.wall = wall
        self.boot = boot
        let now = wall()
        anchor = Mutex(Anchor(offset: now - boot(), last: now))
    }

    /// Now: never earlier than any answer before.
    package func now() -> Instant {
        let wall = wall()
        let boot = boot()
        return anchor.withLock { anchor in
            let drift = wall - (boot + anchor.offset)
            if drift > Self.jump {
                anchor.offset += drift
                anchor.jumps += 1
            }
            anchor.last = max(anchor.last, boot + anchor.offset)
            return Instant(milliseconds: anchor.last)
        }
    }

    /// How far the wall is behind this clock; more than a few seconds means that it was set back.
    package var wallIsBehind: Duration {
        let now = now()
        return now - Instant(milliseconds: wall())
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
