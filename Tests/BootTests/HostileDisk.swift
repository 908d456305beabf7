import Foundation
import FrostCore
import FrostFormat
import FrostHost
@testable import FrostImage
@testable import FrostMachine
@testable import FrostProof
import FrostSupport
import ResidencyRecord
import Testing
import VhostUserBlock

extension BootTests {
    /// A disk of ours behind the IOMMU: what it transfers, and what comes of it when it misbehaves.
    @Suite("Hostile disk") struct HostileDisk {
        private static let page = 4096

        private static func random(_ bytes: Int) throws -> [UInt8] {
            let source = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
            return [UInt8](try #require(try source.read(upToCount: bytes)))
        }

        /// For the guest `virtio`, which ends its waiting when the last sectors begin otherwise.
        private static func content() throws -> [UInt8] {
            var content = try random(64 * page)
            content[content.count - page] = 0
            return content
        }

        /// Fowler, Noll and Vo's FNV-1a.
        private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }

        // MARK: a record of it

        private struct Recorded {
            let verdict: CacheVerdict
            let changes: [residency_sharing]
            let console: String

            /// The guest `virtio` under the model of the cache.
            init(
                _ disk: VhostUserDisk, faults: [String] = [], launch: @escaping () -> Void = {}
            ) throws {
                let sealed = try Sealed("virtio", faults: faults) {
                    $0.key = .passphrase(
                        try CacheVerdicts.passphrase(), iterations: ImageKey.minimumIterations)
                }
                let board = try disk.board()
                let record = try CacheVerdicts.record(sealed, cache: CacheChoice(preset: "zen2-l3")) {
                    $0.board = board
                    $0.hooks = [Hook(.launch) { _ in launch() }]
                }
                var judge = CacheJudge(record)
                verdict = try judge.verdict()
                var changes: [residency_sharing] = []
                var records = record.log.records
                while let next = try records.next() {
                    if case .sharing(let change) = next { changes.append(change) }
                }
                self.changes = changes
                console = try String(contentsOf: record.folder.console, encoding: .utf8)
            }
        }

        @Test(
            "A disk that writes late and lies about lengths reaches only pages that are shared at that moment: proven",
            .timeLimit(.minutes(4)))
        func recorded() throws {
            let content = try Self.content()
            let disk = try VhostUserDisk(
                content, in: ScratchFolder(),
                VhostUserDisk.Conduct(length: LENGTH_BEYOND, writes_late: true, copies_to: 0))
            var launch = 0
            let recorded = try Recorded(disk) { launch = disk.transferCount }
            #expect(recorded.verdict.answer == .proven, "\(recorded.verdict)")
            #expect(disk.complaint == nil)
            #expect(recorded.console.contains("virtio: bytes said to be written: \(UInt32.max)"))
            #expect(recorded.console.contains("virtio: a page that was taken back is as it was: ok"))
            #expect(recorded.verdict.shared?.deviceBytes ?? 0 > 0)

            // The IOMMU is told to forget at each change, and the device hears of it before the guest goes on.
            let transfers = disk.transfers(from: launch), changes = recorded.changes
            func shared(at transfer: VhostUserDisk.Transfer) -> SharedHomes {
                var shared = SharedHomes()
                let left = disk.revocations - Int(transfer.revocations)
                changes.dropLast(left).forEach { shared.follow($0) }
                return shared
            }
            for transfer in transfers {
                let isShared = shared(at: transfer).hold(
                    transfer.address..<transfer.address + UInt64(transfer.bytes))
                #expect(isShared != transfer.is_refused, "\(transfer)")
            }
            let late = transfers.filter { $0.purpose == PURPOSE_LATE }
            #expect(late.contains { $0.is_refused } && late.contains { !$0.is_refused })
            #expect(transfers.filter(\.is_refused).allSatisfy { $0.purpose == PURPOSE_LATE })
        }

        @Test(
            "Where it is not told to forget, its late write to a page that was taken back is named",
            .timeLimit(.minutes(4)))
        func remembered() throws {
            let disk = try VhostUserDisk(
                Self.content(), in: ScratchFolder(),
                VhostUserDisk.Conduct(length: LENGTH_TRUE, writes_late: true, copies_to: 0))
            let verdict = try Recorded(disk, faults: ["shared-remembered"]).verdict
            #expect(verdict.answer == .leaked, "\(verdict)")
            let violations = try #require(verdict.finding(.accountedWrites)).violations
            let named = violations.filter { $0.place?.contains("the home of guest page 0x1200000") == true }
            #expect(named.contains { $0.rule == "unseen-store" }, "\(verdict)")
        }

