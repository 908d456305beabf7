package import Foundation
import FrostCore
package import FrostFormat
package import FrostSupport

/// What identifies an image, as people sign it: which of its bytes are measured, what it was made to do, and which
/// sources its hypervisor was built of.
///
/// - Shape: JSON; docs/guide/signing.md, "The reference".
package struct ImageReference: Codable, Sendable, Equatable {
    package var format: String
    package var measured: [MeasuredPart]
    /// By the names of `make-image`'s options.
    package var settings: [String: String]
    /// SHA-256 of boot sector, loader and hypervisor: the name of a hypervisor's build.
    package var hypervisor: String
    /// The hash by which UEFI firmware measures the image: SHA-256 of its application, by Authenticode. All
    /// that it covers is measured, so it is told and not compared. nil: the image has none.
    package var application: String?
    /// nil: the sources of whoever made the reference built another hypervisor.
    package var build: HypervisorBuild?

    package static let currentFormat = "frostvisor-image-reference-2"
    private static let mostBytes = 64 << 10

    /// - Throws: ``BootImage/Failure``
    package init(of image: BootImage, build: HypervisorBuild?) throws(BootImage.Failure) {
        format = Self.currentFormat
        measured = try MeasuredPart.all(of: image)
        settings = Self.settings(image.header)
        hypervisor = Self.hypervisor(of: image)
        application = Self.application(of: image)
        self.build = build
    }

    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        try self.init(Self.bytes(of: file), named: file.plainPath)
    }

    /// - Throws: ``Failure``
    package init(_ bytes: [UInt8], named path: String) throws(Failure) {
        struct Mark: Decodable {
            var format: String
        }
        guard let mark = try? JSON.decode(Mark.self, from: Data(bytes)) else { throw .foreign(path) }
        guard mark.format == Self.currentFormat else { throw .otherFormat(path, mark.format) }
        guard let reference = try? JSON.decode(Self.self, from: Data(bytes)),
            reference.measured.map(\.name) == MeasuredPart.Name.allCases,
            reference.measured.allSatisfy(\.isSound),
            reference.application.map({ Hexadecimal.bytes($0)?.count == PCRBank.sha256.bytes }) ?? true
        else { throw .damaged(path) }
        self = reference
    }

    /// - Throws: ``Failure``
    package static func bytes(of file: URL) throws(Failure) -> [UInt8] {
        let path = file.plainPath
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path) }
        guard let handle = try? FileHandle(forReadingFrom: file),
            let data = try? handle.read(upToCount: mostBytes + 1)
        else { throw .unreadable(path) }
        guard data.count <= mostBytes else { throw .foreign(path) }
        return [UInt8](data)
    }

    /// The file, byte by byte.
    package var text: String {
        get throws { try JSON.text(self) + "\n" }
    }

    /// Where it lies unless another place is named: `linux.reference` beside `linux.img`.
    package static func place(beside image: URL) -> URL { ImageDisk.sibling(of: image, "reference") }

    static func hypervisor(of image: BootImage) -> String {
        [UInt8](memoryOf: image.header.hypervisor_sha256).hexadecimal
    }

    static func application(of image: BootImage) -> String? {
        (try? image.application()).flatMap {
            Authenticode.digests(of: $0, banks: [.sha256])?[.sha256]?.hexadecimal
        }
    }

    static func settings(_ header: image_header) -> [String: String] {
        func name<Choice: NumberedCase & RawRepresentable<String>>(_: Choice.Type, _ number: UInt32) -> String
        {
            Choice(number: number)?.rawValue ?? "\(number), which nobody knows"
        }
        let ports = withUnsafeBytes(of: header.ports) {
            $0.bindMemory(to: port_range.self).compactMap(PortRange.init).map(\.description)
        }
        let isTyped = header.key_source == KEY_CONSOLE.rawValue
        let isEmbedded = header.key_source == KEY_EMBEDDED.rawValue
        return [
            "ram": ByteCount(header.ram_bytes).description,
            "frozen": ByteCount(header.frozen_bytes).description,
            "freeze": name(FreezeStrategy.self, header.freeze),
            "cache": name(CacheDemand.self, header.cache),
            "engine": name(EngineChoice.self, header.engine),
            "policy": name(EvictionPolicy.self, header.policy),
            "cipher": name(CipherChoice.self, header.cipher),
            "devices": name(DeviceSharing.self, header.devices),
            "slots": "\(header.slot_limit)",
            "trace-every": "\(header.trace_every)",
            "key-source": isTyped
                ? "console" : isEmbedded ? "embedded" : "\(header.key_source), which nobody knows",
            "port": ports.joined(separator: ", "),
        ]
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case unreadable(String)
        case foreign(String)
        case otherFormat(String, String)
        case damaged(String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .unreadable: .inputOutput
            case .foreign, .otherFormat, .damaged: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                """
                There is no reference \(path). Get it from who signed the image, name it with --reference, or make one \
                with frost sign-image.
                """
            case .unreadable(let path): "\(path) cannot be read. Check its permissions."
            case .foreign(let path):
                "\(path) is no reference of an image. Make one with frost reference IMAGE --format json."
            case .otherFormat(let path, let format):
                """
                \(path) has the format '\(format)'; this frost knows \(ImageReference.currentFormat). Have it made and \
                signed again.
                """
            case .damaged(let path):
                "\(path) is damaged: parts or fields of it are missing. Get it again from who signed the image."
            }
        }
    }
}

extension ImageReference: CustomStringConvertible {
    package var description: String {
        let width = MeasuredPart.Name.allCases.map(\.rawValue.count).max() ?? 0
        let parts = measured.map { part in
            let name = part.name.rawValue.padding(toLength: width, withPad: " ", startingAt: 0)
            return "\(name)  \(part.sha256)  \(part.place)"
        }
        return (parts + ["", settingsText, buildText]).joined(separator: "\n")
    }

    /// Two lines of them.
    private static let order = [
        ["freeze", "cache", "engine", "policy", "cipher", "devices", "port"],
        ["ram", "frozen", "slots", "trace-every", "key-source", "kdf-iterations"],
    ]

    private var settingsText: String {
        let others = settings.keys.filter { name in !Self.order.contains { $0.contains(name) } }.sorted()
        return "settings     "
            + (Self.order + [others]).map { names in
                names.compactMap { name in
                    settings[name].flatMap { $0.isEmpty ? nil : "\(name) \($0)" }
                }.joined(separator: ", ")
            }.filter { !$0.isEmpty }.joined(separator: "\n             ")
    }

    private var buildText: String {
        "hypervisor   \(hypervisor)\n" + (application.map { "application  \($0)\n" } ?? "")
            + (build?.description ?? "built of     sources that are not known")
    }
}
