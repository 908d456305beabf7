import Foundation
import FrostCore
import FrostFormat
import FrostHost
@testable import FrostImage
import FrostMachine
import FrostProof
import FrostSamples
import FrostSupport
import Glibc
import Synchronization
import Testing

extension BootTests {
    /// Machines that libvirt's embedded driver starts.
    @Suite("libvirt", .enabled(if: lackOfLibvirt == nil, "SKIP: \(lackOfLibvirt ?? "")"))
    struct Libvirt {
        @Test("Two machines of one process run at once", .timeLimit(.minutes(2)))
        func atOnce() throws {
            let sealed = try Sealed("hello")
            let results = Mutex<[RunResult]>([])
            let threads = DispatchGroup()
            for _ in 0..<2 {
                DispatchQueue.global().async(group: threads) {
                    guard let result = try? sealed.run({ $0.platform = .libvirt }) else { return }
                    results.withLock { $0.append(result) }
                }
            }
            threads.wait()
            let endings = results.withLock { $0 }
            #expect(endings.count == 2)
            for result in endings { #expect(result.exitCode == .asAsked, result.story) }
        }

        @Test("A passphrase is typed, and a wrong one refused", .timeLimit(.minutes(2)))
        func passphrase() throws {
            try Self.typePassphrases { $0.platform = .libvirt }
        }

        /// The right one, and a wrong one, at the prompt of a machine of libvirt's.
        static func typePassphrases(_ place: (inout RunOptions) throws -> Void) throws {
            let right = try Passphrase("of the libvirt tests")
            let sealed = try Sealed("hello") {
                $0.key = .passphrase(right, iterations: ImageKey.minimumIterations)
            }
            for (typed, code) in [
                (right, FrostSupport.ExitCode.asAsked), (try Passphrase("no"), .wrongPassphrase),
            ] {
                let result = try sealed.run {
                    try place(&$0)
                    $0.passphrase = typed
                }
                #expect(result.exitCode == code, result.story)
                #expect(result.consoleText.hasPrefix("frostvisor: "), "the console's first bytes are missing")
            }
        }

        @Test(
            "Memory is read, the CPU stopped and asked, and plaintext stands in slots only",
            .timeLimit(.minutes(3)))
        func hooks() throws {
            let sealed = try Sealed("secret")
            var keys: [String] = []
            var finds: [MemorySearch.Find] = []
            let result = try sealed.run { options in
                options.platform = .libvirt
                options.hooks = [
                    Hook(.console("secret: ready")) { machine in
                        try machine.pauseInGuest()
                        let blocks = try FrozenView(machine).keyBlocks().prefix(2)
                        keys = blocks.map(\.0)
                        finds = try MemorySearch(
                            named: blocks + Markers.parts.map { ($0, Array($0.utf8)) }
                        ).finds(in: machine.ram)
                        try machine.resume()
                        machine.stop()
                    }
                ]
            }
            #expect(result.ending == .stopped, result.story)
            let found = Set(finds.map(\.needle))
            #expect(!keys.isEmpty && found.isSuperset(of: keys) && !found.isDisjoint(with: Markers.parts))
            #expect(finds.allSatisfy { sealed.image.plan.frozenRegion.contains($0.address) })
        }

        @Test("A run is proven as under qemu-tcg", .timeLimit(.minutes(4)))
        func proof() throws {
            let verdict = try CacheVerdicts.verdict(
                CacheVerdicts.sealed("hello"), cache: CacheChoice(preset: "sapphire-rapids-l2"),
                platform: .libvirt)
            #expect(verdict.answer == .proven, "\(verdict)")
        }

        @Test(
            "frost leaves no machine behind, however it is ended", .timeLimit(.minutes(2)),
            arguments: [(SIGTERM, 130), (SIGKILL, SIGKILL)] as [(Int32, Int32)])
        func killed(signal: Int32, status: Int32) throws {
            let sealed = try Sealed("revisit")
            let child = try ChildProcess(
                BuiltFrost.program(), ["run", sealed.image.file.path(), "--platform", "libvirt"], error: .none
            )
            try child.waitForOutput("revisit: ready")
            #expect(Self.machines(of: sealed.image).count == 1)
            child.send(signal)
            let end = child.end(waiting: true)
            #expect(end?.status == status && end?.wasSignalled == (signal == SIGKILL))
            let deadline = ContinuousClock.now + .seconds(5)
            while !Self.machines(of: sealed.image).isEmpty && ContinuousClock.now < deadline {
                usleep(10_000)
            }
            #expect(Self.machines(of: sealed.image).isEmpty)
            // Its root is as good as new.
            #expect(try Sealed("hello").run { $0.platform = .libvirt }.exitCode == .asAsked)
        }

        @Test("A machine that outlived its frost is ended by the next one there", .timeLimit(.minutes(2)))
        func leftover() throws {
            let sealed = try Sealed("revisit")
            let folder = sealed.scratch.url
            // Without setpriv nobody ties QEMU's life to frost's.
            let tools = sealed.scratch.file("bin")
            try FileManager.default.createDirectory(at: tools, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                at: tools.appending(path: Tool.qemu.name), withDestinationURL: Tool.qemu.locate())
            let root = "qemu:///embed?root=\(sealed.scratch.file("root").path())"
            let words = ["--platform", "libvirt", "--connect", root]

            let frost = try BuiltFrost.process(["run", sealed.image.file.path()] + words, in: folder)
            frost.environment?["PATH"] = tools.path()
            try frost.run()
            let deadline = ContinuousClock.now + .seconds(60)
            var said = ""
            while !said.contains("revisit: ready") && ContinuousClock.now < deadline {
                usleep(10_000)
                said = try String(contentsOf: folder.appending(path: "output.txt"), encoding: .utf8)
            }
            kill(frost.processIdentifier, SIGKILL)
            frost.waitUntilExit()
            let left = try #require(Self.machines(of: sealed.image).first.flatMap { pid_t($0) })
            // It may be our orphan, and libvirt waits until it is reaped.
            Thread.detachNewThread { waitpid(left, nil, 0) }

            let hello = try Sealed("hello")
            let (code, error, _) = try BuiltFrost.run(
                ["run", hello.image.file.path()] + words, in: hello.scratch.url)
            #expect(code == 0, Comment(rawValue: error))
            #expect(Self.machines(of: sealed.image).isEmpty)
        }

        /// Processes that have the image open by name; a zombie has no command line any more.
        private static func machines(of image: BootImage) -> [String] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.filter { name in
                guard pid_t(name) != nil,
                    let words = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
                else { return false }
                let text = String(decoding: words, as: UTF8.self)
                return text.contains(image.file.path()) && text.contains("guest=frost-")
            }
        }
    }

    static let lackOfLibvirt: String? = {
        do {
            try Platform.libvirt.check()
            return nil
        } catch {
            return "\(error)"
        }
    }()
}
