import Foundation
import FrostFormat
import FrostHost
import FrostSupport
import Glibc

extension Machine {
    /// As `runQEMU`, but that libvirt starts it.
    func runLibvirt(in folder: RunFolder) throws -> RunResult {
        let connection = try LibvirtConnection.shared(options.connect ?? .embedded)
        return connection.uri.isApart
            ? try runApart(in: folder, by: connection) : try runBeside(in: folder, by: connection)
    }

    /// On this host: console, trace and memory are files.
    private func runBeside(in folder: RunFolder, by connection: LibvirtConnection) throws -> RunResult {
        let ramFile = try memory(in: folder)
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
            RunOwner().name, in: folder, by: connection, image: image.file,
            wiring: .files(console: console, trace: folder.trace, ram: ramFile))
        description.plugin = options.residency?
            .argument(record: folder.folder, ramFile: ramFile, plan: image.plan)
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
        return try watch(domain, output: output, emulator: description) {
            RunningMachine(
                image: image, folder: folder, platform: options.platform, ram: ram,
                ramFile: options.keepsRAM ? nil : ramFile, input: output, connect: { QMP(over: domain) },
                cut: { domain.send(SIGKILL) })
        }
    }

    /// It has come by the time that libvirt says that it has started.
    private static let consolePatience = Duration.seconds(2)

    /// On a host that shares no file with us: everything goes through libvirt's connection.
    private func runApart(in folder: RunFolder, by connection: LibvirtConnection) throws -> RunResult {
        let host = try connection.capabilities()
        let pool = try StoragePool(connection.uri.pool ?? StoragePool.defaultName, of: connection)
        pool.removeLeftovers()
        let name = RunOwner().name
        let copy = try pool.upload(
            image.file, as: name + ".img", owner: host.emulatorOwner,
            isInterrupted: { [options] in options.catchesSignals && SignalWatch.isCaught })
        guard let path = copy.path else {
            throw LibvirtFailure.noUpload(connection.uri, words: LibvirtFailure.lastWords)
        }
        let lines = DomainLine.all(of: name)
        var description = describe(
            name, in: folder, by: connection, image: URL(filePath: path),
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
        streams[0].pour(into: fcntl(theirs, F_DUPFD_CLOEXEC, 0))
        streams[0].drink(from: theirs)
        streams[1].pour(into: open(folder.trace.plainPath, O_WRONLY | O_APPEND | O_CLOEXEC))
        try domain.resume()
        return try watch(FarDomain(domain, streams), output: ours, emulator: description) {
            RunningMachine(
                image: image, folder: folder, platform: options.platform, ram: nil, ramFile: nil,
                input: ours, connect: { qemu }, cut: { domain.send(SIGKILL) },
                clock: RunClock(unit: .cycles, ticksPerSecond: host.ticksPerSecond))
        }
    }

    private func describe(
        _ name: String, in folder: RunFolder, by connection: LibvirtConnection, image file: URL,
        wiring: DomainXML.Wiring
    ) -> DomainXML {
        DomainXML(
            root: connection.root, name: name, uri: connection.uri, file: folder.domain, image: file,
            disk: disk, ram: image.plan.ram, wiring: wiring,
            cpu: options.cpu ?? CPUChoice.shownByQEMU(on: options.platform), seed: options.seed)
    }

    /// The CPU does not run yet.
    private func start(_ description: DomainXML, on connection: LibvirtConnection) throws -> LibvirtDomain {
        let xml = try description.text()
        try Data(xml.utf8).write(to: description.file)
        return try LibvirtDomain(starting: xml, named: description.name, on: connection)
    }
}
