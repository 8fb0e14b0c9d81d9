// Files with people's data or a key in them are for their owner alone, whatever mode they had when
// they were put there: a copy that was put back has that of the copying.
import Foundation

/// Files that nobody but their owner may read.
package enum OwnersOnly {
    /// Takes a file from everybody else; one that is not there is left so.
    package static func take(_ path: String) throws(StoreError) {
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & 0o077 != 0 else { return }
        guard chmod(path, 0o600) == 0 else {
            let why = String(cString: strerror(errno))
            throw StoreError(
                .unusable,
                "\(path): others may read it, and that cannot be changed: \(why); make it this "
                    + "user's, with mode 600")
        }
    }
}
