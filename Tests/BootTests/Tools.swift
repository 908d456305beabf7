import Foundation
import FrostCore
import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostProof
import FrostSupport
import Glibc
import Testing

extension Hook {
    /// Looks again and again while the guest runs. The machine may be gone by the time that one begins.
    static func watch(
        every period: Duration, _ action: @escaping (Machine) throws -> Void
    ) -> Hook {
        Hook(.every(period)) { machine in
            guard machine.trace.hasLaunched else { return }
            do { try action(machine) } catch QMP.Failure.gone, QMP.Failure.noConnection {}
        }
    }
}

extension FrozenView {
    init(_ machine: Machine) throws {
        try self.init(machine, symbols: Toolchain(tree: BootTests.tree()).symbols(of: machine.image))
    }
}

extension ChildProcess {
    /// Reads what it says until a text has come.
    func waitForOutput(_ text: String) throws {
        var said = ""
        while !said.contains(text) {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &bytes, bytes.count)
            try #require(count > 0, "frost went away")
            said += String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }
}

extension Machine {
    func home(_ address: UInt64) throws -> [UInt8] {
        try ram.read(at: address, count: Int(PAGE_BYTES))
    }

    func flipBit(at address: UInt64) throws {
        try ram.write(try ram.read(at: address, count: 1).map { $0 ^ 0x10 }, at: address)
    }
}

extension Sealed {
    /// Keys and markers that a run's memory still holds after its end; the run was recorded in `run`.
    func leftovers(_ keys: [(String, [UInt8])]) throws -> [MemorySearch.Find] {
        let memory = [UInt8](try Data(contentsOf: RunFolder(scratch.file("run")).ram))
        return MemorySearch(named: keys).finds(in: memory) + MemorySearch(Markers.parts).finds(in: memory)
    }

    /// The image with some bytes changed.
    func copy(to file: URL, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = [UInt8](try Data(contentsOf: image.file))
        change(&bytes)
        try Data(bytes).write(to: file)
    }

    /// The image with a changed header whose checksum is right again: what a thief would do.
    func copyWithHeader(to file: URL, _ change: (inout image_header) -> Void) throws {
        var header = image.header
        change(&header)
        try copy(to: file) { bytes in
            withUnsafeBytes(of: header) { bytes.replaceSubrange(512..<512 + $0.count, with: $0) }
            BootImage.mendChecksum(of: &bytes)
        }
    }
}
