import CLibvirt
import Foundation
@testable import FrostMachine
import FrostSupport
import Testing

/// What goes to a libvirt that shares no file with us, against the driver that it brings for tests.
@Suite struct RemoteLibvirtTests {
    private static let testDriver = LibvirtURI(unchecked: "test:///default")
    private static let owner = RunOwner()

    @Test("A domain far away has no path of ours: its lines are channels to its own sockets")
    func domain() throws {
        let name = Self.owner.name
        let far = DomainXML(
            name: name, uri: Self.testDriver, file: URL(filePath: "/here/domain.xml"),
            image: URL(filePath: "/pool/x.img"), disk: .ahci, ram: 64 * .mebibyte,
            wiring: .streams(DomainLine.all(of: name)), securityModels: ["apparmor", "dac"])
        let text = try far.text()
        #expect(!text.contains("/here/") && !text.contains("<serial") && !text.contains("memory-backend"))
        #expect(text.contains("<seclabel type='none' model='apparmor'/>") && !text.contains("<label>"))
        #expect(text.contains("<qemu:arg value='socket,id=com2,path=/tmp/\(name).com2,server=on,wait=off'/>"))

        let connection = try LibvirtConnection(Self.testDriver)
        let xml = text.replacing("<domain type='qemu'", with: "<domain type='test'")
        let domain = try LibvirtDomain(starting: xml, named: name, on: connection)
        let read = try domain.currentXML()
        #expect(read.contains("<source mode='connect' path='/tmp/\(name).com1'>"))
        #expect(read.contains("<target type='guestfwd' address='10.0.2.1' port='4601'/>"))
    }

    @Test("A name tells its owner; one whose process is gone, or that is a day old elsewhere, is left over")
    func owners() throws {
        let owner = Self.owner
        #expect(RunOwner(of: owner.name + ".img") == owner)
        #expect(owner.isAlive == true && !StoragePool.isLeftOver(owner.name + ".img"))
        var other = owner
        other.start += 1
        #expect(other.isAlive == false && StoragePool.isLeftOver(other.name + ".img"))
        other = owner
        other.host = "0123456789abcdef"
        #expect(other.isAlive == nil && !StoragePool.isLeftOver(other.name + ".img"))
        #expect(StoragePool.isLeftOver(other.name + ".img", now: Date(timeIntervalSinceNow: 25 * 3600)))
        for foreign in [
            "", "debian.img", "frost-x.img", "frost-0-1-2-3", "frost-xyz-1-2-3-4", "frost--1-2-3-4-5",
            "my\(owner.name)", "\(owner.name)-copy",
        ] {
            #expect(RunOwner(of: foreign) == nil && !StoragePool.isLeftOver(foreign))
        }
    }

    @Test("A file's pieces are the file, and zeros are not sent")
    func pieces() throws {
        let size = SparsePieces.size
        var file = Data(count: 5 * size + 100)
        file[3 * size + 7] = 1
        #expect(
            Array(SparsePieces(file)) == [
                .zeros(3 * size), .bytes(file[3 * size..<4 * size]), .zeros(size + 100),
            ])
        #expect(
            Array(SparsePieces(Data([1, 0]))) == [.bytes(Data([1, 0]))] && Array(SparsePieces(Data())) == [])
    }

    @Test(
        "Volumes are made, found left over and deleted; a pool that is not there is named, with what to type")
    func pool() throws {
        let connection = try LibvirtConnection(Self.testDriver)
        let missing = try #require(throws: LibvirtFailure.self) { try StoragePool("nowhere", of: connection) }
        #expect(missing.exitCode == .unavailable)
        #expect(
            missing.description.contains("pool-create-as nowhere dir") && !missing.description.contains("\n"))

        let pool = try StoragePool("default-pool", of: connection)
        let handle = try #require(virStoragePoolLookupByName(connection.handle, "default-pool"))
        defer { virStoragePoolFree(handle) }
        func names() -> Set<String> {
            var list: UnsafeMutablePointer<virStorageVolPtr?>?
            let count = virStoragePoolListAllVolumes(handle, &list, 0)
            defer { free(list) }
            return Set(
                UnsafeBufferPointer(start: list, count: Int(max(count, 0))).compactMap { volume in
                    defer { virStorageVolFree(volume) }
                    return virStorageVolGetName(volume).map { String(cString: $0) }
                })
        }
        var dead = Self.owner
        dead.start += 1
        for name in [Self.owner.name, dead.name, "debian"] {
            let xml = VolumeXML(name: "\(name).img", bytes: 1 << 20, owner: (64055, 64055)).text
            virStorageVolFree(try #require(virStorageVolCreateXML(handle, xml, 0)))
        }
        pool.removeLeftovers()
        #expect(names() == ["\(Self.owner.name).img", "debian.img"])

        // This driver takes no uploads: what was begun is taken back.
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try Data(count: 4096).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        #expect(throws: LibvirtFailure.self) {
            try pool.upload(file, as: "cut.img", owner: nil, isInterrupted: { false })
        }
        #expect(names() == ["\(Self.owner.name).img", "debian.img"])
    }

    @Test("Of a host's capabilities, whom QEMU runs as and how fast its counter is are read")
    func capabilities() {
        let host = HostCapabilities(
            text: """
                <cpu><counter name='tsc' frequency='2100000000' scaling='no'/></cpu>
                <secmodel>
                  <model>apparmor</model>
                </secmodel>
                <secmodel>
                  <model>dac</model>
                  <doi>0</doi>
                  <baselabel type='kvm'>+64055:+108</baselabel>
                  <baselabel type='qemu'>+64055:+109</baselabel>
                </secmodel>
                """)
        #expect(host.securityModels == ["apparmor", "dac"] && host.ticksPerSecond == 2.1e9)
        #expect(host.emulatorOwner.map { [$0.user, $0.group] } == [64055, 109])
        let silent = HostCapabilities(text: "<host/>")
        #expect(silent.ticksPerSecond == nil && silent.emulatorOwner == nil)
    }
}
