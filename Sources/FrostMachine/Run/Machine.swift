import Foundation
package import FrostFormat
package import FrostSupport
import Glibc

/// A machine that runs, as a hook sees it.
package final class Machine {
    package let image: BootImage
    package let folder: RunFolder
    /// Everything the console has said.
    package internal(set) var console: [UInt8] = []
    private var reader = TraceReader()
    private let started = ContinuousClock.now
    private let time: MachineClock
    private let memory: GuestRAM?
    private let platform: Platform
    private let connect: (() throws -> QMP)?
    private let messageSocket: String?
    private let cut: () -> Void
    private let input: Int32
    private var ramFile: URL?
    private var connection: QMP?
    private var testSocket: BusSocket?
    private static let tries = 2000
    private(set) var isStopRequested = false
    /// A hook that waits for a person sets it to false.
    var hasTimeLimit = true

    /// - Parameters:
    ///   - ramFile: the file of physical memory, where it is not to be kept.
    ///   - connect: begins a conversation with QEMU; nil: it is no QEMU.
    ///   - cut: takes the machine's power away.
    init(
        image: BootImage, folder: RunFolder, platform: Platform, ram: GuestRAM?, ramFile: URL?,
        messageSocket: String? = nil, input: Int32, connect: (() throws -> QMP)?, cut: @escaping () -> Void,
        clock: MachineClock
    ) {
        self.image = image
        self.folder = folder
        self.platform = platform
        memory = ram
        self.ramFile = ramFile
        self.connect = connect
        self.messageSocket = messageSocket
        self.cut = cut
        time = clock
        self.input = input
    }

    /// Physical memory.
    package var ram: GuestRAM {
        get throws(Platform.Failure) {
            guard let memory else { throw .lacks(platform, .sharedMemory) }
            return memory
        }
    }

    package var consoleText: String { String(decoding: console, as: UTF8.self) }
    /// What the hypervisor has said so far; it keeps records back until some have gathered.
    package var trace: Trace { reader.trace }
    /// The guest has begun.
    package var hasLaunched: Bool { trace.hasLaunched }
    /// Of the trace's times.
    var clock: RunClock { time.now }
    package var elapsed: Duration { ContinuousClock.now - started }

    /// Takes the memory's name away once QEMU has it open: it holds plaintext, and must go with the last of us,
    /// whatever ends us.
    func hideRAM() {
        if let ramFile { unlink(ramFile.plainPath) }
        ramFile = nil
    }

    func addTrace(_ bytes: [UInt8]) {
        reader.feed(bytes)
    }

    /// Connected at first use.
    package func qmp() throws -> QMP {
        if let connection { return connection }
        guard let connect else { throw Platform.Failure.lacks(platform, .control) }
        let new = try connect()
        connection = new
        return new
    }

    /// Stops the CPU at an instruction; memory stands still.
    package func pause() throws {
        try qmp().execute("stop")
    }

    package func resume() throws {
        try qmp().execute("cont")
    }

    /// Stops the machine while the guest, not the hypervisor, has the CPU: then no page is half-way.
    ///
    /// - Throws: ``Failure/neverThere`` when the hypervisor does not let go of the CPU, as after a panic.
    package func pauseInGuest() throws {
        try pause(inGuest: true)
    }

    /// Stops the machine while the hypervisor has the CPU.
    package func pauseInHypervisor() throws {
        try pause(inGuest: false)
    }

    private func pause(inGuest: Bool) throws {
        for _ in 0..<Self.tries {
            try pause()
            // The hypervisor's page tables lie in the frozen region; a guest's cannot.
            let isGuest = !image.plan.frozenRegion.contains(try register("CR3"))
            if trace.hasLaunched, isGuest == inGuest { return }
            try resume()
        }
        throw Failure.neverThere
    }

    /// One of the CPU's registers, or of QEMU's facts about it, as `info registers` names it: CR3, RFL, HLT.
    package func register(_ name: String) throws -> UInt64 {
        let lines = try registers()
        let words = lines.flatMap { $0.split(separator: " ") }
        let word = words.first { $0.hasPrefix("\(name)=") } ?? ""
        guard let value = UInt64(word.dropFirst(name.count + 1), radix: 16) else {
            throw Failure.registers(name)
        }
        return value
    }

    package func injectNMI() throws {
        try qmp().execute("inject-nmi")
    }

    /// - Throws: ``QMP/Failure``, also when the run was not started to take messages.
    package func send(_ message: DeviceMessage, toCPU cpu: UInt8 = 0) throws(QMP.Failure) {
        try message.send(over: bus(), toCPU: cpu)
    }

    /// Connected at first use: QEMU hears one at a time.
    /// - Throws: ``QMP/Failure``, also when the run was not started to take messages.
    package func bus() throws(QMP.Failure) -> BusSocket {
        if let testSocket { return testSocket }
        guard let messageSocket else { throw .noConnection }
        let new = try BusSocket(connecting: messageSocket)
        testSocket = new
        return new
    }

    /// Takes the machine's power away: QEMU is gone at once.
    package func cutPower() {
        cut()
    }

    /// From now on a reset starts the machine anew, instead of ending QEMU.
    package func goesOnAfterReset() throws {
        try qmp().execute("set-action", ["reboot": "reset"])
    }

    /// Pulls the machine's reset line.
    package func reset() throws {
        try goesOnAfterReset()
        try qmp().execute("system_reset")
    }

    /// QEMU's own view of the CPU, a line each.
    package func registers() throws -> [String] {
        try qmp().monitor("info registers")
    }

    /// The same of one CPU of several.
    package func registers(ofCPU number: Int) throws -> [String] {
        let lines = try qmp().monitor("info registers -a")
        let own = lines.drop { !$0.hasPrefix("CPU#\(number)") }.dropFirst().prefix { !$0.hasPrefix("CPU#") }
        guard !own.isEmpty else { throw Failure.registers("CPU#\(number)") }
        return Array(own)
    }

    /// Types on the guest's serial line.
    package func type(_ bytes: [UInt8]) {
        Descriptor.write(bytes, to: input)
    }

    /// Ends the run after this hook: `RunEnding.stopped`, unless it has ended by itself.
    package func stop() {
        isStopRequested = true
    }

    package enum Failure: Explained, Equatable {
        case neverThere
        case registers(String)

        package var exitCode: ExitCode { .machineDied }

        package var description: String {
            switch self {
            case .neverThere:
                "The machine was stopped again and again, and never where it should be. Does it still run?"
            case .registers(let name):
                "QEMU does not tell the register \(name) as expected. Check QEMU's version."
            }
        }
    }
}
