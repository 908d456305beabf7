/// What the host's KVM offers to a hypervisor inside a machine.
package struct HostKVM: Codable, Sendable, Equatable {
    package var devicePresent: Bool
    package var deviceUsable: Bool
    /// `svm`, `vmx`, or nil when the CPU shows neither.
    package var cpuVirtualisation: String?
    /// The module's `nested` parameter; nil when it is not there to be read.
    package var nestedParameter: String?

    package init() {
        self.init(.here)
    }

    init(_ sources: HostSources) {
        let isUsable = sources.isUsable("/dev/kvm")
        devicePresent = isUsable != nil
        deviceUsable = isUsable ?? false
        let flags = sources.cpuFlags
        cpuVirtualisation = ["svm", "vmx"].first { flags.contains($0) }
        nestedParameter =
            ["kvm_amd", "kvm_intel"].lazy
            .compactMap { sources.line("/sys/module/\($0)/parameters/nested") }.first
    }

    init(devicePresent: Bool, deviceUsable: Bool, cpuVirtualisation: String?, nestedParameter: String?) {
        self.devicePresent = devicePresent
        self.deviceUsable = deviceUsable
        self.cpuVirtualisation = cpuVirtualisation
        self.nestedParameter = nestedParameter
    }

    /// Why an image cannot run under it; nil when it can: the machine must have SVM or VMX itself.
    package var lack: String? { finding?.lack }

    /// What to do about ``lack``.
    var remedy: String? { finding?.remedy }

    private var finding: (lack: String, remedy: String)? {
        if !devicePresent {
            return (
                "there is no /dev/kvm",
                cpuVirtualisation == nil
                    ? "enable virtualisation in the firmware's setup, or nested virtualisation where this machine is virtual"
                    : "modprobe \(module.name)"
            )
        }
        if !deviceUsable {
            return ("/dev/kvm may not be opened by this user", "usermod -aG kvm $USER, then log in again")
        }
        if cpuVirtualisation == nil {
            return (
                "/dev/kvm is there, but the CPU shows neither SVM nor VMX, so no machine under it gets them",
                "have this virtual machine's host pass SVM or VMX through, or stay with qemu-tcg and bochs"
            )
        }
        if nestedParameter != "1" && nestedParameter != "Y" {
            return (
                "\(module.name) does not offer nested \(module.feature) (its parameter 'nested' is \(nestedParameter ?? "missing"))",
                "modprobe -r \(module.name) && modprobe \(module.name) nested=1"
            )
        }
        return nil
    }

    private var module: (name: String, feature: String) {
        cpuVirtualisation == "vmx" ? ("kvm_intel", "VMX") : ("kvm_amd", "SVM")
    }
}
