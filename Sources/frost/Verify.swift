import ArgumentParser
import Foundation
import FrostFormat
import FrostHost
import FrostImage
import FrostMachine
import FrostProof
import FrostSupport

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prove that no plaintext and no key reached DRAM in a run, or show the leak.",
        discussion: """
            Given an image, it is booted under QEMU with a model of the CPU's cache, and every access is fed to the \
            model; then the record is judged. Given the folder of such a run, it is judged again: the same record \
            gets the same verdict. What a verdict means, and how to check one by hand: docs/guide/proof.md.

            With --platform bochs there is no model: Bochs's debugger tells each access in some stretches of the run, \
            and memory at its end, and both are held against the same rules. The answer to that is less, and is \
            called no-violation, violation or not-judged: docs/design/debugger-verdict.md.

            A record holds the guest's memory and keys in the clear. Without --record it is deleted afterwards.

            Exit codes: 0 proven or no violation, 1 leaked or a violation, 2 not provable here or not judged; others \
            as for frost run.
            """)

    @Argument(help: "An image, or the folder of a recorded run.", completion: .file())
    var subject: String?

    @Option(
        help: "A cache that exists; see --list-presets. (default: the smallest that holds the region)",
        completion: .list(CacheChoice.names))
    var preset: String?

    @Option(help: "A cache of one's own, as SIZE:WAYS:LINE, such as 64MiB:16:64.")
    var cache: String?

    @Option(help: "With --cache: whose rules apply.")
    var vendor: CacheChoice.Vendor?

    @Option(help: "How a victim is chosen in a full set. (default: the preset's, else tree-plru)")
    var replacement: CacheChoice.Replacement?

    @Option(help: "Of random replacement.")
    var seed: UInt64 = 1

    @Flag(help: "Say which presets there are.")
    var listPresets = false

    @Flag(help: "Run also when the region does not fit the cache: the leak shows.")
    var force = false

    @Option(
        help: "What the guest keeps secret: text, or 0x and hexadecimal digits. May be repeated.",
        transform: { try Canary(parsing: $0) })
    var canary: [Canary] = []

    @Option(help: "Type the passphrase from this file's only line.", completion: .file())
    var passphraseFile: String?

    @Option(help: "What runs the image: qemu-tcg and libvirt have the model, bochs the debugger.")
    var platform = Platform.qemuTCG

    @Option(
        help: "With --platform bochs: intel, amd, or a model as Bochs spells it. (default: as for frost run)",
        transform: { try CPUChoice(parsing: $0) })
    var cpu: CPUChoice?

    @Option(help: "With --platform bochs: how many pages' sealings and openings begin a window.")
    var windows = AccessWindows().pages

    @OptionGroup var libvirt: LibvirtOptions

    @OptionGroup var board: BoardOptions

    @OptionGroup var guestDevices: GuestDeviceOptions

    @OptionGroup var login: LoginOptions

    @Option(help: "Keep the record in this folder.", completion: .directory)
    var record: String?

    @Flag(help: "With --record: keep which pages the guest touched, for frost replay.")
    var touches = false

    @Option(
        help: "Stop logging after this much; such a record proves nothing. (default: 16GiB)",
        transform: { try ByteCount(parsing: $0) })
    var logLimit = 16 * ByteCount.gibibyte

    @Option(
        help: "Kill the machine after this time. (default: 30m)", transform: { try TimeSpan(parsing: $0) })
    var timeout: TimeSpan?

    @Option(help: "Text that must appear on the console. May be repeated.")
    var expect: [String] = []

    @Option(
        help: "Take the expected ending, console lines and canaries from this recipe.", completion: .recipe)
    var recipe: String?

    @Flag(help: "Do not show the console.")
    var quiet = false

    @Option(help: "How the verdict is printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard (subject == nil) == listPresets else {
            throw ValidationError("Give an image, the folder of a recorded run, or --list-presets.")
        }
        try libvirt.validate(for: platform)
        guard preset == nil || cache == nil else {
            throw ValidationError("Give either --preset or --cache.")
        }
        guard vendor == nil || cache != nil else {
            throw ValidationError("--vendor goes with --cache; a preset has its own.")
        }
        let isOfCache = preset != nil || cache != nil || replacement != nil || force
        guard !platform.has(.accessTrace) || !isOfCache else {
            throw ValidationError(
                "Bochs has no cache: leave out --preset, --cache, --replacement and --force.")
        }
        guard platform.has(.accessTrace) || cpu == nil else {
            throw ValidationError("--cpu goes with --platform bochs; qemu-tcg has AMD's engine only.")
        }
        guard AccessWindows.pagesRange.contains(windows) else {
            throw ValidationError(
                "--windows wants a number from \(AccessWindows.pagesRange.lowerBound) to \(AccessWindows.pagesRange.upperBound)."
            )
        }
        guard !touches || record != nil else { throw ValidationError("--touches goes with --record DIR.") }
        guard !expect.contains("") else { throw ValidationError("--expect wants a text to look for.") }
    }

    func run() throws {
        guard let subject else { return try format.print(PresetList()) }
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: subject, isDirectory: &isFolder)
        if exists && isFolder.boolValue {
            return try judge(URL(filePath: subject, directoryHint: .isDirectory), adding: canary)
        }
        try runAndJudge(BootImage(reading: URL(filePath: subject)))
    }

    private func runAndJudge(_ image: BootImage) throws {
        try image.requireGuest()
        let choice: CacheChoice?
        if platform.has(.accessTrace) {
            choice = nil
            try platform.check()
        } else {
            try platform.require(.cacheModel, connect: libvirt.connect)
            let cache = try self.choice(for: image)
            if !force { try cache.check(region: image.plan.frozen) }
            choice = cache
        }
        if let fault = try image.fault(in: SourceTree()) { Talk.say(fault.warning) }
        let kept = record.map { URL(filePath: $0, directoryHint: .isDirectory) }
        let folder =
            kept
            ?? FileManager.default.temporaryDirectory.appending(
                path: "frost-proof-\(UUID().uuidString)", directoryHint: .isDirectory)
        let keeper = kept == nil ? try ScratchKeeper([folder]) : nil
        defer { keeper?.clean() }

        let tree = try SourceTree()
        let recipe = try recipe.map { try Recipe(named: $0, in: tree) }
        let options = try options(image, recipe, record: folder)
        let canaries = canary + (recipe?.facts.canaries ?? [])
        let toolchain = Toolchain(tree: tree, progress: Talk.say)
        let result =
            if let choice {
                try record(image, options, choice, canaries, with: toolchain)
            } else {
                try record(image, options, canaries, with: toolchain)
            }
        Talk.say("\(result.ending)")
        if kept != nil {
            Talk.say(
                "WARNING: \(folder.path()) holds the guest's memory and keys in the clear. Delete it when you are done."
            )
        }
        try judge(folder)
    }

    /// Under QEMU, with the model of a cache.
    private func record(
        _ image: BootImage, _ options: RunOptions, _ cache: CacheChoice, _ canaries: [Canary],
        with toolchain: Toolchain
    ) throws -> RunResult {
        var run = CacheRun(image, options: options, cache: cache)
        (run.seed, run.logLimit, run.canaries, run.keepsTouches) = (seed, logLimit, canaries, touches)
        Talk.say("running \(image.file.lastPathComponent) with the model of \(cache)")
        return try run.record(with: toolchain)
    }

    /// Under Bochs.
    private func record(
        _ image: BootImage, _ options: RunOptions, _ canaries: [Canary], with toolchain: Toolchain
    ) throws -> RunResult {
        var run = DebuggerRun(image, options: options)
        (run.canaries, run.windows) = (canaries, AccessWindows(pages: windows))
        Talk.say("running \(image.file.lastPathComponent) under Bochs and its debugger")
        return try run.record(with: toolchain)
    }

    private func judge(_ folder: URL, adding canaries: [Canary] = []) throws {
        if DebuggerRecord.isThere(folder) { return try judgeDebugger(folder, adding: canaries) }
        let record = try CacheRecord(reading: folder, adding: canaries)
        var judge = CacheJudge(record, progress: Talk.say)
        let verdict = try judge.verdict()
        try record.keep(verdict)
        try format.print(verdict)
        throw Outcome(exitCode: verdict.answer.exitCode)
    }

    /// A record of Bochs's debugger.
    private func judgeDebugger(_ folder: URL, adding canaries: [Canary]) throws {
        let record = try DebuggerRecord(reading: folder, adding: canaries)
        var judge = DebuggerJudge(record, progress: Talk.say)
        let verdict = try judge.verdict()
        try record.keep(verdict)
        try format.print(verdict)
        throw Outcome(exitCode: verdict.answer.exitCode)
    }

    private func choice(for image: BootImage) throws -> CacheChoice {
        if let cache {
            return try CacheChoice(
                shape: cache, vendor: vendor ?? .amd, replacement: replacement ?? .treePLRU)
        }
        if let preset { return try CacheChoice(preset: preset, replacement: replacement) }
        return try CacheChoice.smallest(for: image.plan.frozen, vendor: .amd)
    }

    private func options(_ image: BootImage, _ recipe: Recipe?, record: URL) throws -> RunOptions {
        var options = recipe.map { RunOptions(recipe: $0) } ?? RunOptions()
        (options.platform, options.cpu, options.connect) = (platform, cpu, libvirt.connect)
        options.login = try login.session(for: image)
        options.board = try board.board(
            disks: guestDevices.disks(), network: guestDevices.network(leadingTo: options.login?.port))
        options.board.tpm = guestDevices.softwareTPM
        // The recipe's is for a machine that nobody watches.
        options.timeLimit = timeout ?? TimeSpan(.seconds(1800))
        options.expected += expect
        options.record = record
        options.catchesSignals = true
        if image.needsPassphrase {
            options.passphrase =
                try passphraseFile.map { try Passphrase(file: URL(filePath: $0)) } ?? Terminal.passphrase()
        }
        if format == .text && !quiet {
            // The verdict alone is the result.
            let login = options.login
            options.console = {
                guard login?.hasConnected != true else { return }
                try? FileHandle.standardError.write(contentsOf: Data($0))
            }
        }
        return options
    }
}
