import Foundation
import FrostAttack
import FrostAttest
import FrostCore
import FrostFormat
import FrostImage
import FrostMachine
import FrostMeasure
import FrostProof
import FrostSupport
import FrostSweep
import ResidencyRecord

extension FuzzTarget {
    /// Files of bytes.
    static let files: [FuzzTarget] = [
        FuzzTarget(
            name: "image", reads: "an image: header, list of pages, sizes (run, verify, coldboot)",
            words: [IMAGE_MAGIC], repaired: repairedImage,
            longestInput: 18 << 10,
            read: { input, file in
                let image = try BootImage(reading: file.holding(input))
                _ = (image.faultName, image.freeze, image.engine, image.policy, image.runs.count)
                _ = try image.payload()
            }),
        FuzzTarget(
            name: "elf", reads: "a 64-bit executable: a guest, or an unpacked kernel (make-image)",
            words: ["\u{7F}ELF"],
            read: { input, _ in
                let executable = try ELF64(input)
                _ = (executable.physicalEntry, executable.memoryBytes)
                _ = try Guest(long64: executable, commandLine: "console=ttyS0").memory.filledIndexes
            }),
        FuzzTarget(
            name: "symbols", reads: "the hypervisor's symbols beside a record (verify, attack)",
            words: ["\u{7F}ELF"],
            read: { input, file in _ = try SymbolTable(reading: file.holding(input)).functions.count }),
        FuzzTarget(
            name: "kernel", reads: "a Linux kernel, bzImage (make-image --linux)", words: ["HdrS"],
            read: { input, _ in
                let kernel = try LinuxKernel(input)
                let plan = try MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
                let linux = LinuxGuest(
                    kernel: kernel, initrd: [1, 2, 3], commandLine: "console=ttyS0")
                _ = try linux.guest(plan: plan, entry: .bzimage, note: { _ in }).memory.filledIndexes
            }),
        FuzzTarget(
            name: "multiboot", reads: "a Multiboot kernel, by ELF or by addresses (make-image --multiboot)",
            words: ["\u{7F}ELF", "\u{2}\u{30}"],
            read: { input, _ in
                let plan = try MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
                let guest = MultibootGuest(
                    kernel: try MultibootKernel(input), name: "kernel",
                    modules: [.init(text: "m", bytes: [1, 2])], commandLine: nil)
                _ = try guest.guest(plan: plan, starter: [0xF4]).memory.filledIndexes
            }),
        FuzzTarget(
            name: "trace", reads: "the hypervisor's serial line (run), and trace.bin (trace, report)",
            repaired: repairedTrace,
            longestInput: 2 << 10,
            read: { input, file in
                let run = try RecordedRun(reading: file.holding(input, named: "trace.bin"))
                // One of what is made of it, by the input: that takes most of the time.
                let forms = TraceExport.allCases
                let form = input.count % (forms.count + 1)
                _ = form < forms.count ? try forms[form].text(run) : run.summary().description
            }),
        FuzzTarget(
            name: "residency-log", reads: "the residency plugin's log (verify DIR, coldboot DIR)",
            read: { input, file in
                let log = try ResidencyLog(reading: file.holding(input))
                var records = log.records
                while let record = try records.next() {
                    if case .write(let transfer, let bytes) = record {
                        let last = bytes[bytes.count - 1]
                        precondition(
                            log.fileOffset(transfer.address, bytes: transfer.bytes) != nil, "\(last)")
                    }
                }
            }),
        FuzzTarget(
            name: "touches", reads: "the record of touched pages (replay)",
            read: { input, file in
                let replay = try PagerReplay(file.holding(input), regions: [], slots: [64])
                _ = replay.record.count
            }),
        FuzzTarget(
            name: "quote", reads: "a TPM's quote, and the values quoted (attest verify)",
            words: ["\u{0}TCG", "\u{0}\u{B}\u{3}"], longestInput: 512,
            read: { input, _ in
                let quote = try Quote(input, named: "it")
                let values = quote.values(input) ?? [:]
                _ = (quote.digest(of: values), quote.nonce.hexadecimal)
            }),
        FuzzTarget(
            name: "quote-signature", reads: "a TPM's signature (attest verify)", longestInput: 512,
            read: { input, _ in
                let signature = try QuoteSignature(input, named: "it")
                _ = try AttestationKey(pem: quoteKey).hasSigned([1, 2, 3], signature)
            }),
        FuzzTarget(
            name: "tpm-key", reads: "a key's public area, as a TPM tells it (attest enrol, challenge)",
            longestInput: 512,
            read: { input, _ in
                let key = try TPMPublic(input, named: "it")
                _ = (key.canAttest, key.name.count)
                _ = try AttestationKey(pem: key.pem)
            }),
        FuzzTarget(
            name: "ek-certificate",
            reads: "an endorsement key's certificate, up to libcrypto (attest enrol, challenge)",
            longestInput: 2 << 10,
            read: { input, _ in
                let certificate = try EndorsementCertificate(input, named: "it")
                _ = (certificate.key.count, certificate.isRSA)
            }),
        FuzzTarget(
            name: "event-log", reads: "a TPM's event log (attest verify)",
            words: [
                "Spec ID Event03\0", "StartupLocality\0", "frostvisor: header sha256:",
                "\u{4}\0\u{B}\0\u{C}\0",
            ],
            read: { input, _ in
                let log = try EventLog(input, named: "it")
                for bank in log.banks { _ = log.values(in: bank).count }
                _ = log.events.map { ($0.text ?? "", $0.kind.name) }
            }),
        FuzzTarget(
            name: "instructions", reads: "the count of instructions, two files (exits, report)",
            words: ["\n", " ", "\0"],
            read: { input, file in
                let parts = input.split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false)
                let folder = RunFolder(file.folder)
                _ = file.holding(parts[0], named: folder.functions.lastPathComponent)
                _ = file.holding(
                    parts.count > 1 ? parts[1] : [], named: folder.instructions.lastPathComponent)
                let record = try InstructionRecord(reading: folder)
                precondition(record.rows.allSatisfy { $0.count == record.functions.count + 1 })
            }),
    ]

    /// Of P-256.
    private static let quoteKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvtG/f61peuWprEXKUO4hQ/9vURae
        tOcbNN/Lmug0dS0JZ6HmyaTaSOyKUlaeT1mixtk4xAoq4MsbwoVdZM+rkQ==
        -----END PUBLIC KEY-----

        """

    /// An image of what the input says: boot sector, header, and back to back the BIOS's loader, the UEFI application's head,
    /// hypervisor and payload. File system, copies, places and checksums are as they should be.
    @Sendable private static func repairedImage(_ input: [UInt8]) -> [UInt8] {
        guard input.count >= BootImage.loaderOffset else { return input }
        let region = BootImage.headerOffset..<BootImage.loaderOffset
        var header = input[region].withUnsafeBytes { $0.loadUnaligned(as: image_header.self) }
        withUnsafeMutableBytes(of: &header.magic) { $0.copyBytes(from: IMAGE_MAGIC.utf8) }
        header.version = IMAGE_VERSION
        var rest = input[BootImage.loaderOffset...]
        func take(_ sectors: UInt32) -> [UInt8] {
            let part = rest.prefix(Int(sectors) * BootImage.sectorBytes)
            rest = rest.dropFirst(part.count)
            return Array(part)
        }
        let loader = take(min(header.loader_sectors, IMAGE_ESP_LBA - IMAGE_LOADER_LBA))
        guard let application = try? EFIApplication(take(header.efi_sectors)) else { return input }
        let section = BootImage.headerBytes + rest.count
        guard let partition = try? SystemPartition(unsigned: application.head.count + section) else {
            return input
        }
        header.efi_lba = UInt32(partition.fileSector)
        header.hypervisor_lba = header.efi_lba &+ header.efi_sectors &+ UInt32(BootImage.pageSectors)
        header.payload_lba = header.hypervisor_lba &+ header.hypervisor_sectors
        let hash = BootImage.hypervisorHash(
            sector: input, loader: loader, application: application,
            binary: Array(rest.prefix(Int(header.hypervisor_sectors) * BootImage.sectorBytes)))
        withUnsafeMutableBytes(of: &header.hypervisor_sha256) { $0.copyBytes(from: hash) }
        header.checksum = header.rightChecksum
        var image = Array(input.prefix(SystemPartition.bootCodeBytes)) + partition.bootRecord
        image += [UInt8](memoryOf: header) + loader
        image += [UInt8](
            repeating: 0, count: Int(IMAGE_ESP_LBA) * BootImage.sectorBytes - image.count)
        let bytes = [UInt8](memoryOf: header)
        return image + partition.metadata(bytes) + application.head(section: section)
            + BootImage.measuredHeader(bytes) + rest
    }

    /// Frame after frame from the first byte on, each with its mark, number and checksum.
    @Sendable private static func repairedTrace(_ input: [UInt8]) -> [UInt8] {
        let size = MemoryLayout<trace_frame>.size
        var bytes = input
        for (number, at) in stride(from: 0, through: input.count - size, by: size).enumerated() {
            var frame = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: trace_frame.self) }
            frame.sync = UInt16(TRACE_SYNC)
            frame.sequence = UInt16(truncatingIfNeeded: number)
            frame.record.kind = 1 + frame.record.kind % UInt8(TraceRecord.Kind.allCases.count)
            let first = withUnsafeBytes(of: frame.sequence) { crc32(0, $0.baseAddress, $0.count) }
            frame.checksum = withUnsafeBytes(of: frame.record) { crc32(first, $0.baseAddress, $0.count) }
            bytes.replaceSubrange(at..<at + size, with: [UInt8](memoryOf: frame))
        }
        return bytes
    }
}
