import ArgumentParser
import Foundation
import FrostFormat
import FrostImage
import FrostSupport

struct MakeImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Seal a guest into a bootable disk image.",
        discussion: """
            RECIPE is a folder of images/, by name or by path. Options override the recipe's values.
            The freeze strategies nofill and waylock and the engine ring3 are planned; this version refuses them.
            """)

    enum KeySource: String, ExpressibleByArgument, CaseIterable {
        case console
        case embedded
    }

    @Argument(help: "The guest to build, as in images/.", completion: .recipe)
    var recipe: String?

    @Option(help: "A Linux kernel (bzImage), instead of a recipe.", completion: .file())
    var linux: String?

    @Option(
        help: "With --linux: the initial RAM disk. May be repeated: one is unpacked over the other.",
        completion: .file())
    var initrd: [String] = []

    @Option(
        help: """
            With --linux: an encrypted disk (LUKS) that this kernel and initial RAM disk start from, such as a Debian's. It \
            gets one more key, which is sealed into the image.
            """, completion: .file())
    var disk: String?

    @Option(help: "With --disk: what its /etc/crypttab calls it.")
    var diskName = "root"

    @Option(
        help:
            "With --disk: a file that opens the disk now, as cryptsetup --key-file takes it. (default: you are asked)",
        completion: .file())
    var diskKeyFile: String?

    @Option(
        help: "A kernel of Multiboot 1 (small kernels, Xen, kvm-unit-tests), instead of a recipe.",
        completion: .file())
    var multiboot: String?

    @Option(
        help: "With --multiboot: a module, and after a space words for it. May be repeated.",
        completion: .file())
    var module: [String] = []

    @Option(
        help: """
            The command line of Linux, of a Multiboot kernel or of a 64-bit guest. (default for --linux: \(ImageOptions.defaultCommandLine))
            """)
    var append: String?

    @Option(
        help: "RAM of the machine. (default for --linux: \(ImageOptions.defaultRAM))",
        transform: { try ByteCount(parsing: $0) })
    var ram: ByteCount?

    @Option(
        help: "Size of the frozen region. (default for --linux: \(ImageOptions.defaultFrozen))",
        transform: { try ByteCount(parsing: $0) })
    var frozen: ByteCount?

    @Option(help: "How the cache keeps the frozen region; window freezes nothing: a baseline that leaks.")
    var freeze = FreezeStrategy.fit

    @Option(
        help: """
            What the frozen region must fit, or the hypervisor refuses to start: the cache that the CPU tells of, or \
            nothing, since an emulator has none.
            """)
    var cache = CacheDemand.emulator

    @Option(help: "What may run the guest; any: what the CPU offers, of either vendor.")
    var engine = EngineChoice.any

    @Option(
        help: """
            Which page goes when a slot is needed; gclock-ahead also opens never-written pages together with their \
            neighbours, fifo is a stress mode.
            """)
    var policy = EvictionPolicy.gclockAhead

    @Option(
        help: """
            The kernel that seals and opens pages; auto: the widest that the CPU runs. Another one than aesni needs VAES.
            """)
    var cipher = CipherChoice.auto

    @Option(
        help: """
            Whether the guest may share pages with devices, as guests of SEV do: none or shared. (default for --linux: \
            none)
            """)
    var devices: DeviceSharing?

    @Option(
        name: .customLong("package"),
        help: "For a guest with a disk (debian): a package more. May be repeated.")
    var packages: [String] = []

    @Option(
        help: "For a guest with a disk: its size. (default: the recipe's)",
        transform: { try ByteCount(parsing: $0) })
    var diskSize: ByteCount?

    @Option(
        help: """
            For a guest with a disk: the public keys of who may log in by ssh. (default: yours in ~/.ssh; where there are \
            none, a new one beside the image)
            """, completion: .file())
    var sshKey: String?

    @Option(help: "The most slots to use; 0: all that fit.")
    var slots: UInt32 = 0

    @Option(
        name: .customLong("port"),
        help: ArgumentHelp(
            """
            I/O ports that the guest may reach besides those of every guest (docs/design/overview.md); repeatable, up to \
            \(PortRange.most).
            """, valueName: "first-last"),
        transform: { try PortRange(parsing: $0) })
    var ports: [PortRange] = []

    @Option(help: "Trace one exit in this many in full; 0: counters only.")
    var traceEvery: UInt32 = 16

    @Option(help: "How a Linux kernel is entered: unpacked by us, or as shipped.")
    var kernelEntry = LinuxGuest.KernelEntry.vmlinux

    @Option(help: "Who opens the image: a person at the console, or (demonstrations only) the image itself.")
    var keySource = KeySource.console

    @Option(help: "Take the passphrase from this file's only line.", completion: .file())
    var passphraseFile: String?

    @Option(help: "Rounds of PBKDF2 that a guess at the passphrase costs.")
    var kdfIterations = ImageKey.defaultIterations

    @Option(help: "Put a known fault into the hypervisor; the proof, an attack or a test must find it.")
    var fault: String?

    @Flag(
        help: """
            Make the image whose experiments tell what a PC's caches do, instead of a guest's: docs/guide/silicon.md.
            """)
    var silicon = false

    @Flag(help: "Say which faults there are for --fault.")
    var listFaults = false

    @Option(help: "How the summary is printed.")
    var format = OutputFormat.text

    @Option(name: .shortAndLong, help: "The image to write.", completion: .file(extensions: ["img"]))
    var output: String?

    func validate() throws {
        guard !listFaults || (recipe == nil && linux == nil && multiboot == nil) else {
            throw ValidationError("--list-faults makes no image: leave out the rest.")
        }
        guard !listFaults else { return }
        guard output != nil else { throw ValidationError("Name the image to write with -o.") }
        guard [recipe, linux, multiboot].compactMap(\.self).count + (silicon ? 1 : 0) == 1 else {
            throw ValidationError(
                "Give either a recipe's name, --linux VMLINUZ, --multiboot FILE or --silicon.")
        }
        guard !silicon || fault == nil else {
            throw ValidationError("--silicon has no hypervisor, and takes no --fault.")
        }
        guard disk == nil || !initrd.isEmpty else {
            throw ValidationError("--disk goes with --linux and --initrd; a recipe makes its own.")
        }
        guard diskKeyFile == nil || disk != nil else {
            throw ValidationError("--disk-key-file goes with --disk.")
        }
        guard initrd.isEmpty || linux != nil else {
            throw ValidationError("--initrd goes with --linux; a recipe brings its own.")
        }
        guard module.isEmpty || multiboot != nil else {
            throw ValidationError("--module goes with --multiboot; a recipe brings its own.")
        }
        guard recipe != nil || (packages.isEmpty && diskSize == nil && sshKey == nil) else {
            throw ValidationError(
                "--package, --disk-size and --ssh-key go with a recipe that makes a disk: debian.")
        }
        guard passphraseFile == nil || keySource == .console else {
            throw ValidationError("--passphrase-file goes with --key-source console.")
        }
    }

    func run() throws {
        let tree = try SourceTree()
        if listFaults { return try format.print(FaultList(tree)) }
        guard let name = fault else { return try make(in: tree) }
        let fault = try Fault(named: name, in: tree)
        Talk.say(fault.warning)
        try fault.inject(into: tree, make)
    }

    private func make(in tree: SourceTree) throws {
        let builder = ImageBuilder(tree: tree, progress: Talk.say)
        let file = URL(filePath: output ?? "")
        if silicon { return try format.print(builder.makeSilicon(at: file)) }
        var options = ImageOptions()
        (options.ram, options.frozen, options.commandLine) = (ram, frozen, append)
        (options.freeze, options.engine, options.policy) = (freeze, engine, policy)
        (options.cache, options.cipher, options.devices) = (cache, cipher, devices)
        (options.slotLimit, options.traceEvery, options.kernelEntry) = (slots, traceEvery, kernelEntry)
        options.ports = ports
        (options.disk.packages, options.disk.size) = (packages, diskSize)
        options.disk.loginKeys = sshKey.map { URL(filePath: $0) }
        try options.check()
        if let linux = linux.map({ URL(filePath: $0) }) {
            let initrds = initrd.map { URL(filePath: $0) }
            try builder.check(linux: linux, initrds: initrds)
            let adopted = try disk.map {
                try AdoptedDisk(
                    URL(filePath: $0), name: diskName, key: diskKeyFile.map { URL(filePath: $0) })
            }
            options.key = try key()
            try format.print(
                try adopted.map {
                    try builder.make(linux: linux, initrds: initrds, on: $0, options: options, at: file)
                } ?? builder.make(linux: linux, initrds: initrds, options: options, at: file))
        } else if let kernel = multiboot.map({ URL(filePath: $0) }) {
            try builder.check(multiboot: kernel, modules: module)
            options.key = try key()
            try format.print(try builder.make(multiboot: kernel, modules: module, options: options, at: file))
        } else if let name = recipe {
            let recipe = try Recipe(named: name, in: tree)
            options.key = try key()
            try format.print(try builder.make(recipe, options: options, at: file))
        }
    }

    private func key() throws -> ImageKey.Source {
        switch keySource {
        case .embedded:
            Talk.say(
                """
                WARNING: --key-source embedded writes the key into the image in the clear. Anyone who has the \
                file has the guest. For demonstrations and tests only.
                """)
            return .embedded
        case .console:
            let passphrase =
                try passphraseFile.map { try Passphrase(file: URL(filePath: $0)) } ?? Terminal.newPassphrase()
            return .passphrase(passphrase, iterations: kdfIterations)
        }
    }
}
