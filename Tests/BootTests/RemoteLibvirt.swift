import Foundation
import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSamples
import FrostSupport
import Glibc
import Testing

extension BootTests {
    /// Machines of a libvirt that shares no file with us.
    @Suite("remote libvirt", .enabled(if: RemoteHost.lack == nil, "SKIP: \(RemoteHost.lack ?? "")"))
    struct RemoteLibvirt {
        private let host: RemoteHost

        init() throws {
            host = try RemoteHost.shared.get()
        }

        private func options(_ options: inout RunOptions) throws {
            (options.platform, options.connect) = (.libvirt, try LibvirtURI(parsing: host.uri))
        }

        @Test(
            "Not a byte of console and trace is lost, and nothing stays over there", .timeLimit(.minutes(2)))
        func bytes() throws {
            // The long one says 1.8 MB, and waits for its line again and again.
            let sealed = try Sealed(isFull ? "storm" : "hello") { ($0.slotLimit, $0.traceEvery) = (64, 1) }
            let here = try sealed.run()
            let there = try sealed.run(options)
            #expect(here.exitCode == .asAsked && there.exitCode == .asAsked, there.story)
            #expect(there.console == here.console)
            #expect(there.trace.lostFrames == 0 && there.trace.noiseBytes == 0)
            #expect(there.trace.records.map(\.kind) == here.trace.records.map(\.kind))
            #expect(there.clock.ticksPerSecond != here.clock.ticksPerSecond)
            #expect(try host.leftovers() == [])

            // The control: told to go by our files, it does not find them.
            let failure = #expect(throws: LibvirtFailure.self) {
                try sealed.run {
                    ($0.platform, $0.connect) = (.libvirt, try LibvirtURI(parsing: host.beside))
                }
            }
            #expect(failure?.description.contains("No such file") ?? false, "\(String(describing: failure))")
        }

        @Test("A passphrase is typed, and a wrong one refused", .timeLimit(.minutes(2)))
        func input() throws {
            try Libvirt.typePassphrases(options)
            #expect(try host.leftovers() == [])
        }

        @Test(
            "frost leaves no machine and no image over there, however it is ended", .timeLimit(.minutes(2)),
            arguments: [(SIGTERM, 130), (SIGKILL, SIGKILL)] as [(Int32, Int32)])
        func killed(signal: Int32, status: Int32) throws {
            let sealed = try Sealed("revisit")
            let record = sealed.scratch.file("run")
            let child = try ChildProcess(
                BuiltFrost.program(),
                ["run", sealed.image.file.path(), "--platform", "libvirt", "--connect", host.uri]
                    + ["--record", record.path()], error: .none)
            try child.waitForOutput("revisit: ready")
            let running = try host.leftovers()
            #expect(running.count == 1, "one machine, and no image any more")
            child.send(signal)
            let end = child.end(waiting: true)
            #expect(end?.status == status && end?.wasSignalled == (signal == SIGKILL))
            let deadline = ContinuousClock.now + .seconds(10)
            while try !host.leftovers().isEmpty && ContinuousClock.now < deadline { usleep(50_000) }
            #expect(try host.leftovers() == [])

            // An image that it would have left, had it been killed a moment earlier.
            let left = host.images.appending(path: "\(try #require(running.first)).img")
            try Data(count: 4096).write(to: left)
            try host.virsh("pool-refresh", "default")
            #expect(try Sealed("hello").run(options).exitCode == .asAsked)
            #expect(try host.leftovers() == [])
        }

        @Test("What goes wrong over there is one sentence, and an exit code", .timeLimit(.minutes(2)))
        func refusals() throws {
            let host = try RemoteHost(like: host)
            let sealed = try Sealed("hello")
            let image = sealed.image.file.path()
            func run(_ uri: String, _ more: String...) throws -> (Int32, String) {
                let (code, error, _) = try BuiltFrost.run(
                    ["run", image, "--platform", "libvirt", "--connect", uri] + more, in: sealed.scratch.url)
                let sentences = error.split(separator: "\n").filter { $0.hasPrefix("frost: error: ") }
                #expect(sentences.count == 1, Comment(rawValue: error))
                return (code, error)
            }
            let noPool = try run("\(host.beside)&pool=nowhere")
            #expect(noPool.0 == 69 && noPool.1.contains("pool-create-as nowhere dir"))
            let noCPU = try run(host.uri, "--cpu", "nosuchmodel")
            #expect(noCPU.0 == 15 && noCPU.1.contains("nosuchmodel"))
            let noMemory = try run(host.uri, "--keep-ram", "--record", "run")
            #expect(noMemory.0 == 69 && noMemory.1.contains("share no memory"))
            #expect(try host.leftovers() == [])

            // It loses its power in the middle of a run.
            let failure = #expect(throws: LibvirtFailure.self) {
                try Sealed("revisit").run {
                    ($0.platform, $0.connect) = (.libvirt, try LibvirtURI(parsing: host.uri))
                    $0.hooks = [Hook(.console("revisit: ready")) { _ in host.end() }]
                }
            }
            #expect(failure?.exitCode == .machineDied)
            #expect(
                failure?.description.contains("lost the machine") ?? false, "\(String(describing: failure))")
            let nobody = try run(host.uri)
            #expect(nobody.0 == 69 && nobody.1.contains("cannot be reached"))
        }
    }
}
