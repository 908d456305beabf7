import CacheModel
import Foundation

/// The QEMU plugin that feeds the model of the cache and keeps the record; see `Sources/ResidencyPlugin`.
public struct ResidencyPlugin: Sendable {
    public var cache: CacheChoice
    /// Of random replacement.
    public var seed: UInt64
    /// A log that would grow beyond it is cut, and proves nothing.
    public var logLimit: ByteCount
    /// Keep which pages of this image the guest touches; nil: keep none.
    var touchedImage: URL?
    /// Where the plugin looks for QEMU's flags of the CPU, in bytes; nil: where QEMU 7.2 has them. A wrong place can
    /// only make the verdict stricter.
    var flagsOffset: Int?
    private let library: URL
    private let textBytes: UInt64
    /// Offsets in the region.
    private let pager, wipe: UInt64

    /// - Throws: ``Failure/missing(_:)``, ``SymbolTable/Failure``
    public init(
        cache: CacheChoice, seed: UInt64 = 1, logLimit: ByteCount = 16 * .gibibyte, symbols: SymbolTable
    ) throws {
        (self.cache, self.seed, self.logLimit) = (cache, seed, logLimit)
        library = try Self.locate()
        textBytes = try symbols.address("text_end") - Explainer.hypervisorBase
        pager = try symbols.address("pager") - Explainer.hypervisorBase
        wipe = try symbols.address("wipe_secrets") - Explainer.hypervisorBase
    }

    /// As QEMU takes it after -plugin.
    func argument(record: URL, ramFile: URL, plan: MemoryPlan) -> String {
        let lowRAM = GuestRAM.lowBytes(of: plan.ram)
        let geometry = cache.geometry
        let shape = [
            UInt64(geometry.sets), UInt64(geometry.ways), UInt64(geometry.line_bytes),
            UInt64(geometry.slices), UInt64(geometry.index.rawValue), UInt64(geometry.replacement.rawValue),
            UInt64(cache.vendor.rawValue),
        ].map { String($0) }.joined(separator: ":")
        let optional = [
            touchedImage.map { "touches-of=\(QEMU.quoted($0))" }, flagsOffset.map { "flags-offset=\($0)" },
        ].compactMap(\.self)
        let arguments = [
            "file=\(QEMU.quoted(library))",
            "record=\(QEMU.quoted(record))",
            "ram=\(QEMU.quoted(ramFile))",
            cache.preset.map { "preset=\($0)" } ?? "geometry=\(shape)",
            "seed=\(seed)",
            "ram-bytes=\(plan.ram.bytes)",
            "region=\(plan.frozenBase)",
            "region-bytes=\(plan.frozen.bytes)",
            "text-bytes=\(textBytes)",
            "linear=\(Explainer.hypervisorBase)",
            "pager=\(pager)",
            "wipe=\(wipe)",
            "firmware=\(MemoryMap.tables(lowRAMBytes: lowRAM).lowerBound)",
            "log-limit=\(logLimit.bytes)",
        ]
        return (arguments + optional).joined(separator: ",")
    }

    static let libraryName = "libResidencyPlugin.so"

    /// Beside the file that this code was loaded from: the program, or under test the bundle.
    private static func locate() throws(Failure) -> URL {
        let folder = Self.ownFile().deletingLastPathComponent()
        let file = folder.appending(path: libraryName)
        guard FileManager.default.isReadableFile(atPath: file.plainPath) else {
            throw .missing(folder.plainPath)
        }
        return file
    }

    /// - Source: Linux, Documentation/filesystems/proc.rst, "/proc/PID/maps".
    private static func ownFile() -> URL {
        let here = UInt64(UInt(bitPattern: #dsohandle))
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            let ends = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, fields.count == 6, (ends[0]..<ends[1]).contains(here) else { continue }
            return URL(filePath: fields[5].trimmingCharacters(in: .whitespaces))
        }
        return URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    }

    public enum Failure: Explained, Equatable {
        case missing(String)

        public var exitCode: ExitCode { .notProvable }

        public var description: String {
            switch self {
            case .missing(let folder):
                """
                Not provable here: \(ResidencyPlugin.libraryName) is not in \(folder), beside frost. Build it \
                with swift build.
                """
            }
        }
    }
}
