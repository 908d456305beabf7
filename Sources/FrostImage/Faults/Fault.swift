package import Foundation
package import FrostFormat
import FrostSupport
import Yams

/// Something wrong that is put into a copy of the hypervisor, to show that what claims to find it does:
/// `faults/hypervisor/NAME.yaml`.
package struct Fault: Sendable, Equatable {
    package typealias Failure = FaultFailure

    /// What images of `--freeze window` are made with.
    package static let window = "window"

    package let name: String
    /// What is wrong with such a hypervisor.
    package let sentence: String
    /// Of the verdict and the debugger's: each must be named.
    package let rules: [String]
    private let edits: [FaultEdit]

    /// What the file says; an edit's keys are those of ``FaultEdit``.
    private struct Facts: Decodable {
        var wrong: String
        var rules: [String]?
        var edits: [[String: String]]
    }

    /// All faults of the repository, sorted.
    /// - Throws: ``Failure/unreadable(_:reason:)``
    package static func all(in tree: SourceTree) throws(Failure) -> [Fault] {
        var faults: [Fault] = []
        for name in names(in: tree) { faults.append(try Fault(named: name, in: tree)) }
        return faults
    }

    private static func names(in tree: SourceTree) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: tree.faults.plainPath)) ?? []
        return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// - Throws: ``Failure/unknown(_:known:)``, ``Failure/unreadable(_:reason:)``
    package init(named name: String, in tree: SourceTree) throws(Failure) {
        let known = Self.names(in: tree)
        guard known.contains(name) else { throw .unknown(name, known: known) }
        try self.init(reading: tree.faults.appending(path: "\(name).yaml"))
    }

    package init(reading file: URL) throws(Failure) {
        let facts: Facts
        do {
            let text = try String(contentsOf: file, encoding: .utf8)
            if let fault = YAMLShape.fault(in: text) {
                throw Failure.unreadable(file.plainPath, reason: "line \(fault.line) has \(fault.what)")
            }
            facts = try YAMLDecoder(encoding: .utf8).decode(Facts.self, from: text)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unreadable(file.plainPath, reason: "\(error)")
        }
        name = file.deletingPathExtension().lastPathComponent
        sentence = facts.wrong
        rules = facts.rules ?? []
        var edits: [FaultEdit] = []
        for fields in facts.edits {
            guard let edit = FaultEdit(fields) else {
                throw .unreadable(file.plainPath, reason: FaultEdit.shape)
            }
            edits.append(edit)
        }
        self.edits = edits
    }

    package var warning: String {
        """
        WARNING: the fault \(name) is put into the hypervisor on purpose. \(sentence) Never give such an image \
        anything that matters.
        """
    }

    /// Calls `body` with a tree whose hypervisor has the fault; the copy is gone afterwards.
    /// - Throws: ``Failure`` when it does not fit the sources any more.
    package func inject<Result>(
        into tree: SourceTree, _ body: (SourceTree) throws -> Result
    ) throws -> Result {
        let files = FileManager.default
        let copy = tree.build.appending(path: "fault-\(UUID().uuidString)", directoryHint: .isDirectory)
        try files.createDirectory(at: tree.build, withIntermediateDirectories: true)
        try files.copyItem(at: tree.hypervisor, to: copy)
        defer { try? files.removeItem(at: copy) }
        for edit in edits { try edit.make(in: copy, for: name) }
        return try body(SourceTree(root: tree.root, hypervisor: copy, fault: name))
    }
}

extension BootImage {
    /// - Throws: ``Fault/Failure`` when these sources do not know it.
    package func fault(in tree: @autoclosure () throws -> SourceTree) throws -> Fault? {
        guard let faultName else { return nil }
        return try Fault(named: faultName, in: tree())
    }
}
