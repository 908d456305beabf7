package import Foundation
import FrostCore
package import FrostFormat
import FrostImage
package import FrostSupport
import PageReplay

/// Runs the hypervisor's pager over a record of touched pages, for many policies and sizes.
package struct PagerReplay {
    package let record: TouchRecord
    /// The run's; nil when only its `touches.bin` was given.
    package let folder: RunFolder?
    package var workload: String
    package var policies = ReplayPolicy.allCases
    package var sizes: [Size]
    /// Told what is being done.
    package var progress: (String) -> Void = { _ in }

    /// What a replay may take, in bytes: a short record can ask for any amount.
    var memory = ProcessInfo.processInfo.physicalMemory

    package struct Size: Sendable, Equatable {
        package var slots: UInt32
        /// nil: slots were asked for.
        package var region: ByteCount?
    }

    /// The least that the pager works in.
    package static let leastSlots = UInt32(1 + 2 * PAGE_LEVELS)
    package static let usualRegions = ([2, 4, 8, 16, 32, 64] as [UInt64]).map { $0 * ByteCount.mebibyte }

    /// - Parameters:
    ///   - subject: a run's folder, or its `touches.bin`.
    ///   - regions: sizes of frozen regions; the run's trace says how much of one the hypervisor takes.
    ///   - slots: sizes in slots, besides.
    /// - Throws: ``Failure``, ``TouchRecord/Failure``
    package init(
        _ subject: URL, regions: [ByteCount] = usualRegions, slots: [UInt32] = [], workload: String? = nil
    ) throws {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: subject.plainPath, isDirectory: &isFolder)
        let around = RunFolder(isFolder.boolValue ? subject : subject.deletingLastPathComponent())
        folder = isFolder.boolValue ? around : nil
        record = try TouchRecord(reading: folder?.touches ?? subject)
        self.workload = workload ?? around.folder.standardizedFileURL.lastPathComponent
        sizes = []
        if !regions.isEmpty {
            let trace = try? Trace(reading: around.trace)
            guard let bytes = trace?.fact(.hypervisorBytes) else {
                throw Failure.noTrace(around.trace.plainPath)
            }
            for region in regions {
                let slots = SlotCount.slots(
                    in: region, coveredBytes: record.header.covered_bytes, hypervisorBytes: bytes)
                guard let slots else { throw Failure.smallRegion(region) }
                sizes.append(Size(slots: slots, region: region))
            }
        }
        for count in slots {
            guard Self.validSlots.contains(count) else { throw Failure.slots(count) }
            sizes.append(Size(slots: count, region: nil))
        }
    }

    /// - Throws: ``Failure``
    package func report() throws(Failure) -> ReplayReport {
        guard gcm_kernel_find(GCM_ANY) != nil else { throw .noCipher }
        let covered = record.header.covered_bytes
        let pages = covered / UInt64(PAGE_BYTES), sealed = record.runs.reduce(0) { $0 + UInt64($1.pages) }
        // Ciphertext stands in a list and in DRAM.
        let needed = sealed * 2 * UInt64(PAGE_BYTES) + pages * Self.bytesForEachPage
        guard needed <= memory else { throw .noMemory }
        let geometry = page_geometry_make(covered, covered)
        let key = CipherKey(CipherKey.random(Int(GCM_KEY_BYTES)))
        var sealer = Sealer(key: key, geometry: geometry)
        for run in record.runs {
            let first = UInt32(run.home / UInt64(PAGE_BYTES))
            for index in first..<first + run.pages { sealer.sealGuestPage(index, nil) }
        }
        let root = sealer.sealTree()
        var report = ReplayReport(
            workload: workload,
            source: "kept by the residency plugin through a window of \(record.window.of("page"))",
            distinctPages: 0, touches: record.count, points: [])

        let outcome: Failure? = record.touches.withUnsafeBytes { bytes in
            var input = replay_input(
                touches: bytes.bindMemory(to: UInt32.self).baseAddress, count: UInt64(record.count),
                covered_bytes: covered, geometry: geometry, root: root, image_key: key.expanded)
            guard let replay = replay_create(&input) else { return .noMemory }
            defer { replay_free(replay) }
            for home in sealer.homes where !replay_put_home(replay, home.address, home.ciphertext) {
                return .noMemory
            }
            report.distinctPages = Int(replay_distinct_pages(replay))
            for size in sizes {
                guard let point = point(size, of: replay) else { return .noMemory }
                report.points.append(point)
            }
            return nil
        }
        if let outcome { throw outcome }
        return report
    }

    private func point(_ size: Size, of replay: OpaquePointer) -> ReplayReport.Point? {
        var point = ReplayReport.Point(slots: Int(size.slots), regionBytes: Int(size.region?.bytes ?? 0))
        for policy in policies {
            progress("replaying \(workload) with \(policy.rawValue) in \(size.slots.of("slot"))")
            var counts = replay_counts()
            guard replay_run(replay, policy.number, size.slots, &counts) else { return nil }
            point.misses[policy.rawValue] = Int(counts.misses)
            point.opens[policy.rawValue] = Int(counts.opens)
            point.writeBacks[policy.rawValue] = Int(counts.seals)
        }
        let bound = replay_bound(replay, size.slots)
        guard bound != .max else { return nil }
        point.bound = Int(bound)
        return point
    }

    /// First and next touch, last use, and what a policy keeps.
    private static let bytesForEachPage: UInt64 = 32

    private static let validSlots = leastSlots...UInt32(1 << 20)

    package enum Failure: Explained, Equatable {
        case noTrace(String)
        case smallRegion(ByteCount)
        case slots(UInt32)
        case noCipher
        case noMemory

        package var exitCode: ExitCode {
            switch self {
            case .noTrace: .noSuchFile
            case .smallRegion, .slots: .usage
            case .noCipher, .noMemory: .unavailable
            }
        }

        package var description: String {
            switch self {
            case .noTrace(let path):
                """
                \(path) does not say how much of a region the hypervisor takes. Ask for sizes in slots: \
                --slots 1847
                """
            case .smallRegion(let region):
                "A frozen region of \(region) has no room for a guest. Give a larger --frozen."
            case .slots(let count):
                "\(count.of("slot")) cannot be replayed. Give \(validSlots.lowerBound) to \(validSlots.upperBound)."
            case .noCipher:
                "This CPU has no AES-NI, PCLMULQDQ, SSSE3 and SSE4.1, which the page cipher needs. Replay elsewhere."
            case .noMemory:
                "There is not enough memory for the replay. Free some, or replay a shorter record."
            }
        }
    }
}
