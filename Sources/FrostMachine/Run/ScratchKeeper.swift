package import Foundation
import FrostSupport

/// Takes files and folders away after their use, and also when this process is killed: a small shell waits for that.
/// What lies in them may be plaintext.
package final class ScratchKeeper {
    private let shell: ChildProcess
    private var isDone = false

    /// - Throws: ``ChildProcess/Failure``
    package init(_ files: [URL]) throws {
        // It reads a line, or learns from the end of the pipe that nobody will write one.
        shell = try ChildProcess(
            URL(filePath: "/bin/sh"),
            ["-c", "read -r line; rm -rf -- \"$@\"", "sh"] + files.map(\.plainPath),
            input: .pipe, output: .none, error: .none)
    }

    /// Comes back when all is gone.
    package func clean() {
        guard !isDone else { return }
        isDone = true
        Descriptor.write([UInt8(ascii: "\n")], to: shell.input)
        _ = shell.end(waiting: true)
    }

    deinit { clean() }
}
