package import Foundation
import Glibc

/// A file's bytes, without reading them all. Written bytes stay in this process.
///
/// Sparse files of many GiB cost only what of them is touched.
package final class MappedFile: @unchecked Sendable {
    package let bytes: UnsafeMutableRawBufferPointer
    /// Where the file has data; all else reads as zeroes. Ascending.
    package let extents: [Range<Int>]

    /// Nil when it is not there, cannot be read, or is empty.
    package init?(_ file: URL) {
        let descriptor = open(file.plainPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_size > 0,
            let start = mmap(
                nil, Int(facts.st_size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0),
            start != MAP_FAILED
        else { return nil }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: Int(facts.st_size))
        extents = Self.extents(descriptor, bytes: Int(facts.st_size))
    }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
    }

    package func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    // Linux, include/uapi/linux/fs.h.
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    private static func extents(_ descriptor: Int32, bytes: Int) -> [Range<Int>] {
        var extents: [Range<Int>] = []
        var at = 0
        while at < bytes {
            let start = lseek(descriptor, at, seekData)
            guard start >= 0 else { break }
            let end = lseek(descriptor, start, seekHole)
            at = end > start ? min(end, bytes) : bytes
            extents.append(start..<at)
        }
        return extents
    }
}
