import CLibvirt
import Foundation
@testable import FrostMachine
import FrostSupport
import Testing

/// Our side of libvirt, against the driver that it brings for tests: no machine runs here.
@Suite struct LibvirtTests {
    private static let testDriver = LibvirtURI(unchecked: "test:///default")

    /// A domain as we describe it, but of the kind that the test driver takes.
    private static func domain(
        _ name: String, trace: String = "/run/trace.bin", change: (inout DomainXML) -> Void = { _ in }
    ) throws -> String {
        var domain = DomainXML(
            name: name, uri: testDriver, file: URL(filePath: "/run/domain.xml"),
            image: URL(filePath: "/images/a,b.img"), disk: .ahci, ram: 64 * .mebibyte,
            wiring: .files(
                console: "/tmp/x.com1", trace: URL(filePath: trace), ram: URL(filePath: "/dev/shm/x.ram")))
        change(&domain)
        return try domain.text().replacing("<domain type='qemu'", with: "<domain type='test'")
    }

    @Test("A domain starts, runs and ends, and libvirt's events tell it in this order")
    func lifecycle() throws {
        let connection = try LibvirtConnection(Self.testDriver)
        let domain = try LibvirtDomain(starting: Self.domain("one"), named: "one", on: connection)
        #expect(domain.end(waiting: false) == nil)
        #expect(virDomainSuspend(domain.handle) == 0)
        try domain.resume()
        domain.send(SIGKILL)
        let end = try #require(domain.end(waiting: true))
        #expect(end.isSuccess)
        #expect(domain.events.map(\.kind) == [.started, .suspended, .resumed, .stopped])
    }

