/// An error that a user can read: what happened, where, what to do next; and the exit code it deserves.
package protocol Explained: Error, CustomStringConvertible, Sendable {
    var exitCode: ExitCode { get }
}
