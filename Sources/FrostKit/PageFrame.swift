import FrostCore

/// One page at an address that the core's cipher takes: aligned, and not moving.
final class PageFrame {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(PAGE_BYTES), alignment: 64)

    deinit {
        bytes_wipe(memory.baseAddress, memory.count)
        memory.deallocate()
    }

    func set(_ bytes: [UInt8]) {
        memory.copyBytes(from: bytes)
    }

    var bytes: [UInt8] { [UInt8](memory) }
}
