import Foundation
import FrostSupport

/// A QEMU plugin of ours, built beside the program.
struct PluginLibrary: Sendable {
    static let residency = PluginLibrary(name: "libResidencyPlugin.so", purpose: .proof)
    static let instructions = PluginLibrary(name: "libInstructionPlugin.so", purpose: .count)

    enum Purpose: Sendable, Equatable {
        case proof, count
    }

    let name: String
    let purpose: Purpose

    /// Beside the file that this code was loaded from: the program, or under test the bundle.
    /// - Throws: ``Failure``
    func locate() throws(Failure) -> URL {
        let folder = Self.ownFile().deletingLastPathComponent()
        let file = folder.appending(path: name)
        guard FileManager.default.isReadableFile(atPath: file.plainPath) else {
            throw Failure(library: name, folder: folder.plainPath, purpose: purpose)
        }
        return file
    }

    /// - Source: Linux, Documentation/filesystems/proc.rst, "/proc/PID/maps".
    private static func ownFile() -> URL {
        let here = UInt64(UInt(bitPattern: #dsohandle))
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            let ends = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, fields.count == 6, (ends[0]..<ends[1]).contains(here) else { continue }
            return URL(filePath: fields[5].trimmingCharacters(in: .whitespaces))
        }
        return URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    }

    struct Failure: Explained, Equatable {
        let library, folder: String
        let purpose: Purpose

        var exitCode: ExitCode { purpose == .proof ? .notProvable : .unavailable }

        var description: String {
            let what = purpose == .proof ? "Not provable here" : "Instructions cannot be counted here"
            return "\(what): \(library) is not in \(folder), beside frost. Build it with swift build."
        }
    }
}
