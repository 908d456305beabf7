import Foundation
import FrostAttest
import FrostFormat
import FrostSamples
import FrostSupport
import Testing

/// Whose signature counts, and for how many signers.
@Suite struct SignatureTests {
    private let sample: SampleImage
    private let people: SampleSigners
    private let reference: URL

    init() throws {
        sample = try SampleImage()
        people = try SampleSigners("alice", "bob", "carol")
        reference = people.file("reference")
        let text = try ImageReference(of: BootImage(reading: sample.file), build: nil).text
        try Data(text.utf8).write(to: reference)
    }

    private func verify(_ allowed: URL, _ signatures: [URL], threshold: Int = 1) throws -> ImageVerification {
        let answer = try ImageVerification(
            sample.file, reference, allowed, signatures, threshold: threshold)
        #expect(answer.differences.isEmpty)
        #expect(answer.isVerified == (answer.signers >= threshold))
        #expect(answer.exitCode == (answer.isVerified ? .asAsked : .otherwise))
        #expect(answer.failures.isEmpty == answer.isVerified)
        return answer
    }

    @Test("Two people's signatures are two signers, named with their keys")
    func good() throws {
        let allowed = try people.allowed(("alice@here", key: "alice"), ("bob@here", key: "bob"))
        let signatures = try ["alice", "bob"].map { try people.sign(reference, by: $0) }
        let answer = try verify(allowed, signatures, threshold: 2)
        #expect(answer.isVerified && answer.signatures.map(\.principals) == [["alice@here"], ["bob@here"]])
        #expect(answer.signatures.allSatisfy { $0.key?.hasPrefix("ED25519 SHA256:") == true })
        #expect(answer.description.contains("signed by    bob@here, ED25519 SHA256:"))
        #expect(try !verify(allowed, signatures, threshold: 3).isVerified)
        #expect(try !verify(allowed, [signatures[0], signatures[0]], threshold: 2).isVerified)
    }

    @Test("One key under two names, and one name with two keys, is one signer")
    func notDistinct() throws {
        let alice = try people.sign(reference, by: "alice")
        let again = try people.sign(reference, by: "alice", as: "again.sig")
        let bob = try people.sign(reference, by: "bob"), carol = try people.sign(reference, by: "carol")
        let names = try people.allowed(("alice@here", key: "alice"), ("other@here", key: "alice"))
        let one = try verify(names, [alice, again], threshold: 2)
        #expect(one.signers == 1 && one.signatures[0].principals == ["alice@here", "other@here"])

        let keys = try people.allowed(("alice@here", key: "alice"), ("alice@here", key: "bob"))
        #expect(try verify(keys, [alice, bob], threshold: 2).signers == 1)

        // Whose two keys are, though each has a name of its own as well.
        let shared = try people.allowed(
            ("alice@here", key: "alice"), ("bob@here", key: "bob"), ("both@here", key: "alice"),
            ("both@here", key: "bob"), ("carol@here", key: "carol"))
        #expect(try verify(shared, [alice, bob, carol], threshold: 2).signers == 2)
    }

    @Test("Signers that are linked by others count once, in whichever order")
    func linked() {
        func signature(_ key: String, _ names: String...) -> ReferenceSignature {
            ReferenceSignature(file: "f", principals: names, key: key)
        }
        let chain = [signature("1", "a"), signature("2", "b"), signature("3", "a", "b"), signature("4", "c")]
        #expect(ReferenceSignature.signers(chain) == 2)
        #expect(ReferenceSignature.signers(chain.reversed()) == 2)
        #expect(ReferenceSignature.signers([chain[0], chain[1], chain[3]]) == 3)
        #expect(ReferenceSignature.signers([ReferenceSignature(file: "f", refusal: "x")]) == 0)
        #expect(ReferenceSignature.signers([]) == 0)
    }

    @Test("A signature that does not count is told with the reason, and others count all the same")
    func refused() throws {
        let bob = try people.sign(reference, by: "bob")
        let allowed = try people.allowed(("alice@here", key: "alice"), ("bob@here", key: "bob"))
        let other = people.file("other")
        try Data("another text".utf8).write(to: other)
        let damaged = try people.sign(reference, by: "alice", as: "damaged.sig")
        let armor = try String(contentsOf: damaged, encoding: .utf8)
        let cut = people.file("cut.sig"), noise = people.file("noise.sig")
        try Data(armor.prefix(120).utf8).write(to: cut)
        try Data("noise".utf8).write(to: noise)
        var lines = armor.split(separator: "\n").map(String.init)
        lines[4] = String(lines[4].reversed())
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: damaged)
        let rows = [
            (try people.sign(reference, by: "carol"), "its key is nobody's in \(allowed.plainPath)"),
            (
                try people.sign(reference, by: "alice", for: "file", as: "file.sig"),
                "it was not made for images: its namespace is not frostvisor-image"
            ),
            (try people.sign(other, by: "alice", as: "other.sig"), "it is not over this reference"),
            (cut, "it is damaged, or no signature of ssh-keygen's"),
            (noise, "it is damaged, or no signature of ssh-keygen's"),
        ]
        for (signature, words) in rows {
            let answer = try verify(allowed, [signature, bob], threshold: 2)
            #expect(answer.signers == 1 && answer.signatures[0].refusal == words)
            #expect(answer.signatures[0].principals.isEmpty && answer.signatures[0].key == nil)
            #expect(answer.description.contains("not counted  \(signature.plainPath): \(words)"))
            #expect(try verify(allowed, [signature, bob]).isVerified)
        }
        #expect(try verify(allowed, [damaged]).signers == 0)
    }

    @Test(
        "Of what ssh-keygen knows of allowed signers all is kept: times, namespaces, several lines of a key")
    func limits() throws {
        let alice = try people.sign(reference, by: "alice")
        let rows = [
            ("alice@here valid-before=\"20200101\"", "expired"),
            ("alice@here valid-after=\"20990101\"", "not yet valid"),
            ("alice@here namespaces=\"git,file\"", "not permitted for use in signature namespace"),
            ("!alice@here", "its key is nobody's in"),
        ]
        for (line, words) in rows {
            let answer = try verify(people.allowed((line, key: "alice")), [alice])
            #expect(answer.signers == 0)
            #expect(answer.signatures[0].refusal?.contains(words) == true, "\(answer)")
            // A second line of the same key, which ssh-keygen's own search does not come to.
            let both = try people.allowed((line, key: "alice"), ("alice@now", key: "alice"))
            #expect(try verify(both, [alice]).signatures[0].principals == ["alice@now"])
        }
        for line in [
            "alice@here valid-before=\"20990101\"", "alice@here valid-after=\"20200101\"",
            "alice@here namespaces=\"frostvisor-*\"", "*@here",
        ] {
            #expect(try verify(people.allowed((line, key: "alice")), [alice]).isVerified, "\(line)")
        }
    }

    @Test("Files that are missing are named")
    func missing() throws {
        let allowed = try people.allowed(("alice@here", key: "alice")), nowhere = people.file("nowhere")
        func refusal(_ allowed: URL, _ signature: URL) -> (any Explained)? {
            do { _ = try verify(allowed, [signature]) } catch { return error as? any Explained }
            return nil
        }
        for failure in [
            refusal(nowhere, people.file("a.sig")), refusal(allowed, nowhere),
        ] {
            #expect(failure?.exitCode == .noSuchFile)
            #expect(failure?.description.contains(nowhere.plainPath) == true)
        }
    }
}
