package import FrostCore
import FrostSupport

extension key_slot {
    /// By a passphrase.
    package var isTaken: Bool { kdf_iterations != 0 }
}

extension image_header {
    /// What its last field must be.
    package var rightChecksum: UInt32 {
        withUnsafeBytes(of: self) { crc32(0, $0.baseAddress, BootImage.checksumOffset) }
    }

    /// All of them, free ones too; fewer that are assigned leave the rest free.
    package var keySlots: [key_slot] {
        get { withUnsafeBytes(of: slots) { Array($0.bindMemory(to: key_slot.self)) } }
        set {
            withUnsafeMutableBytes(of: &slots) { memory in
                memory.initializeMemory(as: UInt8.self, repeating: 0)
                newValue.withUnsafeBytes {
                    memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(memory.count)))
                }
            }
        }
    }
}
