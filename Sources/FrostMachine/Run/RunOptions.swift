package import Foundation
package import FrostFormat
package import FrostImage
package import FrostSupport

/// How an image is run.
package struct RunOptions {
    package var platform = Platform.qemuTCG
    /// Where ``Platform/libvirt`` runs it; nil: ``LibvirtURI/embedded``.
    package var connect: LibvirtURI?
    /// nil: one that has the image's engine.
    package var cpu: CPUChoice?
    package var board = Board()
    /// Whatever the machine gives as random comes from it; QEMU only.
    package var seed: UInt64?
    /// Typed when the image asks for it.
    package var passphrase: Passphrase?
    package var timeLimit = TimeSpan(.seconds(120))
    /// Text that must appear on the console.
    package var expected: [String] = []
    /// Ends the run well as soon as it appears on the console.
    package var until: String?
    /// How the run must end, as a recipe says; nil: by power-off.
    package var ending: RunEnding.Kind?
    package var panic: PanicCode?
    /// Injects an NMI after each such time, once the guest runs.
    package var nmiEvery: TimeSpan?
    /// Keeps the run's files there; nil: they are deleted.
    package var record: URL?
    package var keepsRAM = false
    /// Go on from there instead of powering on.
    package var saved: SavedMachine?
    /// Hooks may save the machine: it then has a disk controller whose state can be saved in the midst of a run.
    package var isSaveable = false
    /// A machine that powers itself off stays as it is, for hooks at the end; QEMU only. One of them has to quit it.
    package var holdsAtEnd = false
    /// Hooks may send messages as a device would.
    package var takesMessages = false
    /// The hypervisor's, where the emulator has to be stopped at places of it: to keep Bochs's memory, or for
    /// `windows`.
    package var symbols: SymbolTable?
    /// Has Bochs trace each access in stretches of the run; memory is kept as it is before the keys are erased.
    package var windows: AccessWindows?
    /// Models the cache, and writes what it saw into `record`.
    package var residency: ResidencyPlugin?
    /// RDTSC counts instructions, and the hypervisor's own are counted exit by exit, into `record`.
    package var instructions: InstructionPlugin?
    /// Our standard input is the guest's keyboard; Ctrl-A x ends the run.
    package var isInteractive = false
    /// SIGINT and SIGTERM end the run instead of us.
    package var catchesSignals = false
    /// Shown what the console says, as it comes.
    package var console: (([UInt8]) -> Void)?
    /// Waits for the guest's ssh server, and ends the run after the login; the run is as asked where that was.
    package var login: SSHSession?
    /// Called while the machine runs.
    package var hooks: [Hook] = []

    package init() {}

    /// Judges by what a recipe expects, within its time limit.
    package init(recipe: Recipe) {
        expect(recipe)
        timeLimit = recipe.facts.timeout
    }

    package mutating func expect(_ recipe: Recipe) {
        ending = recipe.facts.ending
        panic = recipe.facts.panic
        expected += recipe.facts.console ?? []
        nmiEvery = nmiEvery ?? recipe.facts.nmiEvery
    }
}
