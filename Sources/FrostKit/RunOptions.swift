public import Foundation

/// How an image is run.
public struct RunOptions {
    public var platform = Platform.qemuTCG
    /// Where ``Platform/libvirt`` runs it; nil: ``LibvirtURI/embedded``.
    public var connect: LibvirtURI?
    /// nil: one that has the image's engine.
    public var cpu: CPUChoice?
    /// Whatever the machine gives as random comes from it; QEMU only.
    public var seed: UInt64?
    /// Typed when the image asks for it.
    public var passphrase: Passphrase?
    public var timeLimit = TimeSpan(.seconds(120))
    /// Text that must appear on the console.
    public var expected: [String] = []
    /// Ends the run well as soon as it appears on the console.
    public var until: String?
    /// How the run must end, as a recipe says; nil: by power-off.
    public var ending: RunEnding.Kind?
    public var panic: PanicCode?
    /// Injects NMIs so often, once the guest runs.
    public var nmiEvery: TimeSpan?
    /// Keeps the run's files there; nil: they are deleted.
    public var record: URL?
    public var keepsRAM = false
    /// Go on from there instead of powering on.
    public var saved: SavedMachine?
    /// Hooks may save the machine: it then has a disk controller whose state can be saved in the midst of a run.
    public var isSaveable = false
    /// Hooks may send messages as a device would.
    public var takesMessages = false
    /// The hypervisor's, where the emulator has to be stopped at places of it: to keep Bochs's memory, or for
    /// `windows`.
    public var symbols: SymbolTable?
    /// Has Bochs trace each access in stretches of the run; memory is kept as it is before the keys are erased.
    public var windows: AccessWindows?
    /// Models the cache, and writes what it saw into `record`.
    public var residency: ResidencyPlugin?
    /// RDTSC counts instructions, and the hypervisor's own are counted exit by exit, into `record`.
    public var instructions: InstructionPlugin?
    /// Our standard input is the guest's keyboard; Ctrl-A x ends the run.
    public var isInteractive = false
    /// SIGINT and SIGTERM end the run instead of us.
    public var catchesSignals = false
    /// Shown what the console says, as it comes.
    public var console: (([UInt8]) -> Void)?
    /// Called while the machine runs.
    public var hooks: [Hook] = []

    public init() {}

    /// Judges by what a recipe expects, within its time limit.
    public init(recipe: Recipe) {
        expect(recipe)
        timeLimit = recipe.facts.timeout
    }

    public mutating func expect(_ recipe: Recipe) {
        ending = recipe.facts.ending
        panic = recipe.facts.panic
        expected += recipe.facts.console ?? []
        nmiEvery = nmiEvery ?? recipe.facts.nmiEvery
    }
}
