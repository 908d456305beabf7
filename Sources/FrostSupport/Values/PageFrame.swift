import FrostCore

/// One page at an address that the core's cipher takes: aligned, and not moving.
package final class PageFrame {
    package let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(PAGE_BYTES), alignment: 64)

    package init() {}

    deinit {
        bytes_wipe(memory.baseAddress, memory.count)
        memory.deallocate()
    }

    package func set(_ bytes: [UInt8]) {
        memory.copyBytes(from: bytes)
    }

    package var bytes: [UInt8] { [UInt8](memory) }
}
