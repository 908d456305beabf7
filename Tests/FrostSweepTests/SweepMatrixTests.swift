import Foundation
@testable import FrostFormat
import FrostImage
import FrostMachine
import FrostSamples
import FrostSupport
@testable import FrostSweep
import Testing

@Suite struct SweepMatrixTests {
    private func matrix(_ yaml: String) throws -> SweepMatrix {
        let folder = FileManager.default.temporaryDirectory.appending(path: "frost-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("not an image".utf8).write(to: folder.appending(path: "bad.img"))
        try Data("ice\n".utf8).write(to: folder.appending(path: "pw"))
        let file = folder.appending(path: "trial.yaml")
        try Data(yaml.utf8).write(to: file)
        return try SweepMatrix(reading: file, in: .underTest)
    }

    @Test("Every combination is a cell, in order, named by what varies")
    func product() throws {
        let matrix = try matrix(
            """
            matrix:
              image: [hello, paging]
              slots: [0, 64]
              policy: fifo
            settings:
              ram: 128MiB
              passphrase-file: pw
            """)
        #expect(matrix.title == "trial")
        #expect(
            matrix.cells.map(\.name)
                == ["hello-fifo-slots0", "hello-fifo-slots64", "paging-fifo-slots0", "paging-fifo-slots64"])
        #expect(matrix.cells.allSatisfy { $0.cell.ram == 128 * .mebibyte && $0.cell.policy == .fifo })
        #expect(matrix.cells[0].cell.passphraseFile?.hasSuffix("/pw") == true)
        #expect(matrix.cells[1].cell.slots == 64 && matrix.cells[1].cell.repetition == 1)
    }

