import FrostFormat
import FrostMachine

/// What a record says of devices: its machine, and what the hypervisor told.
struct DeviceEvidence {
    let board: Board
    let dma: DMAProtection

    init(_ inputs: RecordInputs, in folder: RunFolder) {
        board = inputs.board ?? Board()
        dma = DMAProtection(fact: (try? Trace(reading: folder.trace))?.fact(.dma))
    }

    private var isAsTold: Bool {
        switch dma.kind {
        case .none: true
        case .vtd: board.iommu == .intel
        case .amdVi: board.iommu == .amd
        }
    }

    /// Why the record proves nothing.
    var faults: [String] {
        var faults: [String] = []
        if !isAsTold {
            faults.append("The hypervisor says that \(dma), but the machine has no such IOMMU.")
        }
        if dma.kind == .none, !board.given.isEmpty {
            faults.append(
                "Nothing stood between memory and what was given to the guest (\(board.given.joined(separator: "; "))): "
                    + "what a device reads of the frozen region is seen by nobody. Use --iommu.")
        }
        return faults
    }

    /// What no verdict shows of them.
    var limits: [String] {
        guard dma.kind != .none else {
            return [
                "Devices: no IOMMU stood before memory. Bus mastering was off when the guest began; what a device "
                    + "reads after that is seen by nobody."
            ]
        }
        let tables =
            dma.isSnooped
            ? "what its reads do to frozen lines is not documented"
            : "who writes DRAM can open it for a device of theirs"
        let told = "Devices: \(dma); \(tables). Interrupts that devices send pass."
        return [told] + (dma.passesShared ? [Self.ofShared] : [])
    }

    private static let ofShared =
        "What devices read is not seen. The IOMMU's tables were walked as the run left them; what they let through before "
        + "is shown by devices that try (BootTests/Shared, BootTests/HostileDisk), not by this record. What a device wrote to "
        + "a shared page and overwrote before memory was compared is not in it."
}
