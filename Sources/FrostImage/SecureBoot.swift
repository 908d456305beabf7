package import Foundation
import FrostCore
package import FrostFormat
package import FrostSupport

/// Signs images for UEFI's Secure Boot, by sbsign.
///
/// - Source: UEFI 2.10, 32.5 "Firmware/OS Key Exchange"; Microsoft, "Windows Authenticode Portable Executable Signature
///   Format".
package struct SecureBoot {
    /// PEM, RSA.
    private let key: URL
    /// PEM, X.509, of this key.
    private let certificate: URL

    package init(key: URL, certificate: URL) {
        (self.key, self.certificate) = (key, certificate)
    }

    /// Writes the image again, with a signature of all that firmware loads, in place of any that it had.
    /// - Returns: the signature's bytes.
    /// - Throws: ``Failure``, ``Tool/Failure``, ``BootImage/Failure``
    @discardableResult
    package func sign(_ image: BootImage, to place: URL) throws -> Int {
        for file in [key, certificate] where !FileManager.default.isReadableFile(atPath: file.plainPath) {
            throw Failure.unreadable(file.plainPath)
        }
        let unsigned = try image.application()
        let certificates = try certificates(of: unsigned)
        let application = try EFIApplication(unsigned)
        let section = unsigned.count - application.head.count
        let partition = try SystemPartition(unsigned: unsigned.count, certificates: certificates.count)
        let start = Int(IMAGE_ESP_LBA) * BootImage.sectorBytes
        guard let before = try? FileHandle(forReadingFrom: image.file).read(upToCount: start),
            before.count == start
        else { throw BootImage.Failure.unreadable(image.file.plainPath) }
        _ = try ImageWriter.publish(
            [
                [UInt8](before), partition.metadata([UInt8](memoryOf: image.header)),
                application.head(section: section, certificates: certificates.count),
                Array(unsigned.dropFirst(application.head.count)), certificates,
            ], bytes: UInt64(partition.end), at: place)
        return certificates.count
    }

    /// What sbsign puts behind an application.
    private func certificates(of application: [UInt8]) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "frost-sign-\(UUID().uuidString.prefix(13))", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (input, output) = (folder.appending(path: "unsigned.efi"), folder.appending(path: "signed.efi"))
        try Data(application).write(to: input)
        try Tool.sbsign.run(
            [
                "--key", key.plainPath, "--cert", certificate.plainPath, "--output", output.plainPath,
                input.plainPath,
            ], for: "sign the image with \(key.plainPath)")
        let signed = [UInt8](try Data(contentsOf: output))
        let certificates = Array(signed.dropFirst(application.count))
        guard !certificates.isEmpty, certificates.count.isMultiple(of: EFIApplication.certificateUnit) else {
            throw Failure.noSignature
        }
        return certificates
    }

    package enum Failure: Explained, Equatable {
        case unreadable(String)
        case noSignature

        package var exitCode: ExitCode {
            switch self {
            case .unreadable: .noSuchFile
            case .noSignature: .ourBug
            }
        }

        package var description: String {
            switch self {
            case .unreadable(let path): "\(path) cannot be read. Check the path and its permissions."
            case .noSignature: "sbsign ended well, but there is no signature. Try a newer sbsigntool."
            }
        }
    }
}
