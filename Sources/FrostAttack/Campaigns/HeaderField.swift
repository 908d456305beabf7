import FrostCore
import FrostFormat

/// A field of an image's header, as bytes.
struct HeaderField: Sendable, Equatable {
    let name: String
    let bytes: Range<Int>

    /// All fields: together all bytes of the header.
    ///
    /// - Source: `hypervisor/core/include/image.h`.
    static let all: [HeaderField] = {
        let starts: [(String, PartialKeyPath<image_header>)] = [
            ("magic", \.magic), ("version", \.version), ("loader_sectors", \.loader_sectors),
            ("hypervisor_lba", \.hypervisor_lba), ("hypervisor_sectors", \.hypervisor_sectors),
            ("payload_lba", \.payload_lba), ("run_count", \.run_count), ("efi_lba", \.efi_lba),
            ("efi_sectors", \.efi_sectors), ("ram_bytes", \.ram_bytes), ("covered_bytes", \.covered_bytes),
            ("frozen_base", \.frozen_base),
            ("frozen_bytes", \.frozen_bytes), ("meta_base", \.meta_base), ("meta_bytes", \.meta_bytes),
            ("freeze", \.freeze), ("engine", \.engine), ("policy", \.policy), ("slot_limit", \.slot_limit),
            ("trace_every", \.trace_every), ("key_source", \.key_source), ("guest", \.guest),
            ("e820_gpa", \.e820_gpa), ("entry", \.entry), ("stack", \.stack), ("cr3", \.cr3), ("rsi", \.rsi),
            ("root", \.root), ("hypervisor_sha256", \.hypervisor_sha256),
            ("cache", \.cache), ("cipher", \.cipher),
            ("devices", \.devices), ("reserved", \.reserved), ("ports", \.ports), ("runs", \.runs),
            ("kdf_iterations", \.slots.0.kdf_iterations), ("salt", \.slots.0.salt),
            ("nonce", \.slots.0.nonce), ("wrapped_key", \.slots.0.wrapped_key), ("tag", \.slots.0.tag),
            ("other_slots", \.slots.1), ("embedded_kek", \.embedded_kek),
            ("fault", \.fault), ("unused", \.unused), ("checksum", \.checksum),
        ]
        let offsets =
            starts.map { MemoryLayout<image_header>.offset(of: $0.1) ?? 0 } + [
                MemoryLayout<image_header>.size
            ]
        return zip(starts, zip(offsets, offsets.dropFirst())).map {
            HeaderField(name: $0.0, bytes: $1.0..<$1.1)
        }
    }()

    static let checksum = "checksum"

    /// Why the machine may start with another content all the same; nil: it must not.
    func whyPublic(in image: BootImage) -> String? {
        switch name {
        case "fault": "the name of a built-in fault is for tools alone"
        case "unused": "no code reads it"
        case "other_slots": "the first slot has opened before they are read"
        case "kdf_iterations", "salt":
            image.needsPassphrase ? nil : "not read where no passphrase is asked for"
        case "embedded_kek" where image.needsPassphrase: "not read where a passphrase is asked for"
        default: nil
        }
    }
}
