package import Foundation
package import FrostSupport

/// What somebody asks of a machine besides that it runs an image.
///
/// - Shape: JSON; docs/guide/attestation.md, "The policy". A field that is not known is refused: it may have been meant.
package struct AttestationPolicy: Codable, Sendable, Equatable {
    package enum Firmware: String, Codable, Sendable {
        case bios, uefi
    }

    package struct Image: Codable, Sendable, Equatable {
        package var name: String
        /// SHA-256 of its authenticated header.
        package var header: String
    }

    package var firmware = Firmware.uefi
    /// That count besides those that tell the image, and must be as the log says.
    package var pcrs: [Int] = []
    /// What PCRs must hold, by number, in hexadecimal: of the bank sha256.
    package var values: [String: String] = [:]
    /// Whether images may be made with `--freeze window`, which keeps plaintext in DRAM.
    package var window = false
    package var secureBoot = false
    /// From the oldest to the newest.
    package var images: [Image] = []
    /// The oldest that may run.
    package var minimum: String?

    package init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case firmware, pcrs, values, window
        case secureBoot = "secure-boot"
        case images, minimum
    }

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package init(from decoder: any Decoder) throws {
        let known = Set(CodingKeys.allCases.map(\.rawValue))
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue)
        {
            throw Problem(text: "it has a field '\(key.stringValue)', which is not known")
        }
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        firmware = try fields.decodeIfPresent(Firmware.self, forKey: .firmware) ?? firmware
        pcrs = try fields.decodeIfPresent([Int].self, forKey: .pcrs) ?? pcrs
        values = try fields.decodeIfPresent([String: String].self, forKey: .values) ?? values
        window = try fields.decodeIfPresent(Bool.self, forKey: .window) ?? window
        secureBoot = try fields.decodeIfPresent(Bool.self, forKey: .secureBoot) ?? secureBoot
        images = try fields.decodeIfPresent([Image].self, forKey: .images) ?? images
        minimum = try fields.decodeIfPresent(String.self, forKey: .minimum)
        try check()
    }

    private func check() throws {
        guard pcrs.allSatisfy({ (0..<Quote.pcrs).contains($0) }) else {
            throw Problem(text: "it names a PCR that there is not")
        }
        for (pcr, value) in values {
            guard let number = Int(pcr), (0..<Quote.pcrs).contains(number), "\(number)" == pcr,
                Hexadecimal.bytes(value)?.count == PCRBank.sha256.bytes
            else { throw Problem(text: "PCR '\(pcr)' has no value of the bank sha256") }
        }
        let sha256 = PCRBank.sha256.bytes
        guard images.allSatisfy({ Hexadecimal.bytes($0.header)?.count == sha256 }),
            Set(images.map(\.name)).count == images.count, Set(images.map(\.header)).count == images.count
        else { throw Problem(text: "an image has no header's SHA-256, or is there twice") }
        if let minimum, !images.contains(where: { $0.name == minimum }) {
            throw Problem(text: "its minimum, '\(minimum)', is none of its images")
        }
    }

    /// By PCR.
    var pinned: [Int: [UInt8]] {
        Dictionary(
            uniqueKeysWithValues: values.compactMap { pcr, value in
                Int(pcr).flatMap { number in Hexadecimal.bytes(value).map { (number, $0) } }
            })
    }

    /// What may not run any more.
    var old: ArraySlice<Image> {
        minimum.flatMap { name in images.firstIndex { $0.name == name } }.map { images[..<$0] } ?? []
    }

    private struct Problem: Error {
        var text: String
    }

    private static let mostBytes = 1 << 20

    /// - Throws: ``Failure``, and what says that the file is missing.
    package init(reading file: URL) throws {
        try self.init(BoundedFile.bytes(of: file, most: Self.mostBytes), named: file.plainPath)
    }

    /// - Throws: ``Failure``
    package init(_ bytes: [UInt8], named file: String) throws(Failure) {
        do { self = try JSON.decode(Self.self, from: Data(bytes)) } catch let problem as Problem {
            throw .unusable(file, why: problem.text)
        } catch {
            throw .unusable(file, why: "it is not JSON, or a field has a value of no use")
        }
    }

    package enum Failure: Explained, Equatable {
        case unusable(String, why: String)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .unusable(let file, let why): "The policy \(file) cannot be used: \(why). Correct the file."
            }
        }
    }
}
