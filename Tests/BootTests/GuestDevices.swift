import Foundation
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// Disks and networks that Debian's own drivers drive, by pages that they share.
    @Suite("Guest devices") struct GuestDevices {
        private static let half = 4 << 20

        private static func busybox(_ arguments: [String]) throws -> [UInt8] {
            try Tool.busybox.run(arguments, for: "help a test")
        }

        private static func sum(_ file: URL) throws -> String {
            String(decoding: try busybox(["md5sum", file.plainPath]).prefix(32), as: UTF8.self)
        }

        @Test(
            "Disks behind virtio, NVMe and AHCI and two network cards carry the right bytes, both ways",
            .timeLimit(.minutes(6)),
            arguments: [
                (Board.IOMMU.intel, GuestNetwork.Card.virtio, Platform.qemuTCG), (.amd, .e1000e, .libvirt),
            ])
        func disksAndNetwork(iommu: Board.IOMMU, card: GuestNetwork.Card, platform: Platform) throws {
            let scratch = try ScratchFolder()
            let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
            let before = try GuestDisk.Bus.allCases.map { _ in
                try #require(try random.read(upToCount: 2 * Self.half))
            }
            let disks = try zip(GuestDisk.Bus.allCases, before).map { bus, bytes in
                let file = scratch.file("\(bus.rawValue).img")
                try bytes.write(to: file)
                return try GuestDisk(file, bus: bus, dropsChanges: bus == .nvme)
            }
            let sums = try disks.map { try Self.sum($0.file) }
            // The last stays, for the guest to fetch.
            let start = scratch.file("half")
            let halves = try before.map {
                try $0.prefix(Self.half).write(to: start)
                return try Self.sum(start)
            }

            let port = try SSHSession.freePort()
            let server = try ChildProcess(
                Tool.busybox.locate(),
                ["httpd", "-f", "-p", "127.0.0.1:\(port)", "-h", scratch.url.plainPath])
            defer {
                server.send(SIGKILL)
                _ = server.end(waiting: true)
            }
            let forward = try GuestNetwork.Forward(host: SSHSession.freePort(), guest: 80)
            let fetched = try Self.sum(start)
            let sealed = try Sealed("devices") {
                $0.commandLine =
                    "console=ttyS0,115200 panic=-1 frost.fetch=http://10.0.2.2:\(port)/half frost.serve"
            }
            var served: [UInt8] = []
            let result = try sealed.run { options in
                options.platform = platform
                options.board = try Board(
                    iommu: iommu, disks: disks, network: GuestNetwork(card: card, forwards: [forward]))
                options.expected += [
                    "frost: network: \(card == .virtio ? "virtio_net" : "e1000e")",
                    "frost: fetched: \(fetched)",
                ]
                for (index, disk) in disks.enumerated() {
                    options.expected.append("frost: disk \(disk.bus.rawValue): \(sums[index])")
                    options.expected.append("frost: disk \(disk.bus.rawValue) again: \(halves[index])")
                }
                options.hooks = [
                    Hook(.console("frost: serving")) { _ in
                        let guest = "http://127.0.0.1:\(forward.host)"
                        served = try Self.busybox(["wget", "-q", "-O", "-", "\(guest)/start"])
                        _ = try Self.busybox(["wget", "-q", "-O", "-", "\(guest)/cgi-bin/done"])
                    }
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(DMAProtection(fact: result.trace.fact(.dma)).passesShared)
            #expect(result.trace.count(.shared) ?? 0 > 0)
            // The first that the guest finds.
            #expect(before.contains { Data(served) == $0.prefix(1 << 20) })
            for (disk, bytes) in zip(disks, before) {
                let after = try Data(contentsOf: disk.file)
                let isKept = !disk.dropsChanges
                #expect(after == (isKept ? bytes.prefix(Self.half) + bytes.prefix(Self.half) : bytes))
            }
        }

        @Test("A guest that reaches no device is given none")
        func notShared() throws {
            let sealed = try Sealed("hello")
            var options = RunOptions(recipe: sealed.recipe)
            options.board = try Board(network: GuestNetwork())
            #expect(throws: Board.Failure.notShared(sealed.image.file.plainPath)) {
                try Run(sealed.image, options: options)
            }
        }

        @Test(
            "Debian starts from its encrypted disk, all of it, and lets its owner in",
            .timeLimit(.minutes(20)))
        func debian() throws {
            let scratch = try ScratchFolder()
            let image = scratch.file("debian.img").plainPath
            let disk = scratch.file("debian.disk")
            let made = try BuiltFrost.run(
                ["make-image", "debian", "--disk-size", "1536MiB", "--key-source", "embedded", "-o", image],
                in: scratch.url)
            #expect(made.code == 0, "\(made.error)")
            // What every Debian says in /etc/os-release.
            let search = try ChildProcess(
                Tool.env.locate(), ["grep", "-a", "-z", "-c", "-F", "PRETTY_NAME=", disk.plainPath]
            ).collect()
            #expect(String(decoding: search.output, as: UTF8.self) == "0\n", "the disk is not encrypted")
            let run = try BuiltFrost.run(
                [
                    "run", image, "--disk", disk.plainPath, "--ssh", "--ssh-command",
                    "systemctl is-system-running --wait && findmnt --noheadings --output SOURCE / && uname -s",
                ], in: scratch.url)
            #expect(run.code == 0, "\(run.output.suffix(3000)) \(run.error.suffix(3000))")
            #expect(run.output.contains("running\n/dev/mapper/root\nLinux\n"))
            #expect(run.error.contains("became shared"))
        }
    }
}
