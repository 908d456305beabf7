import Foundation
import FrostFormat
import FrostSupport
import Glibc

/// Follows what Bochs's debugger says, and answers it whenever it waits.
///
/// It says everything in a file of its own; a prompt, on standard output, would be lost between the drawings of the
/// curses screen.
package final class BochsDebugger {
    private let log: Int32
    private let input: Int32
    private let folder: RunFolder
    private let dump: RAMDump
    private var script: DebuggerScript
    private var answered: off_t = 0

    /// Longer than what it says of one stop.
    private static let tailBytes = 1024

    /// - Parameter folder: has the file that Bochs will write to, empty.
    init(_ folder: RunFolder, input: Int32, dump: RAMDump, script: DebuggerScript) {
        log = open(folder.accessTrace.plainPath, O_RDONLY | O_CLOEXEC)
        (self.folder, self.input, self.dump, self.script) = (folder, input, dump, script)
    }

    deinit {
        close(log)
    }

    /// After the run. Why there is no memory in the folder, if there is none.
    func keepMemory() -> [String] {
        if script.hasDumped && dump.finish(folder.ram) { return [] }
        unlink(folder.ram.plainPath)
        return [
            script.hasDumped
                ? "Bochs could not write the machine's memory to \(folder.ram.plainPath): the disk is full, or the CPU has no pages of 1 GiB."
                : "The run did not come to the hypervisor's ending: the machine's memory was not kept."
        ]
    }

    /// Costs next to nothing while the machine runs.
    func look() {
        let end = lseek(log, 0, SEEK_END)
        guard end > answered else { return }
        let start = max(answered, end - off_t(Self.tailBytes))
        var bytes = [UInt8](repeating: 0, count: Int(end - start))
        guard pread(log, &bytes, bytes.count, start) == bytes.count, let stop = Self.stop(in: bytes) else {
            return
        }
        answered = end
        let text = script.answer(stop).map { $0 + "\n" }.joined()
        Descriptor.write([UInt8](text.utf8), to: input)
    }

    /// The stop that a text ends with; nil while the machine runs.
    ///
    ///     (0) Breakpoint 1, 0xffffffff800085b0 in ?? ()
    ///     Next at t=5589316
    ///     (0) [0x000000e085b0] 0008:ffffffff800085b0 (unk. ctxt): push r15                  ; 4157
    package static func stop(in bytes: [UInt8]) -> DebuggerScript.Stop? {
        guard bytes.last == UInt8(ascii: "\n") else { return nil }
        let lines = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        guard lines.count >= 2, lines[lines.count - 1].hasPrefix("(0)"),
            lines[lines.count - 2].hasPrefix("Next at t="),
            let instant = UInt64(lines[lines.count - 2].dropFirst("Next at t=".count))
        else { return nil }
        let why = lines.count > 2 ? lines[lines.count - 3] : ""
        let breakpoint =
            why.hasPrefix("(0) Breakpoint ")
            ? why.split(separator: " ").first { $0.hasPrefix("0x") }.flatMap {
                UInt64($0.dropFirst(2), radix: 16)
            }
            : nil
        return .init(breakpoint: breakpoint, instant: instant)
    }
}
