import Foundation
import FrostCore
import FrostFormat
import FrostSupport

extension Toolchain {
    /// Of the hypervisor's files those that the experiments use as they are.
    private static let borrowed = [
        "cpu/runtime.c", "core/bytes.c", "devices/acpi.c", "devices/apic.c", "freeze/freeze.c",
    ]
    /// Part of the UEFI application, not of the program.
    private static let screenFinder = "uefi_screen.c"

    /// The program of `silicon/`, with the loaders that start the hypervisor.
    /// - Throws: as ``buildHypervisor()``.
    package func buildSilicon() throws -> Hypervisor {
        let hypervisor = try hypervisorFolder()
        let extensions: Set = ["c", "h", "asm", "ld"]
        let own = try files(under: tree.silicon, extensions: extensions)
        let theirs = try files(under: tree.hypervisor, extensions: extensions.union(["inc"]))
        let folder = try cache().built("silicon", from: own + theirs, flags: Self.compilerFlags) { folder in
            progress("building the experiments")
            try build(own, borrowing: theirs, layout: hypervisor, into: folder)
        }
        let linked = folder.appending(path: "silicon.elf")
        return try Hypervisor(
            sector: read(hypervisor, "sector.bin"), loader: read(hypervisor, "loader.bin"),
            application: EFIApplication(read(folder, Self.application)),
            binary: read(folder, "silicon.bin"),
            memoryBytes: ByteCount(ELF64([UInt8](Data(contentsOf: linked))).memoryBytes), symbols: linked)
    }

    private func build(_ own: [URL], borrowing theirs: [URL], layout: URL, into folder: URL) throws {
        let headers = (own + theirs).filter { $0.pathExtension == "h" }
        let results = tree.silicon.appending(path: "result/include").plainPath
        let includes = [
            tree.silicon.plainPath, results, tree.hypervisor.plainPath, tree.coreHeaders.plainPath,
        ]
        .flatMap { ["-I", $0] }
        let finder = tree.silicon.appending(path: Self.screenFinder)
        try buildApplication(
            into: folder, includes: includes, headers: headers, more: [finder], entry: "silicon_main",
            layout: layout)
        var objects: [URL] = []
        let borrowed = Self.borrowed.map { tree.hypervisor.appending(path: $0) }
        for source in own.filter({ $0 != finder }) + borrowed {
            let object = folder.appending(path: objectName(source, below: tree.root))
            switch source.pathExtension {
            case "c": try compile(source, ["-mcmodel=kernel"] + includes, headers: headers, into: object)
            case "asm":
                try assemble(
                    source, below: tree.silicon, as: "elf64", into: object,
                    includes: [layout, tree.hypervisor])
            default: continue
            }
            objects.append(object)
        }
        let script = tree.silicon.appending(path: "silicon.ld"),
            linked = folder.appending(path: "silicon.elf")
        try link(
            objects, ["--defsym=HYPERVISOR_BASE=\(UInt64(HYPERVISOR_BASE))"], script: script, into: linked)
        try Tool.objcopy.run(
            ["-O", "binary", linked.plainPath, folder.appending(path: "silicon.bin").plainPath],
            for: "flatten the experiments")
    }
}
