package import FrostMachine

/// What an attacker with his hands on DRAM, on the machine or on its disk may do.
package enum AttackKind: String, Codable, Sendable, CaseIterable {
    case flip
    case zero
    case swap
    case splice
    case replay
    case rollback
    case rollbackPair = "rollback-pair"
    case firmware
    case kill
    case reset
    case nmi
    case initialise = "init"
    case smi
    case device
    case secondCPU = "second-cpu"
    case secondCPUByNMI = "second-cpu-nmi"
    case header

    /// Whether homes are changed.
    package var changesDRAM: Bool {
        switch self {
        case .flip, .zero, .swap, .splice, .replay, .rollback, .rollbackPair, .firmware: true
        case .kill, .reset, .nmi, .initialise, .smi, .device, .secondCPU, .secondCPUByNMI, .header: false
        }
    }

    package var meaning: String {
        switch self {
        case .flip: "one bit of a home"
        case .zero: "a home becomes zeroes"
        case .swap: "two homes change places"
        case .splice: "a home becomes a copy of another"
        case .replay: "a guest page's home becomes what it was earlier"
        case .rollback: "a metadata page's home becomes what it was earlier"
        case .rollbackPair: "a metadata page and a page that it describes become what they were earlier"
        case .firmware: "the home of a page of ACPI's tables or of a ROM, and a frame that the ROMs came from"
        case .kill: "the power is cut"
        case .reset: "the reset line is pulled, and the firmware starts anew"
        case .nmi: "an NMI"
        case .initialise: "an INIT, sent as a device sends a message"
        case .smi: "an SMI, sent likewise"
        case .device: "a device reads or writes region, homes or IOMMU's tables (--iommu intel --device edu)"
        case .secondCPU: "code waits in DRAM for another CPU, which device and guest send for (--cpus 2)"
        case .secondCPUByNMI: "the same, by NMIs of a device's; only when asked for: QEMU 7.2 starts a CPU so"
        case .header: "the image's header or a page of it is changed on disk, before a boot of its own"
        }
    }

    /// Why it is left out unless it is asked for; nil: it is not. QEMU's machine is then not as a CPU is.
    package var reserve: String? {
        self == .secondCPUByNMI
            ? "QEMU 7.2 wakes a CPU by it that waits for a start-up message: --kinds \(rawValue) shows it"
            : nil
    }

    /// What the machine has not, without which such an attack cannot be carried out; nil: nothing.
    package func lack(on board: Board) -> String? {
        switch self {
        case .device where board.iommu != .intel || !board.devices.contains(EduDevice.name):
            "there is no device to drive, or no VT-d before it: --iommu intel --device \(EduDevice.name)"
        case .secondCPU where board.cpus < 2, .secondCPUByNMI where board.cpus < 2:
            "the machine has one CPU: --cpus 2"
        default: nil
        }
    }

    /// One line a kind, for `--help`.
    package static var table: String {
        let width = allCases.map(\.rawValue.count).max() ?? 0
        return allCases.map { kind in
            "  " + kind.rawValue + String(repeating: " ", count: width + 2 - kind.rawValue.count)
                + kind.meaning
        }.joined(separator: "\n")
    }
}
