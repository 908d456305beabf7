import Foundation
import FrostCore
import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// The same sources and tools give the same hypervisor, byte by byte, wherever, whenever and by whomever it is built.
@Suite("Reproducible build") struct ReproducibleBuildTests {
    /// A copy of the sources, and what somebody who builds there has set.
    private struct Place: Sendable {
        let folder: URL
        let variables: [String: String]
        let umask: String
        let time: Date

        var tree: SourceTree { SourceTree(root: folder) }

        func makeCopy() throws {
            let files = FileManager.default
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
            for name in ["hypervisor", "faults", "images/hello", "images/common"] {
                let copy = folder.appending(path: name)
                try files.createDirectory(
                    at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
                try files.copyItem(at: SourceTree.underTest.root.appending(path: name), to: copy)
            }
            for path in try files.subpathsOfDirectory(atPath: folder.plainPath) {
                try files.setAttributes(
                    [.modificationDate: time], ofItemAtPath: folder.appending(path: path).plainPath)
            }
            for name in ["TMPDIR", "HOME"] {
                guard let path = variables[name] else { continue }
                try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
        }

        /// What is built here, by name; the last two are for debuggers.
        func products(fault: String? = nil) throws -> [String: [UInt8]] {
            let words = ["make-image", "hello", "--key-source", "embedded", "-o", "made.img"]
            let process = try BuiltFrost.process(
                words + (fault.map { ["--fault", $0] } ?? []), in: folder)
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments =
                ["-c", "umask \(umask); exec \"$0\" \"$@\"", BuiltFrost.program().plainPath]
                + (process.arguments ?? [])
            process.environment?.merge(variables) { $1 }
            process.environment?["FROST_ROOT"] = folder.plainPath
            process.environment?["PWD"] = folder.plainPath
            try process.run()
            process.waitUntilExit()
            let said = try String(contentsOf: folder.appending(path: "error.txt"), encoding: .utf8)
            try #require(process.terminationStatus == 0, "\(said)")

            let image = try BootImage(reading: folder.appending(path: "made.img"))
            let bytes = [UInt8](try Data(contentsOf: image.file))
            func part(_ lba: UInt32, until end: UInt32) -> [UInt8] {
                Array(bytes[Int(lba) * BootImage.sectorBytes..<Int(end) * BootImage.sectorBytes])
            }
            let header = image.header
            let symbols = try Toolchain(tree: tree).symbolFile(of: image)
            let layout = symbols.deletingLastPathComponent().appending(path: "layout.inc")
            return [
                "boot sector": part(0, until: 1), "loader": part(IMAGE_LOADER_LBA, until: IMAGE_ESP_LBA),
                "UEFI loader": part(
                    UInt32(SystemPartition.firstTable), until: header.efi_lba + header.efi_sectors),
                "hypervisor": part(header.hypervisor_lba, until: header.payload_lba),
                "symbols": [UInt8](try Data(contentsOf: symbols)),
                "offsets": [UInt8](try Data(contentsOf: layout)),
            ]
        }
    }

    private let scratch: Scratch
    private let places: [Place]

    init() throws {
        scratch = try Scratch()
        let root = scratch.url
        let far = root.appending(
            path: "a folder of another length/with blanks, and Umlauts äöü", directoryHint: .isDirectory)
        places = [
            Place(
                folder: root.appending(path: "a", directoryHint: .isDirectory), variables: [:], umask: "022",
                time: Date()),
            Place(
                folder: far,
                variables: [
                    "TMPDIR": root.appending(path: "tmp").plainPath,
                    "HOME": root.appending(path: "home").plainPath,
                    "LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Auckland", "USER": "nobody",
                    "SOURCE_DATE_EPOCH": "1000000000",
                ], umask: "077", time: Date(timeIntervalSince1970: 1_000_000_000)),
        ]
        for place in places { try place.makeCopy() }
    }

    private func differing(fault: String? = nil) throws -> [String] {
        let built = try places.map { try $0.products(fault: fault) }
        #expect(built[0].keys == built[1].keys)
        return built[0].filter { built[1][$0.key] != $0.value }.map(\.key).sorted()
    }

    @Test(
        "Built in two places it is the same; sources that hold when or where they were built are found or refused",
        .timeLimit(.minutes(5)))
    func twoPlaces() throws {
        #expect(try differing() == [])
        #expect(try differing(fault: "build-time") == ["loader"])
        #expect(try differing(fault: "build-environment") == ["loader"])

        try use("__FILE__")
        #expect(try differing() == [])
        let hypervisor = try Toolchain(tree: places[1].tree).buildHypervisor().binary
        #expect(Data(hypervisor).range(of: Data("\0hypervisor/start.c\0".utf8)) != nil)
        for macro in ["__TIME__", "__DATE__", "__TIMESTAMP__"] {
            try use(macro)
            let refusal = #expect(throws: Tool.Failure.self) {
                try Toolchain(tree: places[0].tree).buildHypervisor()
            }
            #expect(refusal?.description.contains("-Wdate-time") == true, "\(refusal?.description ?? "")")
        }
    }

    /// Has the hypervisors of both places hold what a macro of C's stands for.
    private func use(_ macro: String) throws {
        let source = "start.c", line = "    read_header(boot_info);\n"
        let own = try String(
            contentsOf: SourceTree.underTest.hypervisor.appending(path: source), encoding: .utf8)
        let text = own.replacing(line, with: "\(line)    asm volatile(\"\" : : \"r\"(\(macro)));\n")
        try #require(text != own)
        for place in places {
            try Data(text.utf8).write(to: place.tree.hypervisor.appending(path: source))
        }
    }
}
