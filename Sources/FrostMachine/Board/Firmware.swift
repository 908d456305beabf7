import Foundation
import FrostFormat
package import FrostSupport

/// What starts the machine.
package enum Firmware: String, Sendable, Codable, CaseIterable {
    /// SeaBIOS, or Bochs's own.
    case bios
    /// OVMF.
    case uefi
    /// OVMF with Secure Boot on, and as its only key the one that the distribution published for tests.
    case uefiSecure = "uefi-secure"

    private static let folder = "/usr/share/OVMF/"

    private var code: String {
        Self.folder + (self == .uefiSecure ? "OVMF_CODE_4M.secboot.fd" : "OVMF_CODE_4M.fd")
    }
    /// What the firmware keeps: keys, and in which order it boots.
    private var variables: String {
        Self.folder + (self == .uefiSecure ? "OVMF_VARS_4M.snakeoil.fd" : "OVMF_VARS_4M.fd")
    }

    /// Only System Management Mode may write the variables then.
    var needsSMM: Bool { self == .uefiSecure }

    /// What a run changes in the variables is lost with it.
    var arguments: [String] {
        guard self != .bios else { return [] }
        let secure = needsSMM ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []
        return secure + [
            "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=\(code)",
            "-drive", "if=pflash,unit=1,format=raw,snapshot=on,file=\(variables)",
        ]
    }

    /// - Throws: ``Failure``
    func check(ram: ByteCount) throws(Failure) {
        guard self != .bios else { return }
        guard ram >= MemoryPlan.unifiedRAM else { throw .littleRAM(ram) }
        for file in [code, variables] where !FileManager.default.fileExists(atPath: file) {
            throw .missing(file)
        }
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case littleRAM(ByteCount)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .unavailable
            case .littleRAM: .usage
            }
        }

        package var description: String {
            switch self {
            case .missing(let file):
                "The firmware for UEFI is not there: \(file). Get it with: apt-get install -y ovmf"
            case .littleRAM(let ram):
                """
                An image for \(ram) of RAM leaves UEFI firmware no room. Make it with --ram \(MemoryPlan.unifiedRAM) or more, \
                or use --firmware bios.
                """
            }
        }
    }
}