    @Test("Cells are left out by rule and added by entry, and repeated")
    func rules() throws {
        let matrix = try matrix(
            """
            title: rules
            matrix: {image: [hello, storm], frozen: [2MiB, 4MiB], platform: [qemu-tcg, bochs]}
            exclude:
              - {image: storm, platform: bochs}
              - {frozen: [4MiB], image: [hello, storm], platform: qemu-tcg}
            include:
              - {image: paging, slots: [64, 128]}
            repeats: 2
            """)
        #expect(
            matrix.cells.map(\.name) == [
                "hello-qemu-tcg-2MiB-1", "hello-qemu-tcg-2MiB-2", "hello-bochs-2MiB-1", "hello-bochs-2MiB-2",
                "hello-bochs-4MiB-1", "hello-bochs-4MiB-2", "storm-qemu-tcg-2MiB-1", "storm-qemu-tcg-2MiB-2",
                "paging-qemu-tcg-slots64-1", "paging-qemu-tcg-slots64-2", "paging-qemu-tcg-slots128-1",
                "paging-qemu-tcg-slots128-2",
            ])
        #expect(matrix.cells[1].base == "hello-qemu-tcg-2MiB" && matrix.cells[1].cell.repetition == 2)
        #expect(matrix.title == "rules")
    }

    @Test("Hosts are libvirt's, or this machine, with a number of jobs each")
    func hosts() throws {
        let matrix = try matrix(
            """
            matrix: {image: hello, platform: [libvirt, bochs]}
            hosts:
              - {uri: "qemu:///embed?root=/tmp/one", jobs: 2}
              - {uri: local, jobs: 3}
            """)
        #expect(
            matrix.places == [
                SweepPlace(uri: "qemu:///embed?root=/tmp/one", jobs: 2), SweepPlace(uri: nil, jobs: 3),
            ])
        #expect(matrix.places[0].takes(matrix.cells[0].cell, among: matrix.places))
        #expect(!matrix.places[0].takes(matrix.cells[1].cell, among: matrix.places))
        #expect(!matrix.places[1].takes(matrix.cells[0].cell, among: matrix.places))
        #expect(matrix.places[1].takes(matrix.cells[1].cell, among: matrix.places))
        #expect(matrix.places[1].takes(matrix.cells[0].cell, among: [matrix.places[1]]))
    }

    @Test("A verdict needs a libvirt that shares memory; a listed machine helps hosts that share nothing")
    func remoteHosts() throws {
        let far = SweepPlace(uri: "qemu+ssh://far/system", jobs: 1)
        let (listed, implied) = (SweepPlace(jobs: 1), SweepPlace(jobs: 1, isListed: false))
        var cell = SweepCell(image: "hello")
        cell.platform = .libvirt
        #expect(far.takes(cell, among: [far, listed]) && listed.takes(cell, among: [far, listed]))
        #expect(!implied.takes(cell, among: [far, implied]))
        cell.verify = SweepCell.smallestCache
        #expect(!far.takes(cell, among: [far, implied]) && implied.takes(cell, among: [far, implied]))
    }

    /// A file, the line that is to be named, and a part of what is said of it.
    static let mistakes: [(String, Int?, String)] = [
        ("", nil, "it is empty"),
        ("- hello", 1, "such as matrix:"),
        ("matrix: {image: hello", 2, "not YAML"),
        ("matrix:\n  image: [hello]\n  image: [storm]", 2, "'image' stands there twice"),
        ("matrix: {image: hello}\nmatrx: {}", 2, "did you mean 'matrix'?"),
        ("matrix:\n  image: hello\n  frozn: [2MiB]", 3, "did you mean 'frozen'?"),
        ("matrix:\n  image: hello\n  temperature: 3", 3, "Known: image, platform"),
        ("matrix: {frozen: 2MiB}", 1, "there is no image"),
        ("matrix: {image: []}", 1, "image has no value"),
        ("matrix: {image: }", 1, "image wants a value"),
        ("matrix: {image: {a: b}}", 1, "image wants a value"),
        ("matrix: {image: hullo}", 1, "There is no recipe 'hullo'"),
        ("matrix: {image: none.img}", 1, "none.img"),
        ("matrix: {image: bad.img}", 1, "bad.img"),
        ("matrix:\n  image: hello\n  policy:\n    - clock\n    - lifo", 5, "of clock, gclock-ahead"),
        ("matrix:\n  image: hello\n  frozen: 2MB", 3, "'2MB' is not a size"),
        ("matrix:\n  image: hello\n  freeze: nofill", 3, "not available in this version"),
        ("matrix:\n  image: hello\n  slots: 7", 3, "cannot hold what one instruction may need"),
        ("matrix:\n  image: hello\n  slots: -7", 3, "whole number"),
        ("matrix:\n  image: hello\n  slots: [64, 64]", 3, "stands twice"),
        ("matrix:\n  image: hello\n  frozen: 1GiB", 2, "hello: "),
        ("matrix:\n  image: hello\n  verify: zen9", 3, "There is no preset 'zen9'"),
        ("matrix:\n  image: hello\n  verify: smallest", 2, "set passphrase-file"),
        ("matrix: {image: hello, passphrase-file: pw, kdf-iterations: 10}", 1, "easy to guess"),
        ("matrix:\n  image: hello\n  passphrase-file: nowhere", 3, "cannot be read"),
        ("matrix: {image: hello}\nsettings: {ram: [64MiB, 128MiB]}", 2, "move ram to matrix:"),
        ("matrix: {image: hello}\nrepeats: 0", 2, "1 to 1000"),
        ("matrix: {image: hello}\nexclude: {image: hello}", 2, "is to be a list"),
        ("matrix: {image: hello}\nexclude:\n  - {image: storm}", 3, "excludes no cell"),
        ("matrix: {image: hello}\nexclude:\n  - {image: hello}", nil, "no cell is left"),
        ("settings: {ram: 64MiB}", nil, "no cell is left"),
        ("matrix: {image: hello}\ninclude:\n  - {image: hello}", 3, "is there twice"),
        ("matrix: {image: hello}\ninclude:\n  - {slots: 64}", 3, "there is no image"),
        ("matrix: {image: hello}\nhosts:\n  - {uri: elsewhere}", 3, "is no libvirt connection"),
        ("matrix: {image: hello}\nhosts:\n  - {uri: \"qemu:///embed?pool=x\"}", 3, "names no storage pool"),
        ("matrix: {image: hello}\nhosts:\n  - {url: local}", 3, "did you mean 'uri'?"),
        ("matrix: {image: hello}\nhosts:\n  - {jobs: 0}", 3, "jobs wants"),
        ("matrix: {image: hello}\nhosts:\n  - {jobs: 1}\n  - {uri: local}", 4, "twice"),
    ]

    @Test("A mistake gets one sentence with its line, and what to write instead", arguments: mistakes)
    func mistake(yaml: String, line: Int?, words: String) throws {
        do {
            _ = try matrix(yaml)
            Issue.record("the file was taken")
        } catch let failure as SweepMatrix.Failure {
            guard case .mistake(let path, let found, let sentence) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(path.hasSuffix("trial.yaml"))
            #expect(found == line, Comment(rawValue: sentence))
            #expect(sentence.contains(words), Comment(rawValue: sentence))
            #expect(failure.exitCode == .badInput)
            #expect(!failure.description.contains("\n") && !failure.description.contains(".."))
        }
    }

    @Test("A file that is not there is said to be missing")
    func missing() {
        #expect(throws: SweepMatrix.Failure.missing("/nowhere.yaml")) {
            try SweepMatrix(reading: URL(filePath: "/nowhere.yaml"), in: .underTest)
        }
    }

    @Test("The repository's sweeps can be read, and have two dozen cells")
    func samples() throws {
        let folder = SourceTree.underTest.images.appending(path: "sweeps")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.plainPath)
        #expect(!names.isEmpty)
        for name in names {
            let matrix = try SweepMatrix(reading: folder.appending(path: name), in: .underTest)
            #expect(matrix.cells.count >= 24)
            #expect(Set(matrix.cells.map(\.name)).count == matrix.cells.count)
        }
    }

    @Test("A short file that makes a great many cells is refused, before they are made")
    func manyCells() {
        let seeds = (1...200).map(String.init).joined(separator: ", ")
        for text in [
            "matrix: {image: hello, seed: [\(seeds)], slots: [\(seeds)], trace-every: [\(seeds)]}",
            "matrix: {image: hello, seed: [\(seeds)]}\nrepeats: 1000",
        ] {
            #expect { try matrix(text) } throws: { "\($0)".contains("more than 10,000 cells") }
        }
    }

    @Test("A definition changes with every value, and a repetition is another cell")
    func definition() throws {
        let cells = try matrix(
            """
            matrix: {image: hello, platform: [qemu-tcg, bochs], slots: [0, 64], seed: [1, 2]}
            repeats: 2
            """
        ).cells.map(\.cell)
        #expect(Set(cells.map(\.definition)).count == cells.count)
        var other = cells[0]
        other.timeout = TimeSpan(.seconds(5))
        #expect(other.definition != cells[0].definition)
    }

    @Test("What a cell leaves open and what it sets to the same value is one image")
    func images() throws {
        let recipe = try Recipe(named: "hello", in: .underTest)
        var (open, set) = (SweepCell(image: "hello"), SweepCell(image: "hello"))
        (set.policy, set.frozen, set.slots, set.seed) = (.gclockAhead, recipe.facts.frozen, 0, 3)
        #expect(try open.imagePart(of: recipe) == set.imagePart(of: recipe))
        open.slots = 64
        #expect(try open.imagePart(of: recipe) != set.imagePart(of: recipe))
    }
}
