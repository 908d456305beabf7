package import FrostCore
package import FrostFormat
package import FrostSupport

/// A guest's pages as they will lie in DRAM: ciphertext, with the integrity tree above it.
///
/// - Shape: `runs` name homes in ascending order; `payload` holds their pages back to back, 4096 bytes each.
/// - Source: `hypervisor/core/include/page.h`; sealed by the very code that will open it.
package struct SealedGuest {
    package let runs: [image_run]
    package let payload: [UInt8]
    package let root: page_entry

    package var pageCount: Int { payload.count / GuestMemory.pageBytes }

    /// A guest has few runs; gaps between its own pages are closed with pages of zeroes until it has no more than
    /// these, so that the metadata's runs find room in the header.
    private static let guestRuns = 40

    /// - Throws: ``Failure`` when a page lies where it cannot.
    package init(
        _ memory: GuestMemory, plan: MemoryPlan, key: [UInt8], progress: (Double) -> Void = { _ in }
    ) throws(Failure) {
        let indexes = Self.closingGaps(memory.filledIndexes)
        for index in indexes { try Self.check(index, plan: plan) }

        var sealer = Sealer(key: CipherKey(key), geometry: plan.geometry)
        for (done, index) in indexes.enumerated() {
            sealer.sealGuestPage(index, memory.pages[index])
            if done.isMultiple(of: 1024) { progress(Double(done) / Double(indexes.count)) }
        }
        root = sealer.sealTree()
        progress(1)

        let homes = sealer.homes.sorted { $0.address < $1.address }
        var runs: [image_run] = []
        var payload: [UInt8] = []
        payload.reserveCapacity(homes.count * GuestMemory.pageBytes)
        for home in homes {
            if let last = runs.last, last.home + UInt64(last.pages) * UInt64(PAGE_BYTES) == home.address {
                runs[runs.count - 1].pages += 1
            } else {
                runs.append(image_run(home: home.address, pages: 1, reserved: 0))
            }
            payload += home.ciphertext
        }
        guard runs.count <= Int(IMAGE_RUNS) else { throw .tooScattered(runs: runs.count) }
        self.runs = runs
        self.payload = payload
    }

    private static func check(_ index: UInt32, plan: MemoryPlan) throws(Failure) {
        let address = UInt64(index) * UInt64(PAGE_BYTES)
        let loader = UInt64(LOADER_LOW_BASE)..<UInt64(LOADER_LOW_END)
        guard index != 0, !MemoryPlan.legacy.contains(address), !loader.contains(address) else {
            throw .reserved(address)
        }
        guard address < plan.metaBase else { throw .outsideRAM(address, end: plan.metaBase) }
    }

    private static func closingGaps(_ indexes: [UInt32]) -> [UInt32] {
        var gaps: [Range<UInt32>] = zip(indexes, indexes.dropFirst()).compactMap { left, right in
            left + 1 < right ? left + 1..<right : nil
        }
        guard gaps.count >= guestRuns else { return indexes }
        gaps.sort { $0.count < $1.count }
        return (indexes + gaps.prefix(gaps.count - guestRuns + 1).flatMap { $0 }).sorted()
    }

    package enum Failure: Explained, Equatable {
        case reserved(UInt64)
        case outsideRAM(UInt64, end: UInt64)
        case tooScattered(runs: Int)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .reserved(let address):
                """
                The guest wants data at \(address.hexadecimal), which belongs to the firmware or the \
                loader. Link it elsewhere: 1 MiB and above is free.
                """
            case .outsideRAM(let address, let end):
                """
                The guest wants data at \(address.hexadecimal), but its RAM ends at \
                \(end.hexadecimal). Give the machine more with --ram, or freeze less.
                """
            case .tooScattered(let runs):
                "The guest lies in \(runs) pieces; the image header holds \(IMAGE_RUNS). Link it closer together."
            }
        }
    }
}
