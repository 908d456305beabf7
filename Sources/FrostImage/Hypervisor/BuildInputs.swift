import Foundation
import FrostSupport

/// The files that clang, nasm and ld.lld say they have read: headers, and what `incbin` and `%include` name, wherever
/// they lie.
///
/// - Shape: rules of make, as the tools write them: `target: file file`, a backslash before the end of a line that goes on.
package enum BuildInputs {
    /// What the rules in a folder name; nothing of the folder itself, which the build has made.
    static func files(namedIn folder: URL) throws -> Set<String> {
        let rules = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "d" }
        let own = folder.standardizedFileURL.plainPath
        var files: Set<String> = []
        for rule in rules {
            for file in prerequisites(of: try String(contentsOf: rule, encoding: .utf8)) {
                files.insert(URL(filePath: file).standardizedFileURL.plainPath)
            }
        }
        return files.filter { !$0.hasPrefix(own) }
    }

    /// The files that `%include` names in a source of nasm's, and in what it names. A name that a macro makes is not
    /// seen.
    ///
    /// - Parameter folders: where nasm looks for them, `-I`.
    static func included(by source: URL, from folders: [URL]) -> [URL] {
        var found: [URL] = [], next = [source]
        while let file = next.popLast() {
            guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
            for match in text.matches(of: #/(?im)^\s*%include\s+(["'`])(.+?)\1/#) {
                let place = folders.map { $0.appending(path: String(match.2)).standardizedFileURL }
                    .first { FileManager.default.fileExists(atPath: $0.plainPath) }
                guard let place, !found.contains(place) else { continue }
                found.append(place)
                next.append(place)
            }
        }
        return found
    }

    /// As the tools write one.
    static func rule(for target: URL, of files: [URL]) -> String {
        func escaped(_ file: URL) -> String {
            file.plainPath.replacing("$", with: "$$").replacing(" ", with: "\\ ").replacing("#", with: "\\#")
        }
        return "\(escaped(target)): \(files.map(escaped).joined(separator: " "))\n"
    }

    package static func prerequisites(of rule: String) -> [String] {
        let text = rule.replacing("\\\r\n", with: " ").replacing("\\\n", with: " ")
        // ld.lld adds an empty rule for each file.
        guard let first = text.split(separator: "\n").first, let colon = first.firstRange(of: ": ")
        else {
            return []
        }
        var files: [String] = []
        var file = "", isEscaped = false
        for character in first[colon.upperBound...] + " " {
            if isEscaped {
                file += character == " " || character == "#" ? "\(character)" : "\\\(character)"
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character.isWhitespace {
                if !file.isEmpty { files.append(file.replacing("$$", with: "$")) }
                file = ""
            } else {
                file.append(character)
            }
        }
        return files
    }
}
