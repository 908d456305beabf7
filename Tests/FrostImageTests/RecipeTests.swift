import Foundation
import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

@Suite struct RecipeTests {
    @Test(
        "Every recipe of the repository decodes, has its files, and fits its machine",
        arguments: Recipe.names(in: .underTest))
    func decodes(name: String) throws {
        let recipe = try Recipe(named: name, in: .underTest)
        _ = try MemoryPlan(ram: recipe.facts.ram, frozen: recipe.facts.frozen)
        let files = recipe.sources + [recipe.prepareScript].compactMap(\.self)
        #expect(!files.isEmpty)
        for file in files { #expect(FileManager.default.fileExists(atPath: file.plainPath)) }
    }

    @Test("A recipe that is not there is named, with those that are")
    func unknown() {
        #expect(throws: Recipe.Failure.unknown("nothing", known: Recipe.names(in: .underTest))) {
            try Recipe(named: "nothing", in: .underTest)
        }
    }

    @Test(
        "A recipe with a mistake says which value is of no use",
        arguments: [
            (#"{"#, "it is not JSON"), (#"{}"#, "is missing"),
            (
                #"{"summary":"","kind":"hex","ram":"1MiB","frozen":"1MiB","timeout":"1s","ending":"reset"}"#,
                "\"kind\""
            ),
            (
                #"{"summary":"","kind":"real","ram":"1MB","frozen":"1MiB","timeout":"1s","ending":"reset"}"#,
                "not a size"
            ),
            (
                #"{"summary":"","kind":"real","ram":"1MiB","frozen":"1MiB","timeout":"1s","ending":"panic"}"#,
                "\"panic\""
            ),
        ])
    func mistakes(text: String, word: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "frost-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(text.utf8).write(to: folder.appending(path: "guest.json"))
        do {
            _ = try Recipe(folder: folder)
            Issue.record("the recipe was taken")
        } catch {
            #expect(error.description.contains(word))
            #expect(error.exitCode == .badInput)
        }
    }
}
