import Foundation
import FrostFormat
import FrostImage
import FrostSupport

/// The images of a sweep: one for each configuration, made once.
struct SweepImages {
    private let tree: SourceTree
    private let folder: SweepFolder
    private let progress: (String) -> Void
    /// Of the hypervisor that is built from these sources.
    private let hypervisor: [UInt8]
    private var sources: [String: [UInt8]] = [:]

    /// - Throws: as ``Toolchain/buildHypervisor()``.
    init(tree: SourceTree, folder: SweepFolder, progress: @escaping (String) -> Void) throws {
        (self.tree, self.folder, self.progress) = (tree, folder, progress)
        hypervisor = try Toolchain(tree: tree, progress: progress).buildHypervisor().hash
    }

    /// What tells one experiment from another: the cell, and the sources of what it boots.
    mutating func definition(of cell: SweepCell) throws -> String {
        ContentHash.of([UInt8](cell.definition.utf8), try content(of: cell)).hexadecimal
    }

    private mutating func content(of cell: SweepCell) throws -> [UInt8] {
        if let known = sources[cell.image] { return known }
        var hash = ContentHash()
        if cell.isImageFile {
            try hash.add(file: URL(filePath: cell.image))
        } else {
            hash.add(hypervisor)
            let recipe = try Recipe(named: cell.image, in: tree)
            try hash.add(file: recipe.file)
            do {
                try ImageBuilder(tree: tree, progress: progress).addGuest(of: recipe, to: &hash)
            } catch {
                hash.add("not built")  // make(_:at:) fails as well, and the cell then says why
            }
        }
        let content = hash.finish()
        sources[cell.image] = content
        return content
    }

    /// Where the cell's image is, or will be.
    mutating func place(of cell: SweepCell) throws -> URL {
        guard !cell.isImageFile else { return URL(filePath: cell.image) }
        let part = try cell.imagePart(of: Recipe(named: cell.image, in: tree))
        return folder.image(ContentHash.of([UInt8](part.definition.utf8), try content(of: cell)).hexadecimal)
    }

    /// Makes it, unless it is there.
    func make(_ cell: SweepCell, at file: URL) throws {
        guard !FileManager.default.fileExists(atPath: file.plainPath), let options = try cell.imageOptions()
        else {
            return
        }
        let recipe = try Recipe(named: cell.image, in: tree)
        try ImageBuilder(tree: tree, progress: progress).make(recipe, options: options, at: file)
    }
}
