import CacheModel
import Foundation
import FrostCore
import FrostFormat
import FrostHost
import FrostSupport
import ResidencyRecord

/// Why a record proves nothing, whatever else it says.
struct RecordFaults {
    private let record: CacheRecord
    private let survey: RecordSurvey
    private var faults: [String] = []

    static func all(_ record: CacheRecord, _ survey: RecordSurvey) -> [String] {
        var judge = RecordFaults(record: record, survey: survey)
        judge.faults = ofRun(record.inputs, record.image, record.devices)
        judge.judgeLog()
        judge.judgeMachine()
        judge.judgeModel()
        return judge.faults
    }

    private init(record: CacheRecord, survey: RecordSurvey) {
        (self.record, self.survey) = (record, survey)
    }

    /// Of any record, by the model or by the debugger.
    static func ofRun(_ inputs: RecordInputs, _ image: BootImage, _ devices: DeviceEvidence) -> [String] {
        var faults = devices.faults
        if !inputs.hasEndedAsAsked {
            let unmet = ([inputs.end] + inputs.unmet).joined(separator: " ")
            faults.append("The run did not end as asked: \(unmet)")
        }
        if !image.needsPassphrase {
            faults.append(
                """
                The image carries its own key, which passed through DRAM while the machine booted. Build it \
                with a passphrase.
                """)
        }
        return faults
    }

    private mutating func judgeLog() {
        if let failure = survey.failure { faults.append(failure.description) }
        if survey.keys[PAGE_IMAGED.rawValue] == nil || survey.keys[PAGE_SEALED.rawValue] == nil {
            faults.append("The record has no keys: the guest was never entered. There is nothing to judge.")
        }
        guard let end = survey.end else { return }
        if end.is_truncated != 0 {
            faults.append(
                "The log reached its limit of \(end.log_limit) bytes: writes are missing. Allow more with --log-limit."
            )
        }
        if end.is_consistent == 0 {
            faults.append(
                "The plugin's own page walks disagree with QEMU's: it does not know what was accessed.")
        }
        if end.refused > 0 && end.privilege_misfits > 0 {
            faults.append(
                """
                The CPU is said to have refused the guest something (\(end.refused.of("time"))), but what QEMU tells \
                of its privilege level contradicts what else is known.
                """)
        }
        if end.vm_entries == 0 { faults.append("The guest was never entered. There is nothing to judge.") }
        if survey.reads == 0 {
            faults.append(
                "No read of DRAM was logged, but the image had to be opened: the plugin does not see what the CPU loads."
            )
        }
        if survey.checkpoints == 0 {
            faults.append("RAM was never held against the view of DRAM: unreported accesses would not show.")
        }
    }

    private mutating func judgeMachine() {
        let header = record.log.header, plan = record.image.plan
        let fits =
            header.ram_bytes == plan.ram.bytes && header.region_base == plan.frozenBase
            && header.region_bytes == plan.frozen.bytes
        if !fits { faults.append("The log is of another machine than the image was made for.") }
        guard let region = MappedFile(record.folder.regionEnd) else {
            faults.append(
                """
                There is no region-end.bin: the run did not come to its end, so what the guest had in the \
                frozen region is unknown.
                """)
            return
        }
        if region.bytes.count != Int(header.region_bytes) {
            faults.append("region-end.bin is not as large as the frozen region.")
        }
    }

    private mutating func judgeModel() {
        let header = record.log.header, geometry = header.geometry
        guard cache_geometry_valid(geometry) else {
            faults.append("The log names a cache that cannot exist.")
            return
        }
        if let name = header.presetName {
            let known = cache_preset_named(name)?.pointee
            let isSame = known.map {
                $0.geometry.isSame(as: geometry)
                    && $0.vendor.rawValue == UInt8(truncatingIfNeeded: header.vendor)
            }
            if isSame != true {
                faults.append("The cache of the log is not the preset \(name) that it claims to be.")
            }
        }
        let usable = cache_usable_bytes(geometry)
        if header.region_bytes > usable {
            faults.append(
                """
                The frozen region of \(ByteCount(header.region_bytes)) is larger than what a region may count on \
                in this cache, \(ByteCount(usable)).
                """)
        }
    }
}

extension residency_header {
    /// Nil for a free geometry.
    var presetName: String? {
        let name = String(decoding: [UInt8](memoryOf: preset).prefix { $0 != 0 }, as: UTF8.self)
        return name.isEmpty ? nil : name
    }

    var geometry: cache_geometry {
        cache_geometry(
            line_bytes: line_bytes, sets: sets, ways: ways, slices: slices,
            index: cache_index(UInt8(truncatingIfNeeded: index)),
            replacement: cache_replacement(UInt8(truncatingIfNeeded: replacement)))
    }
}
