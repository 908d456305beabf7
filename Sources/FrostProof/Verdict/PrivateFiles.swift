import Glibc

/// Files that are made meanwhile are for their owner alone to read: those of a record hold plaintext and keys. By the
/// process's umask, and so for all of its threads.
func withPrivateFiles<Result>(_ body: () throws -> Result) rethrows -> Result {
    let mask = umask(0o077)
    defer { umask(mask) }
    return try body()
}
