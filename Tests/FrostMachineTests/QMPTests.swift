import Foundation
@testable import FrostMachine
import Testing

@Suite struct QMPTests {
    private final class Line: QMPLine {
        let message: [String: Any]
        init(_ message: [String: Any]) { self.message = message }
        func answer(to command: Data) throws(QMP.Failure) -> [String: Any] { message }
    }

    @Test("Messages come out whole, however they arrive; what is none is passed over") func messages() throws
    {
        let bytes = Array("{\"return\": 1}\nnoise\n[2]\n\n{\"return\": 3}\n{\"ret".utf8)
        for step in [1, 2, 7, bytes.count] {
            var messages = QMPMessages(), found: [Int] = []
            for at in stride(from: 0, to: bytes.count, by: step) {
                try messages.feed(Array(bytes[at..<min(bytes.count, at + step)]))
                while let message = messages.next() { found.append(message["return"] as? Int ?? 0) }
            }
            #expect(found == [1, 3])
        }
    }

    @Test("A line without an end is given up, before it fills the memory") func endless() throws {
        var messages = QMPMessages()
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<QMPMessages.longestLine >> 20 {
            try messages.feed(piece)
            #expect(messages.next() == nil)
        }
        #expect(throws: QMP.Failure.endless) { try messages.feed([0]) }
    }

    @Test("An answer that is no list of devices is a failure that says so") func devices() {
        let line = DomainLine.all(of: "frost")[0]
        #expect { try line.isConnected(QMP(over: Line(["return": "text"]))) } throws: {
            "\($0)".contains("its answer is no list of devices")
        }
    }
}
