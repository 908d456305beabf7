package import Foundation
import FrostFormat
package import FrostSupport
import PageReplay

/// Which pages a guest touched, in order, as the residency plugin keeps them.
///
/// - Source: `Sources/ResidencyRecord/include/touch_record.h`.
package struct TouchRecord {
    let header: touch_header
    let touches: Data
    package var count: Int { touches.count / MemoryLayout<UInt32>.size }
    /// Of the first-in-first-out store whose misses were kept.
    package var window: Int { Int(header.window) }

    private static let headerBytes = MemoryLayout<touch_header>.size

    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        let path = file.plainPath
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path) }
        guard let data = try? Data(contentsOf: file, options: .alwaysMapped) else { throw .unreadable(path) }
        guard data.starts(with: Array(TOUCH_MAGIC.utf8)), data.count >= Self.headerBytes else {
            throw .foreign(path)
        }
        let header = data.withUnsafeBytes { $0.loadUnaligned(as: touch_header.self) }
        guard header.version == TOUCH_VERSION else { throw .version(path, header.version) }
        // A killed run leaves part of a touch.
        let bytes = (data.count - Self.headerBytes) / MemoryLayout<UInt32>.size * MemoryLayout<UInt32>.size
        guard bytes > 0 else { throw .empty(path) }
        self.header = header
        touches = data.dropFirst(Self.headerBytes).prefix(bytes)
        guard isSound else { throw .damaged(path) }
    }

    /// Homes of the pages that have ciphertext from the start.
    var runs: [image_run] {
        withUnsafeBytes(of: header.runs) {
            Array($0.bindMemory(to: image_run.self).prefix(Int(header.run_count)))
        }
    }

    private var isSound: Bool {
        let covered = header.covered_bytes
        let pageBytes = UInt64(PAGE_BYTES)
        let most = MemoryPlan.ramRange.upperBound.bytes + MemoryPlan.highestTop.bytes
        guard covered > 0, covered <= most, covered.isMultiple(of: pageBytes),
            header.run_count <= IMAGE_RUNS, count < Int(UInt32.max),
            runs.allSatisfy({ run in
                run.home.isMultiple(of: pageBytes) && run.home <= covered
                    && UInt64(run.pages) * pageBytes <= covered - run.home
            })
        else { return false }
        return touches.withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt32.self).allSatisfy { UInt64($0 & touchPage) < covered / pageBytes }
        }
    }

    /// `TOUCH_PAGE`, which is too much of a macro for Swift.
    private var touchPage: UInt32 { (1 << UInt32(PAGE_INDEX_BITS)) - 1 }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case unreadable(String)
        case foreign(String)
        case version(String, UInt32)
        case empty(String)
        case damaged(String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .unreadable: .inputOutput
            case .foreign, .version, .empty, .damaged: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                """
                There is no record of touched pages at \(path). Make one with frost verify IMAGE --record DIR \
                --touches.
                """
            case .unreadable(let path): "\(path) cannot be read. Check its permissions."
            case .foreign(let path):
                "\(path) is no record of touched pages. Give the touches.bin of a run, or the run's folder."
            case .version(let path, let version):
                "\(path) has format \(version); this frost knows \(TOUCH_VERSION). Record the run again."
            case .empty(let path):
                "\(path) holds no touch: the guest was never entered. Record the run again."
            case .damaged(let path): "\(path) is damaged. Record the run again."
            }
        }
    }
}
