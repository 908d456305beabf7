package import Foundation
import FrostCore
package import FrostFormat
package import FrostSupport

/// nasm and the Swift toolchain's clang, ld.lld and llvm-objcopy: sources to the hypervisor, and to guests.
///
/// What is built lies in a folder named by a hash of flags, tools, sources and all else that the tools read, so nothing is
/// built twice and a half-built folder is never found. The same holds for each object file: hypervisors with a fault
/// share all but one or two.
package struct Toolchain {
    package let tree: SourceTree
    /// Told of work that takes a while.
    let progress: (String) -> Void

    package init(tree: SourceTree, progress: @escaping (String) -> Void = { _ in }) {
        self.tree = tree
        self.progress = progress
    }

    static let compilerFlags = [
        "-target", "x86_64-unknown-none-elf", "-std=gnu23", "-O2", "-g", "-ffreestanding", "-nostdlibinc",
        "-fno-stack-protector", "-fno-pic", "-fno-pie", "-mno-red-zone", "-mgeneral-regs-only",
        "-fomit-frame-pointer", "-ffunction-sections", "-Wall", "-Wextra", "-Wconversion", "-Wassign-enum",
        "-Wmissing-prototypes", "-Wdate-time", "-Werror",
        // Neither where it is built nor where frost was called is in what is built.
        "-ffile-compilation-dir=.",
    ]
    /// The hypervisor's files are optimised as one program, but those that say otherwise in a line of their own: files
    /// that handle secrets, whose functions' stack and registers must not become part of another's, for one.
    private static let optimizedAcrossFiles = ["-flto"]
    private static let compiledAloneMark = "/* compiled alone: "
    private static let linkerFlags = ["-z", "max-page-size=4096", "--gc-sections", "-static"]
    private static let flatSources = ["boot/bios/sector.asm", "boot/bios/loader.asm"]
    /// UEFI's: Microsoft's calling convention and object format. The loader's code is copied to where it runs, so no
    /// table of it may lie elsewhere.
    private static let applicationFlags = [
        "-target", "x86_64-unknown-windows", "-fno-jump-tables", "-fno-asynchronous-unwind-tables",
        "-mno-stack-arg-probe",
    ]
    private static let applicationFolder = "boot/uefi/"
    private static let applicationSources = [
        "boot/uefi/loader.c", "boot/uefi/event_log.c", "boot/uefi/leave.asm", "cpu/runtime.c",
    ]
    static let application = "loader.efi"

    // MARK: the hypervisor

    /// - Throws: ``Tool/Failure`` when a tool is missing, or refuses a source.
    package func buildHypervisor() throws -> Hypervisor {
        let folder = try hypervisorFolder()
        let symbols = folder.appending(path: "frostvisor.elf")
        return try Hypervisor(
            sector: read(folder, "sector.bin"), loader: read(folder, "loader.bin"),
            application: EFIApplication(read(folder, Self.application)),
            binary: read(folder, "frostvisor.bin"),
            memoryBytes: ByteCount(ELF64([UInt8](Data(contentsOf: symbols))).memoryBytes), symbols: symbols)
    }

    /// Where the hypervisor was built, loaders and `layout.inc` among it.
    func hypervisorFolder() throws -> URL {
        let sources = try files(under: tree.hypervisor, extensions: ["c", "h", "asm", "inc", "ld"])
        let flags = Self.compilerFlags + Self.optimizedAcrossFiles
        return try cache().built("hypervisor", from: sources, flags: flags) { folder in
            progress("building the hypervisor")
            try buildHypervisor(from: sources, into: folder)
        }
    }

    /// Where things lie in the hypervisor of an image: this tree's, or that of its fault.
    /// - Throws: as ``symbolFile(of:)``.
    package func symbols(of image: BootImage) throws -> SymbolTable {
        try SymbolTable(reading: symbolFile(of: image))
    }

    /// The hypervisor of an image as an ELF file with symbols and source lines.
    /// - Throws: ``Failure/otherHypervisor(_:)``, or as ``buildHypervisor()``.
    package func symbolFile(of image: BootImage) throws -> URL {
        if let symbols = try ownSymbols(of: image) { return symbols }
        if let fault = try image.fault(in: tree) {
            let symbols = try fault.inject(into: tree) {
                try Toolchain(tree: $0, progress: progress).ownSymbols(of: image)
            }
            if let symbols { return symbols }
        }
        throw Failure.otherHypervisor(image.file.plainPath)
    }

    /// nil when the image has another hypervisor.
    private func ownSymbols(of image: BootImage) throws -> URL? {
        let hypervisor = try buildHypervisor()
        return hypervisor.isThat(of: image) ? hypervisor.symbols : nil
    }

    /// Whether these sources give an image's hypervisor, byte by byte.
    /// - Parameter anew: nothing counts that was built before.
    package func builds(_ image: BootImage, anew: Bool) throws -> Bool {
        guard anew else { return try buildHypervisor().isThat(of: image) }
        let scratch = tree.build.appending(path: "rebuild-\(UUID().uuidString)", directoryHint: .isDirectory)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let elsewhere = SourceTree(root: scratch, hypervisor: tree.hypervisor, fault: tree.fault)
        return try Toolchain(tree: elsewhere, progress: progress).buildHypervisor().isThat(of: image)
    }

    private func buildHypervisor(from sources: [URL], into folder: URL) throws {
        let includes = ["-I", tree.hypervisor.plainPath, "-I", tree.coreHeaders.plainPath]
        let layout = tree.hypervisor.appending(path: "layout.c")
        let headers = sources.filter { $0.pathExtension == "h" }
        let layoutProgram = folder.appending(path: "layout")
        try runClang(["-std=gnu23"] + includes, layout, headers: headers, into: layoutProgram)
        let printer = try ChildProcess(layoutProgram, [])
        let printed = printer.collect()
        guard printed.end.isSuccess else { throw Failure.layoutFailed }
        try Data(printed.output).write(to: folder.appending(path: "layout.inc"))

        for name in Self.flatSources {
            let source = tree.hypervisor.appending(path: name)
            let binary = source.deletingPathExtension().lastPathComponent + ".bin"
            try assemble(
                source, below: tree.hypervisor, as: "bin", into: folder.appending(path: binary),
                includes: [folder])
        }
        try buildApplication(into: folder, includes: includes, headers: headers)
        let flat = Set(Self.flatSources.map { tree.hypervisor.appending(path: $0).plainPath })
        let alone = try Set(sources.filter { $0.pathExtension == "c" }.filter(isCompiledAlone))
        guard !alone.isEmpty else { throw Failure.noneCompiledAlone }
        var objects: [URL] = []
        let uefi = tree.hypervisor.appending(path: Self.applicationFolder).plainPath
        for source in sources
        where source != layout && !flat.contains(source.plainPath) && !source.plainPath.hasPrefix(uefi) {
            let object = folder.appending(path: objectName(source, below: tree.hypervisor))
            switch source.pathExtension {
            case "c":
                let optimized = alone.contains(source) ? [] : Self.optimizedAcrossFiles
                try compile(
                    source, ["-mcmodel=kernel"] + optimized + includes, headers: headers, into: object)
            case "asm":
                try assemble(
                    source, below: tree.hypervisor, as: "elf64", into: object,
                    includes: [folder, tree.hypervisor])
            default: continue
            }
            objects.append(object)
        }
        let script = tree.hypervisor.appending(path: "frostvisor.ld")
        let linked = folder.appending(path: "frostvisor.elf")
        let base = "--defsym=HYPERVISOR_BASE=\(UInt64(HYPERVISOR_BASE))"
        try link(objects, [base], script: script, into: linked)
        try Tool.objcopy.run(
            ["-O", "binary", linked.plainPath, folder.appending(path: "frostvisor.bin").plainPath],
            for: "flatten the hypervisor")
    }

    /// - Parameters:
    ///   - more: sources behind the loader's, whose code must stay first.
    ///   - entry: the function that firmware calls.
    ///   - layout: the folder of `layout.inc`.
    func buildApplication(
        into folder: URL, includes: [String], headers: [URL], more: [URL] = [], entry: String = "efi_main",
        layout: URL? = nil
    ) throws {
        let sources = Self.applicationSources.map { tree.hypervisor.appending(path: $0) } + more
        let objects = try sources.map { source in
            let object = folder.appending(path: "uefi_" + objectName(source, below: tree.hypervisor))
            if source.pathExtension == "c" {
                try compile(source, Self.applicationFlags + includes, headers: headers, into: object)
            } else {
                try assemble(
                    source, below: tree.hypervisor, as: "win64", into: object,
                    includes: [layout ?? folder, tree.hypervisor])
            }
            return object
        }
        try Tool.peLinker.run(
            [
                "-subsystem:efi_application", "-entry:\(entry)", "-nodefaultlib", "-Brepro",
                "-out:\(folder.appending(path: Self.application).plainPath)",
            ] + objects.map(\.plainPath), for: "link \(Self.application)")
    }

    private func isCompiledAlone(_ source: URL) throws -> Bool {
        try String(contentsOf: source, encoding: .utf8).split(separator: "\n")
            .contains { $0.hasPrefix(Self.compiledAloneMark) && $0.hasSuffix("*/") }
    }

    // MARK: guests

    /// A `long64` guest, linked with what `images/common` offers.
    package func buildGuest(_ sources: [URL], from folder: URL) throws -> ELF64 {
        let common = try files(under: tree.commonGuestSources, extensions: ["c", "h", "asm", "ld"])
        let own = try files(under: folder, extensions: ["c", "h", "asm", "inc"])
        let name = "guest-\(folder.lastPathComponent)"
        let headers = try files(under: tree.coreHeaders, extensions: ["h"])
        let flags = Self.compilerFlags + sources.map(tree.shown)
        let built = try cache().built(name, from: common + own + headers, flags: flags) {
            output in
            progress("building guest \(folder.lastPathComponent)")
            let includeFolders = [folder, tree.commonGuestSources]
            let includes = (includeFolders + [tree.coreHeaders]).flatMap { ["-I", $0.plainPath] }
            let allHeaders = (common + own).filter { $0.pathExtension == "h" } + headers
            var objects: [URL] = []
            for source in common.filter({ ["c", "asm"].contains($0.pathExtension) }) + sources {
                let object = output.appending(path: objectName(source, below: tree.root))
                if source.pathExtension == "c" {
                    try compile(
                        source, ["-mcmodel=small"] + includes, headers: allHeaders, into: object)
                } else {
                    try assemble(
                        source, below: source.deletingLastPathComponent(), as: "elf64", into: object,
                        includes: includeFolders)
                }
                objects.append(object)
            }
            let script = tree.commonGuestSources.appending(path: "guest.ld")
            try link(objects, script: script, into: output.appending(path: "guest.elf"))
        }
        return try ELF64(read(built, "guest.elf"))
    }

    /// A `real` guest: one flat binary, with the includes that `images/common` offers.
    package func buildFlat(_ source: URL, from folder: URL) throws -> [UInt8] {
        let includes = [folder, tree.commonGuestSources]
        let own = try files(under: folder, extensions: ["asm", "inc"])
        let common = try files(under: tree.commonGuestSources, extensions: ["inc"])
        let flags = ["bin", tree.shown(source)]
        let built = try cache().built(
            "guest-\(folder.lastPathComponent)", from: common + own, flags: flags
        ) {
            output in
            progress("building guest \(folder.lastPathComponent)")
            try assemble(
                source, below: folder, as: "bin", into: output.appending(path: "guest.bin"),
                includes: includes)
        }
        return try read(built, "guest.bin")
    }

    /// What enters a Multiboot kernel.
    package func buildMultibootStarter() throws -> [UInt8] {
        let folder = tree.images.appending(path: "loader", directoryHint: .isDirectory)
        return try buildFlat(folder.appending(path: "multiboot.asm"), from: folder)
    }

    // MARK: steps

    func cache() throws -> BuildCache {
        BuildCache(
            tree: tree, tools: try [Tool.clang, .nasm, .linker, .peLinker, .objcopy].map { try $0.locate() })
    }

    func compile(
        _ source: URL, _ flags: [String], headers: [URL], into object: URL
    ) throws {
        let pathMaps = [
            "-ffile-prefix-map=\(tree.root.plainPath)=.",
            "-ffile-prefix-map=\(tree.hypervisor.plainPath)=./hypervisor/",
        ]
        try runClang(
            Self.compilerFlags + pathMaps + flags + ["-c"], source, headers: headers, into: object)
    }

    /// Unless it has made the same before.
    /// - Parameter headers: by name. A new one may be found where an include meant another, which the files that were
    ///   read do not tell.
    private func runClang(_ flags: [String], _ source: URL, headers: [URL], into output: URL) throws {
        let key = flags.map(tree.shown) + headers.map(tree.shown)
        try cache().make(output, from: source, flags: key) { draft in
            try Tool.clang.run(
                flags + ["-MD", "-MF", draft.plainPath + ".d", source.plainPath, "-o", draft.plainPath],
                for: "compile \(tree.shown(source))")
        }
    }

    /// Works in `folder`, and names its files from there: nasm has nothing like clang's path maps, and puts the whole
    /// path of a source's folder into debug information, which is therefore left out.
    func assemble(
        _ source: URL, below folder: URL, as format: String, into output: URL, includes: [URL]
    ) throws {
        func named(_ file: URL) -> String {
            let path = file.plainPath, own = folder.plainPath
            let prefix = own.hasSuffix("/") ? own : own + "/"
            return path.hasPrefix(prefix) ? "./" + path.dropFirst(prefix.count) : path
        }
        let paths = includes.flatMap {
            ["-I", named(URL(filePath: $0.plainPath, directoryHint: .isDirectory))]
        }
        let rule = output.appendingPathExtension("d")
        try Tool.nasm.run(
            ["-f", format, "-MD", "-MF", rule.plainPath, "-Werror"] + paths
                + [named(source), "-o", output.plainPath],
            for: "assemble \(tree.shown(source))", in: folder)
        // nasm 2.16.01 names in its rule what incbin reads, but not what %include does; with -M alone it names both, but
        // refuses a %rep that counts by symbols.
        let read = BuildInputs.prerequisites(of: try String(contentsOf: rule, encoding: .utf8))
            .map { URL(filePath: $0, relativeTo: folder).standardizedFileURL }
        let included = BuildInputs.included(by: source, from: includes)
        try Data(BuildInputs.rule(for: output, of: read + included).utf8).write(to: rule)
    }

    func link(_ objects: [URL], _ flags: [String] = [], script: URL, into output: URL) throws {
        let inputs = objects.map(\.plainPath)
        try Tool.linker.run(
            ["-T", script.plainPath, "--dependency-file=\(output.plainPath).d"] + Self.linkerFlags + flags
                + ["-o", output.plainPath] + inputs,
            for: "link \(output.lastPathComponent)")
    }

    func files(under folder: URL, extensions: Set<String>) throws -> [URL] {
        let names =
            FileManager.default.enumerator(atPath: folder.plainPath)?.compactMap { $0 as? String } ?? []
        return names.filter { extensions.contains(URL(filePath: $0).pathExtension) }.sorted()
            .map { folder.appending(path: $0) }
    }

    func objectName(_ source: URL, below folder: URL) -> String {
        source.plainPath.replacing(folder.plainPath, with: "").replacing("/", with: "_") + ".o"
    }

    func read(_ folder: URL, _ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    package enum Failure: Explained, Equatable {
        case layoutFailed
        case noneCompiledAlone
        case otherHypervisor(String)

        package var exitCode: ExitCode {
            switch self {
            case .layoutFailed, .noneCompiledAlone: .ourBug
            case .otherHypervisor: .badInput
            }
        }

        package var description: String {
            switch self {
            case .layoutFailed:
                "The program that hypervisor/layout.c became failed. Check that programs may run in .build/."
            case .noneCompiledAlone:
                """
                No file of hypervisor/ has a line "\(Toolchain.compiledAloneMark)... */", but files that handle secrets \
                must. Give them that line again.
                """
            case .otherHypervisor(let path):
                "\(path) holds another hypervisor than these sources build. Make the image again."
            }
        }
    }
}
