import Foundation
import PageReplay

/// Writes a record of touched pages as the residency plugin does.
struct TouchWriter {
    var covered: UInt64 = 64 << 20
    var version = TOUCH_VERSION
    /// First pages and numbers of pages with ciphertext.
    var runs: [(page: UInt32, pages: UInt32)] = []
    var touches: [UInt32] = []

    static let write: UInt32 = 1 << 31

    var bytes: Data {
        var header = touch_header()
        withUnsafeMutableBytes(of: &header.magic) { $0.copyBytes(from: Array(TOUCH_MAGIC.utf8)) }
        (header.version, header.window, header.covered_bytes) = (version, 1, covered)
        header.run_count = UInt32(runs.count)
        withUnsafeMutableBytes(of: &header.runs) { bytes in
            let table = bytes.bindMemory(to: image_run.self)
            for (index, run) in runs.enumerated() {
                table[index] = image_run(home: UInt64(run.page) * 4096, pages: run.pages, reserved: 0)
            }
        }
        return withUnsafeBytes(of: header) { Data($0) } + touches.withUnsafeBytes { Data($0) }
    }

    func write(to file: URL) throws -> URL {
        try bytes.write(to: file)
        return file
    }
}
