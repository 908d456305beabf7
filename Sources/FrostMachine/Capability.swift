/// What can be asked of a platform's machine.
package enum Capability: Sendable, CaseIterable {
    /// It can be stopped, continued, and sent an NMI.
    case control
    /// Its physical memory is a file that others can read while the guest runs.
    case sharedMemory
    /// Its physical memory is written into a file at the end, given the hypervisor's symbols.
    case memoryDump
    /// Each access of the CPU can be watched, and fed to a model of the cache.
    case cacheModel
    /// A debugger tells each access of the CPU, with its memory type.
    case accessTrace
    /// Its CPU can be Intel's.
    case vmx
    /// Its state can be saved and gone on from, and it takes messages as from a device.
    case savedState
    /// All that it gives as random comes from a seed.
    case seed
    /// The hypervisor's instructions can be counted.
    case instructionCount
    /// It can have another chipset, an IOMMU and devices.
    case board
    /// It is started over a connection, also on another host.
    case connection

    /// Why a platform without it cannot do what was asked, and what can.
    func refusal(by name: String) -> String {
        switch self {
        case .control: "\(name) cannot be stopped or sent an NMI from outside. Use --platform qemu-tcg."
        case .sharedMemory, .memoryDump:
            "\(name) does not let others read the machine's memory. Use --platform qemu-tcg."
        case .cacheModel:
            """
            Not provable here: on \(name) the CPU's accesses cannot be watched, and the model of the cache needs them. \
            Use --platform qemu-tcg.
            """
        case .accessTrace: "On \(name) no debugger tells the CPU's accesses. Use --platform bochs."
        case .vmx: "\(name) emulates no VMX. Use --platform bochs, which has CPUs of both vendors."
        case .savedState: "\(name) cannot go on from a saved machine. Use --platform qemu-tcg."
        case .seed: "\(name) takes no seed for its random numbers. Use --platform qemu-tcg, or no --seed."
        case .instructionCount:
            """
            On \(name) the instructions that are executed cannot be counted. Use --platform qemu-tcg. (Under bochs the trace's \
            times are instructions without being asked.)
            """
        case .board:
            "\(name) has one chipset, one CPU, no IOMMU and no devices but its own. Use --platform qemu-tcg for them."
        case .connection:
            "\(name) is started here, and by no connection. Use --platform libvirt with --connect."
        }
    }
}
