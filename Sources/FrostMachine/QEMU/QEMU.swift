package import Foundation
package import FrostSupport

/// QEMU's command line for one run.
package struct QEMU: Sendable, Equatable {
    package enum Accelerator: String, Sendable {
        case tcg
        case kvm
    }

    package var accelerator: Accelerator
    package var image: URL
    package var disk: Disk
    package var ram: ByteCount
    package var board = Board()
    package var ramFile: URL
    package var trace: URL
    package var controlSocket: String
    /// Where messages are taken that a device would send; nil: nowhere.
    package var messageSocket: String?
    /// Of the board's TPM.
    package var tpmSocket: String?
    /// As QEMU takes it after -plugin.
    package var plugin: String?
    /// Wait for a saved machine's state instead of powering on.
    package var isRestored = false
    package var cpu = CPUChoice.amd
    /// Of all that the machine gives as random, such as RDRAND.
    package var seed: UInt64?
    /// The machine's time is the number of instructions that its CPU has executed, one a nanosecond.
    package var countsInstructions = false
    /// Powered off, it is still there.
    package var holdsAtEnd = false

    var command: EmulatorCommand { EmulatorCommand(program: .qemu, arguments: arguments) }

    package var arguments: [String] {
        [
            "-accel", accelerator.rawValue,
            "-machine", board.machine + ",memory-backend=ram",
            // Sleep ends a run: its tables offer the guest none.
            "-global", "\(board.chipset.sleepDevice).disable_s3=1",
            "-global", "\(board.chipset.sleepDevice).disable_s4=1",
            "-cpu", model,
            "-smp", "\(board.cpus)",
            "-m", "\(ram.bytes / ByteCount.mebibyte.bytes)",
            "-object", Self.memory(ram, in: ramFile),
        ] + board.arguments + tpm + drive + [
            "-display", "none", "-vga", "none", "-nodefaults", "-net", "none", "-no-reboot",
            "-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1",
            "-chardev", "file,id=com2,path=\(Self.quoted(trace)),append=on", "-serial", "chardev:com2",
            "-qmp", "unix:\(Self.quoted(controlSocket)),server=on,wait=off",
        ] + messages + (plugin.map { ["-plugin", $0] } ?? []) + (seed.map { ["-seed", "\($0)"] } ?? [])
            + (isRestored ? ["-incoming", "defer"] : [])
            + (holdsAtEnd ? ["-action", "shutdown=pause"] : [])
            + (countsInstructions ? ["-icount", "shift=0,sleep=off"] : [])
    }

    /// A file, so that others can read all of physical memory while the guest runs.
    static func memory(_ ram: ByteCount, in file: URL) -> String {
        "memory-backend-file,id=ram,size=\(ram.bytes),mem-path=\(quoted(file)),share=on"
    }

    private var tpm: [String] {
        guard let tpm = board.tpm, let tpmSocket else { return [] }
        return tpm.arguments(socket: tpmSocket)
    }

    private var messages: [String] {
        guard let messageSocket else { return [] }
        return ["-qtest", "unix:\(Self.quoted(messageSocket)),server=on,wait=off", "-qtest-log", "none"]
    }

    /// TCG has SVM only; KVM has what the host's CPU has.
    private var model: String {
        switch cpu {
        case .named(let name): name
        case .amd: accelerator == .kvm ? "host,+svm,+npt" : "max,+svm,+npt"
        case .intel: "host,+vmx"
        }
    }

    /// What the image is read from.
    package enum Disk: Sendable {
        /// By DMA: fast, and of no use once the hypervisor has turned bus mastering off.
        case ahci
        /// By programmed I/O: for guests that call the firmware to read their disk.
        case ide

        /// What the chipset lacks; Q35's own `ide.0` is an AHCI.
        private func controller(on chipset: Board.Chipset) -> (bus: String, arguments: [String]) {
            switch (self, chipset) {
            case (.ahci, .pc): ("ahci.0", ["-device", "ich9-ahci,id=ahci"])
            case (.ide, .q35): ("pio.0", ["-device", "piix3-ide,id=pio"])
            case (.ide, .pc), (.ahci, .q35): ("ide.0", [])
            }
        }

        /// The image itself stays untouched.
        func arguments(reading image: URL, on chipset: Board.Chipset = .pc) -> [String] {
            let drive = "file=\(QEMU.quoted(image)),format=raw,snapshot=on,if=none,id=disk"
            let (bus, controller) = controller(on: chipset)
            return ["-drive", drive] + controller
                + ["-device", "ide-hd,drive=disk,bus=\(bus),bootindex=0"]
        }
    }

    private var drive: [String] { disk.arguments(reading: image, on: board.chipset) }

    /// QEMU's options end at a comma unless it is doubled.
    static func quoted(_ text: String) -> String {
        text.replacing(",", with: ",,")
    }

    static func quoted(_ file: URL) -> String { quoted(file.plainPath) }
}
