import FrostFormat
import Testing

@Suite("Port ranges") struct PortRangeTests {
    @Test(
        "Ranges are read as people write them",
        arguments: [
            ("0x1F0-0x1F7", 0x1F0, 0x1F7), ("0xf4", 0xF4, 0xF4), ("512-513", 512, 513),
            ("0-0xFFFF", 0, 0xFFFF),
        ]
            as [(String, UInt16, UInt16)])
    func reads(text: String, first: UInt16, last: UInt16) throws {
        let range = try PortRange(parsing: text)
        #expect(range.first == first && range.last == last)
        #expect(try PortRange(parsing: range.description) == range)
    }

    @Test(
        "What is none is refused", arguments: ["", "-", "0x", "1-", "2-1", "0x10000", "1-2-3", "-1", "1 - 2"])
    func refuses(text: String) {
        #expect(throws: PortRange.Failure.unreadable(text)) { try PortRange(parsing: text) }
    }

    @Test(
        "What masters the bus, raises SMIs or carries the trace is not for a guest",
        arguments: [
            "0", "0xC0-0xDF", "0xB2", "0x2F0-0x2F8", "0x511-0x51F", "0-0xFFFF",
        ])
    func closed(text: String) throws {
        let range = try PortRange(parsing: text)
        #expect(throws: PortRange.Failure.self) { try PortRange.check([range]) }
    }

    @Test("An image has room for eight")
    func room() throws {
        let range = try PortRange(parsing: "0xF4")
        try PortRange.check(Array(repeating: range, count: 8))
        #expect(throws: PortRange.Failure.many(9)) { try PortRange.check(Array(repeating: range, count: 9)) }
    }
}