    @Test("A domain is gone with its last owner, and gets no events of others")
    func owner() throws {
        let connection = try LibvirtConnection(Self.testDriver)
        let first = try LibvirtDomain(starting: Self.domain("first"), named: "first", on: connection)
        do {
            let second = try LibvirtDomain(starting: Self.domain("second"), named: "second", on: connection)
            #expect(throws: (any Error).self) {
                _ = try LibvirtDomain(starting: Self.domain("second"), named: "second", on: connection)
            }
            #expect(second.end(waiting: false) == nil)
        }
        _ = try LibvirtDomain(starting: Self.domain("second"), named: "second", on: connection)
        #expect(first.end(waiting: false) == nil)
        #expect(!first.events.contains { $0.kind == .stopped })
    }

    @Test("What libvirt refuses comes back as one line that says where and why")
    func refusals() throws {
        let connection = try LibvirtConnection(Self.testDriver)
        let failure = try #require(throws: LibvirtFailure.self) {
            _ = try LibvirtDomain(starting: "<domain type='test'/>", named: "x", on: connection)
        }
        #expect(failure.exitCode == .machineDied)
        #expect(failure.description.contains("test:///default"))
        #expect(!failure.description.contains("no reason given") && !failure.description.contains("\n"))

        let nowhere = LibvirtURI(unchecked: "qemu+unix:///system?socket=/nowhere/at/all")
        let unreachable = try #require(throws: LibvirtFailure.self) { _ = try LibvirtConnection(nowhere) }
        #expect(unreachable.exitCode == .unavailable)
        #expect(unreachable.description.contains("/nowhere/at/all"))
    }

    @Test(
        "libvirt reads back what was written, whatever a path holds",
        arguments: [
            "/plain", "/a & b", "/<tag attr='x'>\"quoted\"</tag>", "/]]>&amp;&#10;", "/größe/雪",
            "/tab\tand\nline",
        ])
    func escaping(path: String) throws {
        let connection = try LibvirtConnection(Self.testDriver)
        // All connections to the driver for tests see the same domains.
        let name = "paths-\(UUID())"
        let xml = try Self.domain(name, trace: path)
        let domain = try LibvirtDomain(starting: xml, named: name, on: connection)
        let read = try domain.currentXML()
        #expect(
            read.contains("<source path='\(Markup.escaped(path))' append='on'/>")
                || Self.unescaped(read).contains(path))
        #expect(read.contains("<memory unit='KiB'>65536</memory>"))
    }

    private static func unescaped(_ text: String) -> String {
        [
            ("&#9;", "\t"), ("&#10;", "\n"), ("&#xA;", "\n"), ("&#x9;", "\t"), ("&lt;", "<"), ("&gt;", ">"),
            ("&apos;", "'"),
            ("&quot;", "\""), ("&amp;", "&"),
        ]
        .reduce(text) { $0.replacing($1.0, with: $1.1) }
    }

    @Test("What XML cannot say is refused")
    func notInXML() {
        #expect(throws: LibvirtFailure.notInXML("/bell\u{7}")) {
            try Self.domain("x", trace: "/bell\u{7}")
        }
    }

    @Test("A CPU is QEMU's own, taken apart")
    func cpus() throws {
        let amd = try Self.domain("x")
        #expect(
            amd.contains("<cpu mode='maximum'>") && amd.contains("<feature policy='require' name='svm'/>"))
        let named = try Self.domain("x") { $0.cpu = .named("EPYC,-aes") }
        #expect(named.contains(">EPYC</model>") && named.contains("<feature policy='disable' name='aes'/>"))
        #expect(throws: DomainXML.Failure.cannotTranslate("vendor=x")) {
            try Self.domain("x") { $0.cpu = .named("max,vendor=x") }
        }
    }

    @Test("A daemon runs QEMU with our rights, and takes none of our files")
    func labels() throws {
        let text = try Self.domain("x") { $0.securityModels = ["apparmor", "dac"] }
        #expect(text.contains("<seclabel type='none' model='apparmor'/>"))
        #expect(text.contains("<seclabel type='static' model='dac' relabel='no'>"))
        #expect(text.contains("<label>+\(geteuid()):+\(getegid())</label>"))
    }

    @Test("A URI is QEMU's, and says whether its machine is this one")
    func uris() throws {
        for text in [
            "qemu:///embed", "qemu:///system", "qemu+unix:///session?socket=/x", "qemu:///embed?root=/r",
        ] {
            #expect(try LibvirtURI(parsing: text).host == nil)
        }
        #expect(try LibvirtURI(parsing: "qemu+ssh://me@far.example/system").host == "far.example")
        #expect(try LibvirtURI(parsing: "qemu:///embed?root=/r").root == "/r")
        #expect(try LibvirtURI(parsing: "qemu:///system").isDaemon)
        #expect(try !LibvirtURI(parsing: "qemu:///embed").isDaemon)
        for text in [
            "", "qemu", "qemu://", "qemu:///", "xen:///system", "test:///default", "http://x/y",
            "qemu system",
        ] {
            #expect(throws: LibvirtURI.Failure.notQEMU(text)) { try LibvirtURI(parsing: text) }
        }
        #expect(throws: LibvirtURI.Failure.relativeRoot("qemu:///embed?root=r")) {
            try LibvirtURI(parsing: "qemu:///embed?root=r")
        }
    }

    @Test("A URI with a host, or with a pool, shares no file with us; libvirt is not told of the pool")
    func remote() throws {
        let socket = "qemu+unix:///system?socket=/a%20b/c"
        for (text, pool, name) in [
            ("qemu+ssh://far/system", nil, "qemu+ssh://far/system"),
            ("qemu+ssh://far/system?pool=fast&keyfile=/k", "fast", "qemu+ssh://far/system?keyfile=/k"),
            ("\(socket)&pool=default", "default", socket), ("qemu:///system?pool=x", "x", "qemu:///system"),
        ] {
            let uri = try LibvirtURI(parsing: text)
            #expect(uri.isRemote && uri.pool == pool && uri.connectionName == name)
        }
        #expect(try !LibvirtURI(parsing: socket).isRemote)
        for text in ["qemu:///embed?pool=x", "qemu:///system?pool="] {
            #expect(throws: LibvirtURI.Failure.noPool(text)) { try LibvirtURI(parsing: text) }
        }
    }

    @Test("A libvirt of this host gives devices by QEMU's own words, one of another host none")
    func devices() throws {
        let board = try Board(iommu: .amd, network: GuestNetwork(card: .e1000e), cpus: 2)
        let text = try Self.domain("devices") { $0.board = board }
        #expect(text.contains("machine='q35'") && text.contains("<vcpu>2</vcpu>"))
        for word in board.arguments { #expect(text.contains("<qemu:arg value='\(word)'/>")) }
        var options = RunOptions()
        (options.platform, options.board) = (.libvirt, board)
        try Platform.libvirt.check(options)
        let uri = try LibvirtURI(parsing: "qemu+ssh://far/system")
        options.connect = uri
        #expect(throws: Platform.Failure.remoteBoard(uri)) { try Platform.libvirt.check(options) }
    }

    @Test("Of a libvirt that shares no memory, none is asked for")
    func noMemory() throws {
        let uri = try LibvirtURI(parsing: "qemu+ssh://far/system")
        var options = RunOptions()
        (options.platform, options.connect) = (.libvirt, uri)
        try Platform.libvirt.check(options)
        options.keepsRAM = true
        #expect(throws: Platform.Failure.remote(uri)) { try Platform.libvirt.check(options) }
        #expect(throws: Platform.Failure.remote(uri)) {
            try Platform.libvirt.require(.cacheModel, connect: uri)
        }
        #expect(Platform.Failure.remote(uri).exitCode == .unavailable)
    }

    @Test(
        "Two at once have two roots; one that is given back is used again; one of somebody else's is refused")
    func roots() throws {
        let home = FileManager.default.temporaryDirectory.appending(
            path: "frost-test-\(UUID().uuidString.prefix(13))", directoryHint: .isDirectory)
        defer { try? FileManager.default.removeItem(at: home) }
        var first: EmbeddedRoot? = try EmbeddedRoot(home: home)
        let second = try EmbeddedRoot(home: home)
        let folder = try #require(first?.folder)
        #expect(second.folder != folder)
        #expect(throws: EmbeddedRoot.Failure.taken(folder.plainPath)) {
            try EmbeddedRoot(at: folder.plainPath, home: home)
        }
        first = nil
        #expect(try EmbeddedRoot(home: home).folder == folder)

        let link = home.appending(path: "link")
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: URL(filePath: "/tmp"))
        #expect(throws: EmbeddedRoot.Failure.cannotWrite(link.plainPath + "/")) {
            try EmbeddedRoot(at: link.plainPath, home: home)
        }
    }

    @Test("The emulator's script is written anew when QEMU is another, and left alone else")
    func emulator() throws {
        let home = FileManager.default.temporaryDirectory.appending(
            path: "frost-test-\(UUID().uuidString.prefix(13))", directoryHint: .isDirectory)
        defer { try? FileManager.default.removeItem(at: home) }
        let script = try EmbeddedRoot(home: home).emulator
        func identity() throws -> UInt64? {
            try FileManager.default.attributesOfItem(atPath: script.plainPath)[.systemFileNumber] as? UInt64
        }
        let before = try identity()
        _ = try EmbeddedRoot(home: home)
        #expect(try identity() == before)
        try Data("#!/bin/sh\n# For a QEMU of yesterday.\n".utf8).write(to: script)
        _ = try EmbeddedRoot(home: home)
        #expect(try String(contentsOf: script, encoding: .utf8).contains("--pdeathsig KILL"))
        #expect(access(script.plainPath, X_OK) == 0)
    }

    @Test("Of a log, what QEMU said is kept")
    func words() {
        let log = """
            2026-11-27 13:28:45.542+0000: starting up libvirt version: 9.0.0
            LC_ALL=C \\
            /usr/bin/qemu-system-x86_64 \\
            -msg timestamp=on
            2026-11-27 13:28:45.542+0000: Domain id=1 is tainted: custom-argv
            2026-11-27T13:28:45.985172Z qemu-system-x86_64: warning: of QEMU's
            residency plugin: a word
            2026-11-27T13:28:46.985172Z qemu-system-x86_64: terminating on signal 15 from pid 21606 (frost)
            2026-11-27 13:28:47.386+0000: shutting down, reason=destroyed

            """
        #expect(
            EmbeddedRoot.words(in: log) == """
                2026-11-27T13:28:45.985172Z qemu-system-x86_64: warning: of QEMU's
                residency plugin: a word

                """)
    }
}
