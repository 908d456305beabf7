import Foundation
import FrostSupport
@testable import FrostSweep
import Glibc
import Testing

@Suite struct SweepFolderTests {
    private let folder = SweepFolder(
        FileManager.default.temporaryDirectory.appending(path: "frost-test-\(UUID().uuidString)"))

    private func result(_ name: String, seed: UInt64) -> SweepResult {
        var cell = SweepCell(image: "hello")
        cell.seed = seed
        return SweepResult(
            .init(name: name, base: name, cell: cell), definition: "definition\(seed)", outcome: .passed)
    }

    private func within(_ body: () throws -> Void) throws {
        try folder.prepare()
        defer { try? FileManager.default.removeItem(at: folder.folder) }
        try body()
    }

    private func addCell(_ name: String, seed: UInt64) throws {
        try FileManager.default.createDirectory(at: folder.cell(name), withIntermediateDirectories: true)
        try folder.commit(result(name, seed: seed))
    }

    @Test("A cell is finished once its result is whole, and not before")
    func commit() throws {
        try within {
            try addCell("one", seed: 1)
            try FileManager.default.createDirectory(at: folder.cell("two"), withIntermediateDirectories: true)
            try Data("{".utf8).write(to: URL(filePath: folder.result("two").plainPath + ".draft"))
            try FileManager.default.createDirectory(
                at: folder.cell("three"), withIntermediateDirectories: true)
            try Data("{\"cell\"".utf8).write(to: folder.result("three"))
            let finished = folder.finished()
            #expect(finished.keys.sorted() == ["definition1"])
            #expect(finished["definition1"]?.cell.seed == 1)
            #expect(!FileManager.default.fileExists(atPath: folder.result("one").plainPath + ".draft"))
        }
    }

    @Test("Cells keep their results when the file gives them each other's names")
    func swap() throws {
        try within {
            try addCell("one", seed: 1)
            try addCell("two", seed: 2)
            let finished = folder.finished()
            for (definition, name) in [("definition1", ".moved-a"), ("definition2", ".moved-b")] {
                try folder.rename(#require(finished[definition]), to: name)
            }
            let moved = folder.finished()
            #expect(moved.count == 2, "a kill between the two steps loses nothing")
            try folder.rename(#require(moved["definition1"]), to: "two")
            try folder.rename(#require(moved["definition2"]), to: "one")
            #expect(folder.finished().mapValues(\.name) == ["definition1": "two", "definition2": "one"])
        }
    }

    @Test("Two sweeps do not work in one folder")
    func lock() throws {
        try within {
            let lock = try SweepLock(folder) { _ in }
            #expect(throws: SweepFolder.Failure.busy(folder.folder.plainPath, process: getpid())) {
                _ = try SweepLock(folder) { _ in }
            }
            withExtendedLifetime(lock) {}
        }
    }

    @Test("The lock of a sweep that was killed lasts as long as its machines, and no longer")
    func lockAfterKill() throws {
        try within {
            // A process that holds the lock for half a second, under the name of one that is gone.
            var lock: SweepLock? = try SweepLock(folder) { _ in }
            let child = try ChildProcess(
                URL(filePath: "/bin/sleep"), ["0.5"], inherits: #require(lock?.descriptor))
            lock = nil
            try Data("999999999\n".utf8).write(to: folder.lock)
            var words: [String] = []
            let start = ContinuousClock.now
            _ = try SweepLock(folder) { words.append($0) }
            #expect(words.count == 1 && words[0].contains("waiting for the machines"))
            #expect(ContinuousClock.now - start > .milliseconds(200))
            #expect(child.end(waiting: true) != nil)
        }
    }

    @Test("A folder of something else is left alone")
    func foreign() throws {
        let other = FileManager.default.temporaryDirectory.appending(path: "frost-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: other) }
        try Data().write(to: other.appending(path: "thesis.tex"))
        #expect(throws: SweepFolder.Failure.foreign(other.plainPath)) { try SweepFolder(other).prepare() }
        #expect(throws: SweepFolder.Failure.cannotWrite("/proc/x")) {
            try SweepFolder(URL(filePath: "/proc/x")).prepare()
        }
    }
}
