import Foundation
import FrostFormat
import FrostImage
import FrostMachine
import FrostProof
import FrostSamples
import FrostSupport
@testable import FrostSweep
import Glibc
import Testing

extension BootTests {
    /// Sweeps with machines that boot: killed, gone on with, compared.
    @Suite("Sweeps") struct Sweeps {
        /// 24 cells of half a second.
        private static let trial = """
            matrix:
              image: hello
              frozen: [2MiB, 4MiB]
              policy: [clock, fifo]
              slots: [0, 64, 128]
              seed: [1, 2]
            settings: {timeout: 60s}
            """
        private static let cells = 24

        private let scratch: ScratchFolder
        private var results: URL { scratch.file("results/cells") }

        init() throws {
            scratch = try ScratchFolder()
        }

        private func write(_ yaml: String) throws {
            try Data(yaml.utf8).write(to: scratch.file("trial.yaml"))
        }

        private func sweep(_ more: String..., into folder: String = "results") -> [String] {
            ["sweep", "trial.yaml", "-o", folder, "--jobs", "2"] + more
        }

        /// Name and content of each finished cell's result, and which file it is.
        private func finished() -> [String: String] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: results.path())) ?? []
            let found = names.compactMap { name -> (String, String)? in
                let file = results.appending(path: "\(name)/cell.json")
                var status = stat()
                guard stat(file.path(), &status) == 0,
                    let text = try? String(contentsOf: file, encoding: .utf8)
                else { return nil }
                return (name, "\(status.st_ino) \(status.st_mtim.tv_nsec) \(text)")
            }
            return Dictionary(uniqueKeysWithValues: found)
        }

        /// Starts a sweep, lets it finish some cells, and sends it a signal.
        private func start(until count: Int, then signal: Int32) throws -> Process {
            let process = try BuiltFrost.process(sweep(), in: scratch.url)
            try process.run()
            while finished().count < count && process.isRunning { usleep(5000) }
            #expect(process.isRunning, "it ended before it could be killed")
            if signal == SIGKILL {
                let other = scratch.file("other")
                try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
                let second = try BuiltFrost.run(
                    ["sweep", "../trial.yaml", "-o", "../results"], in: other)
                #expect(second.code == FrostSupport.ExitCode.unavailable.rawValue)
                #expect(second.error.contains("Another sweep (process \(process.processIdentifier))"))
            }
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            return process
        }

        private func report(_ folder: String = "results") throws -> SweepReport {
            try SweepReport(reading: scratch.file("\(folder)/sweep.json"))
        }

        @Test(
            "A sweep that was interrupted, and killed, goes on: no cell is lost, none is run twice",
            .timeLimit(.minutes(5)))
        func goesOn() throws {
            try write(Self.trial)
            let interrupted = try start(until: 4, then: SIGINT)
            #expect(interrupted.terminationStatus == FrostSupport.ExitCode.interrupted.rawValue)
            let first = finished()
            #expect(try report().isInterrupted && report().cells.count == first.count)

            let killed = try start(until: 12, then: SIGKILL)
            #expect(killed.terminationReason == .uncaughtSignal)
            let second = finished()
            #expect(second.count < Self.cells)
            for (name, content) in first { #expect(second[name] == content, "\(name) was run again") }

            let last = try BuiltFrost.run(sweep(), in: scratch.url)
            #expect(last.code == 0, Comment(rawValue: last.error))
            #expect(
                last.error.contains("\(second.count) finished already, \(Self.cells - second.count) to run"))
            let third = finished()
            #expect(third.count == Self.cells)
            for (name, content) in second { #expect(third[name] == content, "\(name) was run again") }
            let report = try report()
            #expect(report.cells.count == Self.cells && report.count(.passed) == Self.cells)
            #expect(Set(report.cells.map(\.definition)).count == Self.cells)
            // Each line of a finished cell begins with its number.
            let lines = last.error.split(separator: "\n").filter { $0.contains("/\(Self.cells)  ") }
            #expect(lines.count == Self.cells - second.count)

            let again = try BuiltFrost.run(sweep("--format", "json"), in: scratch.url)
            #expect(again.error.contains("\(Self.cells) finished already, 0 to run"))
            #expect(finished() == third)
            let printed = try JSONDecoder().decode(SweepReport.self, from: Data(again.output.utf8))
            #expect(printed.cells.count == Self.cells)
        }

        @Test("What the file changed is run again and no more, and worse than the baseline is exit code 3")
        func regression() throws {
            func yaml(_ slots: Int, _ more: String = "") -> String {
                """
                matrix: {image: [paging, hello], policy: [clock\(more)]}
                exclude: [{image: hello, policy: fifo}]
                settings: {slots: \(slots), timeout: 60s, trace-every: 1}
                """.replacing(more.isEmpty ? "exclude: [{image: hello, policy: fifo}]\n" : "\u{0}", with: "")
            }
            try write(yaml(0))
            #expect(try BuiltFrost.run(sweep(), in: scratch.url).code == 0)
            let before = finished()
            #expect(Set(before.keys) == ["paging-clock", "hello-clock"])
            #expect(try report().cells.allSatisfy { $0.firstTouches ?? 0 >= 2 })
            try FileManager.default.copyItem(
                at: scratch.file("results/sweep.json"), to: scratch.file("old.json"))

            try write(yaml(0, ", fifo"))
            let more = try BuiltFrost.run(sweep("--baseline", "old.json"), in: scratch.url)
            #expect(more.code == 0, Comment(rawValue: more.output))
            #expect(more.error.contains("3 cells: 2 finished already, 1 to run"))
            for (name, content) in before { #expect(finished()[name] == content) }
            #expect(more.output.contains("paging-fifo is not in the baseline"))

            try write(yaml(64))
            let worse = try BuiltFrost.run(sweep("--baseline", "old.json"), in: scratch.url)
            #expect(worse.code == FrostSupport.ExitCode.regression.rawValue, Comment(rawValue: worse.output))
            #expect(worse.error.contains("2 again, as their definition in the file changed"))
            let found = try report().comparison?.regressions ?? []
            let misses = try #require(found.first { $0.cell == "paging-clock" && $0.metric == "misses" })
            #expect(try #require(Int(misses.new)) > #require(Int(misses.allowed)))
            #expect(found.contains { $0.metric == "slots" && $0.new == "64" })
            #expect(worse.output.contains("\nworse ") && worse.output.contains("misses"))
            let junit = try String(contentsOf: scratch.file("results/junit.xml"), encoding: .utf8)
            #expect(junit.contains("type='regression'"))
        }

        @Test("What fails, is skipped, or cannot be made is told apart; the mistakes have their exit codes")
        func outcomes() throws {
            try Data("ice\n".utf8).write(to: scratch.file("pw"))
            try write(
                """
                matrix: {image: hello, platform: qemu-tcg}
                include:
                  - {image: hello, platform: qemu-tcg, cpu: "max,-aes"}
                  - {image: hello, platform: bochs, seed: 1}
                  - {image: hello, platform: bochs, verify: smallest, passphrase-file: pw}
                  - {image: hello, platform: qemu-tcg, verify: smallest, passphrase-file: pw, kdf-iterations: 1000}
                """)
            let run = try BuiltFrost.run(sweep(), in: scratch.url)
            #expect(run.code == FrostSupport.ExitCode.otherwise.rawValue, Comment(rawValue: run.error))
            let cells = try report().cells
            #expect(cells.map(\.outcome) == [.passed, .failed, .skipped, .skipped, .passed])
            #expect(cells[1].ending == .panic && cells[1].reason?.contains("no-cipher") == true)
            #expect(cells[2].reason?.contains("takes no seed") == true)
            #expect(cells[3].reason?.contains("Not provable here") == true)
            #expect(cells[4].verdict == .proven)
            let kept = try FileManager.default.contentsOfDirectory(
                atPath: results.appending(path: cells[4].name).path())
            #expect(
                kept.contains("verdict.json") && !kept.contains("residency.log"), "no keys are left lying")

            let retried = try BuiltFrost.run(sweep("--retry-failed"), in: scratch.url)
            #expect(retried.error.contains("2 finished already, 3 to run"))

            try write("matrix: {image: hallo}")
            #expect(
                try BuiltFrost.run(sweep(), in: scratch.url).code == FrostSupport.ExitCode.badInput.rawValue)
            for (words, code) in [
                (["sweep", "nowhere.yaml", "-o", "x"], FrostSupport.ExitCode.noSuchFile),
                (["sweep", "trial.yaml"], .usage),
                (sweep("--baseline", "nowhere.json"), .badInput), (sweep("--tolerance", "misses=2%"), .usage),
                (sweep("--jobs", "0"), .usage),
            ] {
                let run = try BuiltFrost.run(words, in: scratch.url)
                #expect(run.code == code.rawValue, Comment(rawValue: run.error))
            }
            try write("matrix: {image: hello}")
            #expect(
                try BuiltFrost.run(sweep("--baseline", "nowhere.json"), in: scratch.url).code
                    == FrostSupport.ExitCode.noSuchFile.rawValue)
            #expect(
                try BuiltFrost.run(sweep(into: "."), in: scratch.url).code
                    == FrostSupport.ExitCode.usage.rawValue
            )
        }

        @Test(
            "Cells go to several libvirt drivers; what a place cannot start goes to another",
            .enabled(if: BootTests.lackOfLibvirt == nil, "SKIP: \(BootTests.lackOfLibvirt ?? "")"),
            .timeLimit(.minutes(3)))
        func places() throws {
            // The third has a root that nobody can make.
            try write(
                """
                matrix: {image: [hello, paging], platform: libvirt, slots: [0, 64, 128, 256]}
                include: [{image: hello, platform: qemu-tcg}]
                settings: {trace-every: 1}
                hosts:
                  - {uri: "qemu:///embed?root=/tmp/\(scratch.url.lastPathComponent)a"}
                  - {uri: "qemu:///embed?root=/tmp/\(scratch.url.lastPathComponent)b"}
                  - {uri: "qemu:///embed?root=/proc/nowhere"}
                """)
            defer {
                for name in ["a", "b"] {
                    try? FileManager.default.removeItem(
                        atPath: "/tmp/\(scratch.url.lastPathComponent)\(name)")
                }
            }
            let run = try BuiltFrost.run(sweep(), in: scratch.url)
            #expect(run.code == 0, Comment(rawValue: run.error))
            let cells = try report().cells
            #expect(cells.count == 9 && cells.allSatisfy { $0.outcome == .passed })
            let used = Set(cells.map { $0.place ?? "" })
            #expect(used.count == 3 && used.contains("local") && !used.contains { $0.contains("/proc/") })
            #expect(run.error.contains("/proc/nowhere is given up"))
            #expect(cells.contains { $0.attempts > 1 })
            let same = cells.filter { $0.cell.image == "hello" && $0.cell.slots ?? 0 == 0 }
            #expect(same.count == 2)
            #expect(same[0].counts["openImaged"] == same[1].counts["openImaged"])
            #expect(same[0].firstTouches == same[1].firstTouches)
        }

        @Test("A seed makes the machine's random numbers repeat", .timeLimit(.minutes(2)))
        func seed() throws {
            let sealed = try Sealed("hello") { $0.slotLimit = 64 }
            let memories = try [UInt64(7), 7, 8].map { seed in
                let record = scratch.file("seed")
                let result = try sealed.run {
                    ($0.seed, $0.keepsRAM, $0.record) = (seed, true, record)
                }
                #expect(result.exitCode == .asAsked, result.story)
                return try Data(contentsOf: RunFolder(record).ram)
            }
            func differingPages(_ left: Data, _ right: Data) -> Int {
                stride(from: 0, to: left.count, by: 4096).count {
                    left[$0..<$0 + 4096] != right[$0..<$0 + 4096]
                }
            }
            // The trace and its times differ in any case; sealed pages only with their nonces.
            #expect(2 * differingPages(memories[0], memories[1]) < differingPages(memories[0], memories[2]))
        }
    }
}
