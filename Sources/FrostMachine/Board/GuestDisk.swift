package import Foundation
package import FrostSupport
import Glibc

/// A disk of the guest's own, beside the one with the image.
package struct GuestDisk: Sendable, Equatable, Codable {
    /// What the disk is behind; the guest has the driver.
    package enum Bus: String, Sendable, Codable, CaseIterable {
        case virtio, nvme, ahci
    }

    package enum Format: String, Sendable, Codable {
        case raw, qcow2
    }

    package let file: URL
    package let format: Format
    package let bus: Bus
    /// What the guest writes is gone when the run ends.
    package let dropsChanges: Bool

    /// The file's name decides the format, and never its bytes: a guest writes those of a raw disk, and could make
    /// another of it, with a file of the host's behind it.
    ///
    /// - Throws: ``Failure``
    package init(_ file: URL, bus: Bus = .virtio, dropsChanges: Bool = false) throws(Failure) {
        (self.file, self.bus, self.dropsChanges) = (file, bus, dropsChanges)
        format = file.pathExtension == Format.qcow2.rawValue ? .qcow2 : .raw
        let path = file.plainPath
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw .absent(path) }
        let kind = facts.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFBLK else { throw .notDisk(path) }
        guard access(path, R_OK | (dropsChanges ? 0 : W_OK)) == 0 else { throw .refused(path) }
        guard let reader = try? FileHandle(forReadingFrom: file) else { throw .refused(path) }
        let start = try? reader.read(upToCount: Self.magic.count)
        guard start.map({ !$0.isEmpty }) ?? false else { throw .empty(path) }
        let beginsAsQCOW2 = start == Data(Self.magic)
        guard beginsAsQCOW2 == (format == .qcow2) else {
            throw beginsAsQCOW2 ? .misnamed(path) : .notQCOW2(path)
        }
    }

    /// - Source: QEMU, docs/interop/qcow2 "General: Header".
    private static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]

    package enum Failure: Explained, Equatable {
        case absent(String)
        case notDisk(String)
        case refused(String)
        case empty(String)
        case misnamed(String)
        case notQCOW2(String)

        package var exitCode: ExitCode {
            switch self {
            case .absent: .noSuchFile
            case .notDisk, .empty, .misnamed, .notQCOW2: .badInput
            case .refused: .inputOutput
            }
        }

        package var description: String {
            switch self {
            case .absent(let path):
                "There is no disk '\(path)'. Correct --disk, or make one: truncate -s 1G FILE."
            case .notDisk(let path): "'\(path)' is neither a file nor a block device. Correct --disk."
            case .refused(let path):
                "The disk '\(path)' cannot be read and written by you. Change its rights, or try --snapshot."
            case .empty(let path): "The disk '\(path)' is empty. Give it a size: truncate -s 1G FILE."
            case .misnamed(let path):
                """
                The disk '\(path)' begins as one in QEMU's format, and its name does not end in .qcow2. Rename it if it is \
                one; if it is a raw disk, its guest has written this there.
                """
            case .notQCOW2(let path):
                "The disk '\(path)' is named .qcow2, and does not begin as one. Rename it if it is a raw disk."
            }
        }
    }
}

extension [GuestDisk] {
    /// As QEMU takes them. Devices see what the guest maps without its C-bit, by the IOMMU's tables: virtio has to be
    /// told that it is not exempt from them.
    ///
    /// - Source: Virtual I/O Device (VIRTIO) 1.2, 6 "Reserved Feature Bits", VIRTIO_F_ACCESS_PLATFORM.
    var arguments: [String] {
        let ahci = contains { $0.bus == .ahci } ? ["-device", "ich9-ahci,id=guest-ahci"] : []
        var ahciPort = 0
        return ahci
            + enumerated().flatMap { index, disk in
                let name = "guest-disk\(index)"
                let drive =
                    "file=\(QEMU.quoted(disk.file)),format=\(disk.format.rawValue),if=none,id=\(name),discard=unmap"
                    + (disk.dropsChanges ? ",snapshot=on" : "")
                let device: String
                switch disk.bus {
                case .virtio: device = "virtio-blk-pci,drive=\(name),\(GuestNetwork.virtioOptions)"
                case .nvme: device = "nvme,drive=\(name),serial=frost\(index)"
                case .ahci:
                    device = "ide-hd,drive=\(name),bus=guest-ahci.\(ahciPort)"
                    ahciPort += 1
                }
                return ["-drive", drive, "-device", device]
            }
    }

    /// Of one AHCI controller.
    static var mostOnAHCI: Int { 6 }
}
