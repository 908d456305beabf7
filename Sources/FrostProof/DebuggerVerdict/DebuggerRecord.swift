package import Foundation
import FrostCore
package import FrostFormat
package import FrostImage
import FrostMachine
import FrostSupport
import Glibc

/// A run under Bochs that was recorded to be judged.
package struct DebuggerRecord {
    package let folder: RunFolder
    package let inputs: RecordInputs
    var devices: DeviceEvidence { DeviceEvidence(inputs, in: folder) }
    let image: BootImage
    let symbols: SymbolTable
    /// Nil when the run did not come to the hypervisor's ending.
    let ram: GuestRAM?

    /// - Parameter canaries: beside those that the record names.
    /// - Throws: ``CacheRecord/Failure``, ``SymbolTable/Failure`` or ``BootImage/Failure``
    package init(reading folder: URL, adding canaries: [Canary] = []) throws {
        self.folder = RunFolder(folder)
        (inputs, image) = try CacheRecord.read(self.folder.debuggerInputs, in: self.folder, adding: canaries)
        try image.requireNoSharing()
        symbols = try SymbolTable(reading: self.folder.symbols)
        let memory = self.folder.ram
        ram =
            FileManager.default.fileExists(atPath: memory.plainPath)
            ? try GuestRAM(memory, ram: image.plan.ram) : nil
    }

    package static func isThere(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: RunFolder(folder).debuggerInputs.plainPath)
    }

    /// The hypervisor's own view of its memory at the end.
    package func view() throws -> FrozenView? {
        guard let ram else { return nil }
        return try FrozenView(plan: image.plan, symbols: symbols) { try ram.read(at: $0, count: $1) }
    }

    /// Writes the verdict beside what it was made of.
    package func keep(_ verdict: DebuggerVerdict) throws {
        try withPrivateFiles { try Data(JSON.text(verdict).utf8).write(to: folder.verdict) }
    }
}
