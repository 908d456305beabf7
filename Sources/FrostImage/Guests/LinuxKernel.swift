package import FrostSupport

/// A Linux kernel for x86 as distributions ship it: a bzImage.
///
/// - Source: Linux, Documentation/x86/boot.rst, "The Real-Mode Kernel Header".
package struct LinuxKernel: Sendable {
    let bytes: [UInt8]

    private enum Field {
        static let setupSectors = 0x1F1
        static let signature = 0x1FE
        static let jumpLength = 0x201
        static let magic = 0x202
        static let version = 0x206
        static let initrdHighest = 0x22C
        static let loadFlags64 = 0x236
        static let commandLineBytes = 0x238
        static let payloadOffset = 0x248
        static let payloadBytes = 0x24C
        static let preferredAddress = 0x258
        static let initBytes = 0x260
        static let end = 0x268
    }

    /// With the 64-bit entry point, Linux 3.8 of 2013.
    private static let oldestVersion: UInt16 = 0x020C

    /// - Throws: ``Failure`` unless this is a whole 64-bit bzImage.
    package init(_ bytes: [UInt8]) throws(Failure) {
        self.bytes = bytes
        guard bytes.count >= Field.end, bytes.word(at: Field.signature, UInt16.self) == 0xAA55,
            bytes[Field.magic..<Field.magic + 4].elementsEqual("HdrS".utf8)
        else { throw .notAKernel }
        let version = bytes.word(at: Field.version, UInt16.self)
        guard version >= Self.oldestVersion, bytes.word(at: Field.loadFlags64, UInt16.self) & 1 != 0 else {
            throw .tooOld(version)
        }
        let payloadEnd =
            protectedModeOffset + Int(bytes.word(at: Field.payloadOffset, UInt32.self))
            + Int(bytes.word(at: Field.payloadBytes, UInt32.self))
        let places = ByteCount.mebibyte.bytes..<(4 * ByteCount.gibibyte).bytes
        guard places.contains(preferredAddress) else { throw .badAddress(preferredAddress) }
        guard payloadEnd <= bytes.count, headerBytes.upperBound <= protectedModeOffset else {
            throw .truncated
        }
    }

    private var protectedModeOffset: Int {
        let sectors = Int(bytes[Field.setupSectors])
        return ((sectors == 0 ? 4 : sectors) + 1) * 512
    }

    /// The setup header, as a boot loader copies it.
    var headerBytes: Range<Int> {
        Field.setupSectors..<Field.magic + Int(bytes[Field.jumpLength])
    }

    /// The decompressor with everything in it.
    var protectedModePart: ArraySlice<UInt8> { bytes[protectedModeOffset...] }

    /// The compressed kernel proper.
    var payload: ArraySlice<UInt8> {
        let start = protectedModeOffset + Int(bytes.word(at: Field.payloadOffset, UInt32.self))
        return bytes[start..<start + Int(bytes.word(at: Field.payloadBytes, UInt32.self))]
    }

    var preferredAddress: UInt64 { bytes.word(at: Field.preferredAddress, UInt64.self) }
    /// What the kernel needs from there on before it knows the memory map.
    var initBytes: UInt64 { UInt64(bytes.word(at: Field.initBytes, UInt32.self)) }
    var initrdEnd: UInt64 { UInt64(bytes.word(at: Field.initrdHighest, UInt32.self)) + 1 }
    var commandLineBytes: Int { Int(bytes.word(at: Field.commandLineBytes, UInt32.self)) }

    package enum Failure: Explained, Equatable {
        case notAKernel
        case tooOld(UInt16)
        case badAddress(UInt64)
        case truncated

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .notAKernel:
                "The file that --linux names is not a Linux kernel (bzImage). Give the vmlinuz of a distribution, as in /boot."
            case .tooOld(let version):
                """
                The kernel speaks boot protocol \(version >> 8).\(version & 0xFF) or is not 64-bit. Give a 64-bit \
                kernel of Linux 3.8 or later.
                """
            case .badAddress(let address):
                """
                The kernel wants to lie at \(address.hexadecimal), which no machine of ours offers. The \
                file is damaged: copy it again.
                """
            case .truncated: "The kernel file ends before its payload does. Copy it again."
            }
        }
    }
}
