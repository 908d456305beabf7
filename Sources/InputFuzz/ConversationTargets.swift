import AccessTrace
import Foundation
import FrostCore
import FrostHost
import FrostImage
import FrostMachine
import FrostSupport

extension FuzzTarget {
    /// What other programs say while they run.
    static let conversations: [FuzzTarget] = [
        FuzzTarget(
            name: "qmp", reads: "QEMU's control socket, in pieces",
            words: ["{\"return\": ", "{\"error\": {\"desc\": \"", "}}\n", "{\"event\": ", "\n"],
            longestInput: 2 << 10,
            read: { input, _ in
                var messages = QMPMessages()
                for piece in input.split(separator: 0, omittingEmptySubsequences: false) {
                    try messages.feed([UInt8](piece))
                    while messages.next() != nil {}
                }
            }),
        FuzzTarget(
            name: "qemu-answer", reads: "QEMU's answers, by its socket or by libvirt",
            words: [
                "{\"return\": ", "{\"error\": {\"desc\": \"", "[{\"label\": \"com1\", \"filename\": \"unix:",
            ],
            longestInput: 1 << 10,
            read: { input, _ in
                let qemu = QMP(over: FuzzedLine(input))
                _ = try qemu.monitor("info registers")
                for line in DomainLine.all(of: "frost") { _ = try line.isConnected(qemu) }
            }),
        FuzzTarget(
            name: "capabilities", reads: "libvirt's description of its host",
            words: [
                "<secmodel><model>", "</model>", "<baselabel type='qemu'>+", ":+", "</baselabel>",
                "<counter name='tsc' frequency='",
            ],
            longestInput: 1 << 10,
            read: { input, _ in
                let host = HostCapabilities(text: String(decoding: input, as: UTF8.self))
                _ = (host.securityModels, host.emulatorOwner?.user, host.ticksPerSecond)
            }),
        FuzzTarget(
            name: "owner", reads: "names of libvirt's domains and volumes",
            words: ["frost-", "-", ".img", "9223372036854775807", "18446744073709551615"],
            longestInput: 256,
            read: { input, _ in
                if let owner = RunOwner(of: String(decoding: input, as: UTF8.self)) {
                    _ = (owner.name, owner.isAlive, owner.age())
                }
            }),
        FuzzTarget(
            name: "debugger-stop", reads: "Bochs's debugger where it waits (verify --platform bochs)",
            words: ["(0) Breakpoint 1, 0x", " in ?? ()", "\nNext at t=", "\n(0) [0x", "\n"],
            longestInput: 1 << 10,
            read: { input, _ in _ = BochsDebugger.stop(in: input) }),
        FuzzTarget(
            name: "accesses", reads: "Bochs's trace of accesses, accesses.txt (verify DIR)",
            words: [
                "[CPU0 WR]: LIN 0x", " PHY 0x", "(len=8, WB): 0x", "[CPU0 RD]: PHY 0x", "; EPT PTE", "; VMCS",
                "(0).[1] [0x", "] 0008:ffffffff80000300 (unk. ctxt): ", "vmrun", "wbinvd", " ; 90\n",
                "trace-mem on\n",
                "trace-mem off\n", "Next at t=", "Memory-Tracing enabled for CPU0\n", "(0) Breakpoint 1, 0x",
            ],
            read: { input, _ in judge(input) }),
        FuzzTarget(
            name: "console", reads: "the guest's console, for the prompt and for expected texts (run)",
            words: [prompt],
            longestInput: 512,
            read: { input, _ in
                var watch = TextWatch(prompt)
                var console: [UInt8] = [], isFound = false
                for piece in input.split(separator: 0, omittingEmptySubsequences: false) {
                    // What is new, and as much before it as the prompt may have there.
                    let looked = max(0, console.count - prompt.utf8.count)
                    console += piece
                    isFound =
                        isFound
                        || console.indices.suffix(from: looked).contains {
                            console[$0...].starts(with: prompt.utf8)
                        }
                    precondition(watch.look(at: console) == isFound)
                }
            }),
        FuzzTarget(
            name: "host", reads: "the host's kernel: /proc, /sys, its log (doctor, bench)",
            words: [
                "/proc/cpuinfo\n", "vendor_id\t: GenuineIntel\n", "vendor_id\t: AuthenticAMD\n",
                "flags\t\t: aes sme ",
                "level\n3", "size\n32M", "type\nUnified", "ways_of_associativity\n16",
                "coherency_line_size\n64",
                "osrelease\n6.1", "\0",
            ],
            longestInput: 2 << 10,
            read: { input, _ in _ = HostReport(.fuzzed(input), tools: []).description }),
        FuzzTarget(
            name: "build-rules", reads: "what clang, nasm and ld.lld say they have read (make-image)",
            words: [": ", "\\\n", "$$", "\\ ", "\\#", "\r\n"],
            longestInput: 1 << 10,
            read: { input, _ in _ = BuildInputs.prerequisites(of: String(decoding: input, as: UTF8.self)) }),
    ]

