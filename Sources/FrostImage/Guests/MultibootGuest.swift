package import Foundation
package import FrostFormat
package import FrostSupport

/// A Multiboot kernel, its command line and its modules, laid out in guest memory.
///
/// It begins as a 64-bit guest does, in code of ours that is part of the guest: `images/loader/multiboot.asm` makes the
/// memory map of the one that the hypervisor fills in, and enters the kernel.
/// - Source: Multiboot Specification 0.6.96, "Boot information format".
package struct MultibootGuest: Sendable {
    /// Its text is the file's name, and what was given with it.
    package struct Module: Sendable, Equatable {
        package var text: String
        package var bytes: [UInt8]

        package init(text: String, bytes: [UInt8]) {
            (self.text, self.bytes) = (text, bytes)
        }
    }

    package let kernel: MultibootKernel
    package let modules: [Module]
    /// As the kernel gets it: its file's name first, as other loaders have it.
    package let commandLine: String

    // As in multiboot.asm. BootParameters lie below, LongMode's tables above.
    private static let starter: UInt64 = 0x9000
    private static let information: UInt64 = 0xA000
    private static let entry: UInt64 = 0xAFFC
    private static let memoryMap: UInt64 = 0xB000
    private static let moduleTable = information + 0x80
    private static let commandLineAddress: UInt64 = 0x8000

    // Of the information: memory, command line, modules, memory map, the loader's name.
    private static let flags: UInt32 = 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9
    private static let loaderName = "frostvisor"

    package init(kernel: MultibootKernel, name: String, modules: [Module], commandLine: String?) {
        (self.kernel, self.modules) = (kernel, modules)
        self.commandLine = ([name] + [commandLine].compactMap(\.self)).joined(separator: " ")
    }

    /// Reads the files. What stands behind the first space of a module is words for it, unless a file has all of it as name.
    package init(kernel: URL, modules: [String], commandLine: String?) throws {
        self.init(
            kernel: try MultibootKernel(Self.read(kernel)), name: kernel.lastPathComponent,
            modules: try modules.map(Self.module), commandLine: commandLine)
    }

    static func module(_ text: String) throws(Failure) -> Module {
        let whole = URL(filePath: text)
        let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard !FileManager.default.fileExists(atPath: whole.plainPath), parts.count == 2 else {
            return Module(text: whole.lastPathComponent, bytes: try read(whole))
        }
        let file = URL(filePath: String(parts[0]))
        return Module(text: "\(file.lastPathComponent) \(parts[1])", bytes: try read(file))
    }

    private static func read(_ file: URL) throws(Failure) -> [UInt8] {
        guard let data = try? Data(contentsOf: file) else { throw .unreadable(file.plainPath) }
        return [UInt8](data)
    }

    /// - Parameter starter: multiboot.asm, assembled.
    /// - Throws: ``Failure``, ``BootParameters/Failure``
    package func guest(plan: MemoryPlan, starter: [UInt8]) throws -> Guest {
        var memory = GuestMemory()
        LongMode.write(to: &memory)
        let bootParameters = try BootParameters.write(commandLine, to: &memory)
        memory.write(starter, at: Self.starter)
        for part in kernel.parts { memory.write(kernel.bytes[part.fileBytes], at: part.address) }

        let page = UInt64(GuestMemory.pageBytes)
        var next = kernel.end, rows: [UInt8] = [], texts: [UInt8] = []
        let textsAt = Self.moduleTable + UInt64(16 * modules.count)
        for module in modules {
            next = (next + page - 1) / page * page
            let end = next + UInt64(module.bytes.count)
            guard end <= plan.metaBase else { throw noRoom(end, plan) }
            memory.write(module.bytes, at: next)
            for word in [next, end, textsAt + UInt64(texts.count), 0] {
                rows += [UInt8](memoryOf: UInt32(word).littleEndian)
            }
            texts += Array(module.text.utf8) + [0]
            next = end
        }
        guard next <= plan.metaBase else { throw noRoom(next, plan) }
        texts += Array(Self.loaderName.utf8) + [0]
        guard textsAt + UInt64(texts.count) <= Self.entry else { throw Failure.manyModules(modules.count) }
        memory.write(rows + texts, at: Self.moduleTable)

        var information = [UInt8](repeating: 0, count: 88)
        information.store(Self.flags, at: 0)
        information.store(UInt32(Self.commandLineAddress), at: 16)
        information.store(UInt32(modules.count), at: 20)
        information.store(UInt32(Self.moduleTable), at: 24)
        information.store(UInt32(Self.memoryMap), at: 48)
        let name = textsAt + UInt64(texts.count - Self.loaderName.utf8.count - 1)
        information.store(UInt32(name), at: 64)
        memory.write(information, at: Self.information)
        memory.write([UInt8](memoryOf: kernel.entry.littleEndian), at: Self.entry)
        return Guest(
            memory: memory,
            entry: Guest.Entry(
                isReal: false, instruction: Self.starter, stack: Guest.stack, pageTables: LongMode.pageTables,
                rsi: bootParameters, bootParameters: bootParameters))
    }

    private func noRoom(_ end: UInt64, _ plan: MemoryPlan) -> Failure {
        .noRoom(end: end, top: plan.metaBase, ram: plan.ram)
    }

    package enum Failure: Explained, Equatable {
        case unreadable(String)
        case noRoom(end: UInt64, top: UInt64, ram: ByteCount)
        case manyModules(Int)

        package var exitCode: ExitCode {
            switch self {
            case .unreadable: .noSuchFile
            case .noRoom, .manyModules: .badInput
            }
        }

        package var description: String {
            switch self {
            case .unreadable(let path): "\(path) cannot be read. Check the path and its permissions."
            case .noRoom(let end, let top, let ram):
                """
                The kernel and its modules need memory up to \(end.hexadecimal), and the guest's ends at \
                \(top.hexadecimal). \
                \(ram < MemoryPlan.highestTop ? "Give the machine more RAM with --ram." : "More RAM would lie above: give smaller modules.")
                """
            case .manyModules(let count):
                "The texts of \(count.of("module")) do not fit in the page that holds them. Shorten them, or give fewer."
            }
        }
    }
}
