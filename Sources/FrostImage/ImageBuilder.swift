package import Foundation
import FrostFormat
package import FrostSupport

/// From a recipe, or from a Linux kernel, to a bootable image.
package struct ImageBuilder {
    private let tree: SourceTree
    private let toolchain: Toolchain
    private let progress: (String) -> Void

    /// From this many pages on, sealing takes long enough for a message.
    private static let largeGuestPages = 4096

    /// `progress` is told what goes on, a sentence at a time.
    package init(tree: SourceTree, progress: @escaping (String) -> Void = { _ in }) {
        self.tree = tree
        self.progress = progress
        toolchain = Toolchain(tree: tree, progress: progress)
    }

    /// Makes the image of a recipe. Options that are set override the recipe's values.
    @discardableResult
    package func make(_ recipe: Recipe, options: ImageOptions, at file: URL) throws -> ImageSummary {
        var options = options
        options.ram = options.ram ?? recipe.facts.ram
        options.frozen = options.frozen ?? recipe.facts.frozen
        options.commandLine = options.commandLine ?? recipe.facts.commandLine
        options.devices = options.devices ?? recipe.facts.devices
        options.ports = (recipe.facts.ports ?? []) + options.ports
        guard let size = recipe.facts.disk else {
            guard options.disk == DiskOrder() else { throw Failure.noDisk(recipe.name) }
            return try make(at: file, options: options) { plan in
                try guest(recipe, plan: plan, options: options)
            }
        }
        try options.check()
        let draft = try DiskDraft(for: file)
        defer { draft.remove() }
        progress("preparing \(recipe.name)")
        let files = try PreparedLinux(
            recipe, environment: draft.environment(options.disk, size: size))
        var summary = try make(linux: files.kernel, initrds: files.initrds, options: options, at: file)
        summary.disk = try draft.publish(files).disk.plainPath
        return summary
    }

    /// Reads and checks a kernel and its initrds, so that nobody is asked for a passphrase in vain.
    package func check(linux kernel: URL, initrds: [URL]) throws {
        _ = try LinuxGuest(kernel: kernel, initrds: initrds, commandLine: "")
    }

    /// Makes the image of a Linux kernel.
    @discardableResult
    package func make(
        linux kernel: URL, initrds: [URL], options: ImageOptions, at file: URL
    ) throws -> ImageSummary {
        try make(at: file, options: options) { plan in
            try linux(kernel, initrds: initrds, plan: plan, options: options)
        }
    }

    /// Makes the image of a Linux kernel whose system is on an encrypted disk.
    package func make(
        linux kernel: URL, initrds: [URL], on disk: AdoptedDisk, options: ImageOptions, at file: URL
    ) throws -> ImageSummary {
        var options = options
        options.devices = options.devices ?? .shared
        var summary = try disk.adopt(in: tree) { archive in
            try make(linux: kernel, initrds: initrds + [archive], options: options, at: file)
        }
        summary.disk = disk.disk.plainPath
        return summary
    }

    /// Reads and checks a Multiboot kernel and its modules.
    package func check(multiboot kernel: URL, modules: [String]) throws {
        _ = try MultibootGuest(kernel: kernel, modules: modules, commandLine: nil)
    }

    /// Makes the image of a Multiboot kernel.
    @discardableResult
    package func make(
        multiboot kernel: URL, modules: [String], options: ImageOptions, at file: URL
    ) throws -> ImageSummary {
        try make(at: file, options: options) { plan in
            try MultibootGuest(kernel: kernel, modules: modules, commandLine: options.commandLine)
                .guest(plan: plan, starter: toolchain.buildMultibootStarter())
        }
    }

    private func make(
        at file: URL, options: ImageOptions, guest makeGuest: (MemoryPlan) throws -> Guest
    ) throws -> ImageSummary {
        try options.check()
        // No other hypervisor has a way to freeze nothing, whatever a header asks of it.
        if options.freeze == .window, tree.fault != Fault.window {
            guard tree.fault == nil else { throw Failure.secondFault }
            return try Fault(named: Fault.window, in: tree).inject(into: tree) {
                try ImageBuilder(tree: $0, progress: progress).make(
                    at: file, options: options, guest: makeGuest)
            }
        }
        let plan = try MemoryPlan(
            ram: options.ram ?? ImageOptions.defaultRAM, frozen: options.frozen ?? ImageOptions.defaultFrozen)
        let hypervisor = try toolchain.buildHypervisor()
        guard hypervisor.memoryBytes < plan.frozen else {
            throw Failure.hypervisorTooLarge(hypervisor.memoryBytes, frozen: plan.frozen)
        }
        let guest = try makeGuest(plan)
        let key = ImageKey()
        var quarters = 0
        let sealed = try SealedGuest(guest.memory, plan: plan, key: key.raw) { fraction in
            let isLarge = guest.memory.pages.count > Self.largeGuestPages
            guard isLarge, Int(fraction * 4) > quarters else { return }
            quarters = Int(fraction * 4)
            progress("sealed \(quarters * 25) % of the guest")
        }
        let writer = ImageWriter(
            hypervisor: hypervisor, plan: plan, options: options, entry: guest.entry, guest: sealed, key: key,
            fault: tree.fault)
        let fileBytes = try writer.write(to: file)
        return ImageSummary(
            image: file.plainPath, fileBytes: fileBytes, hypervisorFileBytes: UInt64(hypervisor.binary.count),
            hypervisorMemoryBytes: hypervisor.memoryBytes.bytes, plan: plan, options: options,
            guestPages: guest.memory.filledIndexes.count, sealedPages: sealed.pageCount,
            runs: sealed.runs.count, fault: tree.fault)
    }

    /// Makes the image whose experiments tell what a CPU's caches do: no guest, no secret, nothing to choose.
    @discardableResult
    package func makeSilicon(at file: URL) throws -> SiliconSummary {
        let plan = try MemoryPlan(ram: SiliconSummary.ram, frozen: SiliconSummary.room)
        let program = try toolchain.buildSilicon(), key = ImageKey()
        let nothing = try SealedGuest(GuestMemory(), plan: plan, key: key.raw)
        let bytes = try ImageWriter(
            hypervisor: program, plan: plan, options: ImageOptions(), entry: nil, guest: nothing, key: key
        ).write(to: file)
        return SiliconSummary(
            image: file.plainPath, imageBytes: bytes, programBytes: UInt64(program.binary.count))
    }

    private func guest(_ recipe: Recipe, plan: MemoryPlan, options: ImageOptions) throws -> Guest {
        for source in recipe.sources where !FileManager.default.fileExists(atPath: source.plainPath) {
            throw Failure.incomplete(recipe.name, "there is no source \(source.lastPathComponent)")
        }
        switch recipe.facts.kind {
        case .long64:
            guard !recipe.sources.isEmpty else {
                throw Failure.incomplete(recipe.name, "a 64-bit guest has sources")
            }
            return try Guest(
                long64: toolchain.buildGuest(recipe.sources, from: recipe.folder),
                commandLine: options.commandLine)
        case .real:
            let source = try flatSource(of: recipe)
            guard options.commandLine == nil else { throw Failure.noCommandLine(recipe.name) }
            return try Guest(real: toolchain.buildFlat(source, from: recipe.folder))
        case .multiboot:
            let kernel = try MultibootKernel(toolchain.buildFlat(flatSource(of: recipe), from: recipe.folder))
            return try MultibootGuest(
                kernel: kernel, name: recipe.name, modules: recipe.modules.map(MultibootGuest.module),
                commandLine: options.commandLine
            ).guest(plan: plan, starter: toolchain.buildMultibootStarter())
        case .linux:
            progress("preparing \(recipe.name)")
            let files = try PreparedLinux(recipe)
            return try linux(files.kernel, initrds: files.initrds, plan: plan, options: options)
        }
    }

    private func flatSource(of recipe: Recipe) throws(Failure) -> URL {
        guard recipe.sources.count == 1, let source = recipe.sources.first else {
            throw .incomplete(recipe.name, "a guest of this kind has one assembly source")
        }
        return source
    }

    private func linux(_ kernel: URL, initrds: [URL], plan: MemoryPlan, options: ImageOptions) throws -> Guest
    {
        let linux = try LinuxGuest(
            kernel: kernel, initrds: initrds,
            commandLine: options.commandLine ?? ImageOptions.defaultCommandLine)
        progress("unpacking the kernel")
        return try linux.guest(plan: plan, entry: options.kernelEntry, note: progress)
    }

    /// What the guest of a recipe is made of, wherever its tools read it and its script fetched it.
    /// - Throws: as ``Toolchain``; ``Failure`` when the script fails.
    package func addGuest(of recipe: Recipe, to hash: inout ContentHash) throws {
        switch recipe.facts.kind {
        case .long64:
            hash.add(try toolchain.buildGuest(recipe.sources, from: recipe.folder).bytes)
        case .real:
            for source in recipe.sources { hash.add(try toolchain.buildFlat(source, from: recipe.folder)) }
        case .multiboot:
            for source in recipe.sources { hash.add(try toolchain.buildFlat(source, from: recipe.folder)) }
            hash.add(try toolchain.buildMultibootStarter())
            for module in try recipe.modules.map(MultibootGuest.module) { hash.add(module.bytes) }
        case .linux:
            guard recipe.facts.disk == nil else { throw Failure.ownDisk(recipe.name) }
            let files = try PreparedLinux(recipe)
            for file in [files.kernel] + files.initrds { try hash.add(file: file) }
        }
    }

    package enum Failure: Explained, Equatable {
        case hypervisorTooLarge(ByteCount, frozen: ByteCount)
        case incomplete(String, String)
        case unprepared(String, status: Int32)
        case noCommandLine(String)
        case secondFault
        /// For a recipe that makes none.
        case noDisk(String)
        /// Whose images have disks.
        case ownDisk(String)

        package var exitCode: ExitCode {
            switch self {
            case .hypervisorTooLarge, .noCommandLine, .secondFault, .noDisk, .ownDisk: .usage
            case .incomplete: .badInput
            case .unprepared(_, let status): ExitCode(rawValue: status) ?? .badInput
            }
        }

        package var description: String {
            switch self {
            case .hypervisorTooLarge(let bytes, let frozen):
                """
                The hypervisor alone takes \(bytes.rounded), more than a frozen region of \(frozen). Give it more \
                with --frozen.
                """
            case .incomplete(let name, let rule):
                "The recipe '\(name)' is incomplete: \(rule). Correct its guest.json."
            case .noCommandLine(let name):
                "'\(name)' starts in real mode and takes no command line. Leave out --append."
            case .noDisk(let name):
                "The recipe '\(name)' makes no disk. Leave out --package, --disk-size and --ssh-key."
            case .ownDisk(let name):
                "Each image of '\(name)' has a disk of its own, which a sweep gives to no machine. Leave it out."
            case .secondFault:
                "A hypervisor that freezes nothing has its fault already. Leave out --fault, or --freeze window."
            case .unprepared(let name, let status):
                "The recipe '\(name)' could not be prepared (status \(status)). Its script said why, above."
            }
        }
    }
}
