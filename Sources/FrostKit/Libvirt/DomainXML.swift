import Foundation
import Glibc

/// A machine in libvirt's words: the one that qemu-tcg builds.
///
/// What libvirt has no words for goes to QEMU as it is: a disk whose changes are lost and whose image many may read at
/// once, memory in a file of our choosing, plugins.
///
/// - Source: libvirt, "Domain XML format"; "QEMU driver", "Pass-through of arbitrary qemu commands".
struct DomainXML: Sendable {
    /// Of an embedded driver.
    var root: EmbeddedRoot?
    var name: String
    var uri: LibvirtURI
    /// Where it is written.
    var file: URL
    var image: URL
    var disk: QEMU.Disk
    var ram: ByteCount
    var ramFile: URL
    var trace: URL
    /// Where we listen.
    var console: String
    /// As QEMU takes it after -plugin.
    var plugin: String?
    var cpu = CPUChoice.amd
    var seed: UInt64?
    /// Of the daemon's host: what it labels domains with.
    var securityModels: [String] = []

    /// - Throws: ``LibvirtFailure/unspeakable(_:)``, ``Failure``
    func text() throws -> String {
        for path in [image, ramFile, trace].map(\.plainPath)
        where !Markup.canSay(path) {
            throw LibvirtFailure.unspeakable(path)
        }
        return Markup(
            "domain", ["type": "qemu", "xmlns:qemu": "http://libvirt.org/schemas/domain/qemu/1.0"],
            [
                Markup("name", text: name),
                Markup("memory", ["unit": "b"], text: "\(ram.bytes)"),
                Markup("vcpu", text: "1"),
                Markup("os", [:], [Markup("type", ["arch": "x86_64", "machine": "pc"], text: "hvm")]),
                Markup("features", [:], [Markup("acpi"), Markup("apic"), Markup("smm", ["state": "off"])]),
                try processor(),
                Markup("on_poweroff", text: "destroy"),
                Markup("on_reboot", text: "destroy"),
                Markup("on_crash", text: "destroy"),
                devices,
            ] + securityModels.map(label) + [
                Markup("qemu:commandline", [:], passedOn.map { Markup("qemu:arg", ["value": $0]) })
            ]
        ).description + "\n"
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
                Markup(
                    "serial", ["type": "unix"],
                    [
                        Markup("source", ["mode": "connect", "path": console]),
                        Markup("target", ["port": "0"]),
                    ]),
                Markup(
                    "serial", ["type": "file"],
                    [
                        Markup("source", ["path": trace.plainPath, "append": "on"]),
                        Markup("target", ["port": "1"]),
                    ]),
            ])
    }

    /// QEMU gets our rights, and nobody takes our files.
    private func label(_ model: String) -> Markup {
        guard model == "dac" else { return Markup("seclabel", ["type": "none", "model": model]) }
        return Markup(
            "seclabel", ["type": "static", "model": model, "relabel": "no"],
            [Markup("label", text: "+\(geteuid()):+\(getegid())")])
    }

    private var passedOn: [String] {
        ["-machine", "memory-backend=ram", "-object", QEMU.memory(ram, in: ramFile)]
            + disk.arguments(reading: image) + (plugin.map { ["-plugin", $0] } ?? [])
            + (seed.map { ["-seed", "\($0)"] } ?? [])
    }

    private static let prefix = "frost-"

    static func newName() -> String { prefix + UUID().uuidString.prefix(13).lowercased() }
    /// Whether a domain, or a file named for one, is a frost's.
    static func isOurs(_ name: String) -> Bool { name.hasPrefix(prefix) }

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

extension DomainXML: Emulator {
    var program: Tool { .virsh }
    /// What a hand would type for the same machine.
    var arguments: [String] { ["--connect", uri.description, "create", file.plainPath] }
    func complaints(in log: String) -> String { log }

    func writeLog(to file: URL) throws {
        guard let root else { return }
        try Data(root.words(of: name).utf8).write(to: file)
    }
}
