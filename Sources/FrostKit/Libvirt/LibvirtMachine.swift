import Foundation
import Glibc

extension Machine {
    /// As `runQEMU`, but that libvirt starts it.
    func runLibvirt(in folder: RunFolder) throws -> RunResult {
        let connection = try LibvirtConnection.shared(options.connect ?? .embedded)
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
        let description = DomainXML(
            root: connection.root, name: DomainXML.newName(),
            uri: connection.uri, file: folder.domain,
            image: image.file, disk: disk,
            ram: image.plan.ram, ramFile: ramFile, trace: folder.trace, console: console,
            plugin: options.residency?.argument(record: folder.folder, ramFile: ramFile, plan: image.plan),
            cpu: options.cpu ?? HostKVM.cpu(for: options.platform), seed: options.seed,
            securityModels: try connection.securityModels())
        let xml = try description.text()
        try Data(xml.utf8).write(to: folder.domain)

        // Also when it did not start: libvirt has told us then what QEMU said.
        defer { connection.root?.dropLog(of: description.name) }
        let domain = try LibvirtDomain(starting: xml, named: description.name, on: connection)
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
}
