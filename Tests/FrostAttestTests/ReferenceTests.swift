import Foundation
import FrostAttest
import FrostCore
import FrostFormat
import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// What a reference says of an image, and what it refuses to be read from.
@Suite struct ReferenceTests {
    private static func reference(_ sample: SampleImage) throws -> ImageReference {
        try ImageReference(of: BootImage(reading: sample.file), build: nil)
    }

    @Test("An image's reference is the same each time, and is read as it was written")
    func stable() throws {
        let sample = try SampleImage()
        let text = try Self.reference(sample).text
        #expect(try Self.reference(sample).text == text)
        #expect(try ImageReference(Array(text.utf8), named: "it") == Self.reference(sample))
        #expect(text.hasSuffix("}\n"))
    }

    @Test("Up to the payload's end all is measured but the header's rest, and each part is what it is called")
    func parts() throws {
        let sample = try SampleImage(), bytes = try sample.bytes
        let image = try BootImage(reading: sample.file)
        let parts = try Self.reference(sample).measured
        var end: UInt64 = 0
        for part in parts {
            let start: UInt64? =
                switch part.name {
                case .loader: UInt64(BootImage.loaderOffset)
                case .volume: UInt64(IMAGE_ESP_LBA) * 512
                // Behind a copy of the header, both of them.
                case .unifiedLoader, .hypervisor: end + UInt64(BootImage.headerBytes)
                default: nil
                }
            #expect(part.offset == start ?? end)
            end = part.offset + part.bytes
            #expect(
                part.sha256 == ContentHash.of(Array(bytes[Int(part.offset)..<Int(end)])).hexadecimal)
        }
        #expect(parts[1].offset == 512 && parts[1].bytes == UInt64(BootImage.authenticatedBytes))
        #expect(end == UInt64(image.header.payload_lba) * 512 + UInt64(try image.payload().count))
        #expect(try Array(bytes[Int(parts[6].offset)..<Int(end)]) == image.payload())
    }

    @Test("Settings are those that the image was made with")
    func settings() throws {
        let sample = try SampleImage(key: .passphrase(Passphrase("ice"), iterations: 1000))
        let settings = try Self.reference(sample).settings
        #expect(settings["ram"] == "64MiB" && settings["frozen"] == "2MiB" && settings["slots"] == "99")
        #expect(settings["freeze"] == "fit" && settings["policy"] == "gclock-ahead")
        #expect(settings["key-source"] == "console")
        #expect(try Self.reference(SampleImage()).settings["key-source"] == "embedded")
    }

    @Test(
        "What is no whole reference is refused in a sentence",
        arguments: [
            ("\"format\"", "\"form\"", "is no reference of an image"),
            ("reference-2", "reference-0", "has the format"),
            ("\"loader\"", "\"lader\"", "is damaged"), ("\"payload\"", "\"loader\"", "is damaged"),
            ("\"bytes\" : 512,", "\"bytes\" : 0,", "is damaged"),
            ("\"offset\" : 512,", "\"offset\" : 9223372036854775808,", "is damaged"),
            ("\"offset\" : 512,", "\"offset\" : -1,", "is damaged"),
            ("\"sha256\" : \"", "\"sha256\" : \"Z", "is damaged"),
            ("\"settings\"", "\"options\"", "is damaged"), ("{", "", "is no reference of an image"),
        ])
    func refused(old: String, new: String, words: String) throws {
        let text = try Self.reference(SampleImage()).text
        let changed = text.replacing(old, with: new, maxReplacements: 1)
        #expect(changed != text)
        let refusal = #expect(throws: ImageReference.Failure.self) {
            try ImageReference(Array(changed.utf8), named: "it")
        }
        #expect(refusal?.description.contains(words) == true, "\(refusal?.description ?? "")")
        #expect(refusal?.exitCode == .badInput)
    }

    @Test("A file that is missing, or too long, is refused")
    func files() throws {
        let scratch = try Scratch()
        let file = scratch.url.appending(path: "it")
        #expect(throws: ImageReference.Failure.missing(file.plainPath)) { try ImageReference(reading: file) }
        try Data(repeating: 32, count: 70_000).write(to: file)
        #expect(throws: ImageReference.Failure.foreign(file.plainPath)) { try ImageReference(reading: file) }
        #expect(throws: ImageReference.Failure.self) {
            try ImageReference(reading: URL(filePath: "/dev/zero"))
        }
    }
}
