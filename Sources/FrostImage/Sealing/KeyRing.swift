package import Foundation
package import FrostCore
package import FrostFormat
package import FrostSupport
import Glibc

/// The passphrases of an image that exists: added and removed while nothing changes that is measured or signed.
package struct KeyRing {
    /// A slot that is taken.
    package struct Slot: Codable, Sendable, Equatable {
        package let slot: Int
        package let kdfIterations: UInt32
    }

    package static let slotCount = Int(IMAGE_KEY_SLOTS)

    package private(set) var image: BootImage

    /// - Throws: ``Failure/embedded(_:)``
    package init(of image: BootImage) throws(Failure) {
        guard image.needsPassphrase else { throw .embedded(image.file.plainPath) }
        self.image = image
    }

    package var slots: [Slot] {
        image.header.keySlots.enumerated().filter(\.element.isTaken)
            .map { Slot(slot: $0, kdfIterations: $1.kdf_iterations) }
    }

    /// - Parameters:
    ///   - passphrase: one that the image has.
    /// - Returns: the slot that was free.
    /// - Throws: ``Failure``, ``BootImage/Failure``
    package mutating func add(
        _ new: Passphrase, iterations: UInt32, by passphrase: Passphrase
    ) throws -> Int {
        guard ImageKey.iterations.contains(iterations) else { throw Failure.iterations(iterations) }
        var header = image.header
        guard let free = header.keySlots.firstIndex(where: { !$0.isTaken }) else {
            throw Failure.full(image.file.plainPath)
        }
        guard let key = ImageKey(of: header, passphrase: passphrase) else { throw Failure.wrongPassphrase }
        header.keySlots[free] = key.slot(for: new, iterations: iterations, in: header)
        try write(header)
        return free
    }

    /// - Parameter passphrase: of a slot that stays, so that there is one that opens the image.
    /// - Throws: ``Failure``, ``BootImage/Failure``
    package mutating func remove(_ slot: Int, by passphrase: Passphrase) throws {
        guard slots.contains(where: { $0.slot == slot }) else {
            throw Failure.noSlot(slot, known: slots.map(\.slot))
        }
        var header = image.header
        header.keySlots[slot] = key_slot()
        guard ImageKey.opened(header, by: passphrase) != nil else {
            throw ImageKey.opened(image.header, by: passphrase) == nil
                ? Failure.wrongPassphrase : Failure.ownSlot(slot)
        }
        try write(header)
    }

    /// Header and copy; a file is replaced as a whole, a device is written where it lies.
    private mutating func write(_ changed: image_header) throws {
        var header = changed
        header.checksum = header.rightChecksum
        let bytes = [UInt8](memoryOf: header), file = image.file.resolvingSymlinksInPath()
        var status = stat()
        guard stat(file.plainPath, &status) == 0 else { throw Self.failure(file) }
        let isFile = status.st_mode & S_IFMT == S_IFREG
        let place =
            isFile
            ? file.deletingLastPathComponent()
                .appending(path: ".\(file.lastPathComponent).draft-\(getpid())") : file
        defer { if isFile { unlink(place.plainPath) } }
        if isFile {
            do { try FileManager.default.copyItem(at: file, to: place) } catch { throw Self.failure(file) }
        }
        let descriptor = open(place.plainPath, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(file) }
        defer { close(descriptor) }
        for offset in [BootImage.copyOffset, BootImage.headerOffset] {
            guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0, Descriptor.write(bytes, to: descriptor)
            else { throw Self.failure(file) }
        }
        guard fsync(descriptor) == 0, !isFile || rename(place.plainPath, file.plainPath) == 0 else {
            throw Self.failure(file)
        }
        image = try BootImage(reading: image.file)
    }

    private static func failure(_ file: URL) -> BootImage.Failure {
        .cannotWrite(file.plainPath, reason: String(cString: strerror(errno)))
    }

    package enum Failure: Explained, Equatable {
        case embedded(String)
        case wrongPassphrase
        case full(String)
        case iterations(UInt32)
        case noSlot(Int, known: [Int])
        case ownSlot(Int)

        package var exitCode: ExitCode {
            switch self {
            case .wrongPassphrase: .wrongPassphrase
            case .embedded, .full, .iterations, .noSlot, .ownSlot: .usage
            }
        }

        package var description: String {
            switch self {
            case .embedded(let path):
                "\(path) has its key embedded, in the clear, and no passphrases. Make it again with a passphrase."
            case .wrongPassphrase:
                "The passphrase opens none of the image's key slots. Give one that the image boots with."
            case .full(let path):
                "All \(IMAGE_KEY_SLOTS) key slots of \(path) are taken. Remove one with frost key remove."
            case .iterations(let count):
                "\(count) iterations cannot be used. Take \(IMAGE_KDF_MINIMUM) to \(IMAGE_KDF_MAXIMUM)."
            case .noSlot(let slot, let known):
                """
                Slot \(slot) has no key. Taken \(known.count == 1 ? "is" : "are") \
                \(known.map(String.init).joined(separator: ", ")).
                """
            case .ownSlot(let slot):
                """
                The passphrase opens slot \(slot) itself and no other: give one of a slot that stays. A new one can be added \
                with frost key add.
                """
            }
        }
    }
}
