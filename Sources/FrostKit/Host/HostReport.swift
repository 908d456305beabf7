import Foundation

/// What this machine can do: tools, KVM, CPU, caches, encryption of RAM, platforms; and what to do about each gap.
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

    /// Something to do, and what for.
    public struct Remedy: Codable, Sendable, Equatable {
        public var gap: String
        public var action: String
    }

    public var tools: [ToolState]
    public var cpu: CPUFacts
    public var caches: [CacheFacts]
    public var freeze: FreezeFit
    public var memoryEncryption: MemoryEncryption
    public var kvm: HostKVM
    public var kvmLack: String?
    public var platforms: [PlatformState]
    public var remedies: [Remedy]
    /// Whether an image can be built, and run on the default platform.
    public var isReady: Bool

    public init() {
        let tools =
            Tool.required.map { Self.state(of: $0, isRequired: true) }
            + Tool.optional.map { Self.state(of: $0, isRequired: false) }
        self.init(.here, tools: tools)
    }

    init(_ sources: HostSources, tools: [ToolState]) {
        self.tools = tools
        cpu = CPUFacts(sources)
        caches = CacheFacts.all(sources)
        freeze = FreezeFit(cpu, caches, flags: sources.cpuFlags)
        memoryEncryption = MemoryEncryption(sources)
        kvm = HostKVM(sources)
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
        remedies = []
        remedies = allRemedies
    }

    private var allRemedies: [Remedy] {
        var remedies = tools.filter { $0.path == nil }.map {
            Remedy(gap: "\($0.name), which \($0.purpose), is missing", action: $0.install)
        }
        if let lack = kvm.lack, let remedy = kvm.remedy {
            remedies.append(Remedy(gap: "no qemu-kvm: \(lack)", action: remedy))
        }
        if !cpu.missing.isEmpty {
            remedies.append(
                Remedy(
                    gap: "this CPU lacks \(cpu.missing.joined(separator: ", ")), which the hypervisor needs",
                    action: "run images on qemu-tcg or bochs, which emulate a CPU that has them"))
        }
        if memoryEncryption.ram != .on {
            remedies += memoryEncryption.techniques.compactMap { technique in
                technique.remedy.map {
                    Remedy(gap: "\(technique.name) is \(technique.state.rawValue)", action: $0)
                }
            }
        }
        return remedies
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
