import Foundation

/// What this machine can do: tools, KVM, CPU, caches, platforms.
public struct HostReport: Codable, Sendable {
    public struct ToolState: Codable, Sendable, Equatable {
        public var name: String
        public var purpose: String
        public var isRequired: Bool
        /// nil: missing.
        public var path: String?
        public var version: String?
        /// What to type to get it.
        public var install: String
    }

    public struct PlatformState: Codable, Sendable, Equatable {
        public var platform: Platform
        /// nil: it can run here.
        public var lack: String?
    }

    public var tools: [ToolState]
    public var cpu: CPUFacts
    public var caches: [CacheFacts]
    public var kvm: HostKVM
    public var kvmLack: String?
    public var platforms: [PlatformState]
    /// Whether an image can be built, and run on the default platform.
    public var isReady: Bool

    public init() {
        tools =
            Tool.required.map { Self.state(of: $0, isRequired: true) }
            + Tool.optional.map { Self.state(of: $0, isRequired: false) }
        cpu = CPUFacts()
        caches = CacheFacts.all()
        kvm = HostKVM()
        kvmLack = kvm.lack
        let kvm = kvm
        platforms = Platform.allCases.map { platform in
            do throws(Platform.Failure) {
                try platform.check(kvm)
                return PlatformState(platform: platform, lack: nil)
            } catch {
                return PlatformState(platform: platform, lack: error.description)
            }
        }
        isReady = tools.allSatisfy { $0.path != nil || !$0.isRequired }
    }

    private static func state(of tool: Tool, isRequired: Bool) -> ToolState {
        let path = try? tool.locate().plainPath
        return ToolState(
            name: tool.name, purpose: tool.purpose, isRequired: isRequired, path: path,
            version: path == nil ? nil : version(of: tool), install: tool.installLine)
    }

    /// The first line with a digit of what it says of itself.
    private static func version(of tool: Tool) -> String? {
        guard let executable = try? tool.locate(),
            let child = try? ChildProcess(executable, tool.versionArguments)
        else { return nil }
        let said = child.collect()
        return String(decoding: said.output + said.error, as: UTF8.self).split(whereSeparator: \.isNewline)
            .first { $0.contains(where: \.isNumber) }
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}

extension HostReport: CustomStringConvertible {
    public var description: String {
        let toolRows = tools.map {
            [$0.name, $0.path == nil ? "missing: \($0.install)" : $0.version ?? "present"]
        }
        let cacheLines = caches.map { cache in
            "L\(cache.level) \(cache.kind): \(ByteCount(cache.bytes)), \(cache.ways) ways, lines of \(cache.lineBytes)"
        }
        let features = [("AES", cpu.aes), ("PCLMUL", cpu.pclmul), ("VAES", cpu.vaes), ("RDSEED", cpu.rdseed)]
        let lines =
            ["TOOLS"] + toolRows.map { $0[0].padding(toLength: 20, withPad: " ", startingAt: 0) + $0[1] }
            + ["", "CPU", "\(cpu.vendor), \(cpu.model)"]
            + [features.map { "\($0.0) \($0.1 ? "yes" : "no")" }.joined(separator: ", ")]
            + (cacheLines.isEmpty ? ["caches: this system does not tell"] : cacheLines)
            + ["", "KVM", kvmLack.map { "not for Frostvisor: \($0)" } ?? "offers nested virtualisation"]
            + ["", "PLATFORMS"]
            + platforms.map { "\($0.platform.rawValue): \($0.lack ?? "available")" }
            + [
                "",
                isReady
                    ? "Ready: images can be built, and run on qemu-tcg."
                    : "Not ready: install what is missing.",
            ]
        return lines.joined(separator: "\n")
    }
}
