import FrostCore
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// A machine with more CPUs than the guest's: nobody may start them.
    @Suite("Other CPUs") struct OtherCPUs {
        static let faults = ["shown-cpus"]

        /// Where a start-up message of the guest `messages` has a CPU begin, and what stands there: code of 16 bits that
        /// writes a byte to `mark`, and stops.
        private static let start: UInt64 = 0xD0000
        private static let code: [UInt8] = [
            0xB8, 0x00, 0x90,  // mov ax, 9000h
            0x8E, 0xD8,  // mov ds, ax
            0xC6, 0x06, 0x00, 0xE0, 0x5A,  // mov byte [E000h], 5Ah
            0xFA, 0xF4,  // cli; hlt
        ]
        private static let mark: UInt64 = 0x9E000

        @Test(
            "A guest does not start another CPU, unless its messages are not looked at",
            .timeLimit(.minutes(2)), arguments: [nil, "open-icr", "direct-apics"])
        func start(fault: String?) throws {
            var mark: UInt8?
            let result = try Sealed("messages", faults: fault.map { [$0] } ?? []).run {
                $0.board = try Board(cpus: 2)
                $0.hooks = [
                    // Whoever can write DRAM has put code there. It is not what the guest finds: its ROMs are pages.
                    Hook(.console("messages: ready")) { machine in
                        try machine.ram.write([0], at: Self.mark)
                        try machine.ram.write(Self.code, at: Self.start)
                    },
                    Hook(.end) { machine in mark = try machine.ram.read(at: Self.mark, count: 1).first },
                ]
            }
            #expect(mark == (fault == nil ? 0 : 0x5A), result.story)
            #expect((result.exitCode == .asAsked) == (fault == nil), result.story)
            #expect(result.trace.fact(.otherCPUs) == 1, result.story)
            if fault == nil { #expect(result.trace.count(.apicRefused) ?? 0 > 4, result.story) }
        }

        @Test(
            "Guests are told of one CPU", .timeLimit(.minutes(2)), arguments: ["hello", "tables", "realmode"])
        func told(guest: String) throws {
            let result = try Sealed(guest).run { $0.board = try Board(cpus: 4) }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.trace.fact(.otherCPUs) == 3)
        }

        @Test("A guest that is told of more says so", .timeLimit(.minutes(1)))
        func shown() throws {
            let result = try Sealed("tables", faults: ["shown-cpus"]).run {
                $0.board = try Board(cpus: 2)
                $0.expected = ["tables: CPUs: 2"]
            }
            #expect(result.exitCode == .asAsked, result.story)
        }
    }
}
