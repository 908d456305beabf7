import Foundation
import Glibc

/// What the host's KVM offers to a hypervisor inside a machine.
public struct HostKVM: Codable, Sendable, Equatable {
    public var devicePresent: Bool
    public var deviceUsable: Bool
    /// `svm`, `vmx`, or nil when the CPU shows neither.
    public var cpuVirtualisation: String?
    /// The module's `nested` parameter; nil when it is not there to be read.
    public var nestedParameter: String?

    public init() {
        devicePresent = FileManager.default.fileExists(atPath: "/dev/kvm")
        deviceUsable = access("/dev/kvm", R_OK | W_OK) == 0
        let flags = CPUFacts.flags()
        cpuVirtualisation = ["svm", "vmx"].first { flags.contains($0) }
        nestedParameter =
            ["kvm_amd", "kvm_intel"].lazy.compactMap { module in
                try? String(contentsOfFile: "/sys/module/\(module)/parameters/nested", encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }.first
    }

    init(devicePresent: Bool, deviceUsable: Bool, cpuVirtualisation: String?, nestedParameter: String?) {
        self.devicePresent = devicePresent
        self.deviceUsable = deviceUsable
        self.cpuVirtualisation = cpuVirtualisation
        self.nestedParameter = nestedParameter
    }

    /// Why an image cannot run under it; nil when it can: the machine must have SVM or VMX itself.
    public var lack: String? {
        if !devicePresent { return "there is no /dev/kvm" }
        if !deviceUsable { return "/dev/kvm may not be opened by this user" }
        if cpuVirtualisation == nil {
            return
                "/dev/kvm is there, but the CPU shows neither SVM nor VMX, so no machine under it gets them"
        }
        if nestedParameter != "1" && nestedParameter != "Y" {
            let (module, name) = cpuVirtualisation == "vmx" ? ("kvm_intel", "VMX") : ("kvm_amd", "SVM")
            return
                "\(module) does not offer nested \(name) (its parameter 'nested' is \(nestedParameter ?? "missing"))"
        }
        return nil
    }

    /// What QEMU shows its machine: under KVM the host's own kind of CPU.
    static func cpu(for platform: Platform) -> CPUChoice {
        platform == .qemuKVM && HostKVM().cpuVirtualisation == "vmx" ? .intel : .amd
    }
}
