import Foundation
@testable import FrostMachine
import FrostSamples
@testable import FrostSupport
import Testing

/// Disks and networks of a guest.
@Suite struct GuestDeviceTests {
    private let scratch = try? Scratch()

    private func file(_ name: String, _ bytes: [UInt8]) throws -> URL {
        let file = try #require(scratch).url.appending(path: name)
        try Data(bytes).write(to: file)
        return file
    }

    private static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]

    @Test("A disk's format follows from its name, and a name that its bytes contradict is refused")
    func format() throws {
        let zeroes = [UInt8](repeating: 0, count: 512)
        #expect(try GuestDisk(file("a.img", zeroes)).format == .raw)
        #expect(try GuestDisk(file("a", zeroes)).format == .raw)
        #expect(try GuestDisk(file("a.qcow2", Self.magic + zeroes)).format == .qcow2)
        let misnamed = try file("b.img", Self.magic + zeroes)
        #expect(throws: GuestDisk.Failure.misnamed(misnamed.plainPath)) { try GuestDisk(misnamed) }
        let raw = try file("b.qcow2", zeroes)
        #expect(throws: GuestDisk.Failure.notQCOW2(raw.plainPath)) { try GuestDisk(raw) }
    }

    @Test("What is no disk is refused")
    func noDisk() throws {
        let folder = try #require(scratch).url
        #expect(throws: GuestDisk.Failure.notDisk(folder.plainPath)) { try GuestDisk(folder) }
        #expect(throws: GuestDisk.Failure.absent("/no/disk")) { try GuestDisk(URL(filePath: "/no/disk")) }
        let empty = try file("empty", [])
        #expect(throws: GuestDisk.Failure.empty(empty.plainPath)) { try GuestDisk(empty) }
    }

    @Test("Pairs of ports are read, and others refused")
    func forwards() throws {
        #expect(try GuestNetwork.Forward(parsing: "8080:80") == .init(host: 8080, guest: 80))
        for text in ["", "80", "0:80", "80:0", "80:65536", "a:b", "1:2:3", ":80"] {
            #expect(throws: GuestNetwork.Failure.unreadable(text)) { try GuestNetwork.Forward(parsing: text) }
        }
        #expect(throws: GuestNetwork.Failure.twice(80)) {
            try GuestNetwork(forwards: [.init(host: 80, guest: 1), .init(host: 80, guest: 2)])
        }
    }

    @Test("A disk or a network brings an IOMMU, and is refused without one")
    func iommu() throws {
        let disk = try GuestDisk(file("d", [1]))
        #expect(try Board(disks: [disk]).iommu == .intel)
        #expect(try Board(network: GuestNetwork()).chipset == .q35)
        #expect(try Board(iommu: .amd, disks: [disk]).iommu == .amd)
        #expect(throws: Board.Failure.useless) {
            try Board(iommu: Board.IOMMU.none, disks: [disk], allowsUnprotectedDMA: true)
        }
        #expect(throws: Board.Failure.noIOMMU(.pc)) { try Board(chipset: .pc, disks: [disk]) }
        let onAHCI = try GuestDisk(file("e", [1]), bus: .ahci)
        #expect(throws: Board.Failure.manyDisks(7)) { try Board(disks: Array(repeating: onAHCI, count: 7)) }
    }

    @Test("QEMU is told of each disk and of the network, none of them exempt from the IOMMU")
    func commandLine() throws {
        let disks = try GuestDisk.Bus.allCases.map {
            try GuestDisk(file("\($0.rawValue),x", [1]), bus: $0, dropsChanges: $0 == .nvme)
        }
        let network = try GuestNetwork(forwards: [.init(host: 8080, guest: 80)])
        let words = try Board(disks: disks, network: network).arguments.joined(separator: " ")
        #expect(words.hasPrefix("-device intel-iommu "))
        #expect(words.contains("virtio,,x,format=raw,if=none,id=guest-disk0,discard=unmap -device"))
        #expect(words.contains("id=guest-disk1,discard=unmap,snapshot=on -device nvme,drive=guest-disk1"))
        #expect(words.contains("ide-hd,drive=guest-disk2,bus=guest-ahci.0"))
        #expect(words.contains("user,id=guest-net,hostfwd=tcp:127.0.0.1:8080-:80"))
        #expect(words.split(separator: " ").count { $0.hasPrefix("virtio") } == 2)
        #expect(words.ranges(of: "iommu_platform=on,disable-legacy=on").count == 2)
    }
}
