import Foundation
import Glibc

/// A file's bytes, without reading them all. Written bytes stay in this process.
///
/// Sparse files of many GiB cost only what of them is touched.
final class MappedFile: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    /// Nil when it is not there, cannot be read, or is empty.
    init?(_ file: URL) {
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
    }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
    }
}
