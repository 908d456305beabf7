import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport
import Glibc

/// Code that waits in DRAM for another CPU, whom messages send for: a device's, and the guest's where it sends any.
struct CPUAmbush: CustomStringConvertible {
    private let mark: UInt64
    private let position: TracePosition
    /// Where CPU 1 stood before.
    private let before: [String]
    let description: String

    /// What the code leaves behind.
    private static let sign: UInt8 = 0x5A
    private static let beforeSecond: UInt32 = 150_000
    private static let lowRAM = page_id(0x60)..<page_id(0x9F)

    /// Lies in wait in each frame that ROMs came from: the guest finds other bytes there, a CPU that starts these.
    init(_ attack: Attack, _ base: AttackBase, _ machine: Machine) throws {
        try machine.pauseInGuest()
        let view = try FrozenView(machine, symbols: base.symbols)
        let entries = try TreeAudit(view).entries
        let blank = Self.lowRAM.filter { view.slots[$0] == nil && entries[$0]?.state == PAGE_BLANK.rawValue }
        var generator = attack.generator
        guard let page = blank.randomElement(using: &generator) else { throw Failure.noMark }
        mark = view.plan.home(page)
        position = try TracePosition(machine, view)
        let code = Self.code(markingAt: mark)
        try machine.ram.write([0], at: mark)
        for frame in FirmwarePages.romFrames { try machine.ram.write(code, at: frame) }
        before = try Self.place(machine)
        let messages: [(message: DeviceMessage, name: String)] =
            attack.kind == .secondCPUByNMI
            ? [(.nmi, "NMIs")] : [(.initialise, "INIT"), (.startUp, "start-up message")]
        let drawn = messages[Int.random(in: 0..<messages.count, using: &generator)]
        description = "CPU 1 by a device's \(drawn.name), mark at \(mark.hexadecimal)"
        try machine.resume()
        try machine.send(drawn.message, toCPU: 1)
        // QEMU takes a pending INIT by the first.
        usleep(Self.beforeSecond)
        if drawn.message == .nmi { try machine.send(drawn.message, toCPU: 1) }
    }

    /// 16-bit code, for any address: mov ax, MARK / 16; mov ds, ax; mov byte [0], SIGN; cli; hlt.
    private static func code(markingAt mark: UInt64) -> [UInt8] {
        let segment = UInt16(mark / 16)
        return [
            0xB8, UInt8(segment & 0xFF), UInt8(segment >> 8), 0x8E, 0xD8, 0xC6, 0x06, 0, 0, sign, 0xFA, 0xF4,
        ]
    }

    /// Whether it is halted, and where.
    private static func place(_ machine: Machine) throws -> [String] {
        let words = try machine.registers(ofCPU: 1).flatMap { $0.split(separator: " ").map(String.init) }
        return ["HLT=", "EIP=", "RIP="].compactMap { name in words.first { $0.hasPrefix(name) } }
    }

    /// The machine stands still when this returns.
    func finding(_ machine: Machine, symbols: SymbolTable) throws -> AttackJudge.Finding {
        try machine.pauseInGuest()
        let view = try FrozenView(machine, symbols: symbols)
        if try machine.ram.read(at: mark, count: 1) == [Self.sign] {
            return (.missed, "another CPU has run the attacker's code")
        }
        let now = try Self.place(machine)
        // QEMU 7.2 leaves an INIT pending while a CPU is halted, and takes it with the next message: reset, and halted.
        let isReset = now.contains("HLT=1") && now.contains { $0.hasSuffix("=0000fff0") }
        guard (now == before && now.contains("HLT=1")) || isReset else {
            return (
                .missed,
                "CPU 1 has moved: \(now.joined(separator: " ")), before \(before.joined(separator: " "))"
            )
        }
        if let page = try TreeAudit(view).broken.first { return (.missed, "\(pageName(page)) broke") }
        let whom = try isOver(machine, symbols: symbols) ? "a device and the guest" : "a device alone"
        return (.held, "CPU 1 stands still, sent for by \(whom)")
    }

    /// Whether the guest, which has the CPU, has written to an APIC meanwhile: so it sends for other CPUs.
    func isOver(_ machine: Machine, symbols: SymbolTable) throws -> Bool {
        try position.records(of: machine, FrozenView(machine, symbols: symbols)).contains {
            $0.kind == .exit && $0.detail == TraceCounter.exitDevice.rawValue
        }
    }

    enum Failure: Explained, Equatable {
        case noMark

        var exitCode: ExitCode { .otherwise }

        var description: String {
            "The guest has used all of its low memory: the attacker finds no place for a mark."
        }
    }
}
