// Time and order statistics. Nanoseconds of the monotonic clock everywhere: the generator and the
// sink are in one process, so their times compare.

import Foundation
import Glibc

/// Nanoseconds of the monotonic clock.
func nanoseconds() -> UInt64 { read(CLOCK_MONOTONIC) }

/// Nanoseconds of processor time that this thread has used.
func threadNanoseconds() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

private func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Durations in nanoseconds, sorted once.
struct Spread {
    private let sorted: [UInt64]

    init(_ values: [UInt64]) { sorted = values.sorted() }

    var count: Int { sorted.count }

    /// The value below which `percent` of all lie; 0 where there are none.
    func percentile(_ percent: Int) -> UInt64 {
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }
}

/// Nanoseconds as text in milliseconds.
func milliseconds(_ nanoseconds: UInt64) -> String {
    String(format: "%.3f", Double(nanoseconds) / 1e6)
}

/// Waits until something asked from outside is true.
/// - Throws: `BenchError` that names it, if it is not within the time.
func wait(for what: String, seconds: Int, until isTrue: () throws -> Bool) throws {
    let end = nanoseconds() + UInt64(seconds) * 1_000_000_000
    while try !isTrue() {
        guard nanoseconds() < end else { throw BenchError("\(what): not within \(seconds) s") }
        usleep(20_000)
    }
}
