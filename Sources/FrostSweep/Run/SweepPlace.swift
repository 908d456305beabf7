import FrostMachine
import Yams

/// Where cells run: this machine, or a host of libvirt's.
package struct SweepPlace: Codable, Sendable, Hashable {
    /// nil: this machine.
    package var uri: String?
    /// How many at once.
    package var jobs: Int
    /// Whether the file names it; this machine is there also where it does not.
    package var isListed: Bool

    package init(uri: String? = nil, jobs: Int, isListed: Bool = true) {
        (self.uri, self.jobs, self.isListed) = (uri, jobs, isListed)
    }

    /// As the file spells this machine.
    static let local = "local"

    package var name: String { uri ?? Self.local }

    /// - Parameter others: all places there are.
    func takes(_ cell: SweepCell, among others: [SweepPlace]) -> Bool {
        if uri != nil { return isOfLibvirt(for: cell) }
        guard cell.platform.has(.connection) else { return true }
        let hosts = others.filter { $0.isOfLibvirt(for: cell) }
        return hosts.isEmpty || isListed && hosts.allSatisfy(\.isRemote)
    }

    /// A verdict needs the machine's memory.
    private func isOfLibvirt(for cell: SweepCell) -> Bool {
        uri != nil && cell.platform.has(.connection) && (cell.verify == nil || !isRemote)
    }

    private var isRemote: Bool { uri.map { LibvirtURI(unchecked: $0).isRemote } ?? false }

    private static func uri(
        _ text: String, _ node: Node, in file: SweepFile
    ) throws(SweepFileFailure) -> String {
        do {
            _ = try LibvirtURI(parsing: text)
            return text
        } catch {
            throw file.mistake(node, "\(error) This machine without libvirt is 'local'")
        }
    }

    static func all(_ node: Node, in file: SweepFile) throws(SweepFileFailure) -> [SweepPlace] {
        var places: [SweepPlace] = []
        for entry in try file.entries(node, of: "hosts") {
            var place = SweepPlace(jobs: 1)
            for (key, value) in try file.pairs(entry, known: ["uri", "jobs"], of: "hosts") {
                let text = try file.scalar(value, of: key)
                if key == "uri" {
                    place.uri = text == local ? nil : try uri(text, value, in: file)
                } else {
                    guard let jobs = Int(text), 1...1024 ~= jobs else {
                        throw file.mistake(value, "jobs wants a whole number from 1 to 1024")
                    }
                    place.jobs = jobs
                }
            }
            guard !places.contains(where: { $0.uri == place.uri }) else {
                throw file.mistake(entry, "the host \(place.name) is there twice: leave one out")
            }
            places.append(place)
        }
        return places
    }
}
