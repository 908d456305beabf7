import Foundation
@testable import FrostMachine
import FrostSupport
import VhostUserBlock

/// A disk that we play ourselves: it writes down each transfer, and misbehaves as it is told.
final class VhostUserDisk {
    typealias Transfer = vhost_user_block_transfer
    typealias Conduct = vhost_user_block_conduct

    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let device: OpaquePointer
    private let folder: ScratchFolder
    private var socket: String { folder.file("disk.sock").plainPath }

    /// - Throws: ``POSIXError``
    init(_ content: [UInt8], in folder: ScratchFolder, _ conduct: Conduct = Conduct()) throws {
        bytes = .allocate(capacity: content.count)
        _ = bytes.initialize(from: content)
        self.folder = folder
        guard
            let device = vhost_user_block_start(
                folder.file("disk.sock").plainPath, bytes.baseAddress, bytes.count, conduct)
        else {
            bytes.deallocate()
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
        self.device = device
    }

    deinit {
        vhost_user_block_end(device)
        bytes.deallocate()
    }

    /// A board on which it is the guest's disk.
    func board(behind iommu: Board.IOMMU = .intel) throws -> Board {
        let device = "vhost-user-blk-pci,chardev=frost-disk,num-queues=1,\(GuestNetwork.virtioOptions)"
        var board = try Board(chipset: .q35, iommu: iommu, devices: [device], allowsUnprotectedDMA: true)
        board.characterDevices = ["socket,id=frost-disk,path=\(QEMU.quoted(socket))"]
        return board
    }

    /// What it holds. The machine must have gone.
    var content: [UInt8] { Array(bytes) }

    /// Changes a byte of what it holds, while it does.
    func set(_ value: UInt8, at index: Int) { bytes[index] = value }

    var transferCount: Int { vhost_user_block_transfers(device, 0, nil, 0) }

    /// - Parameter first: those before are left out.
    func transfers(from first: Int = 0) -> [Transfer] {
        let count = vhost_user_block_transfers(device, first, nil, 0)
        return [Transfer](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = min(vhost_user_block_transfers(device, first, buffer.baseAddress, count), count)
        }
    }

    /// How often it has been told to forget translations.
    var revocations: Int { Int(vhost_user_block_revocations(device)) }

    /// Why it gave up; nil: it did not.
    var complaint: String? { vhost_user_block_complaint(device).map { String(cString: $0) } }

    /// Reads of its own accord, as a device; nil: it was refused.
    func read(_ address: UInt64, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return vhost_user_block_probe(device, address, UInt32(count), false, &bytes) ? bytes : nil
    }

    /// Writes of its own accord, as a device.
    func write(_ address: UInt64, count: Int) -> Bool {
        var bytes = [UInt8](repeating: 0, count: count)
        return vhost_user_block_probe(device, address, UInt32(count), true, &bytes)
    }
}
