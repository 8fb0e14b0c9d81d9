// The disk's own speed, so that a latency can be told without it: fdatasync after overwriting a
// block that is there already, which is what SQLite's WAL does in its steady state.

import Glibc

/// Times of fdatasync on the disk of a folder.
func measureDisk(in folder: String, count: Int = 400) throws -> Spread {
    let path = folder + "/fdatasync.probe"
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { throw BenchError("cannot write \(path): errno \(errno)") }
    defer {
        close(file)
        unlink(path)
    }
    let block = [UInt8](repeating: 7, count: 4_096)
    let blocks = 256
    for _ in 0..<blocks { _ = write(file, block, block.count) }
    fsync(file)
    var times: [UInt64] = []
    for number in 0..<count {
        let start = nanoseconds()
        _ = pwrite(file, block, block.count, off_t(number % blocks * block.count))
        fdatasync(file)
        times.append(nanoseconds() - start)
    }
    return Spread(times)
}
