import Foundation
import FrostFormat
import FrostImage
import FrostSupport
import Yams

/// Combines a sweep file's keys into cells, and names them.
struct SweepCells {
    typealias Failure = SweepFileFailure

    let file: SweepFile
    let tree: SourceTree
    /// What paths in the file are relative to.
    let folder: URL

    /// A machine takes a second or more, and a short file could ask for any number of them.
    private static let mostCells = 10_000

    /// A key with its values, and the line each came from.
    private typealias Axis = (key: SweepKey, values: [(text: String, node: Node)])

    private struct Found {
        var cell: SweepCell
        /// What its name is made of.
        var keys: Set<SweepKey>
        var node: Node
    }

    /// All cells, named, in order.
    func combine(_ sections: [String: Node]) throws(Failure) -> [NamedCell] {
        let repeats = try repeats(sections["repeats"])
        let settings =
            try sections["settings"].map { node throws(Failure) in try axes(node, of: "settings") } ?? []
        for axis in settings where axis.values.count > 1 {
            throw file.mistake(
                axis.values[1].node,
                "settings are the same for all cells: move \(axis.key.rawValue) to matrix:")
        }
        var found: [Found] = []
        if let node = sections["matrix"] {
            let matrix = try axes(node, of: "matrix")
            let keys = Set(matrix.map(\.key))
            found = try product(settings + matrix, node).map { Found(cell: $0, keys: keys, node: node) }
        }
        try exclude(sections["exclude"], from: &found)
        if let node = sections["include"] {
            for entry in try file.entries(node, of: "include") {
                let added = try axes(entry, of: "include")
                let keys = Set(added.map(\.key)).union(found.first?.keys ?? [])
                let kept = settings.filter { setting in !added.contains { $0.key == setting.key } }
                found += try product(kept + added, entry).map { Found(cell: $0, keys: keys, node: entry) }
            }
        }
        guard found.count <= Self.mostCells / repeats else {
            throw .mistake(
                file.path, line: nil,
                "the file makes more than \(Self.mostCells.grouped) cells: vary or repeat less")
        }
        guard !found.isEmpty else {
            throw .mistake(
                file.path, line: nil, "no cell is left: give matrix: at least an image, and exclude less")
        }
        return try name(found, repeats: repeats)
    }

    private func repeats(_ node: Node?) throws(Failure) -> Int {
        guard let node else { return 1 }
        guard let repeats = Int(try file.scalar(node, of: "repeats")), 1...1000 ~= repeats else {
            throw file.mistake(node, "repeats wants a whole number from 1 to 1000")
        }
        return repeats
    }

    private func axes(_ node: Node, of section: String) throws(Failure) -> [Axis] {
        var axes: [Axis] = []
        for (name, value) in try file.pairs(node, known: SweepKey.allCases.map(\.rawValue), of: section) {
            guard let key = SweepKey(rawValue: name) else { continue }
            let values = try file.values(value, of: name)
            for (index, value) in values.enumerated()
            where values.prefix(index).contains(where: { $0.text == value.text }) {
                throw file.mistake(value.node, "'\(value.text)' stands twice in \(name): keep one")
            }
            axes.append((key, values))
        }
        return axes
    }

    /// Every combination, the last key fastest.
    private func product(_ axes: [Axis], _ node: Node) throws(Failure) -> [SweepCell] {
        guard axes.contains(where: { $0.key == .image }) else {
            throw file.mistake(node, "there is no image: add one, such as image: [hello]")
        }
        var count = 1
        for axis in axes { count = min(count, Self.mostCells + 1) * axis.values.count }
        guard count <= Self.mostCells else {
            throw file.mistake(
                node, "these values make more than \(Self.mostCells.grouped) cells: vary less in one file")
        }
        var cells = [SweepCell(image: "")]
        // The image first: what it is decides about the rest.
        for axis in axes.filter({ $0.key == .image }) + axes.filter({ $0.key != .image }) {
            var next: [SweepCell] = []
            for cell in cells {
                for value in axis.values { next.append(try set(axis.key, value, in: cell)) }
            }
            cells = next
        }
        for cell in cells { try check(cell, node) }
        return cells
    }

