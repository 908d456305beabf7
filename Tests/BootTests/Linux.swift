import Foundation
import FrostCore
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostProof
import FrostSupport
@testable import FrostSweep
import Testing

extension BootTests {
    @Suite("Linux") struct Linux {
        /// Texts of the kernel and of its user space that stand in memory while it runs.
        static let texts = ["Linux version 6.", "BusyBox v1.", "frost: Linux ", "/sbin/modprobe"]

        /// Page misses that a boot may take with 1 GiB of RAM. At 8 MiB: 0.81 times Belady's optimum of 32,140 for pages
        /// opened on demand, where 0.73 is usual (docs/evidence/pager.md). Elsewhere half as many again as once were, because
        /// the timer and the host's load decide what is hot.
        @Test(
            "Linux boots within its budget of page misses", .timeLimit(.minutes(10)),
            arguments: [("8MiB", 26_000)]
                + (BootTests.isFull ? [("2MiB", 200_000), ("32MiB", 19_000), ("64MiB", 16_000)] : []))
        func sizes(frozen: String, budget: UInt64) throws {
            let result = try Sealed("linux") { $0.frozen = try ByteCount(parsing: frozen) }.run {
                $0.timeLimit = TimeSpan(.seconds(540))
            }
            #expect(result.exitCode == .asAsked, result.story)
            let misses = try #require(result.trace.count(.miss))
            let seals = try #require(result.trace.count(.seal))
            #expect(misses <= budget)
            let opens =
                try #require(result.trace.count(.openBlank)) + #require(result.trace.count(.openImaged))
                + #require(result.trace.count(.openSealed))
            #expect(seals < opens, "a clean page goes without being sealed")
        }

        @Test("Linux unpacks itself, as shipped, too", .enabled(if: BootTests.isFull, BootTests.fullOnly))
        func asShipped() throws {
            let result = try Sealed("linux") { $0.kernelEntry = .bzimage }.run()
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test(
            "A job computes the same with and without the hypervisor, its memory ciphertext at every instant",
            .timeLimit(.minutes(15)), arguments: BootTests.isFull ? ["md5", "churn", "busy"] : ["md5"])
        func sameResults(job: String) throws {
            let commandLine = "console=ttyS0,115200 panic=-1 libata.dma=0 frost.job=\(job)"
            let sealed = try Sealed("linux") {
                $0.frozen = 8 * .mebibyte
                $0.commandLine = commandLine
            }
            let search = MemorySearch(Self.texts)
            var seen: Set<String> = []
            var instants = 0, sealedPages = 0
            let result = try sealed.run { options in
                options.expected = ["frost: \(job) done, powering off"]
                options.timeLimit = TimeSpan(.seconds(600))
                options.hooks = [
                    Hook.watch(every: .seconds(3)) { machine in
                        try machine.pauseInGuest()
                        let finds = try search.finds(in: machine.ram)
                        #expect(
                            MemorySearch.verdict(finds, for: machine.image) == .insideOnly(count: finds.count)
                        )
                        let audit = try TreeAudit(FrozenView(machine))
                        #expect(audit.broken.isEmpty)
                        #expect(audit.repeated == 0)
                        seen.formUnion(finds.map(\.needle))
                        sealedPages = max(sealedPages, audit.sealedPages.count)
                        instants += 1
                        try machine.resume()
                    }
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(instants >= 4)
            #expect(seen.contains("Linux version 6."), "the search found nothing: it proves nothing")
            #expect(sealedPages > 1000)
            let plain = Self.sums(in: try Self.plainConsole(commandLine, in: sealed.scratch))
            #expect(plain.count >= 2)
            #expect(Self.sums(in: result.consoleText) == plain)
        }

        /// QEMU's, with what the hypervisor needs added where one lacks it.
        static let models =
            ["EPYC"]
            + (BootTests.isFull
                ? [
                    "max", "EPYC-Rome", "EPYC-Milan", "Dhyana,+aes,+pclmulqdq",
                    "Opteron_G4,+rdrand,+xsaveopt", "Opteron_G5,+rdrand,+xsaveopt",
                    "Westmere,+rdrand,+svm,+npt", "SandyBridge,+rdrand,+svm,+npt",
                    "IvyBridge,+svm,+npt", "Haswell,+svm,+npt", "Broadwell,+svm,+npt",
                    "Skylake-Client,+svm,+npt", "Skylake-Server,+svm,+npt",
                    "Cascadelake-Server,+svm,+npt", "Icelake-Server,+svm,+npt",
                ] : [])

        /// The hypervisor makes an emulated machine slow, so that clocks disagree; the kernel's parameters silence the rest
        /// of this kind.
        static let complaintsOfTime = [
            "APIC calibration not consistent with PM-Timer", "tsc: ", "hrtimer: interrupt took ",
        ]

        @Test(
            "On a model of CPU Linux complains of nothing but what it complains of without the hypervisor",
            .timeLimit(.minutes(10)), arguments: models)
        func complaints(model: String) throws {
            let commandLine =
                "console=ttyS0,115200 panic=-1 libata.dma=0 frost.job=boot console_msg_format=syslog "
                + "no_timer_check tsc=nowatchdog"
            let sealed = try Sealed("linux") { $0.commandLine = commandLine }
            let result = try sealed.run {
                $0.cpu = try CPUChoice(parsing: model)
                $0.timeLimit = TimeSpan(.seconds(540))
            }
            #expect(result.exitCode == .asAsked, result.story)
            let sealedTexts = try #require(KernelComplaints.texts(in: result.consoleText))
            let plain = try Self.plainConsole(commandLine, cpu: model, in: sealed.scratch)
            let plainTexts = Set(try #require(KernelComplaints.texts(in: plain)))
            let own = sealedTexts.filter { text in
                !plainTexts.contains(text) && !Self.complaintsOfTime.contains { text.hasPrefix($0) }
            }
            #expect(own == [])
        }

        /// Words of 32 hexadecimal digits: what md5sum prints.
        private static func sums(in console: String) -> [Substring] {
            console.split { $0.isWhitespace }.filter { $0.count == 32 && $0.allSatisfy(\.isHexDigit) }
        }

        /// The same kernel and command line on the same machine, without Frostvisor.
        private static func plainConsole(
            _ commandLine: String, cpu: String = "max", in scratch: ScratchFolder
        ) throws -> String {
            let script = try BootTests.tree().images.appending(path: "linux/fetch.sh")
            let printed = String(
                decoding: try Tool.bash.run([script.path()], for: "fetch Linux"), as: UTF8.self)
            var files: [Substring: Substring] = [:]
            for line in printed.split(separator: "\n") {
                let parts = line.split(separator: "=", maxSplits: 1)
                if parts.count == 2 { files[parts[0]] = parts[1] }
            }
            let console = scratch.file("plain.txt")
            try Tool.qemu.run(
                [
                    "-accel", "tcg", "-machine", "pc,smm=off", "-cpu", cpu, "-smp", "1", "-m", "1024",
                    "-display",
                    "none", "-vga", "none", "-nodefaults", "-net", "none", "-no-reboot",
                    "-kernel", String(files["KERNEL"] ?? ""), "-initrd", String(files["INITRD"] ?? ""),
                    "-append", commandLine, "-serial", "file:\(console.path())",
                ], for: "boot Linux plainly")
            return try String(contentsOf: console, encoding: .utf8)
        }
    }
}
