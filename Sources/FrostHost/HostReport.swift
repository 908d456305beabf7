import Foundation
import FrostSupport

/// What this machine can do: tools, KVM, CPU, caches, encryption of RAM, platforms; and what to do about each gap.
package struct HostReport: Codable, Sendable {
    package struct ToolState: Codable, Sendable, Equatable {
        package var name: String
        package var purpose: String
        package var isRequired: Bool
        /// nil: missing.
        package var path: String?
        package var version: String?
        /// What to type to get it.
        package var install: String
    }

    package struct PlatformState: Codable, Sendable, Equatable {
        package var platform: String
        /// nil: it can run here.
        package var lack: String?

        package init(platform: String, lack: String?) {
            (self.platform, self.lack) = (platform, lack)
        }
    }

    /// Something to do, and what for.
    package struct Remedy: Codable, Sendable, Equatable {
        package var gap: String
        package var action: String
    }

    package var tools: [ToolState]
    package var cpu: CPUFacts
    package var caches: [CacheFacts]
    package var freeze: FreezeFit
    package var memoryEncryption: MemoryEncryption
    package var kvm: HostKVM
    package var kvmLack: String?
    package var platforms: [PlatformState]
    package var remedies: [Remedy]
    /// Whether an image can be built, and run on the default platform.
    package var isReady: Bool

    /// - Parameter platforms: what runs images, and why it cannot do so here.
    package init(platforms: [PlatformState]) {
        let tools =
            Tool.required.map { Self.state(of: $0, isRequired: true) }
            + Tool.optional.map { Self.state(of: $0, isRequired: false) }
        self.init(.here, tools: tools, platforms: platforms)
    }

    package init(_ sources: HostSources, tools: [ToolState], platforms: [PlatformState] = []) {
        self.tools = tools
        cpu = CPUFacts(sources)
        caches = CacheFacts.all(sources)
        freeze = FreezeFit(cpu, caches, flags: sources.cpuFlags)
        memoryEncryption = MemoryEncryption(sources)
        kvm = HostKVM(sources)
        kvmLack = kvm.lack
        self.platforms = platforms
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
            version: tool.version, install: tool.installLine)
    }
}
