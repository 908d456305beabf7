package import FrostSupport
import Glibc

/// QEMU's `edu` on bus 0 of a running machine, driven by its test socket: a device that masters the bus as it is told.
///
/// - Source: QEMU, docs/specs/edu.rst; PCI Local Bus 3.0, 3.2.2.3 and 6.1.
package struct EduDevice {
    /// As QEMU takes it after -device.
    package static let name = "edu"
    /// How much is moved at a time.
    package static let bytes = 64
    /// What its own address has 28 bits of.
    package static let reach: UInt64 = 1 << 28

    /// Bus, device and function, as PCI has them in 16 bits.
    package let source: UInt16
    /// Where its registers lie.
    package let registers: UInt64
    private let bus: BusSocket

    private static let identity: UInt32 = 0x11E8_1234
    private static let buffer: UInt64 = 0x40000
    /// Of the buffer, nothing is ever read to there.
    private static let unread: UInt64 = 2048
    private static let patience = Duration.seconds(30)

    /// Turns its bus mastering on.
    /// - Parameter registers: where they shall lie; nil: where the firmware has put them.
    /// - Throws: ``Failure/none``, or as the test socket.
    package init(_ machine: Machine, registers: UInt64? = nil) throws {
        let bus = try machine.bus()
        let configuration = try bus.input(from: 0xCF8)
        func address(_ device: UInt32, _ offset: UInt32) throws {
            try bus.output(0x8000_0000 | device << 11 | offset, to: 0xCF8)
        }
        let device = try (UInt32(0)..<32).first {
            try address($0, 0)
            return try bus.input(from: 0xCFC) == Self.identity
        }
        guard let device else { throw Failure.none }
        try address(device, 0x10)
        if let registers { try bus.output(UInt32(truncatingIfNeeded: registers), to: 0xCFC) }
        self.bus = bus
        self.registers = UInt64(try bus.input(from: 0xCFC) & ~15)
        source = UInt16(device << 3)
        try address(device, 0x04)
        // Memory space and bus master.
        try bus.output((try bus.input(from: 0xCFC) & 0xFFFF) | 6, to: 0xCFC)
        // The guest may be about to use it.
        try bus.output(configuration, to: 0xCF8)
    }

    /// Has it begin to read memory into itself. It waits 100 ms of the machine's time first.
    package func beginToTake(_ address: UInt64, to index: Int = 0) throws(QMP.Failure) {
        try begin(
            from: address, to: Self.buffer + UInt64(index * Self.bytes), count: Self.bytes, toRAM: false)
    }

    /// Has it begin to write what it holds.
    package func beginToGive(_ count: Int = 1, to address: UInt64) throws(QMP.Failure) {
        try begin(from: Self.buffer, to: address, count: count * Self.bytes, toRAM: true)
    }

    /// Has it begin to write zeroes.
    package func beginToErase(_ address: UInt64) throws(QMP.Failure) {
        try begin(from: Self.buffer + Self.unread, to: address, count: Self.bytes, toRAM: true)
    }

    private func begin(
        from source: UInt64, to target: UInt64, count: Int, toRAM: Bool
    ) throws(QMP.Failure) {
        try bus.write(source, at: registers + 0x80)
        try bus.write(target, at: registers + 0x88)
        try bus.write(UInt64(count), at: registers + 0x90)
        try bus.write(UInt64(toRAM ? 3 : 1), at: registers + 0x98)
    }

    /// Waits for what has begun; the machine must run.
    /// - Throws: ``Failure/busy``, or as the test socket.
    package func finish() throws {
        let deadline = ContinuousClock.now + Self.patience
        while try bus.read(at: registers + 0x98) & 1 != 0 {
            guard ContinuousClock.now < deadline else { throw Failure.busy }
            usleep(2000)
        }
    }

    package enum Failure: Explained, Equatable {
        case none
        case busy

        package var exitCode: ExitCode { .machineDied }

        package var description: String {
            switch self {
            case .none: "There is no device edu on bus 0 of the machine. Check QEMU's version."
            case .busy: "The device edu does not come to an end. Run it again on a machine with less to do."
            }
        }
    }
}