    /// What only all values together tell.
    private func check(_ cell: SweepCell, _ node: Node) throws(Failure) {
        if cell.verify != nil && cell.passphraseFile == nil && !cell.isImageFile {
            throw file.mistake(
                node, "an image with its own key in it is never proven: set passphrase-file beside verify")
        }
        guard !cell.isImageFile, let recipe = try? Recipe(named: cell.image, in: tree) else { return }
        do {
            try cell.imageOptions()?.check()
            _ = try MemoryPlan(ram: cell.ram ?? recipe.facts.ram, frozen: cell.frozen ?? recipe.facts.frozen)
        } catch {
            throw file.mistake(node, "\(cell.image): \(error)")
        }
    }

    private func set(
        _ key: SweepKey, _ value: (text: String, node: Node), in cell: SweepCell
    ) throws(Failure) -> SweepCell {
        var cell = cell
        if key.isOfImage && cell.isImageFile {
            throw file.mistake(
                value.node,
                "\(cell.image) is made already, with its own \(key.rawValue): leave \(key.rawValue) out")
        }
        do {
            try key.set(value.text, in: &cell, tree: tree, folder: folder)
        } catch let unfit as SweepKey.Unfit {
            throw file.mistake(value.node, unfit.sentence)
        } catch let failure as any Explained {
            throw file.mistake(value.node, "\(key.rawValue): \(failure.description)")
        } catch {
            throw file.mistake(value.node, "'\(value.text)' is no \(key.rawValue)")
        }
        return cell
    }

    private func exclude(_ node: Node?, from found: inout [Found]) throws(Failure) {
        guard let node else { return }
        for rule in try file.entries(node, of: "exclude") {
            let axes = try axes(rule, of: "exclude")
            var left: [Found] = []
            for entry in found where try !matches(entry.cell, axes) { left.append(entry) }
            guard left.count < found.count else {
                throw file.mistake(rule, "this rule excludes no cell: correct it, or leave it out")
            }
            found = left
        }
    }

    /// Whether the cell has one of the values of each key: setting it changes nothing.
    private func matches(_ cell: SweepCell, _ axes: [Axis]) throws(Failure) -> Bool {
        for axis in axes {
            if axis.key.isOfImage && cell.isImageFile { return false }
            var isHit = false
            for value in axis.values where try set(axis.key, value, in: cell) == cell { isHit = true }
            if !isHit { return false }
        }
        return true
    }

    private func name(_ found: [Found], repeats: Int) throws(Failure) -> [NamedCell] {
        var all: [NamedCell] = []
        var cells: Set<SweepCell> = []
        var names: Set<String> = []
        for entry in found {
            let (cell, keys, node) = (entry.cell, entry.keys, entry.node)
            guard cells.insert(cell).inserted else {
                throw file.mistake(node, "the cell \(Self.name(cell, keys)) is there twice: leave one out")
            }
            var name = Self.name(cell, keys)
            if names.contains(name) { name += "-" + cell.definition.prefix(6) }
            names.insert(name)
            for repetition in 1...repeats {
                var cell = cell
                cell.repetition = repetition
                let own = repeats > 1 ? "\(name)-\(repetition)" : name
                all.append(.init(name: own, base: name, cell: cell))
            }
        }
        return all
    }

    private static func name(_ cell: SweepCell, _ keys: Set<SweepKey>) -> String {
        let labels = SweepKey.allCases.filter { keys.contains($0) || $0 == .image }
            .compactMap { $0.label(of: cell) }
        let name = labels.joined(separator: "-").map { character in
            character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
                ? character : "_"
        }
        return String(name.prefix(120))
    }
}
