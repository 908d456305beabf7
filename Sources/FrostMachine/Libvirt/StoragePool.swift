import CLibvirt
import Foundation
import FrostSupport
import Glibc

/// Where a host of libvirt's keeps images: the only way in for a file of ours.
final class StoragePool {
    private let handle: virStoragePoolPtr
    private let connection: LibvirtConnection
    private let name: String

    static let defaultName = "default"
    /// Whether another host's frost still runs cannot be known here; after this time none is still sending.
    static let patience = Duration.seconds(24 * 3600)

    /// - Throws: ``LibvirtFailure/noPool(_:name:words:)``
    init(_ name: String, of connection: LibvirtConnection) throws(LibvirtFailure) {
        (self.name, self.connection) = (name, connection)
        guard let handle = virStoragePoolLookupByName(connection.handle, name) else {
            throw .noPool(connection.uri, name: name, words: LibvirtFailure.lastError)
        }
        self.handle = handle
        guard virStoragePoolIsActive(handle) == 1 else {
            throw .noPool(connection.uri, name: name, words: "it is not started")
        }
    }

    deinit {
        virStoragePoolFree(handle)
    }

    /// Takes away images whose frost was killed while it sent them.
    func removeLeftovers() {
        var list: UnsafeMutablePointer<virStorageVolPtr?>?
        let count = virStoragePoolListAllVolumes(handle, &list, 0)
        guard count >= 0, let list else { return }
        for volume in UnsafeBufferPointer(start: list, count: Int(count)) {
            if let name = virStorageVolGetName(volume), Self.isLeftOver(String(cString: name)) {
                virStorageVolDelete(volume, 0)
            }
            virStorageVolFree(volume)
        }
        free(list)
    }

    static func isLeftOver(_ name: String, now: Date = Date()) -> Bool {
        guard let owner = RunOwner(of: name) else { return false }
        return owner.isAlive.map { !$0 } ?? (owner.age(now: now) > patience)
    }

    /// A copy of a file, readable to QEMU over there alone.
    /// - Throws: ``LibvirtFailure``; nothing is left in the pool then.
    func upload(
        _ file: URL, as name: String, owner: (user: UInt32, group: UInt32)?, isInterrupted: () -> Bool
    ) throws -> StorageVolume {
        let data = try Data(contentsOf: file, options: .alwaysMapped)
        let description = VolumeXML(name: name, bytes: data.count, owner: owner).text
        guard let volume = virStorageVolCreateXML(handle, description, 0) else {
            throw LibvirtFailure.noUpload(connection.uri, words: LibvirtFailure.lastError)
        }
        let copy = StorageVolume(volume)
        guard let stream = virStreamNew(connection.handle, 0) else {
            throw LibvirtFailure.noUpload(connection.uri, words: LibvirtFailure.lastError)
        }
        defer { virStreamFree(stream) }
        guard
            virStorageVolUpload(
                volume, stream, 0, UInt64(data.count), VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM.rawValue) == 0
        else { throw LibvirtFailure.noUpload(connection.uri, words: LibvirtFailure.lastError) }
        for piece in SparsePieces(data) {
            guard !isInterrupted() else {
                virStreamAbort(stream)
                throw LibvirtFailure.interrupted(connection.uri)
            }
            guard Self.send(piece, over: stream) else {
                let words = LibvirtFailure.lastError
                virStreamAbort(stream)
                throw LibvirtFailure.noUpload(connection.uri, words: words)
            }
        }
        guard virStreamFinish(stream) == 0 else {
            throw LibvirtFailure.noUpload(connection.uri, words: LibvirtFailure.lastError)
        }
        return copy
    }

    private static func send(_ piece: SparsePieces.Piece, over stream: virStreamPtr) -> Bool {
        switch piece {
        case .zeros(let count): virStreamSendHole(stream, Int64(count), 0) == 0
        case .bytes(let bytes): LibvirtStream.send(bytes, over: stream)
        }
    }
}

/// A file in a pool, which is deleted with its last owner.
final class StorageVolume {
    private let handle: virStorageVolPtr
    private var isDeleted = false

    fileprivate init(_ handle: virStorageVolPtr) {
        self.handle = handle
    }

    deinit {
        delete()
        virStorageVolFree(handle)
    }

    /// As the host over there sees it; nil when it has no path.
    var path: String? {
        guard let path = virStorageVolGetPath(handle) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    /// A file may be deleted while QEMU has it open, and stays until QEMU ends. What is no file, such as a logical
    /// volume, stays until it is asked for again.
    func delete() {
        guard !isDeleted else { return }
        isDeleted = virStorageVolDelete(handle, 0) == 0
    }
}

/// - Source: libvirt, "Storage pool and volume XML format".
struct VolumeXML {
    var name: String
    var bytes: Int
    var owner: (user: UInt32, group: UInt32)?

    var text: String {
        let rights =
            (owner.map { [Markup("owner", text: "\($0.user)"), Markup("group", text: "\($0.group)")] } ?? [])
            + [Markup("mode", text: "0600")]
        return Markup(
            "volume", [:],
            [
                Markup("name", text: name),
                Markup("capacity", ["unit": "bytes"], text: "\(bytes)"),
                Markup("allocation", text: "0"),
                Markup(
                    "target", [:], [Markup("format", ["type": "raw"]), Markup("permissions", [:], rights)]),
            ]
        ).description
    }
}

/// A file's bytes in order, without the zeros that need not be sent.
struct SparsePieces: Sequence, IteratorProtocol {
    enum Piece: Equatable {
        case bytes(Data)
        case zeros(Int)
    }

    /// - Units: bytes; below the 4 MiB that one message of libvirt's may have.
    static let size = 1 << 18

    private var rest: Data

    init(_ data: Data) {
        rest = data
    }

    mutating func next() -> Piece? {
        guard !rest.isEmpty else { return nil }
        var zeros = 0
        while let block = rest.dropFirst(zeros).prefix(Self.size).nonEmpty, block.allSatisfy({ $0 == 0 }) {
            zeros += block.count
        }
        let count = zeros > 0 ? zeros : Swift.min(Self.size, rest.count)
        defer { rest = rest.dropFirst(count) }
        return zeros > 0 ? .zeros(zeros) : .bytes(rest.prefix(count))
    }
}

extension Data {
    fileprivate var nonEmpty: Data? { isEmpty ? nil : self }
}
