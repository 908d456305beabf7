import Foundation
import FrostFormat
import FrostSupport

/// Bochs's settings for one run: both vendors' virtualisation, in software, on any host.
///
/// Everything lies in the run's folder, which becomes its working directory: no path needs quoting.
/// - Source: Bochs 2.7, bochsrc(5). Debian builds it with the debugger, which is told to go on and nothing else,
///   unless a script drives it.
struct Bochs: Sendable {
    var ram: ByteCount
    var cpu: CPUChoice
    /// The terminal that is the guest's console.
    var console: String
    var folder: RunFolder
    /// The debugger's commands come over standard input, and its answers go to a file.
    var isDriven = false

    static let biosImage = "/usr/share/bochs/BIOS-bochs-latest"
    static let videoBIOSImage = "/usr/share/bochs/VGABIOS-lgpl-latest"

    /// Of more RAM Bochs holds what was used last; the rest lies in a file without a name.
    private static let mostHeld = 2 * ByteCount.gibibyte

    /// Of the machine's own time.
    static let instructionsPerSecond = 5e7

    /// An instruction is a tick of the guest's counter.
    static let clock = RunClock(unit: .instructions, ticksPerSecond: instructionsPerSecond)

    /// bochsrc.
    var settings: String {
        """
        plugin_ctrl: speaker=0, sb16=0, es1370=0, gameport=0, e1000=0, ne2k=0, usb_uhci=0
        sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
        # A curses screen, drawn to nowhere: the displays that need no desktop and open no port are this one alone.
        display_library: term
        cpu: model=\(model), count=1, ips=\(Int(Self.instructionsPerSecond)), reset_on_triple_fault=0
        memory: guest=\(Self.mebibytes(ram)), host=\(Self.mebibytes(min(ram, Self.mostHeld)))
        romimage: file=\(Self.biosImage), options=fastboot
        vgaromimage: file=\(Self.videoBIOSImage)
        # Changes go to the journal and are lost: the image stays as it is, and unlocked.
        ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
        ata0-master: type=disk, path=\(folder.disk.lastPathComponent), mode=volatile, \
        journal=\(folder.diskJournal.lastPathComponent), cylinders=0, heads=16, spt=63
        boot: disk
        clock: sync=none, time0=\(Self.startTime)
        com1: enabled=1, mode=term, dev=\(console)
        com2: enabled=1, mode=file, dev=\(folder.trace.lastPathComponent)
        panic: action=fatal
        error: action=ignore
        info: action=ignore

        """ + (isDriven ? "debugger_log: \(folder.accessTrace.lastPathComponent)\n" : "")
    }

    private static func mebibytes(_ size: ByteCount) -> UInt64 { size.bytes / ByteCount.mebibyte.bytes }

    private static let debuggerScript = "c\n"
    /// 2023-11-14 22:13:20 UTC: every run begins at the same second.
    private static let startTime = 1_700_000_000

    private var model: String {
        switch cpu {
        case .intel: "corei7_skylake_x"
        case .amd: "ryzen"
        case .named(let name): name
        }
    }

    var command: EmulatorCommand {
        EmulatorCommand(
            program: .env,
            arguments: [
                "--chdir=\(folder.folder.plainPath)", "TERM=vt100", Tool.bochs.name, "-q",
                "-f", folder.bochsSettings.lastPathComponent,
            ] + (isDriven ? [] : ["-rc", folder.bochsScript.lastPathComponent]))
    }

    /// Writes what Bochs reads.
    func prepare(image: URL) throws {
        try Data(settings.utf8).write(to: folder.bochsSettings)
        if isDriven {
            try Data().write(to: folder.accessTrace)
        } else {
            try Data(Self.debuggerScript.utf8).write(to: folder.bochsScript)
        }
        try FileManager.default.createSymbolicLink(
            at: folder.disk, withDestinationURL: image.absoluteURL.resolvingSymlinksInPath())
    }
}