    private static let prompt = PASSPHRASE_PROMPT

    /// Judges a trace, in pieces, as of a machine with 16 MiB of RAM.
    private static func judge(_ input: [UInt8]) {
        let base = UInt64(0xFFFF_FFFF_8000_0000)
        var settings = access_settings()
        settings.region = access_range(base: 0xE0_0000, end: 0xE0_4000)
        settings.ram_end = 16 << 20
        settings.legacy = access_range(base: 0xA_0000, end: 0x10_0000)
        settings.hypervisor_base = base
        (settings.text_bytes, settings.image_bytes) = (0x1000, 0x2000)
        (settings.freeze, settings.page_seal) = (base + 0x100, base + 0x200)
        guard let judge = access_judge_make(&settings, { _, _ in }, nil) else { return }
        defer { access_judge_free(judge) }
        for piece in input.split(separator: 0, omittingEmptySubsequences: false) {
            piece.withUnsafeBytes { bytes in
                access_judge_feed(judge, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
            }
        }
        access_judge_end(judge)
        var count = 0
        _ = access_judge_violations(judge, &count)
        precondition(access_judge_totals(judge).pointee.lines <= UInt64(input.count) + 1)
    }
}

/// Gives the same answer to whatever it is asked.
private final class FuzzedLine: QMPLine {
    private let message: [String: Any]

    init(_ input: [UInt8]) {
        message = (try? JSONSerialization.jsonObject(with: Data(input)) as? [String: Any]) ?? [:]
    }

    func answer(to command: Data) throws(QMP.Failure) -> [String: Any] { message }
}

extension HostSources {
    /// Pieces between zero bytes; each holds what a path ends with, and after the first line its text.
    fileprivate static func fuzzed(_ input: [UInt8]) -> HostSources {
        let pieces = input.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        let files = pieces.map { piece in
            let name = piece.prefix { !$0.isNewline }
            return (name: name, text: String(piece[name.endIndex...].dropFirst()))
        }
        @Sendable func text(_ path: String) -> String? {
            files.first { !$0.name.isEmpty && path.hasSuffix($0.name) }?.text
        }
        @Sendable func word(_ at: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 << 8 | UInt32(input.isEmpty ? 0 : input[(at * 4 + $1) % input.count]) }
        }
        return HostSources(
            text: text, names: { _ in pieces }, isUsable: { _ in input.first.map { $0 > 1 } },
            cpuid: {
                let at = Int($0.leaf % 251)
                return Registers(eax: word(at), ebx: word(at + 1), ecx: word(at + 2), edx: word(at + 3))
            },
            msr: { UInt64(word(Int($0 % 251))) << 32 | UInt64(word(Int($0 % 241))) },
            kernelLog: { pieces.last })
    }
}
