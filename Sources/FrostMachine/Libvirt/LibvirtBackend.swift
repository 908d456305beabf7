import Foundation
import FrostFormat
import FrostHost
import FrostSupport
import Glibc

/// QEMU, started by a libvirt: of this host, of another, or inside of frost.
struct LibvirtBackend: Backend {
    let uri: LibvirtURI

    var capabilities: Set<Capability> {
        uri.isRemote
            ? [.control, .seed, .connection]
            : [.control, .seed, .connection, .sharedMemory, .cacheModel, .board]
    }

    func refusal(_ missing: Capability) -> Platform.Failure {
        guard uri.isRemote else { return .lacks(.libvirt, missing) }
        switch missing {
        case .sharedMemory, .cacheModel: return .remote(uri)
        case .board: return .remoteBoard(uri)
        default: return .lacks(.libvirt, missing)
        }
    }

    func lack(on host: HostKVM) -> String? { uri.isEmbedded ? EmbeddedRoot.lack : nil }

    /// It would take a machine that quits for one that crashed.
    private let ending = MachineEnding(goesAfter: [.powerOff, .sleep, .reset], requests: [.terminate])

    func messages(in log: String) -> String { log }

    func boot(_ run: RunJob, in folder: RunFolder) throws -> RunResult {
        let connection = try LibvirtConnection.shared(uri)
        return uri.isRemote
            ? try bootRemote(run, in: folder, by: connection)
            : try bootLocal(run, in: folder, by: connection)
    }

    /// On this host: console, trace and memory are files.
    private func bootLocal(_ run: RunJob, in folder: RunFolder, by connection: LibvirtConnection) throws
        -> RunResult
    {
        let (image, options) = (run.image, run.options)
        try options.board.check(ram: image.plan.ram)
        let ramFile = try MemoryFile.make(image.plan.ram, in: folder, isKept: options.keepsRAM)
        let console = "/tmp/frost-\(UUID().uuidString.prefix(13)).com1"
        defer {
            unlink(console)
            if !options.keepsRAM { unlink(ramFile.plainPath) }
        }
        guard let listener = UnixSocket.listen(console) else {
            throw LibvirtFailure.noConsole(connection.uri, words: String(cString: strerror(errno)))
        }
        defer { close(listener) }
        var description = describe(
            run, RunOwner().name, in: folder, by: connection, image: image.file,
            wiring: .files(console: console, trace: folder.trace, ram: ramFile))
        let tpm = try options.board.tpm.map { try RunningTPM($0) }
        description.tpmSocket = tpm?.socket
        description.plugin = options.residency?
            .argument(
                record: folder.folder, ramFile: ramFile, plan: image.plan, shares: image.devices == .shared)
        // An embedded driver is told to label nothing.
        if connection.root == nil {
            description.securityModels = try connection.capabilities().securityModels
        }
        // Also when it did not start: libvirt has told us then what QEMU said.
        defer { connection.root?.dropLog(of: description.name) }
        let domain = try start(description, on: connection)
        guard let output = UnixSocket.accept(listener, patience: Self.consolePatience) else {
            throw LibvirtFailure.noConsole(connection.uri, words: "QEMU did not come to \(console)")
        }
        defer { close(output) }
        let ram = try GuestRAM(ramFile, ram: image.plan.ram)
        // QEMU has both: nothing shall be left of them if we are killed.
        unlink(console)
        if !options.keepsRAM && options.residency == nil { unlink(ramFile.plainPath) }
        try domain.resume()
        let machine = Machine(
            image: image, folder: folder, platform: .libvirt, ram: ram,
            ramFile: options.keepsRAM ? nil : ramFile, input: output, connect: { QMP(over: domain) },
            cut: { domain.send(SIGKILL) }, clock: .host(HostCounter()))
        var started = StartedMachine(
            machine: machine, output: output, commandLine: description.commandLine, ending: ending,
            messages: messages)
        if let root = connection.root {
            let name = description.name
            started.conclude = {
                try Data(root.words(of: name).utf8).write(to: folder.machineLog)
                return []
            }
        }
        return try withExtendedLifetime(tpm) { try run.watch(domain, started) }
    }

    /// It has come by the time that libvirt says that it has started.
    private static let consolePatience = Duration.seconds(2)

    /// On a host that shares no file with us: everything goes through libvirt's connection.
    private func bootRemote(_ run: RunJob, in folder: RunFolder, by connection: LibvirtConnection) throws
        -> RunResult
    {
        let image = run.image
        let host = try connection.capabilities()
        let pool = try StoragePool(connection.uri.pool ?? StoragePool.defaultName, of: connection)
        pool.removeLeftovers()
        let name = RunOwner().name
        let copy = try pool.upload(
            image.file, as: name + ".img", owner: host.emulatorOwner,
            isInterrupted: { run.isInterrupted })
        guard let path = copy.path else {
            throw LibvirtFailure.noUpload(connection.uri, words: LibvirtFailure.lastError)
        }
        let lines = DomainLine.all(of: name)
        var description = describe(
            run, name, in: folder, by: connection, image: URL(filePath: path),
            wiring: .streams(lines))
        description.securityModels = host.securityModels
        let domain = try start(description, on: connection)
        let qemu = QMP(over: domain)
        let streams = try lines.map { try LibvirtStream($0, of: domain, asking: qemu) }
        // QEMU has it: nothing shall be left of it if we are killed.
        copy.delete()

        guard let (ours, theirs) = UnixSocket.pair() else {
            throw LibvirtFailure.noConsole(connection.uri, words: String(cString: strerror(errno)))
        }
        defer { close(ours) }
        streams[0].copy(to: fcntl(theirs, F_DUPFD_CLOEXEC, 0))
        streams[0].copy(from: theirs)
        streams[1].copy(to: open(folder.trace.plainPath, O_WRONLY | O_APPEND | O_CLOEXEC))
        try domain.resume()
        let machine = Machine(
            image: image, folder: folder, platform: .libvirt, ram: nil, ramFile: nil, input: ours,
            connect: { qemu }, cut: { domain.send(SIGKILL) },
            clock: .own(RunClock(unit: .cycles, ticksPerSecond: host.ticksPerSecond)))
        return try run.watch(
            RemoteDomain(domain, streams),
            StartedMachine(
                machine: machine, output: ours, commandLine: description.commandLine, ending: ending,
                messages: messages))
    }

    private func describe(
        _ run: RunJob, _ name: String, in folder: RunFolder, by connection: LibvirtConnection,
        image file: URL,
        wiring: DomainXML.Wiring
    ) -> DomainXML {
        DomainXML(
            root: connection.root, name: name, uri: connection.uri, file: folder.domain, image: file,
            disk: QEMU.Disk(for: run), ram: run.image.plan.ram, board: run.options.board,
            wiring: wiring, cpu: run.options.cpu ?? .amd,
            seed: run.options.seed)
    }

    /// The CPU does not run yet.
    private func start(_ description: DomainXML, on connection: LibvirtConnection) throws -> LibvirtDomain {
        let xml = try description.text()
        try Data(xml.utf8).write(to: description.file)
        return try LibvirtDomain(starting: xml, named: description.name, on: connection)
    }
}
