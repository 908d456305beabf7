import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// What a machine holds that the hypervisor has stopped.
    @Suite("Endings") struct Endings {
        static let fault = "kept-registers"

        /// That the guest stray leaves in its registers, before it touches what nested tables do not reach.
        private static let mark = "ffffdb3df05758a1"

        private static let wide = CPUChoice.named("max,+svm,+npt,phys-bits=52")

        /// Lines of QEMU's description of the CPU.
        private static func marked(in tree: SourceTree) throws -> [String] {
            var registers: [String] = []
            let sealed = try Sealed(Recipe(named: "stray", in: tree), in: tree) {
                $0.commandLine = "beyond=1"
            }
            let result = try sealed.run { options in
                (options.cpu, options.ending, options.panic) = (wide, .panic, .stray)
                options.expected = []
                options.hooks = [Hook(.end) { registers = try $0.registers() }]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(registers.contains { $0.contains("YMM15") }, "\(registers)")
            return registers.filter { $0.lowercased().contains(Self.mark) }
        }

        @Test("After a panic no register holds anything of the guest", .timeLimit(.minutes(1)))
        func registers() throws {
            let tree = try BootTests.tree()
            #expect(try Self.marked(in: tree) == [])
            let kept = try Fault(named: Self.fault, in: tree).inject(into: tree) { try Self.marked(in: $0) }
            for name in ["FPR", "YMM03", "YMM15", "DR0", "FS ="] {
                #expect(kept.contains { $0.contains(name) }, "\(kept)")
            }
        }
    }
}
