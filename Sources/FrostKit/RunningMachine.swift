import Foundation
import Glibc

/// A machine that runs, as a hook sees it.
public final class RunningMachine {
    public let image: BootImage
    public let folder: RunFolder
    /// Everything the console has said.
    public internal(set) var console: [UInt8] = []
    private var reader = TraceReader()
    private let started = ContinuousClock.now
    private let memory: GuestRAM?
    private let platform: Platform
    private let controlSocket: String?
    private let input: Int32
    private var ramFile: URL?
    private var connection: QMP?
    private(set) var isStopRequested = false

    /// `ramFile`: the file of physical memory where nobody asked to keep it.
    init(
        image: BootImage, folder: RunFolder, platform: Platform, ram: GuestRAM?, ramFile: URL?,
        controlSocket: String?, input: Int32
    ) {
        self.image = image
        self.folder = folder
        self.platform = platform
        memory = ram
        self.ramFile = ramFile
        self.controlSocket = controlSocket
        self.input = input
    }

    /// Physical memory.
    public var ram: GuestRAM {
        get throws(Platform.Failure) {
            guard let memory else { throw .noMemory(platform) }
            return memory
        }
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

    func addTrace(_ bytes: [UInt8]) {
        reader.feed(bytes)
    }

    /// QEMU's control socket, connected at first use.
    public func qmp() throws -> QMP {
        if let connection { return connection }
        guard let controlSocket else { throw Platform.Failure.noControl(platform) }
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

    public func injectNMI() throws {
        try qmp().execute("inject-nmi")
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
}