        /// Who is not held back by the IOMMU is no device, and is found by what it writes.
        @Test(
            "What it copies past the IOMMU into another place of DRAM is named", .timeLimit(.minutes(4)))
        func copied() throws {
            // A frame that no small guest touches.
            let target: UInt64 = 0xA0_0000
            let disk = try VhostUserDisk(
                Self.content(), in: ScratchFolder(),
                VhostUserDisk.Conduct(length: LENGTH_TRUE, writes_late: false, copies_to: target))
            let verdict = try Recorded(disk).verdict
            #expect(verdict.answer == .leaked, "\(verdict)")
            let violations = try #require(verdict.finding(.accountedWrites)).violations
            let named = violations.filter { $0.place?.contains("the home of guest page 0xa00000") == true }
            #expect(named.contains { $0.rule == "unseen-store" }, "\(verdict)")
        }

        // MARK: what it tries of its own accord

        /// The pages of RAM that have these bytes.
        private static func pages(with bytes: ArraySlice<UInt8>, _ machine: Machine) throws -> [UInt64] {
            let wanted = Data(bytes)
            return try machine.ram.ranges.flatMap { range in
                try stride(from: range.lowerBound, to: range.upperBound, by: page).filter {
                    Data(try machine.ram.read(at: $0, count: page)).range(of: wanted) != nil
                }
            }
        }

        @Test(
            "It is refused every private page, and DRAM shows it nothing of what it gave but in shared ones",
            .timeLimit(.minutes(3)), arguments: [nil, "vtd-left-off"])
        func probes(fault: String?) throws {
            let content = try Self.content()
            let disk = try VhostUserDisk(content, in: ScratchFolder())
            let sealed = try Sealed("virtio", faults: fault.map { [$0] } ?? []) {
                $0.commandLine = "waits=1"
            }
            let plan = sealed.image.plan
            // The hypervisor, a slot, homes of pages and of metadata.
            let targets = [
                plan.frozenBase, plan.frozenEnd - UInt64(Self.page), 0x10_0000, 0x140_0000, plan.metaBase,
            ]
            var reached: [UInt64] = [], written: [UInt64] = []
            var first: [UInt64] = [], last: [UInt64] = []
            var given: UInt64?
            let result = try sealed.run { options in
                options.board = try disk.board()
                options.expected.append(
                    "virtio: sum: \(Self.sum(content.prefix(Self.page)).hexadecimal)")
                options.expected.append("virtio: a page that was taken back is as it was: ok")
                options.hooks = [
                    Hook(.console("virtio: waiting")) { machine in
                        given = disk.transfers().last { $0.purpose == PURPOSE_DATA }?.address
                        for target in targets {
                            let before = try machine.ram.read(at: target, count: 64)
                            if disk.read(target, count: 64) == before { reached.append(target) }
                        }
                        first = try Self.pages(with: content[0..<64], machine)
                        last = try Self.pages(with: content.suffix(Self.page).dropFirst().prefix(64), machine)
                        if let address = given, disk.read(address, count: 64) == nil { given = nil }
                        if fault == nil { written = targets.filter { disk.write($0, count: 64) } }
                        disk.set(1, at: content.count - Self.page)
                    }
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(reached == (fault == nil ? [] : targets) && written.isEmpty)
            #expect(given != nil, "it reaches nothing at all: the test tests nothing")
            // A page that the guest copied for itself lies in a slot alone; what it was last given where it was given.
            #expect(!first.isEmpty && first.allSatisfy { plan.frozenRegion.contains($0) })
            #expect(last == given.map { [$0] })
        }

        // MARK: Debian's driver

        @Test(
            "Debian's driver gets the right bytes, and one that is lied to and written to late lives on",
            .timeLimit(.minutes(8)), arguments: [false, true])
        func linux(isHostile: Bool) throws {
            let half = 1 << 20
            let content = try Self.random(2 * half)
            let disk = try VhostUserDisk(
                content, in: ScratchFolder(),
                VhostUserDisk.Conduct(
                    length: isHostile ? LENGTH_NONE : LENGTH_TRUE, writes_late: isHostile, copies_to: 0))
            var launch = 0
            let result = try Sealed("devices").run {
                $0.board = try disk.board()
                $0.hooks = [Hook(.launch) { _ in launch = disk.transferCount }]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(disk.complaint == nil)
            let transfers = disk.transfers(from: launch)
            #expect(transfers.count { $0.purpose == PURPOSE_DATA } > 2 * half / Self.page)
            #expect(transfers.contains { $0.purpose == PURPOSE_LATE } == isHostile)
            #expect(!transfers.contains { $0.is_refused })
            // Compared here: a test that fails would look for the differences for hours.
            let isCopied = disk.content == Array(content[..<half] + content[..<half])
            #expect(isHostile || isCopied)
        }
    }
}
