// A relay holds a thousand connections, a database and its receivers at once; many systems let a
// process open 1 024 files unless it asks for more.

import Glibc

/// The process's bound on open files.
package enum OpenFiles {
    /// Asks for as many as the system lets this process have, within reason.
    package static func allowMany() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
        // A refusal leaves things as they were: then fewer connections fit, and the intake says so.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
