/// A message-signalled interrupt, as any device that can write to memory may send it to the CPU.
///
/// QEMU's control socket knows no INIT and no SMI; its test socket writes to the bus as a device does.
///
/// - Source: Intel SDM (325462) vol 3, "Message Signalled Interrupts".
package enum DeviceMessage: UInt32, Sendable {
    // Bits 10:8 of the data: the delivery mode.
    case smi = 0x200
    case nmi = 0x400
    case initialise = 0x500
    /// No device may send it; its vector is C0h.
    case startUp = 0x6C0

    /// Of the first CPU's local APIC; bits 19:12 name another.
    private static let address: UInt64 = 0xFEE0_0000

    /// - Throws: ``QMP/Failure`` when QEMU does not take it.
    func send(over bus: BusSocket, toCPU cpu: UInt8 = 0) throws(QMP.Failure) {
        try bus.write(rawValue, at: Self.address | UInt64(cpu) << 12)
    }
}
