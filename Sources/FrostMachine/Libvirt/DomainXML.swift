import Foundation
import FrostSupport
import Glibc

/// A machine in libvirt's words: the one that qemu-tcg builds.
///
/// What libvirt has no words for goes to QEMU as it is: a disk whose changes are lost and whose image many may read at
/// once, firmware whose changes are lost, memory in a file of our choosing, plugins, disks behind NVMe, an IOMMU of AMD's,
/// forwarded ports, a TPM of ours. Where it runs decides nothing but its ``Wiring``.
///
/// - Source: libvirt, "Domain XML format"; "QEMU driver", "Pass-through of arbitrary qemu commands".
struct DomainXML: Sendable {
    /// Of an embedded driver.
    var root: EmbeddedRoot?
    var name: String
    var uri: LibvirtURI
    /// Where it is written.
    var file: URL
    /// As QEMU's host sees it.
    var image: URL
    var disk: QEMU.Disk
    var ram: ByteCount
    var board = Board()
    var wiring: Wiring
    /// Of the board's TPM.
    var tpmSocket: String?
    /// As QEMU takes it after -plugin.
    var plugin: String?
    var cpu = CPUChoice.amd
    var seed: UInt64?
    /// Of the daemon's host: what it labels domains with.
    var securityModels: [String] = []

    /// How console, trace and memory come to us.
    enum Wiring: Sendable {
        /// By this host's files; on the console's socket we listen.
        case files(console: String, trace: URL, ram: URL)
        /// By libvirt's connection: see ``DomainLine``. Memory stays there.
        case streams([DomainLine])

        fileprivate var paths: [String] {
            switch self {
            case .files(_, let trace, let ram): [trace.plainPath, ram.plainPath]
            case .streams: []
            }
        }
    }

    /// - Throws: ``LibvirtFailure/notInXML(_:)``, ``Failure``
    func text() throws -> String {
        for path in [image.plainPath] + wiring.paths + board.disks.map(\.file.plainPath)
        where !Markup.canHold(path) {
            throw LibvirtFailure.notInXML(path)
        }
        return Markup(
            "domain", ["type": "qemu", "xmlns:qemu": "http://libvirt.org/schemas/domain/qemu/1.0"],
            [
                Markup("name", text: name),
                Markup("memory", ["unit": "b"], text: "\(ram.bytes)"),
                Markup("vcpu", text: "\(board.cpus)"),
                Markup(
                    "os", [:],
                    [Markup("type", ["arch": "x86_64", "machine": board.chipset.rawValue], text: "hvm")]),
                Markup(
                    "features", [:],
                    [
                        Markup("acpi"), Markup("apic"),
                        Markup("smm", ["state": board.firmware.needsSMM ? "on" : "off"]),
                    ]),
                try processor(),
                Markup(
                    "pm", [:],
                    ["suspend-to-mem", "suspend-to-disk"].map { Markup($0, ["enabled": "no"]) }),
                Markup("on_poweroff", text: "destroy"),
                Markup("on_reboot", text: "destroy"),
                Markup("on_crash", text: "destroy"),
                devices,
            ] + securityModels.compactMap(label) + [
                Markup("qemu:commandline", [:], passedOn.map { Markup("qemu:arg", ["value": $0]) })
            ]
        ).description + "\n"
    }

    /// What a hand would type for the same machine.
    var commandLine: String {
        EmulatorCommand(
            program: .virsh, arguments: ["--connect", uri.connectionName, "create", file.plainPath]
        ).text
    }

    private func processor() throws -> Markup {
        let (model, features) = try named()
        let switches = features.map {
            Markup("feature", ["policy": $0.isOn ? "require" : "disable", "name": $0.name])
        }
        guard model != "max" else { return Markup("cpu", ["mode": "maximum"], switches) }
        return Markup(
            "cpu", ["mode": "custom", "match": "exact", "check": "none"],
            [Markup("model", ["fallback": "forbid"], text: model)] + switches)
    }

    /// QEMU's own way to say a model, as `max,+svm,-aes`, taken apart.
    private func named() throws(Failure) -> (model: String, features: [(name: String, isOn: Bool)]) {
        guard case .named(let name) = cpu else { return ("max", [("svm", true), ("npt", true)]) }
        let parts = name.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var features: [(String, Bool)] = []
        for part in parts.dropFirst() {
            guard let sign = part.first, "+-".contains(sign), !part.contains("=") else {
                throw .cannotTranslate(part)
            }
            features.append((String(part.dropFirst()), sign == "+"))
        }
        return (parts[0], features)
    }

    private var devices: Markup {
        // A daemon finds its host's QEMU itself.
        let emulator = root.map { [Markup("emulator", text: $0.emulator.plainPath)] } ?? []
        return Markup(
            "devices", [:],
            emulator + [
                Markup("controller", ["type": "usb", "model": "none"]),
                Markup("memballoon", ["model": "none"]),
            ] + lines)
    }

    /// The console and the trace.
    private var lines: [Markup] {
        switch wiring {
        case .files(let console, let trace, _):
            [
                Self.line(0, "unix", ["mode": "connect", "path": console]),
                Self.line(1, "file", ["path": trace.plainPath, "append": "on"]),
            ]
        case .streams(let lines): lines.map(\.channel)
        }
    }

    private static func line(_ port: Int, _ type: String, _ source: KeyValuePairs<String, String>) -> Markup {
        Markup("serial", ["type": type], [Markup("source", source), Markup("target", ["port": "\(port)"])])
    }

    /// QEMU gets our rights, and nobody takes our files. Where there are none of ours, it has the rights that its host
    /// gives it.
    private func label(_ model: String) -> Markup? {
        guard model == "dac" else { return Markup("seclabel", ["type": "none", "model": model]) }
        guard case .files = wiring else { return nil }
        return Markup(
            "seclabel", ["type": "static", "model": model, "relabel": "no"],
            [Markup("label", text: "+\(geteuid()):+\(getegid())")])
    }

    private var passedOn: [String] {
        memory + serial + board.arguments + tpm + disk.arguments(reading: image, on: board.chipset)
            + (plugin.map { ["-plugin", $0] } ?? [])
            + (seed.map { ["-seed", "\($0)"] } ?? [])
    }

    private var tpm: [String] {
        guard let tpm = board.tpm, let tpmSocket else { return [] }
        return tpm.arguments(socket: tpmSocket)
    }

    private var serial: [String] {
        guard case .streams(let lines) = wiring else { return [] }
        return lines.flatMap(\.arguments)
    }

    private var memory: [String] {
        guard case .files(_, _, let file) = wiring else { return [] }
        return ["-machine", "memory-backend=ram", "-object", QEMU.memory(ram, in: file)]
    }

    enum Failure: Explained, Equatable {
        case cannotTranslate(String)

        var exitCode: ExitCode { .usage }

        var description: String {
            switch self {
            case .cannotTranslate(let part):
                "libvirt's CPUs have a model and features such as +svm or -aes; '\(part)' is neither. Use qemu-tcg for it."
            }
        }
    }
}
