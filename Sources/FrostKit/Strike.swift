import FrostCore
import Foundation

/// An attack on DRAM as it was carried out, and what the hypervisor then knew of the pages.
struct Strike {
    /// The new contents of homes.
    let written: [page_id: [UInt8]]
    let entries: [page_id: page_entry]
    let resident: Set<page_id>
    /// Of the last seal.
    let counter: UInt64
    let position: TracePosition

    /// Changes the homes of a machine that stands still in its guest.
    /// - Throws: ``Failure/alreadyBroken(_:)`` when a home was wrong before anybody touched it.
    init(_ written: [page_id: [UInt8]], on machine: RunningMachine, _ view: FrozenView) throws {
        let audit = try TreeAudit(view)
        if let page = audit.broken.first { throw Failure.alreadyBroken(page) }
        self.written = written
        entries = audit.entries
        resident = Set(view.slots.keys)
        counter = view.pager.counter
        position = try TracePosition(machine, view)
        for (page, home) in written { try machine.ram.write(home, at: machine.image.plan.home(page)) }
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
    private let sentBytes: Int
    private let unsent: Int

    private static let frameBytes = MemoryLayout<trace_frame>.size

    /// The machine stands still in its guest, so no frame is half-way.
    init(_ machine: RunningMachine, _ view: FrozenView) throws {
        let file = try FileManager.default.attributesOfItem(atPath: machine.folder.trace.plainPath)
        sentBytes = (file[.size] as? Int ?? 0) / Self.frameBytes * Self.frameBytes
        unsent = Int(try view.objects("ring_used", as: UInt32.self)[0])
    }

    /// Everything that was recorded since.
    /// - Parameter view: nil when the hypervisor has sent all, as it does at an end.
    func records(of machine: RunningMachine, _ view: FrozenView?) throws -> [TraceRecord] {
        let file = try FileHandle(forReadingFrom: machine.folder.trace)
        try file.seek(toOffset: UInt64(sentBytes))
        var records = Trace(decoding: [UInt8](try file.readToEnd() ?? Data())).records
        if let view {
            let count = Int(try view.objects("ring_used", as: UInt32.self)[0])
            records += try view.objects("ring", as: trace_record.self, count: count)
                .compactMap { TraceRecord($0) }
        }
        return Array(records.dropFirst(unsent))
    }
}

/// In words.
func pageName(_ page: page_id) -> String {
    "level \(page_level(page)) page 0x\(String(page_index(page), radix: 16))"
}
