package import Foundation
import FrostCore

/// SHA-256 of things fed one after another, by the core's own code.
package struct ContentHash {
    private var state = sha256()

    package init() {
        sha256_start(&state)
    }

    package mutating func add(_ bytes: [UInt8]) {
        sha256_add(&state, bytes, bytes.count)
    }

    package mutating func add(_ text: String) {
        add([UInt8](text.utf8) + [0])
    }

    /// A file's name and content.
    package mutating func add(file: URL) throws {
        add(file.lastPathComponent)
        add([UInt8](try Data(contentsOf: file)))
    }

    package consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_BYTES))
        sha256_finish(&state, &digest)
        return digest
    }

    package static func of(_ parts: [UInt8]...) -> [UInt8] {
        var hash = ContentHash()
        parts.forEach { hash.add($0) }
        return hash.finish()
    }
}
