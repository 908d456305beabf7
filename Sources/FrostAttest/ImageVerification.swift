package import Foundation
import FrostCore
import FrostFormat
package import FrostImage
package import FrostSupport

/// Whether an image is the one that a reference describes, and who signed that.
package struct ImageVerification: Codable, Sendable {
    /// A field of the reference that the image does not have so.
    package struct Difference: Codable, Sendable, Equatable {
        package var field: String
        package var expected: String
        package var found: String
    }

    /// What this source tree says of the hypervisor.
    package struct Comparison: Codable, Sendable, Equatable {
        package enum Answer: String, Codable, Sendable {
            case same
            /// The same, and nothing counted that was built before.
            case rebuilt
            case other
            case notCompared
        }

        package var answer: Answer
        /// Why it was not compared.
        package var reason: String?
    }

    package var image: String
    package var referenceFile: String
    package var reference: ImageReference
    package var signatures: [ReferenceSignature]
    package var signers: Int
    package var threshold: Int
    package var differences: [Difference]
    package var hypervisor: Comparison
    /// It was asked for that this source tree gives the hypervisor's very bytes.
    package var mustRebuild: Bool
    /// Enough have signed, and all is as they signed it.
    package private(set) var isVerified = false

    /// What is asked.
    package struct Question {
        package var image: URL
        package var reference: URL?
        package var allowedSigners: URL
        package var signatures: [URL] = []
        package var threshold = 1
        package var mustRebuild = false

        package init(image: URL, allowedSigners: URL) {
            (self.image, self.allowedSigners) = (image, allowedSigners)
        }
    }

    /// - Parameter tree: nil: there are no sources here.
    /// - Throws: ``ImageReference/Failure``, ``BootImage/Failure``, when there is nothing to compare;
    ///   ``Tool/Failure/missing(_:)``.
    package init(
        _ question: Question, in tree: SourceTree?, progress: @escaping (String) -> Void
    ) throws {
        let place = question.reference ?? ImageReference.place(beside: question.image)
        let bytes = try ImageReference.bytes(of: place)
        let reference = try ImageReference(bytes, named: place.plainPath)
        (image, referenceFile) = (question.image.plainPath, place.plainPath)
        self.reference = reference

        let judge = try SignatureJudge(allowedSigners: question.allowedSigners, message: bytes)
        let files = question.signatures.isEmpty ? [place.appendingPathExtension("sig")] : question.signatures
        var signatures: [ReferenceSignature] = []
        for file in files { signatures.append(try judge.judge(file)) }
        self.signatures = signatures
        signers = ReferenceSignature.signers(signatures)
        threshold = question.threshold

        differences = try Self.differences(of: question.image, from: reference)
        mustRebuild = question.mustRebuild
        defer { isVerified = failures.isEmpty }
        hypervisor = Comparison(
            answer: .notCompared, reason: "the image is not the one described")
        guard differences.isEmpty else { return }
        // All that is measured is right: what is told of it must be so as well.
        let image = try BootImage(reading: question.image)
        differences = Self.differences(reference, image)
        guard differences.isEmpty else { return }
        hypervisor = try Self.compare(image, tree, anew: mustRebuild, progress)
    }

    private static func compare(
        _ image: BootImage, _ tree: SourceTree?, anew: Bool, _ progress: @escaping (String) -> Void
    ) throws -> Comparison {
        guard let tree else {
            return Comparison(answer: .notCompared, reason: "there are no sources here to build it from")
        }
        do {
            let build = try HypervisorBuild.ofHypervisor(
                in: image, from: tree, anew: anew, progress: progress)
            return Comparison(answer: build == nil ? .other : anew ? .rebuilt : .same)
        } catch let failure as any Explained where !anew {
            return Comparison(answer: .notCompared, reason: failure.description)
        }
    }

    /// By the reference's own places, so that nothing of the image is believed before it is measured.
    private static func differences(
        of image: URL, from reference: ImageReference
    ) throws(BootImage.Failure) -> [Difference] {
        let file = try MeasuredPart.open(image)
        var differences: [Difference] = []
        for part in reference.measured {
            let digest = MeasuredPart.digest(of: file, from: part.offset, bytes: part.bytes)
            guard digest != part.sha256 else { continue }
            differences.append(
                Difference(
                    field: "\(part.name.rawValue) (\(part.place)\(digest == nil ? ", cut short" : ""))",
                    expected: part.sha256, found: digest ?? "the file ends before"))
            if part.name == .header { differences += settings(of: file, from: reference) }
        }
        return differences
    }

    /// What a header says that differs.
    private static func settings(of file: FileHandle, from reference: ImageReference) -> [Difference] {
        let size = MemoryLayout<image_header>.size
        guard let bytes = file.bytes(at: UInt64(BootImage.headerOffset), count: size) else { return [] }
        let header = bytes.withUnsafeBytes { $0.loadUnaligned(as: image_header.self) }
        return differences(reference.settings, ImageReference.settings(header))
    }

    private static func differences(
        _ expected: [String: String], _ found: [String: String]
    ) -> [Difference] {
        Set(expected.keys).union(found.keys).sorted().filter { expected[$0] != found[$0] }.map {
            Difference(
                field: "setting \($0)", expected: expected[$0] ?? "none", found: found[$0] ?? "none")
        }
    }

    /// Between what is told of an image and what is so.
    private static func differences(_ told: ImageReference, _ image: BootImage) -> [Difference] {
        var differences: [Difference] = []
        for (part, own) in zip(told.measured, MeasuredPart.places(of: image))
        where part.offset != own.offset || part.bytes != own.bytes {
            differences.append(
                Difference(
                    field: "place of the \(part.name.rawValue)", expected: part.place,
                    found: MeasuredPart.place(own.offset, own.bytes)))
        }
        differences += Self.differences(told.settings, ImageReference.settings(image.header))
        let hypervisor = ImageReference.hypervisor(of: image)
        if told.hypervisor != hypervisor {
            differences.append(
                Difference(field: "hypervisor's build", expected: told.hypervisor, found: hypervisor))
        }
        return differences
    }

    // MARK: the answer

    /// One sentence each; none: the image is the one described, and enough have signed that.
    package var failures: [String] {
        var failures: [String] = []
        if signers < threshold {
            failures.append(
                """
                \(referenceFile) is signed by \(signers) of \(threshold.of("signer")) asked for. Give another's signature \
                with --signature, add who may sign to the file of --allowed-signers, or ask for fewer with --threshold.
                """)
        }
        if !differences.isEmpty {
            let fields = differences.map(\.field).joined(separator: ", ")
            failures.append(
                """
                \(image) is not the image that \(referenceFile) describes: \(fields) \
                \(differences.count == 1 ? "differs" : "differ"). Do not boot it; get image and reference again.
                """)
        } else if mustRebuild, hypervisor.answer != .rebuilt {
            failures.append(
                """
                This source tree does not build the hypervisor of \(image). \
                \(reference.build?.revision.map { "Check out revision \($0), with the tools named, and try again." } ?? "Ask its maker for the sources.")
                """)
        }
        return failures
    }

    package var exitCode: ExitCode { isVerified ? .asAsked : .otherwise }
}

extension ImageVerification: CustomStringConvertible {
    package var description: String {
        let isDescribed = differences.isEmpty ? "is the one" : "is NOT the one"
        var lines = ["image        \(image) \(isDescribed) that \(referenceFile) describes"]
        for difference in differences {
            lines += [
                "differs      \(difference.field)", "  signed     \(difference.expected)",
                "  here       \(difference.found)",
            ]
        }
        for signature in signatures {
            if let key = signature.key {
                lines.append("signed by    \(signature.principals.joined(separator: ", ")), \(key)")
            } else {
                lines.append("not counted  \(signature.file): \(signature.refusal ?? "")")
            }
        }
        lines.append("signers      \(signers), asked for: \(threshold)")
        if differences.isEmpty { lines += ["", reference.description, "compared     \(comparison)"] }
        return lines.joined(separator: "\n")
    }

    private var comparison: String {
        switch hypervisor.answer {
        case .same: "this source tree builds that hypervisor"
        case .rebuilt: "this source tree, built anew, gives that hypervisor, byte by byte"
        case .other: "this source tree builds ANOTHER hypervisor"
        case .notCompared: "not with this source tree: \(hypervisor.reason ?? "")"
        }
    }
}
