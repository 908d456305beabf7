import Foundation

/// The formats that a kernel's payload comes in, told by their first bytes.
package enum Compression: String, CaseIterable {
    case xz, lzma, gzip, zstd, lz4, bzip2

    package init?(of bytes: some Collection<UInt8>) {
        guard let format = Self.allCases.first(where: { bytes.starts(with: $0.magic) }) else { return nil }
        self = format
    }

    private var magic: [UInt8] {
        switch self {
        case .xz: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
        case .lzma: [0x5D, 0x00, 0x00]
        case .gzip: [0x1F, 0x8B]
        case .zstd: [0x28, 0xB5, 0x2F, 0xFD]
        case .lz4: [0x02, 0x21, 0x4C, 0x18]
        case .bzip2: [0x42, 0x5A, 0x68]
        }
    }

    var tool: Tool {
        switch self {
        case .xz, .lzma: .xz
        case .gzip: .gzip
        case .zstd: .zstd
        case .lz4: .lz4
        case .bzip2: .bzip2
        }
    }

    private var arguments: [String] {
        switch self {
        case .xz, .lzma: ["-dc", "--format=\(rawValue)"]
        case .gzip, .zstd, .lz4, .bzip2: ["-dc"]
        }
    }

    /// Linux appends the size to every format but gzip, whose own last word it is.
    private var appendedBytes: Int { self == .gzip ? 0 : 4 }

    /// - Throws: ``Tool/Failure``
    package func unpack(_ bytes: some Collection<UInt8>) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.appending(path: "frost-\(UUID().uuidString)")
        try Data(bytes.dropLast(appendedBytes)).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try tool.run(arguments, for: "unpack the kernel", input: .file(file))
    }
}
