import Foundation
import FrostSupport
import Glibc
import _Builtin_intrinsics.intel.cpuid

/// Where facts about a host come from. Values, so that any host can be described on any other.
package struct HostSources: Sendable {
    package struct Registers: Equatable, Sendable {
        var eax: UInt32 = 0
        var ebx: UInt32 = 0
        var ecx: UInt32 = 0
        var edx: UInt32 = 0

        package init(eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
            (self.eax, self.ebx, self.ecx, self.edx) = (eax, ebx, ecx, edx)
        }
    }

    package struct Leaf: Hashable, Sendable {
        package var leaf: UInt32
        var subleaf: UInt32 = 0
    }

    /// A file's text; nil when it is not there, or not for us.
    var text: @Sendable (String) -> String?
    /// The names in a folder.
    var names: @Sendable (String) -> [String]
    /// Whether a file may be read and written; nil when it is not there.
    var isUsable: @Sendable (String) -> Bool?
    /// nil for a leaf that this CPU does not have.
    var cpuid: @Sendable (Leaf) -> Registers?
    /// nil when the kernel does not let us.
    var msr: @Sendable (UInt32) -> UInt64?
    /// What the kernel said since it booted; nil when it does not let us read that.
    var kernelLog: @Sendable () -> String?

    package init(
        text: @escaping @Sendable (String) -> String?, names: @escaping @Sendable (String) -> [String],
        isUsable: @escaping @Sendable (String) -> Bool?, cpuid: @escaping @Sendable (Leaf) -> Registers?,
        msr: @escaping @Sendable (UInt32) -> UInt64?, kernelLog: @escaping @Sendable () -> String?
    ) {
        (self.text, self.names, self.isUsable) = (text, names, isUsable)
        (self.cpuid, self.msr, self.kernelLog) = (cpuid, msr, kernelLog)
    }

    /// This host.
    static var here: HostSources {
        HostSources(
            text: { try? String(contentsOfFile: $0, encoding: .utf8) },
            names: { (try? FileManager.default.contentsOfDirectory(atPath: $0))?.sorted() ?? [] },
            isUsable: { access($0, F_OK) == 0 ? access($0, R_OK | W_OK) == 0 : nil },
            cpuid: cpuid, msr: msr, kernelLog: kernelLog)
    }

    @Sendable private static func cpuid(_ leaf: Leaf) -> Registers? {
        var it = Registers()
        let isThere = __get_cpuid_count(leaf.leaf, leaf.subleaf, &it.eax, &it.ebx, &it.ecx, &it.edx)
        return isThere == 0 ? nil : it
    }

    /// - Source: Linux, msr(4): the register's number is the offset.
    @Sendable private static func msr(_ number: UInt32) -> UInt64? {
        let descriptor = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var value: UInt64 = 0
        return pread(descriptor, &value, 8, off_t(number)) == 8 ? value : nil
    }

    @Sendable private static func kernelLog() -> String? {
        guard let said = try? Tool.dmesg.run([], for: "read the kernel's log") else { return nil }
        return String(decoding: said, as: UTF8.self)
    }
}

extension HostSources {
    /// A field of the first CPU.
    func cpuField(_ name: String) -> String? {
        // A host with many CPUs has thousands of lines; those of the first come first.
        var rest = (text("/proc/cpuinfo") ?? "").utf8[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest[line.endIndex...].dropFirst()
            guard line.starts(with: name.utf8), let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                continue
            }
            if Substring(line[..<colon]).trimmingCharacters(in: .whitespaces) == name {
                return Substring(line[colon...].dropFirst()).trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }

    /// As Linux names them.
    var cpuFlags: Set<String> {
        Set((cpuField("flags") ?? "").split(separator: " ").map(String.init))
    }

    /// A file of one line.
    func line(_ path: String) -> String? {
        text(path)?.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
