import Foundation
import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport

/// An attack on DRAM as it was carried out, and what the hypervisor then knew of the pages.
struct Strike {
    /// The new contents of homes.
    let written: [page_id: [UInt8]]
    /// And of frames that are no homes.
    var frames: [UInt64: [UInt8]] = [:]
    /// Pages of which the hypervisor must own each, because the guest reads them: to be blank is no excuse.
    var adopted: Set<page_id> = []
    let entries: [page_id: page_entry]
    let resident: Set<page_id>
    /// Of the last seal.
    let counter: UInt64
    let position: TracePosition
}

extension Strike {
    /// Of all that was changed.
    var names: [String] {
        written.keys.sorted().map(pageName) + frames.keys.sorted().map { "frame \($0.hexadecimal)" }
    }

    /// How many pages the guest had: those that were not blank, or had a slot.
    var guestPages: Int {
        let sealed = entries.filter { page_level($0.key) == 0 && $0.value.state != PAGE_BLANK.rawValue }
        return Set(sealed.keys).union(resident.filter { page_level($0) == 0 }).count
    }

    /// Changes the homes of a machine that stands still in its guest.
    /// - Throws: ``Failure/alreadyBroken(_:)`` when a home was wrong before it was changed.
    init(
        _ written: [page_id: [UInt8]], frames: [UInt64: [UInt8]] = [:], on machine: Machine,
        _ view: FrozenView
    ) throws {
        let audit = try TreeAudit(view)
        if let page = audit.broken.first { throw Failure.alreadyBroken(page) }
        self.init(
            written: written, frames: frames, adopted: Set(FirmwarePages(view.plan).pages),
            entries: audit.entries, resident: Set(view.slots.keys), counter: view.pager.counter,
            position: try TracePosition(machine, view))
        for (page, home) in written { try machine.ram.write(home, at: machine.image.plan.home(page)) }
        for (frame, bytes) in frames { try machine.ram.write(bytes, at: frame) }
    }

    enum Failure: Explained, Equatable {
        case alreadyBroken(page_id)

        var exitCode: ExitCode { .otherwise }

        var description: String {
            switch self {
            case .alreadyBroken(let page):
                "The home of \(pageName(page)) did not fit the tree before it was attacked. Report this."
            }
        }
    }
}

/// How much the hypervisor had recorded at an instant: sent, and still in its ring.
struct TracePosition {
    let records: Int
}

extension TracePosition {
    private static let frameBytes = MemoryLayout<trace_frame>.size

    /// The machine stands still in its guest, so no frame is half-way.
    init(_ machine: Machine, _ view: FrozenView) throws {
        self.init(records: try Self.all(of: machine, view).count)
    }

    /// Everything that was recorded since.
    /// - Parameter view: of a machine that stands still in its guest; nil: what has been sent must do.
    /// - Throws: ``Failure/trace`` when frames are missing: then it is unknown what happened.
    func records(of machine: Machine, _ view: FrozenView?) throws -> ArraySlice<TraceRecord> {
        try Self.all(of: machine, view).dropFirst(records)
    }

    private static func all(of machine: Machine, _ view: FrozenView?) throws -> [TraceRecord] {
        let trace = machine.trace
        guard trace.lostFrames == 0, trace.noiseBytes == 0, trace.unknownRecords == 0 else {
            throw Failure.trace
        }
        guard let view else { return trace.records }
        let file = try FileHandle(forReadingFrom: machine.folder.trace)
        try file.seek(toOffset: UInt64(trace.records.count * frameBytes))
        let sent = Trace(decoding: [UInt8](try file.readToEnd() ?? Data())).records
        let count = Int(try view.objects(SYMBOL_TRACE_USED, as: UInt32.self)[0])
        let ring = try view.objects(SYMBOL_TRACE_RING, as: trace_record.self, count: count)
        return trace.records + sent + ring.compactMap { TraceRecord($0) }
    }

    enum Failure: Explained, Equatable {
        case trace

        var exitCode: ExitCode { .machineDied }

        var description: String {
            "Frames of the trace were lost, so no verdict is possible. Run it again on a machine with less to do."
        }
    }
}

/// In words.
func pageName(_ page: page_id) -> String {
    "level \(page_level(page)) page \(page_index(page).hexadecimal)"
}
