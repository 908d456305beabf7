package import CacheModel
import FrostCore
import FrostFormat
package import ResidencyRecord

/// Writes a residency log as the plugin would.
package struct LogWriter {
    package private(set) var bytes: [UInt8]
    package private(set) var instant: UInt64 = 0

    package init(_ header: residency_header) {
        bytes = Self.memory(of: header)
    }

    package mutating func add(
        _ kind: residency_kind, _ make: (residency_record) -> some Any, data: [UInt8] = []
    ) {
        instant += 100
        var record = residency_record(kind: kind, bytes: 0, instant: instant)
        let size = Self.memory(of: make(record)).count
        let padding = (8 - data.count % 8) % 8
        record.bytes = UInt32(size + data.count + padding)
        bytes += Self.memory(of: make(record)) + data + [UInt8](repeating: 0, count: padding)
    }

    package mutating func write(
        _ data: [UInt8], at address: UInt64, access: access_kind = ACCESS_WRITE,
        mode: residency_mode = MODE_HOST, lasting instructions: UInt64 = 0
    ) {
        add(
            RESIDENCY_WRITE,
            { record in
                var write = Self.transfer(
                    record, address, UInt32(data.count), BUS_WRITE, RULE_WC, access, mode)
                write.last_instant += instructions
                return write
            }, data: data)
    }

    package mutating func read(_ count: UInt32, at address: UInt64, access: access_kind, mode: residency_mode)
    {
        add(RESIDENCY_READ, { Self.transfer($0, address, count, BUS_READ, RULE_UC, access, mode) })
    }

    /// As if nobody had seen the CPU load anything.
    package mutating func dropReads() {
        var kept = Array(bytes.prefix(MemoryLayout<residency_header>.size))
        var at = kept.count
        while at < bytes.count {
            let head = bytes.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: at, as: residency_record.self)
            }
            if head.kind != RESIDENCY_READ { kept += bytes[at..<at + Int(head.bytes)] }
            at += Int(head.bytes)
        }
        bytes = kept
    }

    private static func transfer(
        _ record: residency_record, _ address: UInt64, _ bytes: UInt32, _ kind: bus_kind, _ rule: cache_rule,
        _ access: access_kind, _ mode: residency_mode
    ) -> residency_transfer {
        residency_transfer(
            record: record, last_instant: record.instant, address: address,
            rip: SymbolTable.hypervisorBase + 0x1000,
            bytes: bytes, kind: kind, rule: rule, access: access, type: MEMORY_WC, mode: mode,
            padding: (0, 0, 0))
    }

    private static func memory<Value>(of value: Value) -> [UInt8] {
        withUnsafeBytes(of: value) { [UInt8]($0) }
    }
}
