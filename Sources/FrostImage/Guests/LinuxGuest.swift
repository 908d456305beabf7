package import Foundation
import FrostCore
package import FrostFormat
package import FrostSupport

/// A Linux kernel and what it is started with, laid out in guest memory.
package struct LinuxGuest: Sendable {
    package enum KernelEntry: String, Sendable, CaseIterable {
        /// Unpacked by us: nothing is decompressed inside the machine.
        case vmlinux
        /// As shipped: decompresses itself in guest memory.
        case bzimage
    }

    package let kernel: LinuxKernel
    package let initrd: [UInt8]
    package let commandLine: String

    package init(kernel: LinuxKernel, initrd: [UInt8], commandLine: String) {
        self.kernel = kernel
        self.initrd = initrd
        self.commandLine = commandLine
    }

    /// Reads the files.
    package init(kernel: URL, initrds: [URL], commandLine: String) throws {
        self.init(
            kernel: try LinuxKernel(Self.read(kernel)), initrd: Self.joined(try initrds.map(Self.read)),
            commandLine: commandLine)
    }

    /// Several initrds are one: each begins at a multiple of 4 bytes, as the kernel expects an archive to.
    /// - Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
    static func joined(_ initrds: [[UInt8]]) -> [UInt8] {
        initrds.reduce(into: []) { joined, initrd in
            joined += [UInt8](repeating: 0, count: -joined.count & 3)
            joined += initrd
        }
    }

    private static func read(_ file: URL) throws(Failure) -> [UInt8] {
        guard let data = try? Data(contentsOf: file) else { throw .unreadable(file.plainPath) }
        return [UInt8](data)
    }

    /// `note` is told when the wanted entry is not possible, and the other one is taken.
    package func guest(plan: MemoryPlan, entry wanted: KernelEntry, note: (String) -> Void) throws -> Guest {
        var memory = GuestMemory()
        LongMode.write(to: &memory)
        var instruction = kernel.preferredAddress + 0x200
        var kernelEnd = kernel.preferredAddress + kernel.initBytes
        if let executable = try wanted == .vmlinux ? unpacked(note: note) : nil {
            try memory.load(executable)
            instruction = executable.entry
            kernelEnd = max(
                kernelEnd, executable.segments.map { $0.physicalAddress + $0.memoryBytes }.max() ?? 0)
        } else {
            memory.write(kernel.protectedModePart, at: kernel.preferredAddress)
            kernelEnd = max(kernelEnd, kernel.preferredAddress + UInt64(kernel.protectedModePart.count))
        }

        // Where no initrd is, it does not matter how high the kernel would take one.
        let top = initrd.isEmpty ? plan.metaBase : min(plan.metaBase, kernel.initrdEnd)
        let page = UInt64(GuestMemory.pageBytes)
        let room = top > kernelEnd ? top - kernelEnd : 0
        guard UInt64(initrd.count) + page <= room else {
            let size = ByteCount(UInt64(initrd.count))
            throw top < plan.metaBase
                ? Failure.initrdTooHigh(kernelEnd: kernelEnd, initrd: size, highest: top)
                : Failure.noRoom(kernelEnd: kernelEnd, initrd: size, top: top, ram: plan.ram)
        }
        let initrdAddress = (top - UInt64(initrd.count)) / page * page
        memory.write(initrd, at: initrdAddress)

        let bootParameters = try BootParameters.write(
            commandLine, longest: kernel.commandLineBytes, to: &memory,
            page: parameters(initrdAddress: initrdAddress))
        return Guest(
            memory: memory,
            entry: Guest.Entry(
                isReal: false, instruction: instruction, stack: Guest.stack, pageTables: LongMode.pageTables,
                rsi: bootParameters, bootParameters: bootParameters))
    }

    private func unpacked(note: (String) -> Void) throws -> ELF64? {
        guard let compression = Compression(of: kernel.payload) else {
            note("The kernel's compression is not known to frost: it will unpack itself inside the machine.")
            return nil
        }
        do {
            let bytes = try compression.unpack(kernel.payload)
            do { return try ELF64(bytes) } catch { throw Failure.notUnpacked(compression.rawValue) }
        } catch Tool.Failure.missing(let tool) {
            note("\(Tool.Failure.missing(tool)) Until then the kernel unpacks itself inside the machine.")
            return nil
        }
    }

    /// Linux's `struct boot_params`, the "zero page". Its memory map is filled in at boot.
    /// - Source: Linux, Documentation/x86/zero-page.rst.
    private func parameters(initrdAddress: UInt64) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: GuestMemory.pageBytes)
        page.replaceSubrange(kernel.headerBytes, with: kernel.bytes[kernel.headerBytes])
        page[0x210] = 0xFF  // type_of_loader: one without a number
        page[0x211] |= 1  // loadflags: LOADED_HIGH
        page.store(UInt32(initrd.isEmpty ? 0 : initrdAddress), at: 0x218)  // ramdisk_image
        page.store(UInt32(initrd.count), at: 0x21C)  // ramdisk_size
        return page
    }

    package enum Failure: Explained, Equatable {
        case unreadable(String)
        case noRoom(kernelEnd: UInt64, initrd: ByteCount, top: UInt64, ram: ByteCount)
        case initrdTooHigh(kernelEnd: UInt64, initrd: ByteCount, highest: UInt64)
        case notUnpacked(String)

        package var exitCode: ExitCode {
            switch self {
            case .unreadable: .noSuchFile
            case .noRoom, .initrdTooHigh, .notUnpacked: .badInput
            }
        }

        package var description: String {
            switch self {
            case .unreadable(let path): "\(path) cannot be read. Check the path and its permissions."
            case .noRoom(let end, let initrd, let top, let ram):
                """
                The kernel needs memory up to \(end.hexadecimal), and the initrd of \(initrd.rounded) \
                does not fit between there and \(top.hexadecimal). \
                \(ram < MemoryPlan.highestTop ? "Give the machine more RAM with --ram." : "More RAM would lie above: give a smaller initrd.")
                """
            case .initrdTooHigh(let end, let initrd, let highest):
                """
                The kernel needs memory up to \(end.hexadecimal), and its header wants the initrd below \
                \(highest.hexadecimal): one of \(initrd.rounded) does not fit in between, whatever the RAM. \
                Give a smaller initrd, or a kernel that takes it higher.
                """
            case .notUnpacked(let format):
                """
                What the kernel holds packed (\(format)) is no 64-bit ELF executable. Use --kernel-entry bzimage: the \
                kernel then unpacks itself inside the machine.
                """
            }
        }
    }
}
