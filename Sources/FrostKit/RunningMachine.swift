import Foundation
import Glibc

/// A machine that runs, as a hook sees it.
public final class RunningMachine {
    public let image: BootImage
    public let folder: RunFolder
    /// Physical memory.
    public let ram: GuestRAM
    /// Everything the console has said.
    public internal(set) var console: [UInt8] = []
    private var reader = TraceReader()
    private let started = ContinuousClock.now
    private let controlSocket: String
    private let messageSocket: String?
    private let process: pid_t
    private let input: Int32
    private var ramFile: URL?
    private var connection: QMP?
    private static let tries = 2000
    private(set) var isStopRequested = false

    /// `ramFile`: the file of physical memory where nobody asked to keep it.
    init(
        image: BootImage, folder: RunFolder, ram: GuestRAM, ramFile: URL?, controlSocket: String,
        messageSocket: String?, process: pid_t, input: Int32
    ) {
        self.image = image
        self.folder = folder
        self.ram = ram
        self.ramFile = ramFile
        self.controlSocket = controlSocket
        self.messageSocket = messageSocket
        self.process = process
        self.input = input
    }

    public var consoleText: String { String(decoding: console, as: UTF8.self) }
    /// What the hypervisor has said so far; it keeps records back until some have gathered.
    public var trace: Trace { reader.trace }
    public var elapsed: Duration { ContinuousClock.now - started }

    /// Takes the memory's name away once QEMU has it open: it holds plaintext, and must go with the last of us,
    /// whatever ends us.
    func hideRAM() {
        if let ramFile { unlink(ramFile.plainPath) }
        ramFile = nil
    }

    func restore(_ saved: SavedMachine) throws {
        try saved.restore(qmp())
        hideRAM()
    }

    func addTrace(_ bytes: [UInt8]) {
        reader.feed(bytes)
    }

    /// QEMU's control socket, connected at first use.
    public func qmp() throws -> QMP {
        if let connection { return connection }
        let new = try QMP(connecting: controlSocket)
        connection = new
        return new
    }

    /// Stops the CPU at an instruction; memory stands still.
    public func pause() throws {
        try qmp().execute("stop")
    }

    public func resume() throws {
        try qmp().execute("cont")
    }

    /// Stops the machine while the guest, not the hypervisor, has the CPU: then no page is half-way.
    ///
    /// - Throws: ``Failure/neverThere`` when the hypervisor does not let go of the CPU, as after a panic.
    public func pauseInGuest() throws {
        try pause(inGuest: true)
    }

    /// Stops the machine while the hypervisor has the CPU.
    func pauseInHypervisor() throws {
        try pause(inGuest: false)
    }

    private func pause(inGuest: Bool) throws {
        for _ in 0..<Self.tries {
            try pause()
            // The hypervisor's page tables lie in the frozen region; a guest's cannot.
            let isGuest = !image.plan.frozenRegion.contains(try pageTables())
            if trace.hasLaunched, isGuest == inGuest { return }
            try resume()
        }
        throw Failure.neverThere
    }

    /// CR3.
    func pageTables() throws -> UInt64 {
        let line = try registers().first { $0.contains("CR3=") } ?? ""
        let word = line.split(separator: " ").first { $0.hasPrefix("CR3=") } ?? ""
        guard let tables = UInt64(word.dropFirst(4), radix: 16) else { throw Failure.registers(line) }
        return tables
    }

    public func injectNMI() throws {
        try qmp().execute("inject-nmi")
    }

    /// - Throws: ``QMP/Failure``, also when the run was not started to take messages.
    public func send(_ message: DeviceMessage) throws(QMP.Failure) {
        guard let messageSocket else { throw .noConnection }
        try message.send(over: messageSocket)
    }

    /// Takes the machine's power away: QEMU is gone at once.
    public func cutPower() {
        kill(process, SIGKILL)
    }

    /// The guest's machine is started anew by its reset line; without this, a reset ends QEMU.
    public func reset() throws {
        try qmp().execute("set-action", ["reboot": "reset"])
        try qmp().execute("system_reset")
    }

    /// QEMU's own view of the CPU, a line each.
    public func registers() throws -> [String] {
        try qmp().monitor("info registers")
    }

    /// Types on the guest's serial line.
    public func type(_ bytes: [UInt8]) {
        Descriptor.write(bytes, to: input)
    }

    /// Ends the run after this hook: `RunEnding.stopped`, unless it has ended by itself.
    public func stop() {
        isStopRequested = true
    }

    public enum Failure: Explained, Equatable {
        case neverThere
        case registers(String)

        public var exitCode: ExitCode { .machineDied }

        public var description: String {
            switch self {
            case .neverThere:
                "The machine was stopped again and again, and never where it should be. Does it still run?"
            case .registers(let line):
                "QEMU told the registers in an unknown way: '\(line)'. Check QEMU's version."
            }
        }
    }
}
