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

        /// Gives out a folder's files by HTTP as long as it lives; a guest finds it at 10.0.2.2.
        final class Server {
            let port: UInt16
            private var process: ChildProcess?

            init(of folder: URL) throws {
                port = try SSHSession.freePort()
                process = try ChildProcess(
                    Tool.busybox.locate(),
                    ["httpd", "-f", "-p", "127.0.0.1:\(port)", "-h", folder.plainPath])
            }

            deinit {
                process?.send(SIGKILL)
                _ = process?.end(waiting: true)
            }
        }

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
                // OVMF puts registers into the last of the addresses, where the C-bit would be.
                (
                    Firmware.uefi, Board.IOMMU.intel, GuestNetwork.Card.virtio, Platform.qemuTCG,
                    LinuxGuest.KernelEntry.vmlinux
                ),
                // A kernel that unpacks itself, to a random place, before it knows its C-bit.
                (.bios, .amd, .e1000e, .libvirt, .bzimage),
            ])
        func disksAndNetwork(
            firmware: Firmware, iommu: Board.IOMMU, card: GuestNetwork.Card, platform: Platform,
            entry: LinuxGuest.KernelEntry
        ) throws {
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

            let server = try Server(of: scratch.url)
            let forward = try GuestNetwork.Forward(host: SSHSession.freePort(), guest: 80)
            let fetched = try Self.sum(start)
            let sealed = try Sealed("devices") {
                $0.kernelEntry = entry
                $0.commandLine =
                    "console=ttyS0,115200 panic=-1 frost.fetch=http://10.0.2.2:\(server.port)/half frost.serve"
            }
            var served: [UInt8] = []
            let result = try sealed.run { options in
                options.platform = platform
                options.board = try Board(
                    firmware: firmware, iommu: iommu, disks: disks,
                    network: GuestNetwork(card: card, forwards: [forward]))
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
            // What the kernel is linked for; both are drawn, of some 500 and 200.
            let linked = "frost: the kernel is at ffffffff81000000, in RAM at 01000000"
            let isMoved = !result.consoleText.contains(linked)
            #expect(isMoved == (entry == .bzimage), result.story)
            #expect(result.consoleText.contains("frost: the kernel is at ffffffff"))
            #expect(DMAProtection(fact: result.trace.fact(.dma)).passesShared)
            #expect(result.trace.count(.shared) ?? 0 > 0)
            #expect(result.trace.fact(.cBit) == (firmware == .bios ? 1 << 39 : 1 << 36))
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
    }
}
